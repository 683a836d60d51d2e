// Intel's JSON documents, TCB info and QE identity (PCS API version 4), as forms and the text that comes of them: compact,
// members in Intel's order, the inner object signed as it is written.
#pragma once

#include <array>

#include "chains/certificate.h"

namespace blindai::chains {

using Svns = std::array<int, 16>;  // wider than a byte, so that a test can write what does not fit

struct TcbLevel {
  Svns sgx{};
  int pce_svn = 0;
  Svns tdx{};  // written in TDX documents
  std::string status = "UpToDate";
  UnixSeconds date = 0;
  std::vector<std::string> advisories{};
};

// A level of a TDX module or of an enclave.
struct SvnLevel {
  int isv_svn = 0;
  std::string status = "UpToDate";
  UnixSeconds date = 0;
  std::vector<std::string> advisories{};
};

struct TdxModule {
  Bytes mr_signer = Bytes(48);
  Bytes attributes = Bytes(8);
  Bytes attributes_mask = Bytes(8, 0xff);
};

struct TdxModuleIdentity {
  std::string id;  // "TDX_03"
  TdxModule module{};
  std::vector<SvnLevel> levels{};
};

using EditText = std::function<void(std::string&)>;

struct TcbInfo {
  Key signer;
  std::string id = "SGX";  // written in version 3
  int version = 3;
  UnixSeconds issue_date = 0;
  UnixSeconds next_update = 0;
  Bytes fmspc = Bytes(6);
  Bytes pce_id = Bytes(2);
  int tcb_type = 0;
  std::int64_t evaluation_number = 17;
  std::optional<TdxModule> tdx_module{};
  std::vector<TdxModuleIdentity> module_identities{};
  std::vector<TcbLevel> levels{};
  EditText edit_signed{};  // changes the inner object before it is signed
  EditText edit_whole{};   // changes the document after

  bool tdx() const { return id == "TDX"; }
  std::string json() const;
};

struct QeIdentity {
  Key signer;
  std::string id = "QE";
  int version = 2;
  UnixSeconds issue_date = 0;
  UnixSeconds next_update = 0;
  std::int64_t evaluation_number = 17;
  Bytes misc_select = Bytes(4);
  Bytes misc_select_mask = Bytes(4, 0xff);
  Bytes attributes{};
  Bytes attributes_mask{};
  Bytes mr_signer = Bytes(32);
  int isv_prod_id = 1;
  std::vector<SvnLevel> levels{};
  EditText edit_signed{};
  EditText edit_whole{};

  std::string json() const;
};

// An edit that replaces the first occurrence of `from`; ends the process where there is none, since the test would test
// nothing.
EditText replace(std::string from, std::string to);

}  // namespace blindai::chains
