// VCEK and VLEK certificates: AMD's extensions of an accepted one say all that the appraisal needs.
#include "evidence/snp/vek.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  using namespace blindai::evidence;
  const auto certificate = x509::parse_certificate(ByteView(data, size), "vek");
  if (!certificate) {
    return 0;
  }
  const auto vek = snp::parse_vek(*certificate);
  if (!vek) {
    fuzz::promise(vek.error().reason == Reason::bad_certificate || vek.error().reason == Reason::product_mismatch,
                  "a refusal is one of two");
    return 0;
  }
  const bool vcek = vek->kind == snp::KeyKind::vcek;
  const bool turin = vek->product == Product::turin;
  fuzz::promise(vek->hardware_id.has_value() == vcek, "a VCEK names its chip");
  fuzz::promise(vek->csp_id.has_value() != vcek, "a VLEK names its provider");
  fuzz::promise(!vcek || vek->hardware_id->size() == (turin ? 8U : 64U), "a hardware id has the size of the product");
  fuzz::promise(vek->tcb.fmc.has_value() == turin, "FMC is Turin's");
  fuzz::promise(!certificate->ca, "no authority signs reports");
  return 0;
}
