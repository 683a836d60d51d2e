// Takes the gzip (RFC 1952) or zlib framing (RFC 1950; "deflate" in HTTP) off a body as it comes. What it makes is bounded
// by the room it is given: a body that grows without end costs memory nowhere.
//
// Thread rule: belongs to one thread.
#pragma once

#include <memory>

#include "base/bytes.h"

struct z_stream_s;

namespace blindai::http {

enum class Coding : std::uint8_t { none, gzip, deflate };

class Inflater {
 public:
  // `coding`: gzip or deflate. Error: resource_exhausted.
  static Result<Inflater> make(Coding coding);

  struct Step {
    std::size_t eaten = 0;
    std::size_t made = 0;
  };
  // Goes on until `in` is eaten or `out` is full. Errors: invalid_argument where the stream is damaged, its checksum is
  // another, or bytes follow it (gzip may have further members); resource_exhausted.
  Result<Step> step(ByteView in, MutableBytes out);
  // Whether the body may end here.
  bool whole() const { return ended_; }

 private:
  struct End {
    void operator()(z_stream_s* stream) const;
  };
  Coding coding_{};
  std::unique_ptr<z_stream_s, End> stream_;
  bool ended_ = false;  // a stream has ended, and no byte of another has come
};

}  // namespace blindai::http
