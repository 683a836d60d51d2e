#include "server/inference.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace blindai::server {
namespace {

constexpr auto look_time = std::chrono::milliseconds(100);  // between looks whether the caller is still there

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

// Looks from time to time whether the caller is still there while the model runs. Lives on the connection's thread, as
// the run's coroutine does, so that the two never meet.
struct Presence {
  Presence(Caller& watched, worker::Lease& run) : caller(watched), lease(run), timer(watched.executor()) {}
  Caller& caller;
  worker::Lease& lease;
  boost::asio::steady_timer timer;
  bool over = false;

  static Task<void> watch(std::shared_ptr<Presence> self) {
    while (!self->over) {
      self->timer.expires_after(look_time);
      boost::system::error_code ignored;
      co_await self->timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
      if (!self->over && self->caller.gone()) {
        self->lease.abandon();
        co_return;
      }
    }
  }
};

Task<Result<std::vector<worker::OutputView>>> run_while_awaited(Caller& caller, worker::Lease& lease,
                                                                Steady::time_point deadline) {
  const auto presence = std::make_shared<Presence>(caller, lease);
  boost::asio::co_spawn(caller.executor(), Presence::watch(presence), boost::asio::detached);
  auto views = co_await lease.run(deadline);
  presence->over = true;
  presence->timer.cancel();
  co_return views;
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

Inference::Inference(const Config& config)
    : config_(config),
      compute_(schedule::Turnstile::make(worker::share_cpus(static_cast<unsigned>(config.threads)).runs, 1'000'000)) {}

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
  Answer answer;
  Served served;
  BLINDAI_CO_TRY(answer.slot, co_await deployment->turnstile->enter(caller.executor(), deadline));
  BLINDAI_CO_TRY(answer.lease, deployment->worker->try_lease());
  const auto admitted = Steady::now();
  BLINDAI_CO_CHECK(co_await fill(caller, *answer.lease, ask.inputs, order));
  const auto filled = Steady::now();
  Result<std::vector<worker::OutputView>> views;
  {
    BLINDAI_CO_TRY(const auto permit, co_await compute_->enter(caller.executor(), deadline));
    const auto started = Steady::now();
    views = co_await run_while_awaited(caller, *answer.lease, deadline);
    served.queue = (admitted - began) + (started - filled);
    served.infer = Steady::now() - started;
  }
  if (!views) {
    co_return std::unexpected(views.error());
  }
  const auto ran = Steady::now();
  BLINDAI_CO_TRY(answer.outputs, outputs_of(version, ask.outputs, *views));
  const auto end = Steady::now();
  served.total = end - began;
  served.input = filled - admitted;
  served.output = end - ran;
  deployment->statistics->succeeded(served);
  deployment->statistics->executed(served.rows, served.input, served.infer, served.output);
  answer.deployment = std::move(deployment);
  co_return answer;
}

}  // namespace blindai::server
