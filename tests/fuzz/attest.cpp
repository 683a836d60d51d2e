// Both messages of attest; and no answer that a fuzzer makes is believed: it does not have the root's key.
#include "channel/attest.h"

#include "crypto/crypto.h"
#include "fuzz/fuzz.h"

namespace {

blindai::evidence::Policy policy() {
  return *blindai::evidence::parse_policy(
      "version = 1\nname = \"fuzz\"\n[identity]\nserver_name = \"localhost\"\nca = \"any\"\n"
      "[accept.simulated]\nroot = \"" +
          std::string(64, 'a') + "\"\nmeasurement = \"any\"\n",
      blindai::evidence::Purpose::session);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  const std::string_view text = as_text(ByteView(data, size));
  if (const auto request = channel::AttestRequest::parse(text)) {
    const auto again = channel::AttestRequest::parse(request->to_json());
    fuzz::promise(again && again->nonce == request->nonce && again->have == request->have, "a request survives JSON");
  }
  if (const auto answer = channel::AttestAnswer::parse(text)) {
    const auto again = channel::AttestAnswer::parse(answer->to_json());
    fuzz::promise(again && again->to_json() == answer->to_json(), "an answer survives JSON");
    static const evidence::Policy accepted = policy();
    const channel::AttestRequest request{.nonce = {1}, .fresh = true, .have = {}};
    evidence::Report report;
    fuzz::promise(!channel::verify_attest(*answer, request, {}, accepted, 1'800'000'000, report),
                  "nobody forges evidence");
    fuzz::promise(!report.accepted() && report.first_failed() != nullptr, "the report names what failed");
  }
  return 0;
}
