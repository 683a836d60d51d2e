#include "worker/layout.h"

#include <algorithm>

#include "base/cbor.h"
#include "worker/protocol.h"

namespace blindai::worker {
namespace {

constexpr std::size_t max_trials = 64;
constexpr std::int64_t max_ns = std::int64_t{1} << 50U;

std::unexpected<Error> malformed() {
  return fail(Code::internal, {"the model's worker and the server do not understand each other"}, Detail{"layout"});
}

// Whole numbers of a list, each within its bounds; fewer where one is not.
std::vector<std::uint64_t> numbers(const cbor::Value& value, std::int64_t most) {
  std::vector<std::uint64_t> out;
  const auto* items = value.as<cbor::Array>();
  for (std::size_t i = 0; items != nullptr && i < items->size() && i < max_slots; ++i) {
    const auto* number = (*items)[i].as<std::int64_t>();
    if (number == nullptr || *number < 0 || *number > most) {
      return out;
    }
    out.push_back(static_cast<std::uint64_t>(*number));
  }
  return out;
}

std::size_t size_of(const cbor::Value& value) {
  const auto* items = value.as<cbor::Array>();
  return items == nullptr ? ~std::size_t{0} : items->size();
}

Result<std::vector<Trial>> decode_trials(const cbor::Value& value) {
  const auto* items = value.as<cbor::Array>();
  if (items == nullptr || items->size() > max_trials) {
    return malformed();
  }
  std::vector<Trial> trials;
  for (const cbor::Value& item : *items) {
    const auto fields = numbers(item, max_ns);
    if (fields.size() != 4 || size_of(item) != 4 || fields[0] > max_slots * 8 || fields[1] > max_slots) {
      return malformed();
    }
    trials.push_back({static_cast<unsigned>(fields[0]), static_cast<unsigned>(fields[1]), fields[2], fields[3]});
  }
  return trials;
}

// What was measured follows from the two times, and what was fixed has none.
Result<Placement> decode_placement(const std::vector<std::uint64_t>& fields, Offer offer) {
  if (fields.size() != 4) {
    return malformed();
  }
  const bool timed = fields[2] + fields[3] != 0;
  if (offer != Offer::measured) {
    return fields[0] == static_cast<std::uint64_t>(offer) && !timed
               ? Result<Placement>(Placement{.weights = static_cast<Weights>(fields[0])})
               : malformed();
  }
  Placement measured = compare(fields[2], fields[3]);
  if (!timed && fields[1] == static_cast<std::uint64_t>(Because::batches)) {
    measured.because = Because::batches;
  }
  const bool follows = fields[0] == static_cast<std::uint64_t>(measured.weights) &&
                       fields[1] == static_cast<std::uint64_t>(measured.because) && timed == (measured.packed_ns != 0);
  return follows ? Result<Placement>(measured) : malformed();
}

}  // namespace

std::string_view sentence(Unbatched reason) {
  switch (reason) {
    case Unbatched::batched:
      return "";
    case Unbatched::not_wanted:
      return "the server is configured to make no batches";
    case Unbatched::text:
      return "an input or an output is text";
    case Unbatched::input_axis:
      return "an input has no free first dimension";
    case Unbatched::output_axis:
      return "an output has no row for each row that goes in";
    case Unbatched::refused:
      return "the engine refused the batches that were tried";
    case Unbatched::differs:
      return "a request in a batch does not get the bits that it gets alone";
    case Unbatched::no_gain:
      return "a batch is not faster than its requests one by one";
    case Unbatched::not_tried:
      return "there was no time to compare a batch with its requests alone";
  }
  return "unknown";
}

unsigned runs_of(unsigned threads, const RingHead& head) {
  return std::clamp(head.cpus / std::max(1U, threads), 1U, std::max(1U, head.runners));
}

Bytes encode(const Layout& layout) {
  cbor::Array sizes;
  for (const std::uint64_t size : layout.sizes) {
    sizes.emplace_back(static_cast<std::int64_t>(size));
  }
  cbor::Array trials;
  for (const Trial& trial : layout.trials) {
    trials.emplace_back(cbor::Array{std::int64_t{trial.threads}, std::int64_t{trial.runs},
                                    static_cast<std::int64_t>(trial.rows), static_cast<std::int64_t>(trial.ns)});
  }
  const std::int64_t agree = layout.threads_agree ? (*layout.threads_agree ? 1 : 0) : 2;
  return cbor::encode(cbor::Map{{"threads", std::int64_t{layout.threads}},
                                {"sizes", std::move(sizes)},
                                {"unbatched", static_cast<std::int64_t>(layout.unbatched)},
                                {"agree", agree},
                                {"weights", static_cast<std::int64_t>(layout.placement.weights)},
                                {"because", static_cast<std::int64_t>(layout.placement.because)},
                                {"packed_ns", static_cast<std::int64_t>(layout.placement.packed_ns)},
                                {"in_place_ns", static_cast<std::int64_t>(layout.placement.in_place_ns)},
                                {"trials", std::move(trials)}});
}

Result<Layout> decode_layout(ByteView bytes, const RingHead& head) {
  BLINDAI_TRY(const auto value, cbor::decode(bytes));
  cbor::Fields fields(value);
  const auto& threads = fields.any("threads");
  const auto& sizes = fields.any("sizes");
  const auto& unbatched = fields.any("unbatched");
  const auto& agree = fields.any("agree");
  const auto& trials = fields.any("trials");
  const auto& weights = fields.any("weights");
  const auto& because = fields.any("because");
  const auto& packed_ns = fields.any("packed_ns");
  const auto& in_place_ns = fields.any("in_place_ns");
  BLINDAI_CHECK(fields.finish());
  const auto* thread_count = threads.as<std::int64_t>();
  const auto* reason = unbatched.as<std::int64_t>();
  const auto* same = agree.as<std::int64_t>();
  if (thread_count == nullptr || reason == nullptr || same == nullptr || *same < 0 || *same > 2 || *reason < 0 ||
      *reason > static_cast<std::int64_t>(Unbatched::not_tried)) {
    return malformed();
  }
  Layout layout;
  const bool offered = *thread_count > 0 && (*thread_count == head.threads[0] || *thread_count == head.threads[1]);
  if (!offered) {
    return malformed();
  }
  layout.threads = static_cast<unsigned>(*thread_count);
  layout.runs = runs_of(layout.threads, head);
  layout.sizes = numbers(sizes, head.most_rows);
  layout.unbatched = static_cast<Unbatched>(*reason);
  const bool rising = std::ranges::adjacent_find(layout.sizes, std::greater_equal<>()) == layout.sizes.end();
  if (layout.sizes.size() != size_of(sizes) || !rising || (!layout.sizes.empty() && layout.sizes.front() < 2) ||
      layout.sizes.empty() == (layout.unbatched == Unbatched::batched)) {
    return malformed();
  }
  if (*same < 2) {
    layout.threads_agree = *same == 1;
  }
  BLINDAI_TRY(layout.trials, decode_trials(trials));
  BLINDAI_TRY(layout.placement,
              decode_placement(numbers(cbor::Array{weights, because, packed_ns, in_place_ns}, max_ns), head.weights));
  return layout;
}

}  // namespace blindai::worker
