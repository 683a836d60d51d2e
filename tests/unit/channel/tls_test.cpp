#include "channel/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <csignal>

#include "crypto/crypto.h"
#include "loopback.h"

namespace blindai::channel {
namespace {

const UnixSeconds now = system_clock().now();

ServerIdentity identity_for(const std::vector<std::string>& names) {
  auto identity = ServerIdentity::generate(names, now);
  EXPECT_TRUE(identity);
  return std::move(*identity);
}

ClientOptions options_for(const Loopback& server, evidence::Identity identity = {"localhost", evidence::Any{}}) {
  ClientOptions options;
  options.host = "127.0.0.1";
  options.port = server.port();
  options.identity = std::move(identity);
  options.connect_timeout = std::chrono::seconds(5);
  return options;
}

void echo(SSL* tls) {
  std::array<char, 4096> buffer{};
  for (int count = 0; (count = SSL_read(tls, buffer.data(), buffer.size())) > 0;) {
    SSL_write(tls, buffer.data(), count);
  }
}

TEST(TheChannel, CarriesBytesBothWays) {
  const auto identity = identity_for({"localhost"});
  const Loopback server(identity.make_context(), echo);
  auto stream = ClientStream::connect(options_for(server));
  ASSERT_TRUE(stream) << stream.error().detail.text;
  (*stream)->set_deadline(Steady::now() + std::chrono::seconds(5));
  ASSERT_TRUE((*stream)->write_all(as_bytes("hello")));
  Bytes buffer(16);
  const auto count = (*stream)->read_some(buffer);
  ASSERT_TRUE(count);
  EXPECT_EQ(as_text(ByteView(buffer).first(*count)), "hello");
}

TEST(TheChannel, KnowsTheKeyOfThePeerAndExportsTheSameBytesOnBothEnds) {
  const auto identity = identity_for({"localhost", "127.0.0.1"});
  const Bytes nonce = crypto::random_bytes(32);
  const Loopback server(identity.make_context(), [&](SSL* tls) {
    const auto exporter = export_keying_material(tls, session_exporter_label, nonce, 32);
    SSL_write(tls, exporter->data(), static_cast<int>(exporter->size()));
  });
  auto stream = ClientStream::connect(options_for(server));
  ASSERT_TRUE(stream);
  (*stream)->set_deadline(Steady::now() + std::chrono::seconds(5));
  Bytes theirs(32);
  ASSERT_EQ((*stream)->read_some(theirs).value(), 32u);
  const auto facts = (*stream)->facts(nonce);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->exporter, theirs);
  EXPECT_NE((*stream)->facts(crypto::random_bytes(32))->exporter, theirs);
  EXPECT_NE(*(*stream)->exporter(auth_exporter_label, nonce), theirs);
  EXPECT_EQ(facts->leaf_spki, identity.spki_digest());
  EXPECT_EQ(facts->server_names, "localhost, 127.0.0.1");
  EXPECT_FALSE(facts->ticket_received);
  EXPECT_FALSE(facts->identity_error);
}

std::optional<std::string> identity_error(const std::vector<std::string>& names, const evidence::Identity& wanted,
                                          bool own_pem = false) {
  const auto identity = identity_for(names);
  const Loopback server(identity.make_context(), echo);
  evidence::Identity expected = wanted;
  if (own_pem) {
    expected.ca = identity.certificate_pem();
  }
  auto stream = ClientStream::connect(options_for(server, expected));
  EXPECT_TRUE(stream);
  const auto facts = (*stream)->facts(Bytes(32, 1));
  EXPECT_TRUE(facts);
  return facts->identity_error;
}

TEST(TheIdentity, IsTheNameInTheLeaf) {
  EXPECT_FALSE(identity_error({"localhost"}, {"localhost", evidence::Any{}}));
  EXPECT_FALSE(identity_error({"127.0.0.1"}, {"127.0.0.1", evidence::Any{}}));
  EXPECT_TRUE(identity_error({"elsewhere.example"}, {"localhost", evidence::Any{}}));
  EXPECT_TRUE(identity_error({"localhost"}, {"127.0.0.1", evidence::Any{}}));
}

TEST(TheIdentity, IsNoPartOfANameAndNotTheSubject) {
  EXPECT_FALSE(identity_error({"*.example.com"}, {"a.example.com", evidence::Any{}}));
  EXPECT_TRUE(identity_error({"a*.example.com"}, {"ab.example.com", evidence::Any{}}));
  EXPECT_TRUE(identity_error({"127.0.0.1"}, {"BlindAI", evidence::Any{}})) << "the subject of every certificate here";
  EXPECT_TRUE(identity_error({"127.0.0.2"}, {"127.0.0.1", evidence::Any{}}));
}

// A certificate for the name, of this usage, for a key of its own.
X509* certificate_for(EVP_PKEY* key, const char* usage) {
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("x"), -1, -1,
                             0);  // NOLINT
  X509_set_issuer_name(certificate, name);
  for (const auto& [nid, value] : {std::pair(NID_subject_alt_name, "DNS:localhost"), {NID_ext_key_usage, usage}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key, EVP_sha256());
  return certificate;
}

TEST(TheIdentity, IsThatOfAServer) {
  for (const auto& [usage, good] : {std::pair("serverAuth", true), {"clientAuth", false}, {"codeSigning", false}}) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = certificate_for(key, usage);
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(memory, certificate);
    char* text = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(memory, &text));
    const std::string pem(text, size);
    BIO_free(memory);
    SSL_CTX* context = identity_for({"localhost"}).make_context();
    SSL_CTX_use_certificate(context, certificate);
    SSL_CTX_use_PrivateKey(context, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    {
      const Loopback server(context, echo);
      auto stream = ClientStream::connect(options_for(server, {"localhost", pem}));
      ASSERT_TRUE(stream);
      EXPECT_EQ((*stream)->facts(Bytes(32, 1))->identity_error.has_value(), !good) << usage;
    }
  }
}

TEST(TheCertificate, LivesForSevenDaysAndIsNoAuthority) {
  const std::string pem = identity_for({"localhost"}).certificate_pem();
  BIO* memory = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(memory, nullptr, nullptr, nullptr);
  BIO_free(memory);
  ASSERT_NE(certificate, nullptr);
  int days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate));
  EXPECT_LE(days * 24 * 3600 + seconds, 7 * 24 * 3600);
  const auto* constraints =
      static_cast<BASIC_CONSTRAINTS*>(X509_get_ext_d2i(certificate, NID_basic_constraints, nullptr, nullptr));
  ASSERT_NE(constraints, nullptr);
  EXPECT_EQ(constraints->ca, 0);
  BASIC_CONSTRAINTS_free(const_cast<BASIC_CONSTRAINTS*>(constraints));  // NOLINT
  X509_free(certificate);
}

TEST(TheIdentity, NeedsAChainUnlessThePolicySaysAny) {
  EXPECT_TRUE(identity_error({"localhost"}, {"localhost", std::monostate{}}));
  EXPECT_FALSE(identity_error({"localhost"}, {"localhost", std::monostate{}}, true));
  EXPECT_TRUE(identity_error({"localhost"}, {"localhost", identity_for({"localhost"}).certificate_pem()}));
  const auto unreadable = identity_error({"localhost"}, {"localhost", std::string("not a certificate")});
  EXPECT_EQ(unreadable.value_or(""), "the certificate authorities of the policy cannot be read");
}

TEST(TheClient, RefusesTls12AndPlainText) {
  const auto identity = identity_for({"localhost"});
  SSL_CTX* context = identity.make_context();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  const Loopback server(context, echo);
  const auto stream = ClientStream::connect(options_for(server));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Code::attestation_failed);
}

TEST(TheServer, RefusesTls12AndAnotherProtocol) {
  const auto handshake = [](int version, const char* alpn) {
    const auto identity = identity_for({"localhost"});
    const Loopback server(identity.make_context(), echo);
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);  // NOLINT
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version);
    SSL* tls = SSL_new(context);
    SSL_set_fd(tls, fd.get());
    if (alpn != nullptr) {
      SSL_set_alpn_protos(tls, reinterpret_cast<const unsigned char*>(alpn),  // NOLINT
                          static_cast<unsigned>(std::strlen(alpn)));
    }
    std::optional<std::string> chosen;
    if (SSL_connect(tls) == 1) {
      const unsigned char* name = nullptr;
      unsigned size = 0;
      SSL_get0_alpn_selected(tls, &name, &size);
      chosen = std::string(as_text(ByteView(name, size)));
    }
    SSL_free(tls);
    SSL_CTX_free(context);
    return chosen;
  };
  EXPECT_EQ(handshake(TLS1_3_VERSION, nullptr), "");
  EXPECT_EQ(handshake(TLS1_3_VERSION, "\x08http/1.1"), "http/1.1");
  EXPECT_EQ(handshake(TLS1_3_VERSION, "\x02h2"), "h2");
  EXPECT_EQ(handshake(TLS1_3_VERSION, "\x02h2\x08http/1.1"), "http/1.1");
  EXPECT_EQ(handshake(TLS1_3_VERSION, "\x02h3"), std::nullopt);
  EXPECT_EQ(handshake(TLS1_2_VERSION, nullptr), std::nullopt);
}

TEST(TheClient, NoticesATicket) {
  const auto identity = identity_for({"localhost"});
  SSL_CTX* context = identity.make_context();
  SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 1);
  const Loopback server(context, [](SSL* tls) { SSL_write(tls, "x", 1); });
  auto stream = ClientStream::connect(options_for(server));
  ASSERT_TRUE(stream);
  (*stream)->set_deadline(Steady::now() + std::chrono::seconds(5));
  Bytes buffer(1);
  ASSERT_TRUE((*stream)->read_some(buffer));
  EXPECT_TRUE((*stream)->facts(Bytes(32, 1))->ticket_received);
  const auto later = (*stream)->read_some(buffer);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, Code::attestation_failed);
}

TEST(TheClient, GivesUpAtItsDeadlineAndWhenInterrupted) {
  const auto identity = identity_for({"localhost"});
  std::atomic<bool> stop = false;
  {
    const Loopback server(identity.make_context(), [&](SSL*) {
      while (!stop) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
    std::atomic<bool> interrupt = false;
    ClientOptions options = options_for(server);
    options.interrupted = [&] { return interrupt.load(); };
    auto stream = ClientStream::connect(options);
    ASSERT_TRUE(stream);
    (*stream)->set_deadline(Steady::now() + std::chrono::milliseconds(150));
    Bytes buffer(1);
    EXPECT_EQ((*stream)->read_some(buffer).error().code, Code::deadline_exceeded);
    (*stream)->set_deadline(Steady::now() + std::chrono::seconds(30));
    interrupt = true;
    EXPECT_EQ((*stream)->read_some(buffer).error().code, Code::cancelled);
    stop = true;
  }
}

TEST(TheClient, SaysThatNobodyListens) {
  ClientOptions options;
  options.host = "127.0.0.1";
  {
    const auto identity = identity_for({"localhost"});
    const Loopback server(identity.make_context(), echo);
    options.port = server.port();
  }
  const auto stream = ClientStream::connect(options);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Code::unavailable);
}

TEST(TheClient, SurvivesAPeerThatIsGone) {
  const auto identity = identity_for({"localhost"});
  const Loopback server(identity.make_context(), [](SSL*) {});
  auto stream = ClientStream::connect(options_for(server));
  ASSERT_TRUE(stream);
  (*stream)->set_deadline(Steady::now() + std::chrono::seconds(5));
  const Bytes block(1024 * 1024);
  Result<void> result;
  for (int i = 0; i < 100 && result; ++i) {
    result = (*stream)->write_all(block);
  }
  ASSERT_FALSE(result);  // and no SIGPIPE has ended the process
  EXPECT_EQ(result.error().code, Code::unavailable);
}

}  // namespace
}  // namespace blindai::channel
