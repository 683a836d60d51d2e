// The body of a request, whatever brought it: with a length or in chunks, plain or compressed. It is pulled, and never
// larger than its limit, which counts plain bytes. What inflates is made in the room of the one who pulls: a body that
// would grow to any size costs 64 KiB, and time for no more than the limit, in slices between which others run.
//
// Thread rule: as its Exchange.
#pragma once

#include "http/inflate.h"
#include "http/server.h"

namespace blindai::http {

// Of the Content-Encoding header. Error: unsupported_media, for all but gzip, x-gzip, deflate and identity, and for more
// than one.
Result<Coding> coding_of(const RequestHead& head);
// For bodies that are taken as they are: unsupported_media where the head names any coding.
Result<void> check_plain(const RequestHead& head);

class Body {
 public:
  // Reads nothing yet. Errors: those of coding_of(); too_large where the head tells of more than the limit;
  // resource_exhausted.
  static Result<Body> open(Exchange& exchange, std::uint64_t limit);

  // Of the whole, where that is known before it has been read.
  std::optional<std::uint64_t> size() const;
  // Next plain bytes; 0 at the end. Errors: those of Exchange::read_some(); too_large; invalid_argument where a compressed
  // body is damaged or cut off.
  Task<Result<std::size_t>> read_some(MutableBytes out);
  // Exactly so many, else invalid_argument where the body ends before.
  Task<Result<void>> read_exact(MutableBytes out);
  // Invalid_argument where anything follows.
  Task<Result<void>> expect_end();

 private:
  explicit Body(Exchange& exchange, std::uint64_t limit) : exchange_(&exchange), limit_(limit) {}
  Task<Result<std::size_t>> inflate(MutableBytes out);
  Task<Result<void>> refill();
  // Of compressed bytes: what an honest sender needs at most for so many plain ones, which is hardly more than those.
  std::uint64_t packed_limit() const { return limit_ + limit_ / 64 + 1024; }

  Exchange* exchange_;
  std::uint64_t limit_;
  std::uint64_t read_ = 0;  // plain bytes
  std::optional<Inflater> inflater_;
  std::uint64_t packed_read_ = 0;
  Bytes packed_;  // read and not inflated yet: [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t unwaited_ = 0;  // plain bytes, since others were let run
};

// 415, which says what is taken instead (RFC 9110 section 15.5.16).
Task<void> refuse_coding(Exchange& exchange, const Error& error);

}  // namespace blindai::http
