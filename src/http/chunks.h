// Private to this folder: the chunked transfer coding (RFC 9112 section 7.1), taken off byte by byte.
#pragma once

#include "base/bytes.h"

namespace blindai::http {

class ChunkDecoder {
 public:
  // What to do next with the bytes at hand.
  enum class Need : std::uint8_t { control, data, nothing };
  Need need() const {
    return state_ == State::data ? Need::data : state_ == State::done ? Need::nothing : Need::control;
  }

  // Bytes of data that the present chunk still has, where need() is data.
  std::uint64_t data_left() const { return left_; }
  void took(std::uint64_t count);  // of them

  // Eats control bytes (sizes, line ends, trailers) from the front; stops at data or at the end of the body. Returns how
  // many it ate. Errors: invalid_argument.
  Result<std::size_t> eat(ByteView bytes);

 private:
  enum class State : std::uint8_t {
    size,
    extension,
    size_end,
    data,
    data_end_cr,
    data_end_lf,
    trailer_start,
    trailer,
    trailer_end,
    last_lf,
    done
  };
  Result<void> step(std::uint8_t byte);
  State state_ = State::size;
  std::uint64_t left_ = 0;
  int digits_ = 0;
  std::size_t control_ = 0;  // bytes of extensions and trailers so far
};

}  // namespace blindai::http
