// Who may do what, and what is refused before anything is done. The models of this service have no worker: what passes
// all of this ends in 503.
#include <gtest/gtest.h>

#include "service.h"

namespace blindai::server {
namespace {

constexpr UnixSeconds life = 3600;
using Headers = Service::Caller::Headers;

std::string model() {
  return std::string(as_text(*read_file(BLINDAI_SOURCE_DIR "/tests/data/models/double.onnx", 1U << 20U)));
}
Headers as(const std::string& authorization) { return {{"Authorization", authorization}}; }

TEST(AKey, IsAskedForOnEveryRouteButHealthAndAttest) {
  Service service(life);
  Service::Caller caller(service);
  for (const char* target : {"/v2", "/v2/models/m", "/blindai/v1/models", "/blindai/v1/keys", "/blindai/v1/other"}) {
    EXPECT_EQ(caller.ask("GET", target), 401) << target;
  }
  EXPECT_EQ(caller.ask("POST", "/v2/models/m/infer", "{}"), 401);
  EXPECT_EQ(caller.ask("GET", "/v2/health/ready"), 200);
  EXPECT_EQ(caller.attest(), 200);
}

TEST(AProof, IsGoodOnItsConnectionAloneAndForItsHeaderAlone) {
  Service service(life);
  Service::Caller caller(service);
  const std::string proof = caller.proof(service.key);
  EXPECT_EQ(caller.ask("GET", "/v2", {}, as(proof)), 200);
  EXPECT_EQ(caller.ask("GET", "/v2", {}, as("Bearer nonsense")), 401);
  EXPECT_EQ(caller.ask("GET", "/v2"), 401);
  EXPECT_EQ(caller.ask("GET", "/v2", {}, as(proof)), 200);
  Service::Caller thief(service);
  EXPECT_EQ(thief.ask("GET", "/v2", {}, as(proof)), 401);
}

TEST(AProof, EndsWithItsKey) {
  Service service(life);
  const auto second = auth::ApiKey::generate();
  ASSERT_TRUE(service.registry.add({second.id, second.key.public_key(), "clinic", auth::Role::owner, 0}));
  Service::Caller caller(service);
  EXPECT_EQ(caller.ask_with_proof("GET", "/v2"), 200);
  ASSERT_TRUE(service.registry.remove("clinic", service.key.id));
  EXPECT_EQ(caller.ask_with_proof("GET", "/v2"), 401);
}

TEST(AProof, IsForgottenHalfAnHourAfterItsKeyset) {
  Service service(life);
  const UnixSeconds end = service.keysets->current()->keyset.not_after;
  Service::Caller caller(service);
  EXPECT_EQ(caller.ask_with_proof("GET", "/v2"), 200);
  service.clock.set(end - 1);
  ASSERT_EQ(caller.attest(), 200);  // so that the connection lives on
  service.clock.set(end + 30 * 60 - 1);
  EXPECT_EQ(caller.ask_with_proof("GET", "/v2"), 200);
  service.clock.set(end + 30 * 60);
  EXPECT_EQ(caller.ask_with_proof("GET", "/v2"), 401);
}

TEST(ACallersKey, ChangesNothing) {
  Service service(life);
  const auto key = auth::ApiKey::generate();
  ASSERT_TRUE(service.registry.add({key.id, key.key.public_key(), "clinic", auth::Role::caller, 0}));
  Service::Caller caller(service);
  const Headers headers = as(caller.proof(key));
  EXPECT_EQ(caller.ask("GET", "/blindai/v1/models", {}, headers), 200);
  EXPECT_EQ(caller.ask("POST", "/blindai/v1/models?id=m", "x", headers), 403);
  EXPECT_EQ(caller.ask("DELETE", "/blindai/v1/models/m", {}, headers), 403);
  EXPECT_EQ(caller.ask("PUT", "/blindai/v1/models/m/shares/other", {}, headers), 403);
  EXPECT_EQ(caller.ask("GET", "/blindai/v1/keys", {}, headers), 403);
  EXPECT_EQ(caller.ask("POST", "/blindai/v1/keys", "{}", headers), 403);
  EXPECT_EQ(caller.ask("DELETE", "/blindai/v1/keys/" + service.key.id, {}, headers), 403);
}

TEST(AnOpenService, GivesNoKeys) {
  Service service(life, [](Config& config) { config.auth = {"open"}; });
  Service::Caller caller(service);
  EXPECT_EQ(caller.ask("GET", "/blindai/v1/models"), 200);
  EXPECT_EQ(caller.ask("GET", "/blindai/v1/keys"), 403);
}

TEST(ANewKey, IsOfItsMakersTenantAndOfOneForm) {
  Service service(life);
  Service::Caller caller(service);
  const auto key = auth::ApiKey::generate();
  const auto make = [&](const std::string& id, const std::string& public_key, const std::string& role) {
    return caller.ask_with_proof(
        "POST", "/blindai/v1/keys",
        R"({"id":")" + id + R"(","public_key":")" + public_key + R"(","role":")" + role + R"(","tenant":"other"})");
  };
  const std::string public_key = to_hex(key.key.public_key());
  EXPECT_EQ(make(key.id, public_key, "caller"), 201);
  EXPECT_EQ(service.registry.find(key.id)->tenant, "clinic");
  EXPECT_EQ(make(key.id, public_key, "caller"), 409);
  EXPECT_EQ(make("0123456789abcde", public_key, "caller"), 400);
  EXPECT_EQ(make("0123456789ABCDEF", public_key, "caller"), 400);
  EXPECT_EQ(make("0123456789abcdef", public_key.substr(2), "caller"), 400);
  EXPECT_EQ(make("0123456789abcdef", public_key, "admin"), 400);
  EXPECT_EQ(caller.ask_with_proof("POST", "/blindai/v1/keys", std::string(4097, ' ')), 413);
}

TEST(AnUpload, IsRefusedInAnyOtherForm) {
  Service service(life);
  Service::Caller caller(service);
  const std::string body = model();
  const auto upload = [&](const std::string& query, const std::string& bytes, Headers headers = {}) {
    return caller.ask_with_proof("POST", "/blindai/v1/models" + query, bytes, std::move(headers));
  };
  EXPECT_EQ(upload("?id=m", body), 503);
  EXPECT_EQ(upload("", body), 400);
  EXPECT_EQ(upload("?id=..", body), 400);
  EXPECT_EQ(upload("?id=a/b", body), 400);
  EXPECT_EQ(upload("?id=m&id=n", body), 400);
  EXPECT_EQ(upload("?id=m%0a", body), 400);
  EXPECT_EQ(upload("?id=m&save=1", body), 501);
  EXPECT_EQ(upload("?id=m", body, {{"Content-Type", "text/plain"}}), 415);
  EXPECT_EQ(upload("?id=m", body, {{"Repr-Digest", "md5=:AA==:"}}), 400);
  const auto digest = [](const Digest& value) {
    return Headers{{"Repr-Digest", "sha-256=:" + to_base64(value.view()) + ":"}};
  };
  EXPECT_EQ(upload("?id=m", body, digest(crypto::sha256(as_bytes(body)))), 503);
  EXPECT_EQ(upload("?id=m", body, digest(crypto::sha256(as_bytes("other")))), 400);
  EXPECT_EQ(upload("?id=m", ""), 400);
}

TEST(ABundle, IsReadOnlyWhereEachFileHasItsDigest) {
  Service service(life);
  Service::Caller caller(service);
  const std::string body = model();
  const auto upload = [&](const Digest& digest, std::uint32_t head_off_by = 0) {
    const cbor::Array file{"m.onnx", static_cast<std::int64_t>(body.size()), digest};
    const Bytes head = cbor::encode(cbor::Map{{"ctx", "blindai model v1"}, {"files", cbor::Array(1, file)}});
    const auto size = static_cast<std::uint32_t>(head.size()) + head_off_by;
    std::string bytes{static_cast<char>(size >> 24U), static_cast<char>(size >> 16U), static_cast<char>(size >> 8U),
                      static_cast<char>(size)};
    bytes += std::string(as_text(head)) + body;
    return caller.ask_with_proof("POST", "/blindai/v1/models?id=m", bytes,
                                 {{"Content-Type", "application/vnd.blindai.bundle"}});
  };
  EXPECT_EQ(upload(crypto::sha256(as_bytes(body))), 503);
  EXPECT_EQ(upload(crypto::sha256(as_bytes("other"))), 400);
  EXPECT_EQ(upload(crypto::sha256(as_bytes(body)), 0x7fffff00), 400);
}

TEST(AQuota, IsAskedBeforeABodyIsTaken) {
  Service service(life, [](Config& config) {
    config.tenant_bytes = 1024;
    config.model_bytes = 4096;
  });
  Service::Caller caller(service);
  EXPECT_EQ(caller.ask_with_proof("POST", "/blindai/v1/models?id=m", model()), 503);
  EXPECT_EQ(caller.ask_with_proof("POST", "/blindai/v1/models?id=m", std::string(1025, 'x')), 429);
  Service::Caller another(service);
  EXPECT_EQ(another.ask_with_proof("POST", "/blindai/v1/models?id=m", std::string(4097, 'x')), 413);
}

TEST(AnInference, IsBoundedByItsHead) {
  Service service(life, [](Config& config) {
    config.request_bytes = 2048;
    config.json_bytes = 1024;
  });
  const auto infer = [&](std::size_t size, Headers headers = {}) {
    Service::Caller caller(service);
    return caller.ask_with_proof("POST", "/v2/models/m/infer", std::string(size, ' '), std::move(headers));
  };
  const auto json_of = [](const std::string& bytes) { return Headers{{"Inference-Header-Content-Length", bytes}}; };
  EXPECT_EQ(infer(1024), 404);
  EXPECT_EQ(infer(1025), 413);
  EXPECT_EQ(infer(3072, json_of("1024")), 404);
  EXPECT_EQ(infer(3073, json_of("1024")), 413);
  EXPECT_EQ(infer(2048, json_of("1025")), 413);
  EXPECT_EQ(infer(2100, json_of("10")), 413);
  EXPECT_EQ(infer(2048, json_of("0")), 404);
  EXPECT_EQ(infer(2049, json_of("0")), 413);
  for (const char* size : {"101", "-1", "1x", "", "99999999999999999999"}) {
    EXPECT_EQ(infer(100, json_of(size)), 400) << size;
  }
}

TEST(AnEncoding, ThatIsNotTakenIsAnsweredWithThoseThatAre) {
  Service service(life);
  Service::Caller caller(service);
  const auto infer = [&](const std::string& coding) {
    return caller.ask_with_proof("POST", "/v2/models/m/infer", "{}", {{"Content-Encoding", coding}});
  };
  for (const char* coding : {"gzip", "deflate", "identity"}) {
    EXPECT_EQ(infer(coding), 404) << coding;
  }
  for (const char* coding : {"br", "gzip, gzip"}) {
    EXPECT_EQ(infer(coding), 415) << coding;
    ASSERT_NE(caller.answer().find("accept-encoding"), nullptr);
    EXPECT_EQ(*caller.answer().find("accept-encoding"), "gzip, deflate");
  }
}

TEST(AnEncoding, IsNotTakenOfModelsAndAttests) {
  Service service(life);
  Service::Caller caller(service);
  EXPECT_EQ(caller.ask_with_proof("POST", "/blindai/v1/models?id=m", model(), {{"Content-Encoding", "gzip"}}), 415);
  EXPECT_EQ(caller.ask("POST", "/blindai/v1/attest", "{}", {{"Content-Encoding", "gzip"}}), 415);
  EXPECT_EQ(caller.ask("POST", "/blindai/v1/attest", "{}", {{"Content-Encoding", "br"}}), 415);
}

TEST(AnAttest, IsOneSmallPost) {
  Service service(life);
  Service::Caller caller(service);
  EXPECT_EQ(caller.ask("GET", "/blindai/v1/attest"), 405);
  EXPECT_EQ(caller.ask("POST", "/blindai/v1/attest", std::string(4097, ' ')), 413);
  EXPECT_EQ(caller.attest(), 200);
}

TEST(AShare, IsWithAnotherTenant) {
  Service service(life);
  Service::Caller caller(service);
  EXPECT_EQ(caller.ask_with_proof("PUT", "/blindai/v1/models/m/shares/clinic"), 400);
  EXPECT_EQ(caller.ask_with_proof("PUT", "/blindai/v1/models/m/shares/.."), 400);
  EXPECT_EQ(caller.ask_with_proof("PUT", "/blindai/v1/models/m/shares/other"), 404);
}

}  // namespace
}  // namespace blindai::server
