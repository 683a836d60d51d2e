#include "evidence/roots.h"

namespace blindai::evidence {
namespace {

consteval Digest digest_of(std::string_view hex) {
  const auto nibble = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Digest out;
  for (std::size_t i = 0; i < Digest::size; ++i) {
    out.bytes.at(i) = static_cast<std::uint8_t>(nibble(hex.at(2 * i)) << 4U | nibble(hex.at(2 * i + 1)));
  }
  return out;
}

}  // namespace

std::string_view word(Product product) {
  static constexpr auto words = std::to_array<std::string_view>({"Milan", "Genoa", "Turin"});
  return words.at(static_cast<std::size_t>(product));
}

const Roots& vendor_roots() {
  static constexpr Roots roots = {
      .intel = digest_of("a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"),
      .amd = {digest_of("9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9"),
              digest_of("429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831"),
              digest_of("4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08")},
      .intel_certificate = digest_of("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"),
  };
  return roots;
}

}  // namespace blindai::evidence
