// Collateral: what vendors publish about platforms, as the server staples it to its evidence or a file holds it. Names are
// a closed list: tcb_info, tcb_signing_chain, qe_identity, qe_identity_signing_chain, root_ca_crl, pck_crl,
// pck_crl_issuer_chain (SGX, TDX); vek, ask, asvk, ark, ark_crl (SNP).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "evidence/refusal.h"

namespace blindai::evidence {

inline constexpr std::size_t max_collateral_item_bytes = 1024 * 1024;

class Collateral {
 public:
  Collateral() = default;
  // The container: one JSON object, values base64 of the files. Refuses as bad_collateral_format.
  static Parsed<Collateral> from_json(const json::Object& container);
  json::Object to_json() const;
  static bool is_name(std::string_view name);
  // `name` must be one of the list; replaces. False, and nothing kept, where it is not, or the item is too large.
  bool set(std::string_view name, Bytes bytes);
  const Bytes* find(std::string_view name) const;  // nullptr where absent
  const std::map<std::string, Bytes, std::less<>>& items() const { return items_; }
  bool empty() const { return items_.empty(); }
  // SHA-256 of the deterministic CBOR map {name: bytes}: how a client says what it has (`have`, design section 5).
  Digest digest() const;

 private:
  std::map<std::string, Bytes, std::less<>> items_;
};

// Collateral whose signatures were found to hold, kept by digest, so that the next quote under it costs three signature
// checks and the next report one. Dates are checked anew at each use, and what did not hold is not kept. At most
// `capacity` entries, the least recently used goes first. Thread-safe.
class CollateralCache {
 public:
  explicit CollateralCache(std::size_t capacity = 16);
  CollateralCache(const CollateralCache&) = delete;
  CollateralCache& operator=(const CollateralCache&) = delete;
  ~CollateralCache();

  // Private to this folder: what is kept under a key, of the type that the caller put there under that key.
  std::shared_ptr<const void> find(const Digest& key) const;
  void keep(const Digest& key, std::shared_ptr<const void> appraised);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace blindai::evidence
