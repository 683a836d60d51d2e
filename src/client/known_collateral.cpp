#include "client/known_collateral.h"

namespace blindai::client {
namespace {

// Simulated evidence has none. Of how many items there are, and of which type, verify_attest() is the judge.
bool has_collateral(const channel::AttestAnswer& answer) {
  return answer.evidence.size() == 1 && evidence::tee_of_type(answer.evidence.front().type).has_value() &&
         answer.evidence.front().type != "simulated";
}

}  // namespace

KnownCollateral::Held KnownCollateral::newest() const {
  const std::scoped_lock lock(mutex_);
  return newest_;
}

bool KnownCollateral::complete(channel::AttestAnswer& answer, const Held& held, evidence::Report& report) {
  if (!has_collateral(answer)) {
    return true;
  }
  const char* expected = "sent with the evidence, or left out where this client said that it holds the same";
  if (answer.collateral) {
    return report.check(true, "collateral", expected, "sent", "");
  }
  if (!held) {
    return report.check(false, "collateral", expected, "left out, and this client holds none", "");
  }
  answer.collateral = held->collateral;
  return report.check(true, "collateral", expected, "left out; this client's own is used", "");
}

void KnownCollateral::keep(const channel::AttestAnswer& answer) {
  if (!has_collateral(answer) || !answer.collateral || answer.collateral->empty()) {
    return;
  }
  const Digest digest = answer.collateral->digest();
  const std::scoped_lock lock(mutex_);
  if (!newest_ || newest_->digest != digest) {
    newest_ = std::make_shared<const Entry>(*answer.collateral, digest);
  }
}

void KnownCollateral::forget(const Held& held) {
  const std::scoped_lock lock(mutex_);
  if (newest_ == held) {
    newest_.reset();
  }
}

}  // namespace blindai::client
