// TLS 1.3 and nothing below, no tickets, no early data, no renegotiation: both ends.
//
// Server: the leaf is a P-256 key made in this process (gRPC clients refuse Ed25519 leaves) with a self-signed
// certificate; make_server_context() gives the SSL_CTX that http's listener runs.
// Client: a blocking stream over a non-blocking socket with a deadline on every operation and a hook that is asked every
// 100 ms whether to give up (Ctrl-C). It meets the requirements of a Beast SyncReadStream and SyncWriteStream.
//
// Thread rule: a ServerIdentity is immutable; a ClientStream belongs to one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "channel/attest.h"

struct ssl_ctx_st;
struct ssl_st;

namespace blindai::channel {

// Names of protocols (ALPN, RFC 7301). Servers take both and prefer the first; our clients ask for that alone.
inline constexpr std::string_view http1_alpn = "http/1.1";
inline constexpr std::string_view http2_alpn = "h2";

inline constexpr std::string_view session_exporter_label = "EXPORTER-blindai-session";
inline constexpr std::string_view auth_exporter_label = "EXPORTER-blindai-auth";

// TLS-Exporter (RFC 8446 section 7.5) of a finished handshake.
Result<Bytes> export_keying_material(ssl_st* tls, std::string_view label, ByteView context, std::size_t size);
// SHA-256 of the SubjectPublicKeyInfo of the leaf that this end showed.
Result<Digest> own_leaf_spki(ssl_st* tls);

class ServerIdentity {
 public:
  // `names`: DNS names and IP addresses for the subject alternative name.
  static Result<ServerIdentity> generate(const std::vector<std::string>& names, UnixSeconds now);
  ServerIdentity(ServerIdentity&&) noexcept;
  ServerIdentity& operator=(ServerIdentity&&) noexcept;
  ~ServerIdentity();
  const Digest& spki_digest() const;
  const std::string& certificate_pem() const;
  // A new reference to a context that serves this identity with ALPN http/1.1 and h2; free with SSL_CTX_free (asio's
  // ssl::context takes ownership).
  ssl_ctx_st* make_context() const;

 private:
  struct Impl;
  explicit ServerIdentity(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct ClientOptions {
  std::string host;  // name or address to connect to
  std::uint16_t port = 0;
  evidence::Identity identity;  // checked, and the outcome kept in TlsFacts: evidence is judged first
  Steady::duration connect_timeout = std::chrono::seconds(10);
  std::function<bool()> interrupted;  // asked at least every 100 ms; true ends the operation with Code::cancelled
};

class ClientStream {
 public:
  // TCP connect and TLS handshake. Errors: unavailable (refused, reset), deadline_exceeded, cancelled,
  // attestation_failed (the peer does not speak TLS 1.3).
  static Result<std::unique_ptr<ClientStream>> connect(const ClientOptions& options);
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;
  ~ClientStream();

  // Both apply to every operation from now on.
  void set_deadline(Steady::time_point deadline);
  void set_interrupted(std::function<bool()> interrupted);
  // Much is about to come: takes a record from the socket at once, not its head and its body.
  void expect_much();
  Result<std::size_t> read_some(MutableBytes out);  // 0 at an orderly end
  Result<void> write_all(ByteView bytes);
  // Of this connection, so far. A session ticket that arrives after this call fails the read that meets it.
  Result<TlsFacts> facts(ByteView nonce);
  Result<Bytes> exporter(std::string_view label, ByteView context) const;  // 32 bytes
  void close();

 private:
  struct Impl;
  explicit ClientStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace blindai::channel
