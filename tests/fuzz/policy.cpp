// Policies: what is read is one of a closed list of forms, the same each time, and never accepts what no policy may.
#include "evidence/policy.h"

#include "crypto/crypto.h"
#include "fuzz/fuzz.h"

namespace {

using namespace blindai;
using namespace blindai::evidence;

template <typename T>
bool some(const AnyOf<T>& accepted) {
  return std::holds_alternative<Any>(accepted) || !std::get<std::vector<T>>(accepted).empty();
}

void promise_dcap(const DcapAcceptance& accepted) {
  using enum dcap::TcbStatus;
  fuzz::promise(!accepted.tcb_status.empty() && some(accepted.platform_ids), "no list that counts is empty");
  for (const dcap::TcbStatus status : accepted.tcb_status) {
    fuzz::promise(status != revoked && status != not_supported, "what is revoked is never accepted");
  }
}

void promise_sections(const Policy& policy) {
  fuzz::promise(policy.sgx || policy.tdx || policy.snp || policy.simulated, "a policy accepts something");
  fuzz::promise(!policy.simulated || (!policy.sgx && !policy.tdx && !policy.snp), "simulation stands alone");
  if (policy.sgx) {
    promise_dcap(*policy.sgx);
    fuzz::promise(some(policy.sgx->mrenclave) && some(policy.sgx->mrsigner), "no list of measurements is empty");
    fuzz::promise(std::holds_alternative<Any>(policy.sgx->mrsigner) || policy.sgx->product_id ||
                      !std::holds_alternative<Any>(policy.sgx->mrenclave),
                  "a signer does not vouch alone");
  }
  if (policy.tdx) {
    promise_dcap(*policy.tdx);
    fuzz::promise(some(policy.tdx->mr_td) && std::ranges::all_of(policy.tdx->rtmr, some<Hash48>),
                  "no list of measurements is empty");
  }
  if (policy.snp) {
    fuzz::promise(some(policy.snp->measurement) && some(policy.snp->platform_ids), "no list that counts is empty");
    fuzz::promise(!policy.snp->products.empty() && !policy.snp->signing_key.empty(), "no list that counts is empty");
    fuzz::promise(policy.snp->vmpl >= 0 && policy.snp->vmpl <= 3, "levels are four");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const auto policy = read_policy(text, Purpose::evidence_only);
  if (!policy) {
    const Refusal& refusal = policy.error().refusal;
    fuzz::promise(refusal.reason == Reason::policy_empty || refusal.reason == Reason::policy_invalid,
                  "a policy is refused with a reason of policies");
    fuzz::promise(!refusal.detail.empty() && refusal.detail.size() <= 128, "and with the key");
    return 0;
  }
  promise_sections(*policy);
  fuzz::promise(policy->digest == crypto::sha256({data, size}), "the digest is the text's");
  return 0;
}
