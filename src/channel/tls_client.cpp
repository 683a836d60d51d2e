#include <algorithm>

#include "channel/identity.h"
#include "channel/openssl.h"
#include "channel/socket.h"
#include "channel/tls.h"

namespace blindai::channel {
namespace {

constexpr std::array<unsigned char, 9> http_alpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr std::size_t exporter_size = 32;
constexpr std::size_t max_piece = 256 * 1024;

int ticket_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int on_new_session(SSL* tls, SSL_SESSION*) {
  if (auto* received = static_cast<bool*>(SSL_get_ex_data(tls, ticket_index()))) {
    *received = true;
  }
  return 0;  // the session stays OpenSSL's to free
}

// One context serves all connections: it holds nothing of any of them.
SSL_CTX* make_client_context() {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(context.get(), http_alpn.data(), http_alpn.size()) != 0) {
    return nullptr;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);  // judged after evidence: identity.h
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), on_new_session);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context.release();
}

SSL_CTX* client_context() {
  static SSL_CTX* const context = make_client_context();
  return context;
}

// What the macro SSL_set_tlsext_host_name does, without its cast.
bool set_server_name(SSL* tls, std::string name) {
  return SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

bool is_address(const std::string& host) {
  return std::ranges::all_of(host, [](char c) { return c == '.' || c == ':' || (c >= '0' && c <= '9'); }) ||
         host.contains(':');
}

}  // namespace

struct ClientStream::Impl {
  UniqueFd fd;
  Ssl tls;
  evidence::Identity identity;
  Interrupted interrupted;
  Steady::time_point deadline;
  bool ticket_received = false;
  bool judged = false;

  // What to do after an OpenSSL call that did not finish: wait and try again, or give up.
  Result<void> retry(int result, bool handshake) {
    const int saved_errno = errno;
    switch (SSL_get_error(tls.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return wait_for(fd.get(), POLLIN, deadline, interrupted);
      case SSL_ERROR_WANT_WRITE:
        return wait_for(fd.get(), POLLOUT, deadline, interrupted);
      case SSL_ERROR_SSL:
        return broken(handshake);
      default:
        errno = saved_errno;
        ERR_clear_error();
        return fail_errno(Code::unavailable, {"the server closed the connection"}, "TLS");
    }
  }

  static Result<void> broken(bool handshake) {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    auto detail = openssl_error();
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      return fail(Code::unavailable, {"the server closed the connection"}, std::move(detail));
    }
    return handshake ? fail(Code::attestation_failed, {"the peer does not speak TLS 1.3"}, std::move(detail))
                     : fail(Code::unavailable, {"the TLS connection broke"}, std::move(detail));
  }

  Result<void> handshake() {
    while (true) {
      ERR_clear_error();
      const int result = SSL_connect(tls.get());
      if (result == 1) {
        return {};
      }
      BLINDAI_CHECK(retry(result, true));
    }
  }
};

ClientStream::ClientStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ClientStream::~ClientStream() { close(); }

Result<std::unique_ptr<ClientStream>> ClientStream::connect(const ClientOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->deadline = Steady::now() + options.connect_timeout;
  impl->interrupted = options.interrupted;
  impl->identity = options.identity;
  BLINDAI_TRY(impl->fd, connect_tcp(options.host, options.port, impl->deadline, impl->interrupted));
  SSL_CTX* context = client_context();
  impl->tls.reset(context == nullptr ? nullptr : SSL_new(context));
  BIO* bio = make_socket_bio(impl->fd.get());
  if (!impl->tls || bio == nullptr || SSL_set_ex_data(impl->tls.get(), ticket_index(), &impl->ticket_received) != 1) {
    BIO_free(bio);
    return fail(Code::internal, {"no TLS connection can be made"}, openssl_error());
  }
  SSL_set_bio(impl->tls.get(), bio, bio);
  const std::string& name = impl->identity.server_name.empty() ? options.host : impl->identity.server_name;
  if (!is_address(name) && !set_server_name(impl->tls.get(), name)) {
    return fail(Code::invalid_argument, {"the name of the server cannot be sent"}, openssl_error());
  }
  BLINDAI_CHECK(impl->handshake());
  return std::unique_ptr<ClientStream>(new ClientStream(std::move(impl)));
}

void ClientStream::set_deadline(Steady::time_point deadline) { impl_->deadline = deadline; }
void ClientStream::expect_much() {
  if (impl_->tls) {
    SSL_set_read_ahead(impl_->tls.get(), 1);
  }
}
void ClientStream::set_interrupted(std::function<bool()> interrupted) { impl_->interrupted = std::move(interrupted); }

Result<std::size_t> ClientStream::read_some(MutableBytes out) {
  if (!impl_->tls) {
    return fail(Code::unavailable, {"the connection is closed"});
  }
  while (true) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(impl_->tls.get(), out.data(), out.size(), &count);
    if (impl_->judged && impl_->ticket_received) {
      return fail(Code::attestation_failed, {"the server offered to resume the session, which is not allowed"});
    }
    if (result == 1) {
      return count;
    }
    if (SSL_get_error(impl_->tls.get(), result) == SSL_ERROR_ZERO_RETURN) {
      return std::size_t{0};
    }
    BLINDAI_CHECK(impl_->retry(result, false));
  }
}

Result<void> ClientStream::write_all(ByteView bytes) {
  if (!impl_->tls) {
    return fail(Code::unavailable, {"the connection is closed"});
  }
  while (!bytes.empty()) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(impl_->tls.get(), bytes.data(), std::min(bytes.size(), max_piece), &count);
    if (result == 1) {
      bytes = bytes.subspan(count);
    } else {
      BLINDAI_CHECK(impl_->retry(result, false));
    }
  }
  return {};
}

Result<TlsFacts> ClientStream::facts(ByteView nonce) {
  if (!impl_->tls) {
    return fail(Code::unavailable, {"the connection is closed"});
  }
  const X509* leaf = SSL_get0_peer_certificate(impl_->tls.get());
  if (leaf == nullptr) {
    return fail(Code::attestation_failed, {"the peer showed no certificate"});
  }
  TlsFacts facts;
  BLINDAI_TRY(facts.leaf_spki, spki_digest_of(leaf));
  BLINDAI_TRY(facts.exporter, exporter(session_exporter_label, nonce));
  facts.identity_error = identity_problem(impl_->tls.get(), impl_->identity);
  facts.server_names = names_in(leaf);
  facts.ticket_received = impl_->ticket_received;
  impl_->judged = true;
  return facts;
}

Result<Bytes> ClientStream::exporter(std::string_view label, ByteView context) const {
  if (!impl_->tls) {
    return fail(Code::unavailable, {"the connection is closed"});
  }
  return export_keying_material(impl_->tls.get(), label, context, exporter_size);
}

void ClientStream::close() {
  if (impl_ && impl_->tls) {
    ERR_clear_error();
    SSL_shutdown(impl_->tls.get());  // says goodbye where the socket takes it at once; nothing waits for an answer
    ERR_clear_error();
    impl_->tls.reset();
    impl_->fd.reset();
  }
}

}  // namespace blindai::channel
