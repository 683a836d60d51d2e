// Quotes made by hand, of every version and body: the form alone, no signature in them holds.
#pragma once

#include "evidence/dcap/quote.h"

namespace blindai::evidence::dcap {

inline void put_le(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

inline void set_le(Bytes& out, std::size_t at, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.at(at + i) = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

// Bytes that differ from their neighbours, so that a field read from the wrong place is seen.
inline Bytes filler(std::size_t count, std::uint8_t first) {
  Bytes out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = static_cast<std::uint8_t>(first + i % 251);
  }
  return out;
}

struct Range {
  std::size_t from;
  std::size_t bytes;
};
inline constexpr std::array sgx_reserved{Range{20, 12}, Range{96, 32}, Range{160, 32}, Range{262, 42}};

inline Bytes sgx_body(std::uint8_t first) {
  Bytes body = filler(sgx_report_bytes, first);
  for (const Range range : sgx_reserved) {
    std::fill_n(body.begin() + static_cast<std::ptrdiff_t>(range.from), range.bytes, std::uint8_t{0});
  }
  return body;
}

// What a quote is made of; change it, then build().
struct QuoteBytes {
  std::uint16_t version = 3;
  std::uint16_t key_type = 2;
  std::uint32_t tee_type = 0;
  Bytes vendor{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
  Bytes user_data = filler(20, 0x70);
  std::uint16_t body_type = 0;
  std::optional<std::uint32_t> body_size;  // where it is to be wrong
  Bytes body = sgx_body(1);
  Bytes signature = filler(64, 2);
  Bytes key = filler(64, 3);
  std::uint16_t outer_type = 6;
  Bytes qe_report = sgx_body(4);
  Bytes qe_signature = filler(64, 5);
  Bytes auth_data = filler(32, 6);
  std::uint16_t certification_type = 5;
  Bytes chain = filler(300, 7);
  Bytes trailing;

  // Where the lengths stand, known after build().
  struct Length {
    std::size_t at;
    std::size_t bytes;
  };
  std::vector<Length> lengths;

  // `body_type` as in version 5: 1 SGX, 2 TD 1.0, 3 TD 1.5, 4 TD partitioning.
  static QuoteBytes of(std::uint16_t version, std::uint16_t body_type) {
    static constexpr std::array<std::size_t, 5> sizes{0, 384, 584, 648, 885};
    QuoteBytes quote;
    quote.version = version;
    quote.body_type = body_type;
    if (body_type != 1) {
      quote.tee_type = 0x81;
      quote.body = filler(sizes.at(body_type), 9);
    }
    return quote;
  }

  Bytes build() {
    lengths.clear();
    Bytes out;
    put_le(out, version, 2);
    put_le(out, key_type, 2);
    put_le(out, tee_type, 4);
    put_le(out, 0x0a09, 2);
    put_le(out, 0x0c0b, 2);
    append(out, vendor);
    append(out, user_data);
    if (version == 5) {
      put_le(out, body_type, 2);
      put_length(out, body_size.value_or(static_cast<std::uint32_t>(body.size())), 4);
    }
    append(out, body);
    const std::size_t signature_size_at = out.size();
    put_length(out, 0, 4);
    append(out, signature);
    append(out, key);
    const std::size_t outer_at = out.size();
    if (version >= 4) {
      put_le(out, outer_type, 2);
      put_length(out, 0, 4);
    }
    append(out, qe_report);
    append(out, qe_signature);
    put_length(out, auth_data.size(), 2);
    append(out, auth_data);
    put_le(out, certification_type, 2);
    put_length(out, chain.size(), 4);
    append(out, chain);
    set_le(out, signature_size_at, out.size() - signature_size_at - 4, 4);
    if (version >= 4) {
      set_le(out, outer_at + 2, out.size() - outer_at - 6, 4);
    }
    append(out, trailing);
    return out;
  }

 private:
  void put_length(Bytes& out, std::uint64_t value, std::size_t bytes) {
    lengths.push_back({out.size(), bytes});
    put_le(out, value, bytes);
  }
};

}  // namespace blindai::evidence::dcap
