// Bodies of every framing and coding, within their limit, from a peer that sends them in pieces.
#include "http/body.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <numeric>

#include "http/sent.h"
#include "http/zipped.h"

namespace blindai::http {
namespace {

struct RequestBody : testing::Test {
  asio::io_context io;
  Bytes plain = Bytes(100'000);

  RequestBody() { std::iota(plain.begin(), plain.end(), std::uint8_t{0}); }

  static Task<Result<Bytes>> all(Exchange& exchange, std::uint64_t limit, std::size_t room = 4096) {
    BLINDAI_CO_TRY(Body body, Body::open(exchange, limit));
    Bytes out;
    Bytes piece(room);
    while (true) {
      BLINDAI_CO_TRY(const std::size_t count, co_await body.read_some(piece));
      if (count == 0) {
        co_return out;
      }
      append(out, ByteView(piece).first(count));
    }
  }
  Result<Bytes> read(Bytes sent, const std::string& coding, std::uint64_t limit, bool chunked = false,
                     std::size_t piece = 1 << 20) {
    Sent exchange(io, std::move(sent), coding, chunked, piece);
    return wait(io, all(exchange, limit));
  }
  static Code code(const Result<Bytes>& result) { return result ? Code::internal : result.error().code; }
};

TEST_F(RequestBody, IsTheSameHoweverItComes) {
  const std::vector<std::pair<std::string, Bytes>> forms = {
      {"", plain},
      {"identity", plain},
      {"gzip", zipped(plain)},
      {"x-gzip", zipped(plain)},
      {"GZIP", zipped(plain)},
      {" gzip ,", zipped(plain)},
      {"identity, gzip", zipped(plain)},
      {"gzip", zipped(plain, gzip_window, 0)},
      {"deflate", zipped(plain, zlib_window)},
  };
  for (const auto& [coding, sent] : forms) {
    for (const bool chunked : {false, true}) {
      for (const std::size_t piece : {std::size_t{1}, std::size_t{997}, std::size_t{1} << 20}) {
        const auto got = read(sent, coding, plain.size(), chunked, piece);
        ASSERT_TRUE(got) << coding << ": " << got.error().message.str();
        EXPECT_TRUE(*got == plain) << coding << " " << chunked << " " << piece;
      }
    }
  }
}

TEST_F(RequestBody, MayBeOfSeveralGzipMembers) {
  Bytes sent = zipped(ByteView(plain).first(10));
  append(sent, zipped({}));
  append(sent, zipped(ByteView(plain).subspan(10)));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1} << 20}) {
    const auto got = read(sent, "gzip", plain.size(), false, piece);
    ASSERT_TRUE(got);
    EXPECT_TRUE(*got == plain);
  }
}

TEST_F(RequestBody, OfAnotherCodingIsRefused) {
  for (const char* coding :
       {"br", "zstd", "compress", "gzip, gzip", "deflate, gzip", "gzip;q=1", "gz ip", "\"gzip\""}) {
    EXPECT_EQ(code(read(plain, coding, plain.size())), Code::unsupported_media) << coding;
    Sent exchange(io, plain, coding, false, 1);
    EXPECT_FALSE(check_plain(exchange.head())) << coding;
  }
  EXPECT_FALSE(check_plain(Sent(io, plain, "gzip", false, 1).head()));
  EXPECT_TRUE(check_plain(Sent(io, plain, "identity", false, 1).head()));
  EXPECT_TRUE(check_plain(Sent(io, plain, "", false, 1).head()));
}

TEST_F(RequestBody, IsBoundedInPlainBytes) {
  for (const bool chunked : {false, true}) {
    for (const char* coding : {"", "gzip"}) {
      const Bytes sent = *coding == '\0' ? plain : zipped(plain);
      EXPECT_TRUE(read(sent, coding, plain.size(), chunked));
      EXPECT_EQ(code(read(sent, coding, plain.size() - 1, chunked)), Code::too_large) << coding;
      EXPECT_EQ(code(read(sent, coding, 0, chunked)), Code::too_large) << coding;
    }
  }
}

TEST_F(RequestBody, ThatIsTooLargeByItsHeadIsNotRead) {
  for (const char* coding : {"", "gzip"}) {
    Sent exchange(io, Bytes(20'000), coding, false, 1 << 20);
    EXPECT_EQ(wait(io, all(exchange, 1000)).error().code, Code::too_large);
    EXPECT_EQ(exchange.read, 0u);
  }
}

TEST_F(RequestBody, ThatGrowsWithoutEndIsLeftAtItsLimit) {
  const Bytes zeros(64 << 20);
  const Bytes sent = zipped(zeros);
  ASSERT_LT(sent.size(), 100'000u);
  Sent exchange(io, sent, "gzip", true, 1000);
  EXPECT_EQ(wait(io, all(exchange, 1 << 20)).error().code, Code::too_large);
  EXPECT_LT(exchange.read, 8000u);  // no more than the limit needs
}

TEST_F(RequestBody, OfStreamsThatMakeNothingHasAnEnd) {
  Bytes sent;
  const Bytes nothing = zipped({});
  while (sent.size() < 100'000) {
    append(sent, nothing);
  }
  EXPECT_EQ(code(read(sent, "gzip", 1000, true)), Code::too_large);
}

TEST_F(RequestBody, ThatIsDamagedIsRefused) {
  const Bytes gzip = zipped(plain);
  for (std::size_t size = 0; size < gzip.size(); size += size < 30 ? 1 : 97) {
    EXPECT_EQ(code(read(Bytes(gzip.begin(), gzip.begin() + static_cast<std::ptrdiff_t>(size)), "gzip", plain.size())),
              Code::invalid_argument)
        << size;
  }
  Bytes wrong = gzip;
  wrong[wrong.size() - 8] ^= 1U;  // the checksum
  EXPECT_EQ(code(read(wrong, "gzip", plain.size())), Code::invalid_argument);
  Bytes longer = gzip;
  longer.push_back(0);
  EXPECT_EQ(code(read(longer, "gzip", plain.size())), Code::invalid_argument);
  longer = zipped(plain, zlib_window);
  append(longer, zipped(plain, zlib_window));
  EXPECT_EQ(code(read(longer, "deflate", 2 * plain.size())), Code::invalid_argument);
  EXPECT_EQ(code(read(zipped(plain, -15), "deflate", plain.size())), Code::invalid_argument);
  EXPECT_EQ(code(read(gzip, "deflate", plain.size())), Code::invalid_argument);
  EXPECT_EQ(code(read(zipped(plain, zlib_window), "gzip", plain.size())), Code::invalid_argument);
  EXPECT_EQ(code(read(plain, "gzip", plain.size())), Code::invalid_argument);
}

TEST_F(RequestBody, ThatIsDamagedIsReadNoFurther) {
  Bytes sent = zipped(plain);
  sent[12] ^= 0xffU;
  sent.resize(10 * plain.size());
  Sent exchange(io, sent, "gzip", true, 1000);
  EXPECT_EQ(wait(io, all(exchange, 20 * plain.size())).error().code, Code::invalid_argument);
  EXPECT_LT(exchange.read, 20'000u);
}

TEST_F(RequestBody, IsReadExactly) {
  for (const char* coding : {"", "gzip"}) {
    Sent exchange(io, *coding == '\0' ? plain : zipped(plain), coding, true, 777);
    auto body = Body::open(exchange, plain.size());
    ASSERT_TRUE(body);
    Bytes out(60'000);
    EXPECT_TRUE(wait(io, body->read_exact(out)));
    EXPECT_TRUE(std::ranges::equal(out, ByteView(plain).first(60'000)));
    EXPECT_EQ(wait(io, body->expect_end()).error().code, Code::invalid_argument);
    EXPECT_EQ(wait(io, body->read_exact(out)).error().code, Code::invalid_argument);  // 39 999 are left
  }
  Sent exchange(io, plain, "", true, 777);
  auto body = Body::open(exchange, 50'000);
  Bytes out(60'000);
  EXPECT_EQ(wait(io, body->read_exact(out)).error().code, Code::too_large);
}

TEST_F(RequestBody, TellsItsSizeWhereThatIsKnown) {
  Sent plain_one(io, plain, "", false, 1);
  EXPECT_EQ(Body::open(plain_one, plain.size())->size(), plain.size());
  Sent chunked(io, plain, "", true, 1);
  EXPECT_EQ(Body::open(chunked, plain.size())->size(), std::nullopt);
  Sent packed(io, zipped(plain), "gzip", false, 1);
  EXPECT_EQ(Body::open(packed, plain.size())->size(), std::nullopt);
}

// A tensor of many megabytes must not keep the thread: others run between its slices.
TEST_F(RequestBody, LetsOthersRunWhileItInflates) {
  const Bytes zeros(32 << 20);
  Sent exchange(io, zipped(zeros), "gzip", true, 1 << 20);
  int turns = 0;
  bool over = false;
  asio::co_spawn(
      io,
      [&]() -> Task<void> {
        while (!over) {
          ++turns;
          co_await asio::post(io, asio::use_awaitable);
        }
      },
      asio::detached);
  auto body = Body::open(exchange, zeros.size());
  Bytes out(zeros.size());
  Result<void> got;
  asio::co_spawn(
      io,
      [&]() -> Task<void> {
        got = co_await body->read_exact(out);
        over = true;
      },
      asio::detached);
  io.run();
  EXPECT_TRUE(got);
  EXPECT_GE(turns, 30);
}

}  // namespace
}  // namespace blindai::http
