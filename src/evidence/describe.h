// Private to this folder: what evidence says, as JSON for people and programs; bytes in lower-case hexadecimal. Names are in
// docs/evidence.md. Nothing here vouches: who calls it says whether the fields were verified.
#pragma once

#include "base/json.h"
#include "evidence/dcap/pck.h"
#include "evidence/dcap/quote.h"
#include "evidence/snp/report.h"

namespace blindai::evidence {

json::Object describe(const dcap::SgxReport& report);
json::Object describe(const dcap::TdReport& report);
json::Object describe(const dcap::PckExtension& pck);
// Without a product the four TCB versions stay raw, in hexadecimal.
json::Object describe(const snp::Report& report, std::optional<Product> product);
json::Object describe(const snp::Tcb& tcb);
json::Object describe(const snp::FirmwareVersion& firmware);

}  // namespace blindai::evidence
