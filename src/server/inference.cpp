#include "server/inference.h"

#include <algorithm>
#include <charconv>

namespace blindai::server {
namespace {

// The engine takes 0 and 1 for truth values and nothing else, and elements of BYTES that are whole.
Result<void> check_values(const v2::InputHead& input, ByteView data) {
  if (input.datatype == DataType::boolean && std::ranges::any_of(data, [](std::uint8_t byte) { return byte > 1; })) {
    return fail(Code::invalid_argument, {"input '{}' holds a byte that is neither 0 nor 1", Disclosed(input.name)});
  }
  const std::uint64_t count = element_count(input.shape).value_or(0);
  if (input.datatype == DataType::bytes && !holds_elements(data, count)) {
    return fail(Code::invalid_argument, {"the binary data of input '{}' is not {} elements, each behind its length",
                                         Disclosed(input.name), count});
  }
  return {};
}

Task<Result<void>> fill(Caller& caller, worker::Lease& lease, const std::vector<v2::InputHead>& inputs,
                        const std::vector<std::size_t>& order) {
  for (std::size_t given = 0; given < inputs.size(); ++given) {
    const auto wanted = static_cast<std::size_t>(std::ranges::find(order, given) - order.begin());
    BLINDAI_CO_TRY(const MutableBytes place, lease.add_input(wanted, inputs[given].shape, inputs[given].byte_size));
    BLINDAI_CO_CHECK(co_await caller.read_tensor(given, place));
    BLINDAI_CO_CHECK(check_values(inputs[given], place));
  }
  co_return Result<void>();
}

// Rows along the batch axis: the first one, where it is free in every input and of one length. Requests of equal form
// differ in nothing else.
struct Form {
  std::optional<std::uint64_t> rows;
  std::vector<std::int64_t> other;  // free dimensions
};
Form form_of(const std::vector<TensorSpec>& specs, const std::vector<v2::InputHead>& inputs,
             const std::vector<std::size_t>& order) {
  Form form;
  for (std::size_t wanted = 0; wanted < specs.size(); ++wanted) {
    const Shape& declared = specs[wanted].shape;
    const Shape& given = inputs[order[wanted]].shape;
    const bool has_axis = !declared.empty() && declared.front() < 0 && given.front() >= 0;
    const auto rows = has_axis ? std::optional(static_cast<std::uint64_t>(given.front())) : std::nullopt;
    if (!rows || (wanted > 0 && form.rows != rows)) {
      return {};
    }
    form.rows = rows;
    for (std::size_t axis = 1; axis < declared.size(); ++axis) {
      if (declared[axis] < 0) {
        form.other.push_back(given[axis]);
      }
    }
  }
  return form;
}

Result<std::vector<v2::OutputTensor>> outputs_of(const Version& version, const std::vector<v2::ChosenOutput>& chosen,
                                                 const std::vector<worker::OutputView>& views) {
  std::vector<v2::OutputTensor> outputs;
  outputs.reserve(chosen.size());
  for (const v2::ChosenOutput& choice : chosen) {
    const auto view = std::ranges::find(views, choice.index, &worker::OutputView::index);
    if (view == views.end()) {
      return fail(Code::internal, {"the model gave fewer outputs than it declares"});
    }
    if (view->datatype == DataType::bytes &&
        !holds_elements(view->data, element_count(view->shape).value_or(0))) {  // the worker has its own group's data
      return fail(Code::internal, {"the model's answer is not one"});
    }
    outputs.push_back(
        {version.admitted->outputs[choice.index].name, view->datatype, view->shape, view->data, choice.binary});
  }
  return outputs;
}

}  // namespace

worker::Conduct::Caller caller_number(const auth::Principal& principal) {
  constexpr int hexadecimal = 16;
  worker::Conduct::Caller number = 0;
  std::from_chars(principal.key_id.data(), principal.key_id.data() + principal.key_id.size(), number, hexadecimal);
  return number;
}

Result<void> check_version(std::string_view version) {
  if (!version.empty() && version != "1") {
    return fail(Code::not_found, {"there is no such version: every model has version 1, and a digest"});
  }
  return {};
}

Result<void> check_pin(const std::string* pin, const Version& version) {
  if (pin == nullptr) {
    return {};
  }
  const auto digest = Digest::from_text(*pin);
  if (!digest) {
    return fail(Code::invalid_argument, {"Blindai-Model-Digest must be 'sha256:' and 64 hexadecimal digits"});
  }
  if (*digest != version.digest) {
    return fail(Code::already_exists, {"the model of this id is another one than the one that is pinned"});
  }
  return {};
}

Inference::Inference(const Config& config) : config_(config) {}

Task<Result<Answer>> Inference::run(std::shared_ptr<Deployment> deployment, Ask ask, Caller& caller) {
  const auto began = Steady::now();
  const auto statistics = deployment->statistics;
  auto answer = co_await attempt(std::move(deployment), std::move(ask), caller);
  if (!answer) {
    statistics->failed(answer.error().code, Steady::now() - began);
  }
  co_return answer;
}

Task<Result<Answer>> Inference::attempt(std::shared_ptr<Deployment> deployment, Ask ask, Caller& caller) {
  const Version& version = *deployment->version;
  BLINDAI_CO_TRY(const auto order, v2::match_inputs(ask.inputs, version.admitted->inputs));
  const auto longest = std::chrono::microseconds(std::chrono::milliseconds(config_.deadline_ms));
  const auto began = Steady::now();
  const auto deadline = began + std::min(longest, ask.timeout.value_or(longest));
  const auto gone = [&caller] { return caller.gone(); };
  Answer answer;
  Statistics::Waiting waiting(deployment->statistics);
  BLINDAI_CO_TRY(answer.slot, co_await deployment->turnstile->enter(caller.executor(), deadline, gone));
  BLINDAI_CO_TRY(answer.lease, deployment->worker->try_lease());
  answer.lease->charge_to(ask.caller);
  const auto admitted = Steady::now();
  BLINDAI_CO_CHECK(co_await fill(caller, *answer.lease, ask.inputs, order));
  Form form = form_of(version.admitted->inputs, ask.inputs, order);
  Served served;
  served.rows = form.rows.value_or(1);
  served.input = Steady::now() - admitted;
  Dispatcher::Ready ready;
  ready.lease = answer.lease.get();
  ready.rows = served.rows;
  ready.form = std::move(form.other);
  ready.alone = !form.rows;
  ready.deadline = deadline;
  ready.input = served.input;
  ready.executor = caller.executor();
  ready.gone = gone;
  ready.waiting.emplace(std::move(waiting));
  const Place place{deployment->worker, deployment->line, deployment->statistics};
  const auto done = co_await deployment->dispatcher->run(place, std::move(ready));
  if (!done.views) {
    co_return std::unexpected(done.views.error());
  }
  const auto ran = Steady::now();
  BLINDAI_CO_TRY(answer.outputs, outputs_of(version, ask.outputs, *done.views));
  const auto end = Steady::now();
  served.total = end - began;
  served.queue = (admitted - began) + done.queue;
  served.infer = done.infer;
  served.output = end - ran;
  deployment->statistics->succeeded(served);
  answer.deployment = std::move(deployment);
  co_return answer;
}

}  // namespace blindai::server
