// Bodies as senders compress them, made by zlib.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/bytes.h"

namespace blindai::http {

inline constexpr int gzip_window = 15 + 16;
inline constexpr int zlib_window = 15;

inline Bytes zipped(ByteView plain, int window = gzip_window, int level = 6) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(::deflateBound(&stream, plain.size()) + 64);
  stream.next_in = const_cast<Bytef*>(plain.data());  // NOLINT: zlib does not write there
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

}  // namespace blindai::http
