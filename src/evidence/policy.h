// What a caller accepts. A policy is TOML with a closed schema: an unknown key, a missing measurement list, an empty
// list is an error, and no field means "any" by being absent.
//
// Every field of an accept section is here as the type that its check needs; absent minimums are absent here too.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/cbor.h"
#include "evidence/dcap/documents.h"
#include "evidence/snp/report.h"

namespace blindai::evidence {

struct Any {
  bool operator==(const Any&) const = default;
};
// Allowed values of one member of the keyset's `config`, or "any".
using Allowed = std::variant<Any, std::vector<cbor::Value>>;

template <typename T>
using AnyOf = std::variant<Any, std::vector<T>>;
using Id16 = std::array<std::uint8_t, 16>;
using Hash32 = std::array<std::uint8_t, 32>;
using Hash48 = std::array<std::uint8_t, 48>;

struct SimulatedAcceptance {
  Digest root;  // SHA-256 of the root's SubjectPublicKeyInfo
  AnyOf<Digest> measurement;
};

// What [accept.sgx] and [accept.tdx] share.
struct DcapAcceptance {
  std::vector<dcap::TcbStatus> tcb_status;
  AnyOf<std::string> allowed_advisories;
  std::vector<std::string> denied_advisories;
  AnyOf<Bytes> platform_ids;  // PPIDs, 16 bytes
  bool allow_debug = false;
  bool require_crl = true;
  std::optional<std::int64_t> min_crl_number;  // of both lists
};
// What some bits of a field must be. `value` lies inside `mask`, which has a bit at least.
struct MaskedBits {
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
  bool operator==(const MaskedBits&) const = default;
};
struct SgxAcceptance : DcapAcceptance {
  AnyOf<Hash32> mrenclave;
  AnyOf<Hash32> mrsigner;
  std::optional<std::int64_t> product_id;  // mandatory where mrsigner is a list and mrenclave is "any"
  std::optional<std::int64_t> min_isv_svn;
  std::optional<MaskedBits> xfrm;  // absent: not limited, as are the next and XFAM of a TD
  std::optional<MaskedBits> misc_select;
};
struct TdxAcceptance : DcapAcceptance {
  AnyOf<Hash48> mr_td;
  std::array<AnyOf<Hash48>, 4> rtmr;
  AnyOf<Hash48> mr_config_id;  // optional, as are the next two
  AnyOf<Hash48> mr_owner;
  AnyOf<Hash48> mr_owner_config;
  std::optional<dcap::Components> min_tee_tcb_svn;  // each component
  bool allow_migratable = false;
  bool allow_service_td = false;
  std::uint64_t required_td_attributes = 0;   // of the words LASS, SEPT_VE_DISABLE, PKS, KL, TPA, PERFMON
  std::uint64_t forbidden_td_attributes = 0;  // of the same words
  std::optional<MaskedBits> xfam;
};
// Minimums of security versions; absent is no minimum.
struct SnpTcbMinimum {
  std::optional<std::uint8_t> bootloader;
  std::optional<std::uint8_t> tee;
  std::optional<std::uint8_t> snp;
  std::optional<std::uint8_t> microcode;
  std::optional<std::uint8_t> fmc;
};
struct SnpAcceptance {
  AnyOf<Hash48> measurement;
  AnyOf<Hash32> host_data;  // optional, as are the next four
  AnyOf<Hash48> id_key_digest;
  AnyOf<Hash48> author_key_digest;
  AnyOf<Id16> family_id;
  AnyOf<Id16> image_id;
  std::vector<Product> products;
  AnyOf<Bytes> platform_ids;  // chip ids: 64 bytes, or 8 on Turin
  std::int64_t vmpl = 0;
  std::vector<snp::KeyKind> signing_key{snp::KeyKind::vcek, snp::KeyKind::vlek};
  bool allow_debug = false;
  bool allow_migration = false;
  bool allow_smt = true;
  bool allow_provisional = false;  // committed below current TCB or firmware
  SnpTcbMinimum min_tcb;           // of the reported TCB
  SnpTcbMinimum min_launch_tcb;
  bool require_crl = true;
  std::optional<std::int64_t> min_crl_number;
  std::optional<std::int64_t> min_guest_svn;
  std::uint64_t required_mitigations = 0;    // bits, of the current and the launch vector
  std::uint64_t required_platform_info = 0;  // bits
};

struct Identity {
  std::string server_name;                            // a DNS name or an IP address
  std::variant<Any, std::monostate, std::string> ca;  // any; the system's; PEM text
};

struct Freshness {
  bool fresh_evidence = true;
  std::int64_t recheck_seconds = 3600;
  std::optional<std::int64_t> min_tcb_evaluation_number;
  std::optional<std::int64_t> max_tcb_age_days;
};

struct Policy {
  std::string name;
  Digest digest;                          // SHA-256 of the text
  std::optional<Identity> identity;       // absent only where evidence alone is judged
  std::map<std::string, Allowed> config;  // of engine, isolation, batch, auth: the strictest where absent
  std::optional<SimulatedAcceptance> simulated;
  std::optional<SgxAcceptance> sgx;
  std::optional<TdxAcceptance> tdx;
  std::optional<SnpAcceptance> snp;
  Freshness freshness;
  bool unpinned_models_allowed = false;
  std::map<std::string, Digest> model_pins;

  bool production() const { return !simulated; }
};

// Why a text is no policy: for people, and as policy_empty or policy_invalid with the key, "accept.sgx.mrenclave".
struct PolicyError {
  Error error;
  Refusal refusal;
};

enum class Purpose : std::uint8_t { session, evidence_only };
// `base_path` is where a relative PEM path of [identity] ca is looked up, for a session; no other file is read.
std::expected<Policy, PolicyError> read_policy(std::string_view toml, Purpose purpose,
                                               const std::string& base_path = {});
// The same, for who needs the sentence alone. Errors: invalid_argument, naming the key; too_large.
Result<Policy> parse_policy(std::string_view toml, Purpose purpose, const std::string& base_path = {});

}  // namespace blindai::evidence
