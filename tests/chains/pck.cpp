#include "chains/pck.h"

#include "chains/der.h"

namespace blindai::chains {
namespace {

// `below`: what follows the extension's own OID, ".2.17".
Bytes entry(const std::string& below, const Bytes& value) {
  return der::sequence(der::oid(std::string(sgx_extension_oid) + below), value);
}

Bytes joined(const std::vector<Bytes>& entries) {
  Bytes content;
  for (const Bytes& one : entries) {
    append(content, one);
  }
  return der::element(0x30, content);
}

Bytes tcb(const PckExtension& form) {
  std::vector<Bytes> entries;
  Bytes cpu_svn = form.cpu_svn;
  for (std::size_t i = 0; i < form.components.size(); ++i) {
    entries.push_back(entry(fmt::format(".2.{}", i + 1), der::integer(form.components[i])));
    if (form.cpu_svn.empty()) {
      cpu_svn.push_back(static_cast<std::uint8_t>(form.components[i]));
    }
  }
  entries.push_back(entry(".2.17", der::integer(form.pce_svn)));
  entries.push_back(entry(".2.18", der::octet_string(cpu_svn)));
  if (form.edit_tcb_entries) {
    form.edit_tcb_entries(entries);
  }
  return joined(entries);
}

}  // namespace

Bytes PckExtension::der() const {
  std::vector<Bytes> entries{entry(".1", der::octet_string(ppid)), entry(".2", tcb(*this)),
                             entry(".3", der::octet_string(pce_id)), entry(".4", der::octet_string(fmspc)),
                             entry(".5", der::enumerated(sgx_type))};
  if (platform_instance) {
    entries.push_back(entry(".6", der::octet_string(*platform_instance)));
  }
  if (configuration) {
    entries.push_back(entry(".7", der::sequence(entry(".7.1", der::boolean(configuration->dynamic_platform)),
                                                entry(".7.2", der::boolean(configuration->cached_keys)),
                                                entry(".7.3", der::boolean(configuration->smt_enabled)))));
  }
  if (edit_entries) {
    edit_entries(entries);
  }
  Bytes whole = joined(entries);
  if (edit_whole) {
    edit_whole(whole);
  }
  return whole;
}

}  // namespace blindai::chains
