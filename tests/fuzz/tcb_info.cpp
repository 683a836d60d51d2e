// TCB info: what is accepted is complete, bounded and sorted, and the text that a signature covers is the document's own.
#include "fuzz/documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  using namespace blindai::evidence::dcap;
  const auto info = parse_tcb_info(fuzz::signed_text_of({data, size}, "tcbInfo"));
  if (!info) {
    return 0;
  }
  fuzz::promise(info->version == 2 || info->version == 3, "the version is one that is known");
  fuzz::promise(info->tdx_module.has_value() == (info->tee == Tee::tdx), "TDX has its module");
  fuzz::promise(!info->levels.empty() && info->levels.size() <= max_levels, "levels are some, and not too many");
  fuzz::promise(std::ranges::is_sorted(info->levels, std::greater{}, &TcbLevel::sgx), "levels are sorted");
  for (const TcbLevel& level : info->levels) {
    fuzz::promise(level.tdx.has_value() == (info->tee == Tee::tdx), "TDX has its components");
    fuzz::promise(status_in_document(word(level.status)) == level.status, "a status is of the list");
    fuzz::promise(level.advisories.size() <= max_advisories, "advisories are bounded");
  }
  fuzz::promise(info->module_identities.size() <= 256, "each module version stands once");
  for (const TdxModuleIdentity& identity : info->module_identities) {
    fuzz::promise_order(identity.levels);
  }
  return 0;
}
