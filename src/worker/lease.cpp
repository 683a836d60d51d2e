#include <algorithm>
#include <bitset>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/checked.h"
#include "worker/core.h"
#include "worker/resume.h"

namespace blindai::worker {
namespace {

class SlotLease final : public Lease {
 public:
  SlotLease(std::shared_ptr<Core> core, std::shared_ptr<Life> life, std::size_t slot)
      : core_(std::move(core)), life_(std::move(life)), slot_(slot) {}

  ~SlotLease() override { core_->release(life_, slot_, used_, output_used_); }

  Result<MutableBytes> add_input(std::size_t index, const Shape& shape, std::uint64_t size) override {
    const auto& specs = core_->admitted().inputs;
    if (submitted_ || index >= specs.size() || index >= max_tensors || given_.test(index)) {
      return fail(Code::invalid_argument, {"the model has no input {} that is still to be given", index});
    }
    if (!fits(shape, specs[index]) || !size_fits(specs[index].datatype, shape, size)) {
      return fail(Code::invalid_argument,
                  {"input {} has a shape that the model does not take", Disclosed(specs[index].name)});
    }
    const auto region = life_->ring.input(static_cast<unsigned>(slot_));
    const auto end = checked_add(used_, size);
    if (!end || *end > region.size()) {
      return fail(Code::too_large, {"the inputs are larger than the limit of {} bytes", region.size()});
    }
    given_.set(index);
    auto& header = inputs_.emplace_back();
    header.index = static_cast<std::uint32_t>(index);
    header.datatype = static_cast<std::uint32_t>(specs[index].datatype);
    header.rank = static_cast<std::uint32_t>(shape.size());
    std::ranges::copy(shape, header.dims.begin());
    header.offset = used_;
    header.size = size;
    const auto place = region.subspan(used_, size);
    used_ = std::min<std::uint64_t>((*end + tensor_alignment - 1) / tensor_alignment * tensor_alignment, region.size());
    return place;
  }

  Task<Result<std::vector<OutputView>>> run(Steady::time_point deadline) override {
    auto start = [this, deadline](auto handler) {
      std::vector<Ride> batch(1);
      batch.front() = {this, deadline, resume_by<Ran>(std::move(handler))};
      submit_leases(std::move(batch), [] {});
    };
    Ran ran = co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Ran)>(
        start, boost::asio::use_awaitable);
    co_return std::move(ran.outputs);
  }

  Result<void> prepare() {
    if (given_.count() != core_->admitted().inputs.size()) {
      return fail(Code::invalid_argument,
                  {"the model takes {} inputs and {} were given", core_->admitted().inputs.size(), given_.count()});
    }
    submitted_ = true;
    output_used_ = ~std::uint64_t{0};  // until the answer says so, anything may have been written
    return {};
  }

  Submission submission(Ride ride) {
    auto handler = [this, done = std::move(ride.done)](Answered answered) mutable { done(ran(std::move(answered))); };
    return {slot_, inputs_, used_, caller_, ride.deadline, std::move(handler)};
  }

  const std::shared_ptr<Core>& core() const { return core_; }
  const std::shared_ptr<Life>& life() const { return life_; }

  void abandon() override { core_->abandon(life_, slot_); }

 private:
  Ran ran(Answered answered) {
    if (!answered.outcome) {
      return {std::unexpected(std::move(answered.outcome).error()), answered.alone};
    }
    output_used_ = 0;
    const auto region = life_->ring.output(static_cast<unsigned>(slot_));
    std::vector<OutputView> views;
    views.reserve(answered.outcome->size());
    for (CheckedOutput& output : *answered.outcome) {
      output_used_ = std::max(output_used_, output.offset + output.size);
      views.push_back({.index = output.index,
                       .datatype = output.datatype,
                       .shape = std::move(output.shape),
                       .data = region.subspan(output.offset, output.size)});
    }
    return {std::move(views)};
  }

  std::shared_ptr<Core> core_;
  std::shared_ptr<Life> life_;
  std::size_t slot_;
  std::vector<TensorHeader> inputs_;
  std::bitset<max_tensors> given_;
  std::uint64_t used_ = 0;
  std::uint64_t output_used_ = 0;
  bool submitted_ = false;
};

}  // namespace

// A lease of an earlier life, or of too few inputs, ends here; the others ride.
void submit_leases(std::vector<Ride> batch, OverHandler over) {
  std::vector<Submission> submissions;
  std::shared_ptr<Core> core;
  std::shared_ptr<Life> life;
  for (Ride& ride : batch) {
    auto& lease = static_cast<SlotLease&>(*ride.lease);  // there is no other kind
    if (!life) {
      core = lease.core();
      life = lease.life();
    }
    if (lease.life() != life) {
      ride.done({fail(Code::unavailable, {"the model's worker is not running now; try again later"})});
    } else if (const auto prepared = lease.prepare(); !prepared) {
      ride.done({std::unexpected(prepared.error())});
    } else {
      submissions.push_back(lease.submission(std::move(ride)));
    }
  }
  if (submissions.empty()) {
    over();
    return;
  }
  core->submit(life, std::move(submissions), std::move(over));
}

std::unique_ptr<Lease> make_lease(std::shared_ptr<Core> core, std::shared_ptr<Life> life, std::size_t slot) {
  return std::make_unique<SlotLease>(std::move(core), std::move(life), slot);
}

}  // namespace blindai::worker
