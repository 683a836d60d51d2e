// Private to this folder: the wire format of protocol buffers (protobuf.dev, "Encoding"), read with bounds and written.
//
// Thread rule: values.
#pragma once

#include <optional>

#include "base/bytes.h"

namespace blindai::gate {

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct Field {
  std::uint32_t number = 0;
  Wire wire{};
  std::uint64_t number_value = 0;  // of varint, fixed64, fixed32
  ByteView bytes;                  // of bytes
  ByteView whole;                  // tag and all, to copy it as it stands
};

// Reads the fields of one message, one after another. Groups, unknown wire types and whatever points past the end are
// errors; nothing is allocated.
class Fields {
 public:
  explicit Fields(ByteView message) : rest_(message) {}
  bool done() const { return rest_.empty(); }
  Result<Field> next();

 private:
  Result<std::uint64_t> varint();
  ByteView rest_;
};

// How many varints a packed field holds, or nothing where it is cut off.
std::optional<std::uint64_t> count_varints(ByteView packed);

void put_varint(Bytes& out, std::uint64_t value);
void put_number(Bytes& out, std::uint32_t field, std::uint64_t value);
void put_bytes(Bytes& out, std::uint32_t field, ByteView bytes);

}  // namespace blindai::gate
