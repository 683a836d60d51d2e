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
    auto& header = request_.inputs[request_.count++];
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
    if (submitted_ || given_.count() != core_->admitted().inputs.size()) {
      co_return fail(Code::invalid_argument,
                     {"the model takes {} inputs and {} were given", core_->admitted().inputs.size(), given_.count()});
    }
    submitted_ = true;
    output_used_ = ~std::uint64_t{0};  // until the answer says so, anything may have been written
    auto start = [this, deadline](auto handler) {
      core_->submit(life_, slot_, request_, used_, deadline, resume_by<Outcome>(std::move(handler)));
    };
    Outcome outcome = co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Outcome)>(
        start, boost::asio::use_awaitable);
    if (!outcome) {
      co_return std::unexpected(std::move(outcome).error());
    }
    output_used_ = 0;
    const auto region = life_->ring.output(static_cast<unsigned>(slot_));
    std::vector<OutputView> views;
    views.reserve(outcome->size());
    for (auto& output : *outcome) {
      output_used_ = std::max(output_used_, output.offset + output.size);
      views.push_back({.index = output.index,
                       .datatype = output.datatype,
                       .shape = std::move(output.shape),
                       .data = region.subspan(output.offset, output.size)});
    }
    co_return views;
  }

  void abandon() override { core_->abandon(life_, slot_); }

 private:
  std::shared_ptr<Core> core_;
  std::shared_ptr<Life> life_;
  std::size_t slot_;
  RequestHeader request_;
  std::bitset<max_tensors> given_;
  std::uint64_t used_ = 0;
  std::uint64_t output_used_ = 0;
  bool submitted_ = false;
};

}  // namespace

std::unique_ptr<Lease> make_lease(std::shared_ptr<Core> core, std::shared_ptr<Life> life, std::size_t slot) {
  return std::make_unique<SlotLease>(std::move(core), std::move(life), slot);
}

}  // namespace blindai::worker
