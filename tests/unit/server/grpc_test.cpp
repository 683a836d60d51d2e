// gRPC on connections whose TLS the test sees: what attest and proofs are bound to, and who is asked for one.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/protobuf.h"
#include "channel/attest.h"
#include "service.h"

namespace blindai::server {
namespace {

constexpr UnixSeconds life = 3600;
constexpr UnixSeconds grace = 30 * 60;
constexpr const char* attest_path = "/blindai.v1.Attestation/Attest";
constexpr const char* metadata_path = "/inference.GRPCInferenceService/ServerMetadata";

// A connection that chose h2, with nghttp2 as the client; one call at a time.
class GrpcCaller {
 public:
  explicit GrpcCaller(Service& service) : service_(service), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(service.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);  // NOLINT
    const timeval patience{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    context_.reset(SSL_CTX_new(TLS_client_method()));
    tls_.reset(SSL_new(context_.get()));
    SSL_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);  // NOLINT
    SSL_set_fd(tls_.get(), fd_.get());
    EXPECT_EQ(SSL_connect(tls_.get()), 1);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          auto& fields = static_cast<GrpcCaller*>(self)->fields_;
          fields[std::string(as_text({name, name_size}))] = as_text({value, value_size});
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* data, std::size_t size, void* self) {
          append(static_cast<GrpcCaller*>(self)->data_, ByteView(data, size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t, std::uint32_t, void* self) {
          static_cast<GrpcCaller*>(self)->closed_ = true;
          return 0;
        });
    nghttp2_session* session = nullptr;
    nghttp2_session_client_new(&session, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    session_.reset(session);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
  }

  // The number of the status; -1 where the connection is closed.
  int call(const std::string& path, ByteView message, const std::string& authorization = "") {
    fields_.clear();
    data_.clear();
    closed_ = false;
    body_ = Bytes{0, 0, 0, 0, static_cast<std::uint8_t>(message.size())};
    EXPECT_LT(message.size(), 256U);
    append(body_, message);
    std::vector<nghttp2_nv> head;
    const auto field = [&](std::string_view name, std::string_view value) {
      head.push_back({const_cast<std::uint8_t*>(as_bytes(name).data()),   // NOLINT
                      const_cast<std::uint8_t*>(as_bytes(value).data()),  // NOLINT
                      name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    };
    field(":method", "POST");
    field(":scheme", "https");
    field(":path", path);
    field(":authority", "localhost");
    field("content-type", "application/grpc");
    if (!authorization.empty()) {
      field("authorization", authorization);
    }
    const nghttp2_data_provider body{{.ptr = this},
                                     [](nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t,
                                        std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
                                       const Bytes& all = static_cast<GrpcCaller*>(source->ptr)->body_;
                                       std::ranges::copy(all, out);
                                       *flags |= NGHTTP2_DATA_FLAG_EOF;
                                       return static_cast<ssize_t>(all.size());
                                     }};
    nghttp2_submit_request(session_.get(), nullptr, head.data(), head.size(), &body, nullptr);
    while (!closed_) {
      if (!exchange()) {
        return -1;
      }
    }
    return fields_.contains("grpc-status") ? std::stoi(fields_["grpc-status"]) : -1;
  }

  int attest(ByteView nonce) {
    channel::AttestRequest request;
    std::ranges::copy(nonce, request.nonce.begin());
    Bytes message;
    protobuf::put_bytes(message, 1, as_bytes(request.to_json()));
    return call(attest_path, message);
  }
  // The JSON of the answer to attest.
  json::Value answer() const {
    protobuf::Reader reader(ByteView(data_).subspan(5));
    return *json::parse(as_text(reader.next()->bytes));
  }
  std::string proof() const {
    return auth::proof_header(service_.key, service_.keysets->current()->id,
                              exporter(channel::auth_exporter_label, as_bytes(service_.key.id)));
  }
  Bytes exporter(std::string_view label, ByteView context) const {
    return *channel::export_keying_material(tls_.get(), label, context, 32);
  }
  bool is_closed() {
    const timeval patience{2, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::array<std::uint8_t, 4096> room{};
    int count = 1;
    while (count > 0) {
      count = SSL_read(tls_.get(), room.data(), room.size());
    }
    return SSL_get_error(tls_.get(), count) != SSL_ERROR_WANT_READ;
  }

 private:
  bool exchange() {
    const std::uint8_t* piece = nullptr;
    ssize_t count = 0;
    while ((count = nghttp2_session_mem_send(session_.get(), &piece)) > 0) {
      if (SSL_write(tls_.get(), piece, static_cast<int>(count)) <= 0) {
        return false;
      }
    }
    if (closed_) {
      return true;
    }
    std::array<std::uint8_t, 4096> room{};
    const int got = SSL_read(tls_.get(), room.data(), room.size());
    return got > 0 &&
           nghttp2_session_mem_recv(session_.get(), room.data(), static_cast<std::size_t>(got)) == ssize_t{got};
  }

  template <typename T, void (*Delete)(T*)>
  struct Deleter {
    void operator()(T* pointer) const { Delete(pointer); }
  };
  Service& service_;
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, Deleter<SSL_CTX, SSL_CTX_free>> context_;
  std::unique_ptr<SSL, Deleter<SSL, SSL_free>> tls_;
  std::unique_ptr<nghttp2_session, Deleter<nghttp2_session, nghttp2_session_del>> session_;
  std::map<std::string, std::string> fields_;
  Bytes data_;
  Bytes body_;
  bool closed_ = false;
};

TEST(AttestOverGrpc, SignsTheNonceAndTheExporterOfItsConnection) {
  Service service(life);
  GrpcCaller caller(service);
  const Bytes nonce(32, 7);
  ASSERT_EQ(caller.attest(nonce), 0);
  const json::Value answer = caller.answer();
  const Bytes document = *from_base64(*answer.text("keyset"));
  const Digest id = crypto::sha256(document);
  EXPECT_EQ(id, service.keysets->current()->id);
  const auto signature = *from_base64(*answer.text("session_signature"));
  const auto& session = service.keysets->current()->session;
  const auto message = [&](const GrpcCaller& of) {
    return channel::session_message(id, nonce, of.exporter(channel::session_exporter_label, nonce));
  };
  EXPECT_TRUE(crypto::ed25519_verify(session.public_key(), message(caller), signature));
  const GrpcCaller other(service);
  EXPECT_FALSE(crypto::ed25519_verify(session.public_key(), message(other), signature));
}

TEST(AttestOverGrpc, IsCountedWithTheConnection) {
  Service service(life);
  GrpcCaller caller(service);
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(caller.attest(Bytes(32, 7)), 0);
  }
  EXPECT_EQ(caller.attest(Bytes(32, 7)), grpc_status(Code::resource_exhausted));
  EXPECT_EQ(GrpcCaller(service).attest(Bytes(32, 7)), 0);
}

TEST(AProofOverGrpc, ServesItsOwnConnectionAlone) {
  Service service(life);
  GrpcCaller caller(service);
  EXPECT_EQ(caller.call(metadata_path, {}), grpc_status(Code::unauthenticated));
  EXPECT_EQ(caller.call(metadata_path, {}, caller.proof()), 0);
  EXPECT_EQ(caller.call(metadata_path, {}, caller.proof()), 0);
  EXPECT_EQ(caller.call(metadata_path, {}), grpc_status(Code::unauthenticated));
  GrpcCaller other(service);
  EXPECT_EQ(other.call(metadata_path, {}, caller.proof()), grpc_status(Code::unauthenticated));
  EXPECT_EQ(other.call(metadata_path, {}, other.proof()), 0);
}

TEST(AConnectionOfGrpc, IsClosedHalfAnHourAfterItsKeysetEnded) {
  Service service(life);
  const UnixSeconds end = service.keysets->current()->keyset.not_after;
  GrpcCaller caller(service);
  ASSERT_EQ(caller.call(metadata_path, {}, caller.proof()), 0);
  service.clock.set(end + grace - 1);
  ASSERT_EQ(caller.call("/grpc.health.v1.Health/Check", {}), 0);
  service.clock.set(end + grace);
  EXPECT_TRUE(caller.is_closed());
}

}  // namespace
}  // namespace blindai::server
