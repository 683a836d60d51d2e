// Attestation reports of SEV-SNP: what is read stands in the input, where the specification says.
#include "evidence/snp/report.h"

#include "fuzz/fuzz.h"

namespace {

using namespace blindai;
using namespace blindai::evidence;

void stands_at(ByteView input, std::size_t offset, ByteView field) {
  fuzz::promise(std::ranges::equal(input.subspan(offset, field.size()), field), "a field is what stands in its place");
}

void is_reversed(ByteView input, std::size_t offset, ByteView number) {
  const ByteView raw = input.subspan(offset, 72);
  fuzz::promise(std::equal(number.rbegin(), number.rend(), raw.begin()), "numbers turn from little-endian");
  fuzz::promise(std::ranges::count(raw.subspan(number.size()), 0) == 24, "numbers have 384 bits");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  Effort effort;
  const auto report = snp::parse_report(input, effort);
  fuzz::promise(effort.signature_checks == 0 && effort.bytes_read <= snp::report_bytes, "the work is counted");
  if (!report) {
    return 0;
  }
  fuzz::promise(size == snp::report_bytes, "the size is exact");
  fuzz::promise(report->version >= 2 && report->version <= 5, "the version is known");
  fuzz::promise(report->cpuid.has_value() == (report->version >= 3), "CPUID came with version 3");
  fuzz::promise(report->launch_mitigations.has_value() == (report->version >= 5), "mitigations came with version 5");
  stands_at(input, 0, report->signed_bytes);
  stands_at(input, 0x050, report->report_data);
  stands_at(input, 0x090, report->measurement);
  stands_at(input, 0x180, report->reported_tcb);
  stands_at(input, 0x1a0, report->chip_id);
  stands_at(input, 0x1f0, report->launch_tcb);
  is_reversed(input, 0x2a0, ByteView(report->signature).first(48));
  is_reversed(input, 0x2e8, ByteView(report->signature).last(48));
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    const auto tcb = snp::read_tcb(product, report->reported_tcb);
    fuzz::promise(!tcb || tcb->fmc.has_value() == (product == Product::turin), "FMC is Turin's");
  }
  return 0;
}
