#include "base/utf8.h"

namespace blindai {

bool is_utf8(ByteView text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::uint8_t first = text[i];
    if (first < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                               : (first & 0xf0U) == 0xe0        ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    if (length == 0 || text.size() - i < length) {
      return false;
    }
    const std::uint8_t second = text[i + 1];
    const std::uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const std::uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) {
      return false;
    }
    for (std::size_t k = 2; k < length; ++k) {
      if ((text[i + k] & 0xc0U) != 0x80) {
        return false;
      }
    }
    i += length;
  }
  return true;
}

}  // namespace blindai
