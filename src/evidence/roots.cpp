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
  static constexpr std::array signed_by_intel = {
      digest_of("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"),  // Root CA, by itself
      digest_of("22eb770dca215b607b5ccfc21a672b1da5cc660b1ad0365020567979edcaa0e1"),  // PCK Platform CA
      digest_of("13b2dccef8fc4ec977ee5249743b0f758ebd1e28d768b2e1e12bc348adaa09fb"),  // PCK Processor CA
      digest_of("ec37d98107bfb7dab6ff8de4d4dda6fde30a6f50b0d7b03eefb5652f1e652969"),  // TCB Signing, 2018 to 2025
      digest_of("c0575e76d0303b61d09cde8cbdb70db34a74f38318300d7c0e6ba8cf4bf45aea"),  // TCB Signing, 2025 to 2032
  };
  static constexpr Roots roots = {
      .intel = digest_of("a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"),
      .amd = {digest_of("9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9"),
              digest_of("429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831"),
              digest_of("4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08")},
      .signed_by_intel = signed_by_intel,
  };
  return roots;
}

}  // namespace blindai::evidence
