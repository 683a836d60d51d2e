// Private to this folder: messages inside the bytes of a call, and the values of gRPC's own header fields.
#pragma once

#include "grpc/call.h"

namespace blindai::grpc {

inline constexpr std::size_t prefix_bytes = 5;  // whether compressed, and the length, big endian
using Prefix = std::array<std::uint8_t, prefix_bytes>;
Prefix prefix_of(std::uint32_t size);

// Takes messages out of the bytes of a call. Memory follows the bytes that have come, not the length that is told.
class Deframer {
 public:
  Deframer(Memory& memory, std::size_t limit)
      : memory_(memory), limit_(limit), message_{{}, Held(memory)}, rest_held_(memory) {}

  // Takes bytes; those behind a message that nobody has taken yet are set aside. Returns how many were not.
  // Errors: too_large, resource_exhausted, invalid_argument (a prefix that is none).
  Result<std::size_t> feed(ByteView bytes);
  bool whole() const { return prefix_have_ == prefix_bytes && message_.bytes.size() == size_; }
  bool begun() const { return prefix_have_ > 0; }
  std::size_t have() const { return message_.bytes.size(); }
  // The message, if it is whole. Then goes on with what was set aside; `eaten` counts that.
  struct Taken {
    Message message;
    bool compressed = false;
    std::size_t eaten = 0;
  };
  Result<Taken> take();

 private:
  Result<void> begin();
  Result<void> absorb(ByteView& bytes);
  Memory& memory_;
  const std::size_t limit_;
  Prefix prefix_{};
  std::size_t prefix_have_ = 0;
  std::size_t size_ = 0;
  Message message_;
  Bytes rest_;                  // set aside
  std::size_t rest_begin_ = 0;  // of it that is taken
  Held rest_held_;
};

// Of grpc-timeout: at most 8 digits and a unit (H, M, S, m, u, n).
std::optional<std::chrono::nanoseconds> timeout_from(std::string_view text);
// Of grpc-message: percent-encoded where it is not printable ASCII.
std::string encode_status_message(std::string_view text);
// "application/grpc", "application/grpc+proto", "application/grpc;..."
bool is_grpc(std::string_view content_type);

}  // namespace blindai::grpc
