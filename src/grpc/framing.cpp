#include "grpc/framing.h"

#include <fmt/format.h>

#include <algorithm>

namespace blindai::grpc {
namespace {

constexpr std::size_t max_early_bytes = 1024 * 1024;  // set aside at once for a message that says it is as long

}  // namespace

Result<void> Held::take(std::uint64_t bytes) {
  const std::uint64_t before = memory_->used_.fetch_add(bytes);
  bytes_ += bytes;
  if (before + bytes > memory_->limit_) {
    return fail(Code::resource_exhausted, {"the server holds too many messages; try again later"});
  }
  return {};
}

void Held::give_back(std::uint64_t bytes) {
  memory_->used_ -= bytes;
  bytes_ -= bytes;
}

Prefix prefix_of(std::uint32_t size) {
  return {0, static_cast<std::uint8_t>(size >> 24U), static_cast<std::uint8_t>(size >> 16U),
          static_cast<std::uint8_t>(size >> 8U), static_cast<std::uint8_t>(size)};
}

Result<void> Deframer::begin() {
  if (prefix_[0] > 1) {
    return fail(Code::invalid_argument, {"the call holds bytes that are no message"});
  }
  size_ = std::size_t{prefix_[1]} << 24U | std::size_t{prefix_[2]} << 16U | std::size_t{prefix_[3]} << 8U | prefix_[4];
  if (size_ > limit_) {
    return fail(Code::too_large, {"the message has {} bytes, the limit of this method is {}", size_, limit_});
  }
  message_.bytes.reserve(std::min(size_, max_early_bytes));
  return {};
}

// What belongs to this message, off the front of `bytes`.
Result<void> Deframer::absorb(ByteView& bytes) {
  const std::size_t head = std::min(bytes.size(), prefix_bytes - prefix_have_);
  if (head > 0) {
    std::ranges::copy(bytes.first(head), prefix_.begin() + static_cast<std::ptrdiff_t>(prefix_have_));
    prefix_have_ += head;
    bytes = bytes.subspan(head);
    if (prefix_have_ < prefix_bytes) {
      return {};
    }
    BLINDAI_CHECK(begin());
  }
  const ByteView piece = bytes.first(std::min(bytes.size(), size_ - message_.bytes.size()));
  BLINDAI_CHECK(message_.held.take(piece.size()));
  append(message_.bytes, piece);
  bytes = bytes.subspan(piece.size());
  return {};
}

Result<std::size_t> Deframer::feed(ByteView bytes) {
  const std::size_t given = bytes.size();
  if (rest_.empty()) {
    BLINDAI_CHECK(absorb(bytes));
  }
  BLINDAI_CHECK(rest_held_.take(bytes.size()));
  append(rest_, bytes);
  return given - bytes.size();
}

Result<Deframer::Taken> Deframer::take() {
  Taken taken{{std::exchange(message_.bytes, {}), std::exchange(message_.held, Held(memory_))}, prefix_[0] == 1, 0};
  prefix_have_ = 0;
  size_ = 0;
  const ByteView before = ByteView(rest_).subspan(rest_begin_);
  ByteView rest = before;
  BLINDAI_CHECK(absorb(rest));
  taken.eaten = before.size() - rest.size();
  rest_begin_ += taken.eaten;
  if (rest_begin_ > rest_.size() / 2 || rest.empty()) {
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(rest_begin_));
    rest_held_.give_back(std::exchange(rest_begin_, 0));
  }
  return taken;
}

std::optional<std::chrono::nanoseconds> timeout_from(std::string_view text) {
  constexpr std::size_t max_digits = 8;
  if (text.size() < 2 || text.size() > max_digits + 1) {
    return std::nullopt;
  }
  std::int64_t number = 0;
  for (const char digit : text.substr(0, text.size() - 1)) {
    if (digit < '0' || digit > '9') {
      return std::nullopt;
    }
    number = number * 10 + (digit - '0');
  }
  switch (text.back()) {
    case 'H':  // of so many hours, only some are nanoseconds of 64 bits: nobody waits for more than a day
      return std::chrono::hours(std::min<std::int64_t>(number, 24));
    case 'M':
      return std::chrono::minutes(number);
    case 'S':
      return std::chrono::seconds(number);
    case 'm':
      return std::chrono::milliseconds(number);
    case 'u':
      return std::chrono::microseconds(number);
    case 'n':
      return std::chrono::nanoseconds(number);
    default:
      return std::nullopt;
  }
}

std::string encode_status_message(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

bool is_grpc(std::string_view content_type) {
  constexpr std::string_view name = "application/grpc";
  return content_type.starts_with(name) &&
         (content_type.size() == name.size() || content_type[name.size()] == '+' || content_type[name.size()] == ';');
}

}  // namespace blindai::grpc
