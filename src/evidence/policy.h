// What a caller accepts. A policy is TOML with a closed schema: an unknown key, a missing measurement list, an empty
// list is an error, and no field means "any" by being absent.
//
// In this release only [accept.simulated] can be verified; a policy with another accept section is parsed and checked
// against its schema, and evidence of that kind is refused with the word "not implemented".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/cbor.h"

namespace blindai::evidence {

struct Any {
  bool operator==(const Any&) const = default;
};
// Allowed values of one member of the keyset's `config`, or "any".
using Allowed = std::variant<Any, std::vector<cbor::Value>>;

struct SimulatedAcceptance {
  Digest root;  // SHA-256 of the root's SubjectPublicKeyInfo
  std::variant<Any, std::vector<Digest>> measurement;
};
// A section for real hardware: schema-checked, not verified yet.
struct HardwareAcceptance {
  std::string kind;  // "sgx", "tdx", "snp"
};

struct Identity {
  std::string server_name;                            // a DNS name or an IP address
  std::variant<Any, std::monostate, std::string> ca;  // any; the system's; PEM text
};

struct Freshness {
  bool fresh_evidence = true;
  std::int64_t recheck_seconds = 3600;
};

struct Policy {
  std::string name;
  Digest digest;                          // SHA-256 of the text
  std::optional<Identity> identity;       // absent only where evidence alone is judged
  std::map<std::string, Allowed> config;  // of engine, isolation, batch, auth: the strictest where absent
  std::optional<SimulatedAcceptance> simulated;
  std::vector<HardwareAcceptance> hardware;
  Freshness freshness;
  bool unpinned_models_allowed = false;
  std::map<std::string, Digest> model_pins;

  bool production() const { return !simulated; }
};

enum class Purpose { session, evidence_only };
// `base_path` is where a relative PEM path of [identity] ca is looked up. Errors: invalid_argument, naming the key.
Result<Policy> parse_policy(std::string_view toml, Purpose purpose, const std::string& base_path = {});

}  // namespace blindai::evidence
