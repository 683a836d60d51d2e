#include "worker/worker.h"

#include <fcntl.h>

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "worker/build.h"
#include "worker/core.h"
#include "worker/resume.h"
#include "worker/sandbox.h"

namespace blindai::worker {
namespace {

class Handle final : public Worker {
 public:
  explicit Handle(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~Handle() override { core_->stop(); }

  Task<Result<void>> ready() override {
    // The coroutine keeps what it waits on, should the handle go away meanwhile.
    auto core = core_;
    auto start = [core](auto handler) { core->wait_ready(resume_by<Result<void>>(std::move(handler))); };
    co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Result<void>)>(
        start, boost::asio::use_awaitable);
  }
  Result<std::unique_ptr<Lease>> try_lease() override { return core_->try_lease(); }
  void submit(std::vector<Ride> batch, std::move_only_function<void()> over) override {
    submit_leases(std::move(batch), std::move(over));
  }
  std::size_t free_slots() const override { return core_->free_slots(); }
  void on_change(std::function<void()> callback) override { core_->on_change(std::move(callback)); }
  Status status() const override { return core_->status(); }
  State state() const override { return core_->state(); }
  void stop() override { core_->stop(); }

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace

std::string_view word(State state) {
  switch (state) {
    case State::starting:
      return "starting";
    case State::ready:
      return "ready";
    case State::restarting:
      return "restarting";
    case State::failed:
      return "failed";
    case State::stopped:
      return "stopped";
    case State::quarantined:
      return "quarantined";
  }
  return "unknown";
}

bool is_over(State state) { return state == State::failed || state == State::stopped || state == State::quarantined; }

Share share_cpus(unsigned threads, unsigned cpus) {
  Share share;
  share.threads = threads != 0 ? threads : std::max(1U, cpus / 2);
  share.runs = std::max(1U, cpus / share.threads);
  return share;
}

std::shared_ptr<Worker> start(boost::asio::io_context& io, Model model, Settings settings) {
  auto core = std::make_shared<Core>(io, std::move(model), settings);
  core->launch();
  return std::make_shared<Handle>(std::move(core));
}

std::vector<std::string> available_sandbox() {
  static const std::vector<std::string> layers = [] {
    std::vector<std::string> found{layer_no_new_privs};
    if (landlock_works()) {
      found.emplace_back(layer_landlock);
    }
    if (namespaces_work(namespace_flags())) {
      found.emplace_back(layer_namespaces);
    }
    if (!instrumented) {
      found.emplace_back(layer_rlimits);
    }
    if (!instrumented && seccomp_works()) {
      found.emplace_back(layer_seccomp);
    }
    std::ranges::sort(found);
    return found;
  }();
  return layers;
}

}  // namespace blindai::worker
