#include "http/chunks.h"

namespace blindai::http {
namespace {

constexpr std::size_t max_control_bytes = 8 * 1024;
constexpr int max_size_digits = 12;

std::unexpected<Error> broken() { return fail(Code::invalid_argument, {"the chunks of the body are malformed"}); }

int hex_digit(std::uint8_t byte) {
  if (byte >= '0' && byte <= '9') {
    return byte - '0';
  }
  const int lower = byte | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void ChunkDecoder::took(std::uint64_t count) {
  left_ -= count;
  if (left_ == 0) {
    state_ = State::data_end_cr;
  }
}

Result<std::size_t> ChunkDecoder::eat(ByteView bytes) {
  std::size_t eaten = 0;
  while (eaten < bytes.size() && need() == Need::control) {
    BLINDAI_CHECK(step(bytes[eaten]));
    ++eaten;
  }
  return eaten;
}

Result<void> ChunkDecoder::step(std::uint8_t byte) {
  if (state_ == State::extension || state_ == State::trailer) {
    if (++control_ > max_control_bytes) {
      return broken();
    }
  }
  switch (state_) {
    case State::size: {
      const int digit = hex_digit(byte);
      if (digit >= 0 && digits_ < max_size_digits) {
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        ++digits_;
        return {};
      }
      if (digits_ == 0 || digit >= 0 || (byte != '\r' && byte != ';')) {
        return broken();
      }
      state_ = byte == '\r' ? State::size_end : State::extension;
      return {};
    }
    case State::extension:
      if (byte == '\r') {
        state_ = State::size_end;
      }
      return byte == '\n' ? broken() : Result<void>();
    case State::size_end:
      digits_ = 0;
      state_ = left_ == 0 ? State::trailer_start : State::data;
      return byte == '\n' ? Result<void>() : broken();
    case State::data_end_cr:
      state_ = State::data_end_lf;
      return byte == '\r' ? Result<void>() : broken();
    case State::data_end_lf:
      state_ = State::size;
      return byte == '\n' ? Result<void>() : broken();
    case State::trailer_start:
      state_ = byte == '\r' ? State::last_lf : State::trailer;
      return {};
    case State::trailer:
      if (byte == '\r') {
        state_ = State::trailer_end;
      }
      return byte == '\n' ? broken() : Result<void>();
    case State::trailer_end:
      state_ = State::trailer_start;
      return byte == '\n' ? Result<void>() : broken();
    case State::last_lf:
      state_ = State::done;
      return byte == '\n' ? Result<void>() : broken();
    case State::data:
    case State::done:
      break;
  }
  return broken();
}

}  // namespace blindai::http
