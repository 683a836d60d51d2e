#include <arpa/inet.h>

#include "channel/openssl.h"
#include "channel/tls.h"
#include "crypto/crypto.h"

namespace blindai::channel {
namespace {

constexpr UnixSeconds leaf_life = 7 * 24 * 3600;  // design section 5: the leaf may outlive keysets, by 7 days at most
// A client that speaks both gets HTTP/1.1: what it asks for is most likely REST, and gRPC clients offer h2 alone.
constexpr std::array<unsigned char, 12> alpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1', 2, 'h', '2'};

std::unexpected<Error> broken(const char* what) {
  auto detail = openssl_error();
  detail.text = std::string(what) + ": " + detail.text;
  return fail(Code::internal, {"the TLS identity of the server cannot be made"}, std::move(detail));
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> out{};
  return ::inet_pton(AF_INET, name.c_str(), out.data()) == 1 || ::inet_pton(AF_INET6, name.c_str(), out.data()) == 1;
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool add_names(X509* certificate, const std::vector<std::string>& names) {
  const Names list(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    GENERAL_NAME* entry =
        a2i_GENERAL_NAME(nullptr, nullptr, nullptr, is_address(name) ? GEN_IPADD : GEN_DNS, name.c_str(), 0);
    if (entry == nullptr || sk_GENERAL_NAME_push(list.get(), entry) == 0) {
      GENERAL_NAME_free(entry);
      return false;
    }
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, 0) == 1;
}

bool fill(X509* certificate, EVP_PKEY* key, const std::vector<std::string>& names, UnixSeconds now) {
  Bytes serial = crypto::random_bytes(16);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7fU) | 0x40U);
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  const bool numbered = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  X509_NAME* subject = X509_get_subject_name(certificate);
  static constexpr unsigned char common_name[] = "BlindAI";
  return numbered && X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), now - 300) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), now + leaf_life) != nullptr &&
         X509_set_pubkey(certificate, key) == 1 &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 && add_names(certificate, names) &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth") && X509_sign(certificate, key, EVP_sha256()) > 0;
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, alpn.data(), alpn.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

struct ServerIdentity::Impl {
  Pkey key;
  Certificate certificate;
  SslContext context;
  Digest spki;
  std::string pem;
};

ServerIdentity::ServerIdentity(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServerIdentity::ServerIdentity(ServerIdentity&&) noexcept = default;
ServerIdentity& ServerIdentity::operator=(ServerIdentity&&) noexcept = default;
ServerIdentity::~ServerIdentity() = default;

const Digest& ServerIdentity::spki_digest() const { return impl_->spki; }
const std::string& ServerIdentity::certificate_pem() const { return impl_->pem; }

Result<ServerIdentity> ServerIdentity::generate(const std::vector<std::string>& names, UnixSeconds now) {
  auto impl = std::make_unique<Impl>();
  impl->key.reset(EVP_EC_gen("P-256"));
  impl->certificate.reset(X509_new());
  if (!impl->key || !impl->certificate || names.empty() ||
      !fill(impl->certificate.get(), impl->key.get(), names, now)) {
    return broken("certificate");
  }
  BLINDAI_TRY(impl->spki, spki_digest_of(impl->certificate.get()));
  const Bio memory(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!memory || PEM_write_bio_X509(memory.get(), impl->certificate.get()) != 1) {
    return broken("PEM");
  }
  const long size = BIO_get_mem_data(memory.get(), &text);
  impl->pem.assign(text, static_cast<std::size_t>(size));

  impl->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = impl->context.get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 || SSL_CTX_set_num_tickets(context, 0) != 1 ||
      SSL_CTX_set_max_early_data(context, 0) != 1 || SSL_CTX_set_recv_max_early_data(context, 0) != 1 ||
      SSL_CTX_use_certificate(context, impl->certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, impl->key.get()) != 1) {
    return broken("context");
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
  return ServerIdentity(std::move(impl));
}

ssl_ctx_st* ServerIdentity::make_context() const {
  SSL_CTX_up_ref(impl_->context.get());
  return impl_->context.get();
}

Result<Digest> own_leaf_spki(ssl_st* tls) {
  const X509* certificate = SSL_get_certificate(tls);
  if (certificate == nullptr) {
    return fail(Code::internal, {"the TLS connection has no certificate"});
  }
  return spki_digest_of(certificate);
}

Result<Bytes> export_keying_material(ssl_st* tls, std::string_view label, ByteView context, std::size_t size) {
  Bytes out(size);
  if (SSL_is_init_finished(tls) != 1 ||
      SSL_export_keying_material(tls, out.data(), out.size(), label.data(), label.size(), context.data(),
                                 context.size(), 1) != 1) {
    return fail(Code::internal, {"the TLS connection gives no keying material"}, openssl_error());
  }
  return out;
}

}  // namespace blindai::channel
