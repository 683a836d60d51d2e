// A bounded reader of DER (ITU-T X.690): definite lengths in their shortest form, tags 1 to 30, lengths inside the
// enclosing value. It keeps no memory, does not recurse, and gives views into the bytes that it reads.
//
//   Der outer(bytes);
//   const auto sequence = outer.take(tag::sequence);     // content
//   if (!sequence || !outer.at_end()) ...
#pragma once

#include "base/bytes.h"
#include "base/clock.h"

namespace blindai::evidence::x509 {

namespace tag {
inline constexpr std::uint8_t boolean = 0x01;
inline constexpr std::uint8_t integer = 0x02;
inline constexpr std::uint8_t bit_string = 0x03;
inline constexpr std::uint8_t octet_string = 0x04;
inline constexpr std::uint8_t null = 0x05;
inline constexpr std::uint8_t oid = 0x06;
inline constexpr std::uint8_t enumerated = 0x0a;
inline constexpr std::uint8_t utf8_string = 0x0c;
inline constexpr std::uint8_t printable_string = 0x13;
inline constexpr std::uint8_t ia5_string = 0x16;
inline constexpr std::uint8_t utc_time = 0x17;
inline constexpr std::uint8_t generalized_time = 0x18;
inline constexpr std::uint8_t sequence = 0x30;
inline constexpr std::uint8_t set = 0x31;
constexpr std::uint8_t context(int number) { return static_cast<std::uint8_t>(0xa0 + number); }  // constructed
constexpr std::uint8_t context_primitive(int number) { return static_cast<std::uint8_t>(0x80 + number); }
}  // namespace tag

struct Element {
  std::uint8_t tag = 0;
  ByteView content;
  ByteView whole;  // tag, length and content
};

class Der {
 public:
  explicit Der(ByteView bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  // The tag of the next element, or 0 where there is none.
  std::uint8_t peek() const { return rest_.empty() ? std::uint8_t{0} : rest_.front(); }
  std::optional<Element> next();                  // nothing where it is malformed, or at the end
  std::optional<Element> take(std::uint8_t tag);  // nothing also where the next element has another tag

 private:
  ByteView rest_;
};

// Values of primitive elements, from their content. Nothing where the encoding is not DER's.
std::optional<bool> read_boolean(ByteView content);
std::optional<std::int64_t> read_integer(ByteView content);  // at most 8 bytes
// Big-endian magnitude without its sign byte; zero is one byte. Nothing where it is negative.
std::optional<ByteView> read_unsigned(ByteView content);
std::optional<ByteView> read_bit_string(ByteView content);  // only without unused bits
// RFC 5280 section 4.1.2.5: UTCTime and GeneralizedTime, in Zulu with seconds and no fraction, years 1950 to 9999.
std::optional<UnixSeconds> read_time(std::uint8_t tag, ByteView content);
// Whether this is the content of an OBJECT IDENTIFIER: whole arcs, each in its shortest form.
bool is_oid(ByteView content);

}  // namespace blindai::evidence::x509
