#include "chains/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace blindai::chains {
namespace {

std::string upper_hex(ByteView bytes) {
  std::string text = to_hex(bytes);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c); });
  return text;
}

// "a,b,c" of what `write` makes of each.
template <typename List, typename Write>
std::string joined(const List& list, Write write) {
  std::string out;
  for (const auto& item : list) {
    out += (out.empty() ? "" : ",") + write(item);
  }
  return out;
}

std::string components(const Svns& svns) {
  return "[" + joined(svns, [](int svn) { return fmt::format(R"({{"svn":{}}})", svn); }) + "]";
}

// Version 2 names each component instead of listing them.
std::string components_v2(const Svns& svns) {
  std::string out;
  for (std::size_t i = 0; i < svns.size(); ++i) {
    out += fmt::format(R"({}"sgxtcbcomp{:02}svn":{})", i == 0 ? "" : ",", i + 1, svns[i]);
  }
  return out;
}

template <typename Level>
std::string verdict(const Level& level) {
  std::string out = fmt::format(R"("tcbDate":"{}","tcbStatus":"{}")", to_iso8601(level.date), level.status);
  if (!level.advisories.empty()) {
    out += fmt::format(R"(,"advisoryIDs":[{}])",
                       joined(level.advisories, [](const std::string& id) { return fmt::format(R"("{}")", id); }));
  }
  return out;
}

std::string platform_level(const TcbLevel& level, const TcbInfo& form) {
  std::string tcb =
      form.version == 2 ? components_v2(level.sgx) : fmt::format(R"("sgxtcbcomponents":{})", components(level.sgx));
  tcb += fmt::format(R"(,"pcesvn":{})", level.pce_svn);
  if (form.tdx()) {
    tcb += fmt::format(R"(,"tdxtcbcomponents":{})", components(level.tdx));
  }
  return fmt::format(R"({{"tcb":{{{}}},{}}})", tcb, verdict(level));
}

std::string svn_level(const SvnLevel& level) {
  return fmt::format(R"({{"tcb":{{"isvsvn":{}}},{}}})", level.isv_svn, verdict(level));
}

std::string module_members(const TdxModule& module) {
  return fmt::format(R"("mrsigner":"{}","attributes":"{}","attributesMask":"{}")", upper_hex(module.mr_signer),
                     upper_hex(module.attributes), upper_hex(module.attributes_mask));
}

std::string module_identity(const TdxModuleIdentity& identity) {
  return fmt::format(R"({{"id":"{}",{},"tcbLevels":[{}]}})", identity.id, module_members(identity.module),
                     joined(identity.levels, svn_level));
}

std::string sealed(std::string_view member, std::string inner, const Key& signer, const EditText& edit_signed,
                   const EditText& edit_whole) {
  if (edit_signed) {
    edit_signed(inner);
  }
  std::string whole =
      fmt::format(R"({{"{}":{},"signature":"{}"}})", member, inner, to_hex(signer.sign_raw(as_bytes(inner))));
  if (edit_whole) {
    edit_whole(whole);
  }
  return whole;
}

}  // namespace

std::string TcbInfo::json() const {
  std::string inner = "{";
  if (version != 2) {
    inner += fmt::format(R"("id":"{}",)", id);
  }
  inner +=
      fmt::format(R"("version":{},"issueDate":"{}","nextUpdate":"{}","fmspc":"{}","pceId":"{}","tcbType":{},)", version,
                  to_iso8601(issue_date), to_iso8601(next_update), upper_hex(fmspc), upper_hex(pce_id), tcb_type);
  inner += fmt::format(R"("tcbEvaluationDataNumber":{},)", evaluation_number);
  if (tdx_module) {
    inner += fmt::format(R"("tdxModule":{{{}}},)", module_members(*tdx_module));
  }
  if (!module_identities.empty()) {
    inner += fmt::format(R"("tdxModuleIdentities":[{}],)", joined(module_identities, module_identity));
  }
  inner += fmt::format(R"("tcbLevels":[{}]}})",
                       joined(levels, [this](const TcbLevel& level) { return platform_level(level, *this); }));
  return sealed("tcbInfo", std::move(inner), signer, edit_signed, edit_whole);
}

std::string QeIdentity::json() const {
  std::string inner =
      fmt::format(R"({{"id":"{}","version":{},"issueDate":"{}","nextUpdate":"{}","tcbEvaluationDataNumber":{},)", id,
                  version, to_iso8601(issue_date), to_iso8601(next_update), evaluation_number);
  inner += fmt::format(R"("miscselect":"{}","miscselectMask":"{}","attributes":"{}","attributesMask":"{}",)",
                       upper_hex(misc_select), upper_hex(misc_select_mask), upper_hex(attributes),
                       upper_hex(attributes_mask));
  inner += fmt::format(R"("mrsigner":"{}","isvprodid":{},"tcbLevels":[{}]}})", upper_hex(mr_signer), isv_prod_id,
                       joined(levels, svn_level));
  return sealed("enclaveIdentity", std::move(inner), signer, edit_signed, edit_whole);
}

EditText replace(std::string from, std::string to) {
  return [from = std::move(from), to = std::move(to)](std::string& text) {
    const std::size_t at = text.find(from);
    if (at == std::string::npos) {
      std::abort();
    }
    text.replace(at, from.size(), to);
  };
}

}  // namespace blindai::chains
