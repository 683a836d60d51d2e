// Private to this folder: fields of fixed width, as quotes and reports have them.
#pragma once

#include <cstdlib>

#include "base/bytes.h"

namespace blindai::chains {

template <typename Number>
void put(Bytes& out, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> (8 * i)));
  }
}

// Ends the process where the field has another width: a mistake in a test.
inline void put_field(Bytes& out, ByteView field, std::size_t width) {
  if (field.size() != width) {
    std::abort();
  }
  append(out, field);
}

inline void put_zeros(Bytes& out, std::size_t count) { out.resize(out.size() + count); }

}  // namespace blindai::chains
