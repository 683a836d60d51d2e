// What the fuzz targets share: how an input is cut up, and how a broken promise ends the run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace blindai::fuzz {

// A property of the parser, not only the absence of a crash.
inline void promise(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
  }
}

// Takes the first `count` bytes, or as many as there are.
inline ByteView take(ByteView& input, std::size_t count) {
  const ByteView front = input.first(std::min(count, input.size()));
  input = input.subspan(front.size());
  return front;
}

// A number of so many bytes from the front.
inline std::uint64_t take_number(ByteView& input, std::size_t bytes) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : take(input, bytes)) {
    number = number << 8U | byte;
  }
  return number;
}

}  // namespace blindai::fuzz
