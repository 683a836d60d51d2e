#include "http/chunks.h"

#include <gtest/gtest.h>

namespace blindai::http {
namespace {

// The body that the decoder finds in `text`, fed in pieces; nothing where it refuses or wants more.
std::optional<std::string> decode(std::string_view text, std::size_t piece) {
  ChunkDecoder decoder;
  std::string out;
  while (!text.empty() && decoder.need() != ChunkDecoder::Need::nothing) {
    std::string_view now = text.substr(0, piece);
    std::size_t used = 0;
    if (decoder.need() == ChunkDecoder::Need::data) {
      used = std::min<std::size_t>(now.size(), decoder.data_left());
      out += now.substr(0, used);
      decoder.took(used);
    } else {
      const auto eaten = decoder.eat(as_bytes(now));
      if (!eaten) {
        return std::nullopt;
      }
      used = *eaten;
    }
    text.remove_prefix(used);
  }
  return decoder.need() == ChunkDecoder::Need::nothing && text.empty() ? std::optional(out) : std::nullopt;
}

TEST(Chunks, AreTakenOffHoweverTheyArrive) {
  for (std::size_t piece = 1; piece < 40; ++piece) {
    EXPECT_EQ(decode("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", piece), "hello world") << piece;
    EXPECT_EQ(decode("A\r\n0123456789\r\n0\r\nTrailer: yes\r\nMore: no\r\n\r\n", piece), "0123456789") << piece;
    EXPECT_EQ(decode("0\r\n\r\n", piece), "");
  }
}

TEST(Chunks, AreRefusedWhereTheyAreMalformed) {
  for (const char* text :
       {"x\r\n", "\r\n", "-1\r\n", "5\nhello", "5\r\nhelloX\r\n", "5\r\nhello\n", "1000000000000000\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n", "0\r\nTrailer\n\r\n", "5x\r\nhello\r\n0\r\n\r\n",
        ";x\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n", "5\rxhello\r\n0\r\n\r\n", "5\r\nhellox\n0\r\n\r\n",
        "5\r\nhello\rx0\r\n\r\n", "0\r\na\nb\r\n\r\n", "0\r\na\rx\r\n", "0\r\n\rx"}) {
    EXPECT_EQ(decode(text, 100), std::nullopt) << text;
  }
  // A thousand small trailers are as much as one large one.
  std::string trailers = "0\r\n";
  for (int i = 0; i < 1000; ++i) {
    trailers += "name: val\r\n";
  }
  EXPECT_EQ(decode(trailers + "\r\n", 100), std::nullopt);
  EXPECT_EQ(decode("5;" + std::string(9000, 'x') + "\r\nhello\r\n0\r\n\r\n", 100), std::nullopt);
}

}  // namespace
}  // namespace blindai::http
