// A small writer of DER (ITU-T X.690) for tests. It writes what it is told: values that a reader must refuse are made by
// asking for them.
#pragma once

#include <concepts>
#include <initializer_list>

#include "base/bytes.h"
#include "base/clock.h"

namespace blindai::chains::der {

// Tag, length in its shortest form, content.
Bytes element(std::uint8_t tag, ByteView content);
Bytes join(std::initializer_list<ByteView> parts);

template <std::convertible_to<ByteView>... Parts>
Bytes sequence(const Parts&... parts) {
  return element(0x30, join({ByteView(parts)...}));
}
template <std::convertible_to<ByteView>... Parts>
Bytes set(const Parts&... parts) {
  return element(0x31, join({ByteView(parts)...}));
}

Bytes boolean(bool value);
Bytes integer(std::int64_t value);
Bytes integer(ByteView magnitude);  // big-endian, not negative; leading zeros are dropped
Bytes enumerated(std::uint8_t value);
Bytes null();
Bytes oid(std::string_view dotted);  // "1.2.840.113741.1.13.1"
Bytes octet_string(ByteView content);
Bytes bit_string(ByteView content, std::uint8_t unused_bits = 0);
Bytes utf8_string(std::string_view text);
Bytes printable_string(std::string_view text);
Bytes ia5_string(std::string_view text);
Bytes context(std::uint8_t number, ByteView content);            // constructed
Bytes context_primitive(std::uint8_t number, ByteView content);  // IMPLICIT of a primitive type
// UTCTime up to 2049 and GeneralizedTime after, as RFC 5280 section 4.1.2.5 wants it.
Bytes time(UnixSeconds time);
Bytes generalized_time(UnixSeconds time);

}  // namespace blindai::chains::der
