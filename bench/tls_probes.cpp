#include <algorithm>

#include "bench/histogram.h"
#include "bench/samples.h"
#include "bench/tls_peer.h"

namespace blindai::bench {
namespace {

Result<void> read_exact(channel::ClientStream& stream, MutableBytes out) {
  while (!out.empty()) {
    BLINDAI_TRY(const std::size_t got, stream.read_some(out));
    if (got == 0) {
      return fail(Code::unavailable, {"the peer closed the connection"});
    }
    out = out.subspan(got);
  }
  return {};
}

}  // namespace

Result<json::Object> tls_echo(std::size_t message_bytes, const LoadShape& shape) {
  BLINDAI_TRY(const auto peer, TlsPeer::start(TlsPeer::Mode::echo, message_bytes));
  BLINDAI_TRY(const auto stream, peer->connect());
  stream->set_deadline(Steady::now() + std::chrono::minutes(5));
  Histogram histogram;
  Bytes message(message_bytes, 7);
  const auto start =
      Steady::now() + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(shape.warmup_seconds));
  const auto end = start + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(shape.seconds));
  for (auto begin = Steady::now(); begin < end; begin = Steady::now()) {
    BLINDAI_CHECK(stream->write_all(message));
    BLINDAI_CHECK(read_exact(*stream, message));
    if (begin >= start) {
      histogram.record(Steady::now() - begin);
    }
  }
  stream->close();
  return histogram.to_json();
}

Result<json::Object> tls_sink(std::uint64_t bytes) {
  BLINDAI_TRY(const auto peer, TlsPeer::start(TlsPeer::Mode::sink));
  BLINDAI_TRY(const auto stream, peer->connect());
  stream->set_deadline(Steady::now() + std::chrono::minutes(5));
  const Bytes chunk(256 * 1024, 0);
  const auto begin = Steady::now();
  for (std::uint64_t sent = 0; sent < bytes;) {
    const auto part = std::min<std::uint64_t>(chunk.size(), bytes - sent);
    BLINDAI_CHECK(stream->write_all(ByteView(chunk).first(part)));
    sent += part;
  }
  const double seconds = std::chrono::duration<double>(Steady::now() - begin).count();
  const Bytes end_mark{1};
  BLINDAI_CHECK(stream->write_all(end_mark));
  Bytes answer(1);
  BLINDAI_CHECK(read_exact(*stream, answer));
  stream->close();
  return json::Object{
      {"bytes", bytes}, {"seconds", seconds}, {"bytes_per_second", static_cast<double>(bytes) / seconds}};
}

Result<json::Object> tls_handshake(unsigned count) {
  BLINDAI_TRY(const auto peer, TlsPeer::start(TlsPeer::Mode::echo));
  Histogram histogram;
  for (unsigned i = 0; i < count; ++i) {
    const auto begin = Steady::now();
    BLINDAI_TRY(const auto stream, peer->connect());
    histogram.record(Steady::now() - begin);
    stream->close();
  }
  return histogram.to_json();
}

}  // namespace blindai::bench
