// The life of a worker's processes, one after another: birth, loading, listening, burial, a pause.
#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/lasting.h"
#include "worker/core.h"
#include "worker/memory.h"
#include "worker/sandbox.h"

namespace blindai::worker {
namespace {

namespace asio = boost::asio;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr auto first_pause = std::chrono::milliseconds(100);
constexpr auto longest_pause = std::chrono::seconds(30);
// A worker that ran this long starts its back-off anew.
constexpr auto settled_time = std::chrono::seconds(60);
// How long a process whose socket is closed may take to end; its callers wait for the words of its end meanwhile.
constexpr auto words_time = std::chrono::seconds(1);

std::unexpected<Error> ended() {
  return fail(Code::model_rejected,
              {"the model's worker ended while it loaded the model or ran it for the first time"});
}

}  // namespace

class Supervision {
 public:
  explicit Supervision(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  Task<void> run() {
    Steady::duration pause = first_pause;
    bool ever_ready = false;
    while (!stopping() && !quarantined()) {
      const auto born = Steady::now();
      Result<void> started = give_birth();
      if (started) {
        started = co_await start_up();
      }
      if (started) {
        ever_ready = true;
        core_->set_state(State::ready, {});
        core_->watch(life_);
        co_await listen();
        core_->set_state(State::restarting, {});  // before its requests learn of it
      }
      co_await bury();
      if (stopping() || quarantined()) {
        break;
      }
      if (!started && (!ever_ready || refused_)) {
        core_->set_state(State::failed, started.error());
        co_return;
      }
      if (!started) {
        core_->note_end(started.error().message);
      }
      core_->set_state(State::restarting, {});
      if (Steady::now() - born > settled_time) {
        pause = first_pause;
      }
      core_->pause_.expires_after(pause);
      co_await core_->pause_.async_wait(as_result);
      pause = std::min<Steady::duration>(pause * 2, longest_pause);
      const std::lock_guard lock(core_->mutex_);
      ++core_->restarts_;
    }
    if (stopping()) {
      core_->set_state(State::stopped, {});
    }
  }

 private:
  // Says so, where it is.
  bool quarantined() {
    const auto verdict = core_->settings_.conduct->verdict(core_->settings_.group);
    if (verdict == Conduct::Verdict::free || stopping()) {
      return false;
    }
    constexpr auto within = std::chrono::duration_cast<std::chrono::seconds>(Conduct::window).count();
    auto why =
        verdict == Conduct::Verdict::model_stopped
            ? fail_lasting(Code::unavailable,
                           {"the model is in quarantine: requests of two groups brought its workers down within {} "
                            "s; its owner may load it again",
                            within})
            : fail_lasting(Code::unavailable,
                           {"the model's worker for this group is in quarantine: requests of two callers brought "
                            "it down within {} s; the model's owner may load it again",
                            within});
    core_->set_state(State::quarantined, std::move(why).error());
    return true;
  }

  bool stopping() const {
    const std::lock_guard lock(core_->mutex_);
    return core_->stopping_;
  }

  // Every process gets a ring of its own: what one life left there, no later one sees.
  Result<void> give_birth() {
    const auto& settings = core_->settings_;
    auto life = std::make_shared<Life>();
    BLINDAI_TRY(const auto geometry,
                make_geometry(settings.slots, settings.max_request_bytes, settings.max_answer_bytes));
    RingHead head = core_->head_;
    if (core_->layout_) {  // measured once: requests get the same bits from every process
      head.threads = {core_->layout_->threads, 0};
      head.runners = core_->layout_->runs;
      head.measure_ms = 0;
      head.weights = static_cast<Offer>(core_->layout_->placement.weights);
    }
    head.body_bytes = core_->model_.body_bytes;
    head.memory_bytes = memory_limit(core_->admitted(), settings.room_bytes, head.weights == Offer::in_place);
    BLINDAI_TRY(life->ring, Ring::create(geometry, head));
    life->slots.resize(settings.slots);
    const auto layers = available_sandbox();
    namespaces_ = std::ranges::find(layers, layer_namespaces) != layers.end();
    BLINDAI_TRY(life->child, spawn({.executable = settings.executable_fd,
                                    .engine = settings.engine_fd,
                                    .body = core_->model_.body_fd,
                                    .ring = life->ring.fd(),
                                    .namespaces = namespaces_}));
    boost::system::error_code error;
    core_->control_.assign(asio::local::stream_protocol(), life->child.control.get(), error);
    if (error) {
      kill_child(life->child);
      reap(life->child);
      return fail(Code::unavailable, {"the model's worker cannot be started now; try again later"},
                  Detail{error.message()});
    }
    life->child.control.release();
    const std::lock_guard lock(core_->mutex_);
    core_->life_ = life;
    life_ = std::move(life);
    if (core_->stopping_) {
      kill_child(life_->child);
    }
    return {};
  }

  // The time limit of a start ends the process, and with it whatever waits on the socket.
  Task<Result<void>> start_up() {
    refused_ = false;
    asio::steady_timer limit(core_->strand_, core_->settings_.start_time);
    auto late = std::make_shared<bool>(false);
    limit.async_wait([late, life = life_](const boost::system::error_code& error) {
      if (!error) {
        *late = true;
        kill_child(life->child);
      }
    });
    auto started = co_await load();
    limit.cancel();
    if (*late) {
      co_return fail(Code::deadline_exceeded,
                     {"the model was not ready within {} ms",
                      std::chrono::duration_cast<std::chrono::milliseconds>(core_->settings_.start_time).count()});
    }
    co_return started;
  }

  Task<Result<void>> load() {
    BLINDAI_CO_TRY(const auto greeting, co_await receive_frame(FrameKind::hello));
    BLINDAI_CO_CHECK(check_greeting(greeting));
    BLINDAI_CO_CHECK(co_await send_frame(FrameKind::graph, core_->admitted().graph));
    const auto plan = encode_plan(core_->admitted());
    BLINDAI_CO_CHECK(co_await send_frame(FrameKind::weights, plan));
    BLINDAI_CO_TRY(const auto encoded, co_await receive_frame(FrameKind::ready));
    auto layout = decode_layout(encoded, life_->ring.head());
    if (!layout) {
      co_return ended();
    }
    if (core_->settings_.placement) {
      layout->placement = *core_->settings_.placement;  // with the reason
    }
    // The warm-up ran in the first slot.
    life_->ring.drop_output(0);
    life_->ring.wipe(0, 0, 0);
    const auto footprint = footprint_of(life_->child.pid);
    const std::lock_guard lock(core_->mutex_);
    life_->footprint = footprint;
    if (!core_->layout_) {
      core_->layout_ = std::make_shared<const Layout>(std::move(*layout));
    }
    life_->cpu.emplace(core_->layout_->threads, core_->settings_.look_time);
    life_->ready = true;
    co_return Result<void>{};
  }

  // A worker that runs another engine than this build is for, or that could not close a layer that the keyset promises,
  // is not given the model.
  Result<void> check_greeting(ByteView greeting) {
    BLINDAI_TRY(auto hello, decode_hello(greeting));
    if (hello.engine != core_->settings_.engine) {
      return fail(Code::internal, {"the model's worker runs another engine than this server takes"},
                  Detail{Disclosed(hello.engine).text});
    }
    if (namespaces_) {
      hello.sandbox.emplace_back(layer_namespaces);
    }
    std::ranges::sort(hello.sandbox);
    if (hello.sandbox != available_sandbox()) {
      return fail(Code::internal, {"the model's worker could not close its sandbox"});
    }
    const std::lock_guard lock(core_->mutex_);
    core_->sandbox_ = std::move(hello.sandbox);
    core_->engine_ = hello.engine + " " + Disclosed(hello.version).text;
    return {};
  }

  Task<Result<void>> send_frame(FrameKind kind, ByteView payload) {
    const FrameHead head{.kind = static_cast<std::uint32_t>(kind), .reserved = 0, .size = payload.size()};
    const std::array buffers{asio::buffer(&head, sizeof(head)), asio::buffer(payload.data(), payload.size())};
    const auto [error, sent] = co_await asio::async_write(core_->control_, buffers, as_result);
    // A worker that refuses while we still send has said why: the next read finds it.
    static_cast<void>(error);
    static_cast<void>(sent);
    co_return Result<void>{};
  }

  Task<Result<Bytes>> receive_frame(FrameKind expected) {
    FrameHead head;
    const auto [error, got] = co_await asio::async_read(core_->control_, asio::buffer(&head, sizeof(head)), as_result);
    if (error || got != sizeof(head) || head.size > max_worker_frame) {
      co_return ended();
    }
    Bytes payload(head.size);
    const auto [failed, read] = co_await asio::async_read(core_->control_, asio::buffer(payload), as_result);
    if (failed || read != payload.size()) {
      co_return ended();
    }
    if (head.kind == static_cast<std::uint32_t>(FrameKind::refused)) {
      co_return refusal(payload);
    }
    if (head.kind != static_cast<std::uint32_t>(expected)) {
      co_return ended();
    }
    co_return payload;
  }

  // Only before READY, when the process has seen no caller's data, may a worker's own words come out.
  std::unexpected<Error> refusal(ByteView payload) {
    const auto words = decode_refusal(payload);
    if (!words) {
      return ended();
    }
    refused_ = true;
    const Disclosed text(words->text);
    switch (words->code) {
      case Code::model_rejected:
      case Code::too_large:
      case Code::invalid_argument:
      case Code::unimplemented:
        return fail(Code::model_rejected, {"the engine refused the model: {}", text});
      case Code::resource_exhausted:
        return fail(Code::model_rejected,
                    {"the model needs more memory to load, or to run once, than the {} bytes that "
                     "its worker may take",
                     life_->ring.head().memory_bytes});
      default:
        return fail(Code::unavailable, {"the model's worker could not start"}, Detail{text.text});
    }
  }

  // Until the process ends or says something that it cannot.
  Task<void> listen() {
    std::array<std::uint8_t, 256> bytes{};
    for (;;) {
      const auto [error, got] = co_await core_->control_.async_read_some(asio::buffer(bytes), as_result);
      if (error) {
        co_return;
      }
      for (std::size_t i = 0; i < got; ++i) {
        if (!core_->finished(life_, bytes.at(i))) {
          const std::lock_guard lock(core_->mutex_);
          life_->ending.kind = Ending::Kind::broken_answer;
          co_return;
        }
      }
    }
  }

  Task<void> bury() {
    if (!life_) {
      co_return;
    }
    const auto callers = core_->callers_at_work(*life_);
    const bool worked = life_->ready;
    core_->watch_.cancel();
    close_to_requests();
    // It closed its socket: it has ended, or it is up to something.
    const bool by_itself = ending().kind == Ending::Kind::unknown && co_await has_ended(words_time);
    if (!by_itself) {
      end_as(Ending{Ending::Kind::broken_answer});
      core_->fail_all(life_);
      co_await has_ended(Steady::duration::max());
    }
    kill_child(life_->child);
    const int status = reap(life_->child);
    if (by_itself) {
      end_as(ending_of(status));
      core_->fail_all(life_);
    }
    if (worked && ending().kind != Ending::Kind::stopped) {
      core_->note_end(sentence(ending()));
      core_->settings_.conduct->note(core_->settings_.group, ending(), callers, Steady::now());
    }
    boost::system::error_code ignored;
    core_->control_.close(ignored);
    const std::lock_guard lock(core_->mutex_);
    life_->child.pidfd.reset();
    core_->life_.reset();
    life_.reset();
  }

  Ending ending() const {
    const std::lock_guard lock(core_->mutex_);
    return life_->ending;
  }

  // Unless it is known already.
  void end_as(const Ending& ending) {
    const std::lock_guard lock(core_->mutex_);
    if (life_->ending.kind == Ending::Kind::unknown) {
      life_->ending = ending;
    }
    kill_child(life_->child);
  }

  void close_to_requests() {
    const std::lock_guard lock(core_->mutex_);
    life_->ready = false;
  }

  // Whether the process has ended within that time.
  Task<bool> has_ended(Steady::duration within) {
    auto watched = life_->child.pidfd.duplicate();
    if (!watched) {
      co_return true;  // reaping waits for it
    }
    const auto end = std::make_shared<asio::posix::stream_descriptor>(core_->strand_, watched->release());
    asio::steady_timer limit(core_->strand_);
    if (within != Steady::duration::max()) {
      limit.expires_after(within);
      limit.async_wait([end](const boost::system::error_code& error) {
        if (!error) {
          end->cancel();
        }
      });
    }
    const auto [error] = co_await end->async_wait(asio::posix::stream_descriptor::wait_read, as_result);
    limit.cancel();
    co_return !error;
  }

  std::shared_ptr<Core> core_;
  std::shared_ptr<Life> life_;
  bool namespaces_ = false;
  bool refused_ = false;  // the last start, in words
};

Task<void> supervise(std::shared_ptr<Core> core) {
  Supervision supervision(std::move(core));
  co_await supervision.run();
}

}  // namespace blindai::worker
