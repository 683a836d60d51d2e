// Private to this folder: the primes of the RSA test keys. Everyone can read them: they protect nothing.
#pragma once

#include <string_view>

namespace blindai::chains {

struct RsaTestKey {
  std::string_view name;
  std::string_view p;  // hexadecimal
  std::string_view q;
};
// Ends the process where there is no key of that name: a mistake in a test.
const RsaTestKey& rsa_test_key(std::string_view name);

}  // namespace blindai::chains
