#include "channel/identity.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include "crypto/crypto.h"

namespace blindai::channel {
namespace {

using Store = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;

constexpr std::size_t max_names_shown = 16;
constexpr unsigned host_flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> out{};
  return ::inet_pton(AF_INET, name.c_str(), out.data()) == 1 || ::inet_pton(AF_INET6, name.c_str(), out.data()) == 1;
}

bool name_holds(const X509* leaf, const std::string& name) {
  auto* certificate = const_cast<X509*>(leaf);  // NOLINT: the interface of OpenSSL 3.0 lacks the const
  return is_address(name) ? X509_check_ip_asc(certificate, name.c_str(), 0) == 1
                          : X509_check_host(certificate, name.data(), name.size(), host_flags, nullptr) == 1;
}

// A store of the system's or of the given roots; null where they cannot be read.
Store roots(const evidence::Identity& identity) {
  Store store(X509_STORE_new());
  if (!store) {
    return nullptr;
  }
  const auto* pem = std::get_if<std::string>(&identity.ca);
  if (pem == nullptr) {
    return X509_STORE_set_default_paths(store.get()) == 1 ? std::move(store) : nullptr;
  }
  const Bio bio(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  std::size_t count = 0;
  while (const Certificate root{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(store.get(), root.get()) != 1) {
      return nullptr;
    }
    ++count;
  }
  ERR_clear_error();
  return count > 0 ? std::move(store) : nullptr;
}

std::optional<std::string> chain_problem(const SSL* tls, X509* leaf, const evidence::Identity& identity) {
  const Store store = roots(identity);
  const StoreContext context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_CTX_init(context.get(), store.get(), leaf, SSL_get_peer_cert_chain(tls)) != 1) {
    return "the certificate authorities of the policy cannot be read";
  }
  X509_STORE_CTX_set_default(context.get(), "ssl_server");
  if (X509_verify_cert(context.get()) != 1) {
    return std::string("the chain does not hold: ") +
           X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  }
  return std::nullopt;
}

std::string name_text(const GENERAL_NAME& name) {
  int type = 0;
  const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(&name, &type));
  const ByteView bytes(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (type == GEN_DNS) {
    return Disclosed(as_text(bytes)).text;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (type == GEN_IPADD && (bytes.size() == 4 || bytes.size() == 16) &&
      ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size()) != nullptr) {
    return text.data();
  }
  return "?";
}

}  // namespace

Result<Digest> spki_digest_of(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) {
    return fail(Code::attestation_failed, {"the certificate of the peer cannot be read"}, openssl_error());
  }
  const Digest digest = crypto::sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return digest;
}

std::optional<std::string> identity_problem(const SSL* tls, const evidence::Identity& identity) {
  X509* leaf = SSL_get0_peer_certificate(tls);
  if (leaf == nullptr) {
    return "no certificate";
  }
  if (!name_holds(leaf, identity.server_name)) {
    return "the certificate is for " + names_in(leaf);
  }
  if (std::holds_alternative<evidence::Any>(identity.ca)) {
    return std::nullopt;
  }
  return chain_problem(tls, leaf, identity);
}

std::string names_in(const X509* certificate) {
  const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string out;
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count && i < static_cast<int>(max_names_shown); ++i) {
    const GENERAL_NAME& name = *sk_GENERAL_NAME_value(names.get(), i);
    const int type = name.type;
    if (type == GEN_DNS || type == GEN_IPADD) {
      out += (out.empty() ? "" : ", ") + name_text(name);
    }
  }
  return out.empty() ? "no name" : out;
}

}  // namespace blindai::channel
