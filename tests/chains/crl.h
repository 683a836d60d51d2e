// Certificate revocation lists (RFC 5280 section 5) as a form and the DER that comes of it.
#pragma once

#include "chains/certificate.h"

namespace blindai::chains {

struct Revoked {
  Bytes serial;  // magnitude
  UnixSeconds since = 0;
  std::optional<std::uint8_t> reason = 1;  // reasonCode, keyCompromise; none where absent
  std::vector<Extension> extensions{};     // of the entry, after that
};

struct Crl {
  Bytes issuer{};
  Key signer;
  UnixSeconds this_update = 0;
  std::optional<UnixSeconds> next_update{};
  std::vector<Revoked> revoked{};
  std::optional<std::int64_t> version = 1;  // as it is written: 1 is version 2
  std::optional<std::int64_t> number = 1;
  bool authority_key = true;
  std::optional<Algorithm> algorithm{};
  std::optional<Algorithm> inner_algorithm{};
  std::optional<Algorithm> signed_with{};  // in truth, where that is not what is written
  std::vector<Extension> extensions{};
  bool generalized_time = false;
  Edit edit_signed{};
  Edit edit_whole{};

  Bytes der() const;
};

}  // namespace blindai::chains
