// Intel's extension of PCK certificates, 1.2.840.113741.1.13.1, as a form and the DER that comes of it.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "chains/certificate.h"

namespace blindai::chains {

inline constexpr std::string_view sgx_extension_oid = "1.2.840.113741.1.13.1";

struct PckExtension {
  struct Configuration {
    bool dynamic_platform = true;
    bool cached_keys = true;
    bool smt_enabled = true;
  };
  Bytes ppid = Bytes(16, 0x50);
  std::array<int, 16> components{};
  int pce_svn = 0;
  Bytes cpu_svn{};  // empty: the components
  Bytes pce_id = Bytes(2);
  Bytes fmspc = Bytes(6);
  std::uint8_t sgx_type = 1;
  std::optional<Bytes> platform_instance = Bytes(16, 0x1d);  // as certificates of the Platform CA have it
  std::optional<Configuration> configuration = Configuration{};
  // Change the entries, each a SEQUENCE of OID and value, before they are joined: those of the extension, in the order .1 to
  // .7, and those of the TCB, .2.1 to .2.18.
  std::function<void(std::vector<Bytes>&)> edit_entries{};
  std::function<void(std::vector<Bytes>&)> edit_tcb_entries{};
  Edit edit_whole{};  // changes the value of the extension after

  Bytes der() const;
  Extension extension() const { return {std::string(sgx_extension_oid), false, der()}; }
};

}  // namespace blindai::chains
