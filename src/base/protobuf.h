// The wire format of protocol buffers (protobuf.dev, "Encoding"), read with bounds and written. What the numbers of the
// fields mean is the caller's business.
//
//   for (protobuf::Reader reader(message); !reader.done();) {
//     const auto field = reader.next();
//     if (!field) { ... the message is cut off or damaged
//
// Thread rule: values.
#pragma once

#include <optional>

#include "base/bytes.h"

namespace blindai::protobuf {

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct Field {
  std::uint32_t number = 0;
  Wire wire{};
  std::uint64_t number_value = 0;  // of varint, fixed64, fixed32
  ByteView bytes;                  // of bytes
  ByteView whole;                  // tag and all, to copy it as it stands
};

// Reads the fields of one message, one after another. Allocates nothing.
class Reader {
 public:
  explicit Reader(ByteView message) : rest_(message) {}
  bool done() const { return rest_.empty(); }
  // Nothing for groups, unknown wire types, and what points past the end.
  std::optional<Field> next();

 private:
  ByteView rest_;
};

// The varint at the front of `rest`, taken off it; nothing where it is cut off or longer than 64 bits.
std::optional<std::uint64_t> take_varint(ByteView& rest);
// How many varints a packed field holds, or nothing where it is cut off.
std::optional<std::uint64_t> count_varints(ByteView packed);

void put_varint(Bytes& out, std::uint64_t value);
void put_number(Bytes& out, std::uint32_t field, std::uint64_t value);
void put_bytes(Bytes& out, std::uint32_t field, ByteView bytes);

}  // namespace blindai::protobuf
