// Private to this folder and its tests: the keys that everything else must lead to. The public call uses vendor_roots();
// no public call takes others.
#pragma once

#include <span>

#include "base/bytes.h"

namespace blindai::evidence {

enum class Product : std::uint8_t { milan, genoa, turin };
std::string_view word(Product product);  // "Milan", "Genoa", "Turin"

struct Roots {
  Digest intel;               // SHA-256 of the SubjectPublicKeyInfo of the Intel SGX Root CA
  std::array<Digest, 3> amd;  // SHA-256 of the SubjectPublicKeyInfo of the ARK, by Product
  // SHA-256 of certificates that Intel's key is known to have signed: its own, and those that Intel gives out under it.
  // Whether a constant signature of a constant key over constant bytes holds is found out once, by a test, and not at each
  // appraisal. It is all that is known: names, use, dates and revocation are looked at as in any other certificate.
  std::span<const Digest> signed_by_intel{};
};

const Roots& vendor_roots();

}  // namespace blindai::evidence
