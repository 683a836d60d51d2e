// Private to this folder and its tests: the keys that everything else must lead to. The public call uses vendor_roots();
// no public call takes others.
#pragma once

#include "base/bytes.h"

namespace blindai::evidence {

enum class Product : std::uint8_t { milan, genoa, turin };
std::string_view word(Product product);  // "Milan", "Genoa", "Turin"

struct Roots {
  Digest intel;               // SHA-256 of the SubjectPublicKeyInfo of the Intel SGX Root CA
  std::array<Digest, 3> amd;  // SHA-256 of the SubjectPublicKeyInfo of the ARK, by Product
  // SHA-256 of the one certificate of that key that Intel gives out. It need not prove again that it signed itself; another
  // certificate of the same key must.
  Digest intel_certificate{};
};

const Roots& vendor_roots();

}  // namespace blindai::evidence
