// Uploading, listing, inspecting, deleting and sharing models.
#include <algorithm>

#include "server/routes.h"

namespace blindai::server {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

Result<void> owners_only(const auth::Principal& principal) {
  if (principal.role != auth::Role::owner) {
    return fail(Code::permission_denied, {"only an owner's key may change models"});
  }
  return {};
}

Result<BodyForm> form_of(const http::RequestHead& head) {
  const std::string* type = head.find("content-type");
  if (type == nullptr || *type == "application/octet-stream") {
    return BodyForm::single;
  }
  if (*type == "application/vnd.blindai.bundle") {
    return BodyForm::bundle;
  }
  return fail(Code::unsupported_media,
              {"a model is sent as application/octet-stream or application/vnd.blindai.bundle"});
}

// RFC 9530: sha-256=:base64:
Result<std::optional<Digest>> wanted_digest(const http::RequestHead& head) {
  const std::string* header = head.find("repr-digest");
  if (header == nullptr) {
    return std::nullopt;
  }
  constexpr std::string_view prefix = "sha-256=:";
  const std::string_view text = *header;
  const auto bytes = text.starts_with(prefix) && text.ends_with(':') && text.size() > prefix.size()
                         ? from_base64(text.substr(prefix.size(), text.size() - prefix.size() - 1))
                         : std::nullopt;
  const auto digest = bytes ? Digest::from(*bytes) : std::nullopt;
  if (!digest) {
    return fail(Code::invalid_argument, {"Repr-Digest must be 'sha-256=:' and base64 and ':'"});
  }
  return digest;
}

// The uploader's word about the weights, else the configuration's, which has been checked.
Result<worker::Wish> wish_of(const std::map<std::string, std::string>& query, const Config& config) {
  const auto said = query.find("weights");
  if (said == query.end()) {
    return worker::parse_wish(config.weights, worker::Because::server).value_or(worker::Wish{});
  }
  const auto wish = worker::parse_wish(said->second, worker::Because::owner);
  if (!wish) {
    return fail(Code::invalid_argument, {"'weights' must be auto, packed or in-place"});
  }
  return *wish;
}

// Documents are made outside the coroutines: see answer_json().
json::Value listing(const Models& models, const auth::Principal& principal) {
  json::Array list;
  for (const auto& version : models.list(principal.tenant)) {
    list.emplace_back(models.describe(principal, *version));
  }
  return json::Object{{"models", std::move(list)}};
}

json::Value deleted(const std::string& name) { return json::Object{{"deleted", name}}; }

json::Value shared(const std::string& id, const std::string& tenant, bool on) {
  return json::Object{{"id", id}, {"tenant", tenant}, {"shared", on}};
}

}  // namespace

http::Task<Result<void>> Routes::models_route(http::Exchange& exchange, const Target& target,
                                              const Principal& principal) {
  const std::string& method = exchange.head().method;
  if (target.path.size() == 3 && method == "POST") {
    co_return co_await upload(exchange, target, principal);
  }
  if (target.path.size() == 3 && method == "GET") {
    co_return co_await answer_json(exchange, 200, listing(models_, principal));
  }
  if (target.path.size() == 3) {
    co_return co_await refuse_method(exchange, "GET, POST");
  }
  if (target.path.size() == 4) {
    co_return co_await one_model(exchange, target, principal);
  }
  if (target.path.size() == 6 && target.path[4] == "shares") {
    co_return co_await share(exchange, target, principal);
  }
  co_return fail(Code::not_found, {"there is nothing at this path"});
}

http::Task<Result<void>> Routes::upload(http::Exchange& exchange, const Target& target, const Principal& principal) {
  BLINDAI_CO_CHECK(owners_only(principal));
  const auto id = target.query.find("id");
  if (id == target.query.end() || !auth::valid_id(id->second)) {
    co_return fail(Code::invalid_argument,
                   {"'id' must be 1 to 64 of a-z A-Z 0-9 . _ - and start with a letter or digit"});
  }
  if (const auto save = target.query.find("save"); save != target.query.end() && save->second != "0") {
    co_return fail(Code::unimplemented, {"this server has no store to save models in; upload without save"});
  }
  BLINDAI_CO_TRY(const worker::Wish wish, wish_of(target.query, config_));
  BLINDAI_CO_CHECK(http::check_plain(exchange.head()));
  BLINDAI_CO_TRY(const BodyForm form, form_of(exchange.head()));
  BLINDAI_CO_TRY(const auto wanted, wanted_digest(exchange.head()));
  const auto limit = static_cast<std::uint64_t>(config_.model_bytes);
  const auto& length = exchange.head().content_length;
  BLINDAI_CO_TRY(auto started, vault::BodyReceiver::start(length, limit, hash_thread_));
  const auto receiver = std::make_shared<vault::BodyReceiver>(std::move(started));
  BLINDAI_CO_TRY(const auto reservation, models_.reserve(principal.tenant, length.value_or(limit), wish));
  Bytes piece(piece_bytes);
  for (std::size_t have = 0, count = 1; count > 0;) {  // written in large pieces, whatever TLS delivers
    BLINDAI_CO_TRY(count, co_await exchange.read_some(MutableBytes(piece).subspan(have)));
    have += count;
    if (have == piece.size() || count == 0) {
      BLINDAI_CO_CHECK(receiver->append(ByteView(piece).first(have)));
      have = 0;
    }
  }
  BLINDAI_CO_TRY(const auto body, co_await models_.complete(receiver));
  if (wanted && *wanted != body->sha256()) {
    co_return fail(Code::invalid_argument,
                   {"the body does not have the digest that Repr-Digest says: it was damaged on its way"});
  }
  BLINDAI_CO_TRY(const auto version, co_await models_.add(principal, id->second, body, form, reservation));
  co_return co_await answer_json(exchange, 201, json::Value(models_.describe(principal, *version)));
}

http::Task<Result<void>> Routes::one_model(http::Exchange& exchange, const Target& target, const Principal& principal) {
  const std::string& name = target.path[3];
  if (exchange.head().method == "GET") {
    BLINDAI_CO_TRY(const auto version, models_.find(principal, name));
    co_return co_await answer_json(exchange, 200, json::Value(models_.describe(principal, *version)));
  }
  if (exchange.head().method != "DELETE") {
    co_return co_await refuse_method(exchange, "GET, DELETE");
  }
  BLINDAI_CO_CHECK(owners_only(principal));
  BLINDAI_CO_CHECK(models_.remove(principal, name));
  co_return co_await answer_json(exchange, 200, deleted(name));
}

http::Task<Result<void>> Routes::share(http::Exchange& exchange, const Target& target, const Principal& principal) {
  BLINDAI_CO_CHECK(owners_only(principal));
  const std::string& method = exchange.head().method;
  const std::string& tenant = target.path[5];
  if (method != "PUT" && method != "DELETE") {
    co_return co_await refuse_method(exchange, "PUT, DELETE");
  }
  // Whether a tenant of that name exists is not told.
  if (!auth::valid_id(tenant) || tenant == principal.tenant) {
    co_return fail(Code::invalid_argument, {"a model is shared with another tenant, by its name"});
  }
  BLINDAI_CO_CHECK(models_.share(principal, target.path[3], tenant, method == "PUT"));
  co_return co_await answer_json(exchange, 200, shared(target.path[3], tenant, method == "PUT"));
}

}  // namespace blindai::server
