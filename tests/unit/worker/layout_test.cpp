// What a warm-up finds, and what is believed of it.
#include "worker/layout.h"

#include <cmath>

#include "base/cbor.h"
#include "worker/a_worker.h"
#include "worker/protocol.h"

namespace blindai::worker {
namespace {

RingHead offered() {
  RingHead head;
  head.cpus = 4;
  head.runners = 4;
  head.threads = {4, 1};
  head.most_rows = 16;
  return head;
}

Layout good() {
  Layout layout;
  layout.threads = 1;
  layout.sizes = {2, 4, 16};
  layout.unbatched = Unbatched::batched;
  layout.threads_agree = true;
  layout.trials = {{4, 1, 1, 1000}, {1, 4, 16, 2000}};
  return layout;
}

TEST(ALayout, IsCarriedWhole) {
  const auto layout = decode_layout(encode(good()), offered());
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->threads, 1U);
  EXPECT_EQ(layout->runs, 4U) << "of the CPUs, whatever the worker says";
  EXPECT_EQ(layout->sizes, good().sizes);
  EXPECT_EQ(layout->threads_agree, true);
  ASSERT_EQ(layout->trials.size(), 2U);
  EXPECT_EQ(layout->trials[1].rows, 16U);
}

TEST(ALayout, IsRefusedWhereItWasNotOfferedOrMakesNoSense) {
  const auto refused = [](auto&& change) {
    Layout layout = good();
    change(layout);
    return !decode_layout(encode(layout), offered());
  };
  EXPECT_TRUE(refused([](Layout& a) { a.threads = 2; }));
  EXPECT_TRUE(refused([](Layout& a) { a.threads = 0; }));
  EXPECT_TRUE(refused([](Layout& a) { a.sizes = {2, 17}; }));
  EXPECT_TRUE(refused([](Layout& a) { a.sizes = {1, 2}; }));
  EXPECT_TRUE(refused([](Layout& a) { a.sizes = {0}; }));
  EXPECT_TRUE(refused([](Layout& a) { a.sizes = {4, 2}; }));
  EXPECT_TRUE(refused([](Layout& a) { a.sizes = {2, 2}; }));
  EXPECT_TRUE(refused([](Layout& a) { a.sizes = std::vector<std::uint64_t>(200, 2); }));
  EXPECT_TRUE(refused([](Layout& a) { a.sizes.clear(); })) << "batched, and no size";
  EXPECT_TRUE(refused([](Layout& a) { a.unbatched = Unbatched::differs; })) << "not batched, and sizes";
  EXPECT_TRUE(refused([](Layout& a) { a.unbatched = static_cast<Unbatched>(100); }));
  EXPECT_TRUE(refused([](Layout& a) { a.trials.resize(65); }));
  EXPECT_TRUE(refused([](Layout& a) { a.trials[0].threads = 1U << 20U; }));
  EXPECT_TRUE(refused([](Layout& a) { a.trials[0].ns = std::uint64_t{1} << 60U; }));
  EXPECT_FALSE(decode_layout(as_bytes("x"), offered()));
}

// A worker's word about the weights is held to what was offered, and to the rule where it measured.
TEST(APlacement, IsBelievedWhereItFollowsFromWhatWasOffered) {
  const auto decoded = [](Offer offer, const Placement& said) {
    RingHead head = offered();
    head.weights = offer;
    Layout layout = good();
    layout.placement = said;
    return decode_layout(encode(layout), head);
  };
  EXPECT_EQ(decoded(Offer::packed, {Weights::packed})->placement.weights, Weights::packed);
  EXPECT_EQ(decoded(Offer::in_place, {Weights::in_place})->placement.weights, Weights::in_place);
  EXPECT_FALSE(decoded(Offer::packed, {Weights::in_place}));
  EXPECT_FALSE(decoded(Offer::in_place, {Weights::packed}));
  EXPECT_FALSE(decoded(Offer::packed, {Weights::packed, Because::gain, 1, 2})) << "nothing was to be measured";
  EXPECT_FALSE(decoded(Offer::packed, {static_cast<Weights>(2)}));
  EXPECT_FALSE(decoded(Offer::measured, {static_cast<Weights>(2), Because::gain, 100, 200}));
  EXPECT_EQ(decoded(Offer::measured, {Weights::packed, Because::gain, 100, 200})->placement.because, Because::gain);
  EXPECT_EQ(decoded(Offer::measured, {Weights::in_place, Because::no_gain, 100, 101})->placement.because,
            Because::no_gain);
  EXPECT_EQ(decoded(Offer::measured, {Weights::packed})->placement.because, Because::not_measured);
  EXPECT_FALSE(decoded(Offer::measured, {Weights::in_place}));
  EXPECT_EQ(decoded(Offer::measured, {Weights::packed, Because::batches})->placement.because, Because::batches);
  EXPECT_FALSE(decoded(Offer::measured, {Weights::in_place, Because::batches}));
  EXPECT_FALSE(decoded(Offer::measured, {Weights::packed, Because::batches, 100, 200}));
  EXPECT_FALSE(decoded(Offer::measured, {Weights::packed, Because::owner})) << "not a worker's to say";
  EXPECT_FALSE(decoded(Offer::measured, {Weights::packed, Because::gain, 100, 0}));
  EXPECT_FALSE(decoded(Offer::measured, {Weights::packed, Because::not_measured, 100, 0}));
  EXPECT_FALSE(decoded(Offer::measured, {Weights::packed, Because::gain, 100, 101}));
  EXPECT_FALSE(decoded(Offer::measured, {Weights::in_place, Because::no_gain, 100, 200}));
  EXPECT_FALSE(decoded(Offer::measured, {Weights::packed, Because::gain, 100, std::uint64_t{1} << 60U}));
}

TEST(TheRunsAtOnce, AreAsManyAsTheCpusAndTheRunnersAllow) {
  RingHead head = offered();
  EXPECT_EQ(runs_of(4, head), 1U);
  EXPECT_EQ(runs_of(3, head), 1U);
  EXPECT_EQ(runs_of(1, head), 4U);
  EXPECT_EQ(runs_of(100, head), 1U);
  EXPECT_EQ(runs_of(0, head), 4U);
  head.runners = 2;
  EXPECT_EQ(runs_of(1, head), 2U);
}

struct AWarmUp : AWorker {
  // Of one row of "mlp".
  std::vector<float> answer() {
    const auto answered = call([&]() -> Task<Result<std::vector<float>>> {
      BLINDAI_CO_TRY(auto lease, worker->try_lease());
      constexpr std::int64_t columns = 32;
      BLINDAI_CO_TRY(const auto place, lease->add_input(0, {1, columns}, columns * sizeof(float)));
      std::vector<float> row;
      for (std::int64_t i = 0; i < columns; ++i) {
        row.push_back(std::sin(static_cast<float>(i)));
      }
      put(place, row);
      BLINDAI_CO_TRY(const auto outputs, co_await lease->run(Steady::now() + 20s));
      co_return get<float>(outputs[0]);
    });
    EXPECT_TRUE(answered) << answered.error().message.str();
    return answered ? *answered : std::vector<float>();
  }
  Layout layout_of(const std::string& model) {
    settings.threads = 0;
    settings.cpus = 2;
    settings.slots = 8;
    const auto started = start(model);
    EXPECT_TRUE(started) << started.error().message.str();
    return started ? *worker->status().layout : Layout();
  }
};

INSTANTIATE_TEST_SUITE_P(Each, AWarmUp, testing::Values("onnxruntime", "reference"),
                         [](const auto& one) { return one.param; });

TEST_P(AWarmUp, MakesNoBatchesWhereRowsDependOnEachOther) {
  for (const char* model : {"reversed_rows", "summed_rows"}) {
    const Layout layout = layout_of(model);
    EXPECT_EQ(layout.unbatched, Unbatched::differs) << model << ": " << sentence(layout.unbatched);
    EXPECT_TRUE(layout.sizes.empty());
    TearDownWorker();
  }
}

TEST_P(AWarmUp, MakesNoBatchesWithoutABatchAxis) {
  const std::vector<std::pair<const char*, Unbatched>> models{{"counted_rows", Unbatched::output_axis},
                                                              {"double", Unbatched::input_axis},
                                                              {"loop", Unbatched::input_axis},
                                                              {"strings", Unbatched::text}};
  for (const auto& [model, reason] : models) {
    EXPECT_EQ(layout_of(model).unbatched, reason) << model;
    TearDownWorker();
  }
}

// Whether batches pay is the machine's to say; that they are exact is checked, and no model here differs. (A recurrent one
// can: how ONNX Runtime divides its rows between threads depends on the layout that was quickest.)
TEST_P(AWarmUp, FindsBatchesExactWhereRowsAreApart) {
  for (const char* model : {"identity", "mlp", "embed", "conv_bn", "attention"}) {
    settings.threads = 0;
    settings.cpus = 2;
    settings.slots = 8;
    const auto started = start(model);
    if (!started) {
      EXPECT_EQ(GetParam(), "reference") << started.error().message.str();  // which lacks operators
      TearDownWorker();
      continue;
    }
    const Layout layout = *worker->status().layout;
    RecordProperty(model, std::string(sentence(layout.unbatched)));
    EXPECT_TRUE(layout.unbatched == Unbatched::batched || layout.unbatched == Unbatched::no_gain ||
                layout.unbatched == Unbatched::not_tried)
        << model << ": " << sentence(layout.unbatched);
    EXPECT_EQ(layout.threads * layout.runs, 2U);
    EXPECT_FALSE(layout.trials.empty());
    EXPECT_NE(layout.threads_agree, false);
    TearDownWorker();
  }
}

TEST_P(AWarmUp, MeasuresNothingWhereItIsNotWanted) {
  settings.measure_time = 0ms;
  const Layout layout = layout_of("identity");
  EXPECT_TRUE(layout.trials.empty());
  EXPECT_EQ(layout.unbatched, Unbatched::not_tried);
  EXPECT_EQ(layout.threads, 1U);
  EXPECT_EQ(layout.runs, 2U);
}

TEST_P(AWarmUp, KeepsToTheThreadsAndRowsThatAreConfigured) {
  settings.threads = 2;
  settings.cpus = 2;
  settings.most_rows = 1;
  ASSERT_TRUE(start("identity"));
  const Layout layout = *worker->status().layout;
  EXPECT_EQ(layout.threads, 2U);
  EXPECT_EQ(layout.runs, 1U);
  EXPECT_EQ(layout.unbatched, Unbatched::not_wanted);
}

TEST_P(AWarmUp, PutsTheWeightsWhereItIsToldOrMeasures) {
  for (const Weights weights : {Weights::packed, Weights::in_place}) {
    settings.placement = Placement{weights, Because::owner};
    const Layout layout = layout_of("mlp");
    EXPECT_EQ(layout.placement.weights, weights);
    EXPECT_EQ(layout.placement.because, Because::owner);
    EXPECT_EQ(layout.placement.packed_ns, 0U);
    TearDownWorker();
  }
  settings.placement.reset();
  settings.most_rows = 1;
  const Layout layout = layout_of("mlp");
  EXPECT_TRUE(layout.placement.because == Because::gain || layout.placement.because == Because::no_gain)
      << sentence(layout.placement.because);
  EXPECT_GT(layout.placement.in_place_ns, 0U);
  TearDownWorker();
  const Layout text = layout_of("strings");
  EXPECT_EQ(text.placement.because, Because::not_measured) << "of text nothing can be made up";
  EXPECT_EQ(text.placement.weights, Weights::packed);
}

// As a second group's is given it. Products of one row take another way in place, and differ in the last bits.
TEST_P(AWarmUp, IsGivenToOtherWorkers) {
  settings.placement = Placement{Weights::in_place, Because::owner};
  const Layout layout = layout_of("mlp");
  const auto first = answer();
  TearDownWorker();
  settings.placement.reset();
  settings.layout = std::make_shared<const Layout>(layout);
  EXPECT_EQ(layout_of("mlp").placement.weights, Weights::in_place);
  EXPECT_EQ(answer(), first);
}

// The bits of a model do not change because its process ended.
TEST_P(AWarmUp, IsKeptForTheProcessesThatFollow) {
  const Layout before = layout_of("identity");
  ::kill(worker->status().pid, SIGKILL);
  ASSERT_TRUE(becomes(State::restarting));
  ASSERT_TRUE(becomes(State::ready));
  const Layout after = *worker->status().layout;
  EXPECT_EQ(after.threads, before.threads);
  EXPECT_EQ(after.sizes, before.sizes);
  EXPECT_EQ(after.placement.weights, before.placement.weights);
  EXPECT_EQ(after.trials.size(), before.trials.size());
}

}  // namespace
}  // namespace blindai::worker
