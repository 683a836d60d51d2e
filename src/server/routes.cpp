#include "server/routes.h"

#include <algorithm>

namespace blindai::server {
namespace {

constexpr std::size_t max_key_body = 4096;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || high * 16 + low < 0x20) {
      return fail(Code::invalid_argument, {"the target of the request is malformed"});
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::unexpected<Error> no_route() { return fail(Code::not_found, {"there is nothing at this path"}); }

constexpr std::string_view reading_or_posting = "GET, POST";

// V2 has no queries, and clients that send one are not to fail for it.
std::string_view without_v2_query(std::string_view target) {
  return target.starts_with("/v2/") || target.starts_with("/v2?") ? target.substr(0, target.find('?')) : target;
}

Result<auth::KeyRecord> read_key(ByteView body, const auth::Principal& principal, UnixSeconds now) {
  BLINDAI_TRY(const auto document, json::parse(as_text(body)));
  const std::string* id = document.text("id");
  const std::string* role = document.text("role");
  const std::string* key = document.text("public_key");
  const auto id_bytes = id == nullptr ? std::nullopt : from_hex(*id);
  const auto key_bytes = key == nullptr ? std::nullopt : from_hex(*key);
  const auto known_role = role == nullptr ? std::nullopt : auth::role_from(*role);
  auth::KeyRecord record;
  if (!id_bytes || id->size() != 16 || to_hex(*id_bytes) != *id || !key_bytes ||
      key_bytes->size() != record.public_key.size() || !known_role) {
    return fail(Code::invalid_argument,
                {"a key needs 'id' (16 hexadecimal digits), 'public_key' (64) and 'role' (owner or caller)"});
  }
  record.id = *id;
  record.tenant = principal.tenant;
  record.role = *known_role;
  record.created = now;
  std::ranges::copy(*key_bytes, record.public_key.begin());
  return record;
}

// Documents are made outside the coroutines: see answer_json().
json::Value describe(const auth::KeyRecord& record) {
  return json::Object{{"id", record.id}, {"role", word(record.role)}, {"created", record.created}};
}

json::Value listing(const std::vector<auth::KeyRecord>& records) {
  json::Array keys;
  for (const auth::KeyRecord& record : records) {
    keys.push_back(describe(record));
  }
  return json::Object{{"keys", std::move(keys)}};
}

json::Value deleted(const std::string& id) { return json::Object{{"deleted", id}}; }

}  // namespace

http::Task<Result<void>> answer_json(http::Exchange& exchange, int status, json::Value value) {
  const std::string text = json::write(value);
  co_await exchange.respond_json(status, text);
  co_return Result<void>();
}

http::Task<Result<void>> answer_nothing(http::Exchange& exchange) {
  std::vector<http::Header> headers;
  co_await exchange.respond(200, std::move(headers), std::span<const ByteView>());
  co_return Result<void>();
}

http::Task<Result<Bytes>> read_small_body(http::Exchange& exchange, std::size_t limit) {
  BLINDAI_CO_TRY(http::Body source, http::Body::open(exchange, limit));
  Bytes body;
  Bytes piece(4096);
  while (true) {
    BLINDAI_CO_TRY(const std::size_t count, co_await source.read_some(piece));
    if (count == 0) {
      co_return body;
    }
    append(body, ByteView(piece).first(count));
  }
}

bool takes(std::string_view methods, const http::Exchange& exchange) {
  while (!methods.empty()) {
    const std::string_view method = methods.substr(0, methods.find(", "));
    if (exchange.head().method == method) {
      return true;
    }
    methods.remove_prefix(std::min(methods.size(), method.size() + 2));
  }
  return false;
}

http::Task<Result<void>> refuse_method(http::Exchange& exchange, std::string_view methods) {
  constexpr int method_not_allowed = 405;
  const Error error{Code::invalid_argument, {"this path takes the method {}", Disclosed(methods)}};
  std::vector<http::Header> headers(1, http::Header{"Allow", methods});
  co_await exchange.respond_refusal(method_not_allowed, error, std::move(headers));
  co_return Result<void>();
}

Routes::Routes(const Config& config, Access& access, Models& models, Inference& inference, GrpcService& grpc,
               auth::Registry& registry, const Clock& clock)
    : config_(config),
      access_(access),
      models_(models),
      inference_(inference),
      grpc_(grpc),
      registry_(registry),
      clock_(clock) {}

Result<Routes::Target> Routes::parse_target(std::string_view target) {
  Target out;
  const std::size_t mark = target.find('?');
  std::string_view path = target.substr(0, mark);
  while (!path.empty()) {
    path.remove_prefix(1);  // '/'
    const std::size_t slash = path.find('/');
    BLINDAI_TRY(auto part, percent_decode(path.substr(0, slash)));
    out.path.push_back(std::move(part));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  }
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    BLINDAI_TRY(auto name, percent_decode(pair.substr(0, equals)));
    BLINDAI_TRY(auto value,
                percent_decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1)));
    if (!out.query.emplace(std::move(name), std::move(value)).second) {
      return fail(Code::invalid_argument, {"a member of the query stands twice"});
    }
  }
  return out;
}

void Routes::opened(http::Connection& connection) { access_.opened(connection); }

http::Task<void> Routes::serve_http2(http::ByteStream& stream) { co_await grpc_.serve(stream); }

http::Task<void> Routes::handle(http::Exchange& exchange) {
  const auto done = co_await route(exchange);
  if (done) {
    co_return;
  }
  if (done.error().code == Code::unsupported_media && !http::coding_of(exchange.head())) {
    co_return co_await http::refuse_coding(exchange, done.error());
  }
  co_await exchange.respond_error(done.error());
}

http::Task<Result<void>> Routes::route(http::Exchange& exchange) {
  BLINDAI_CO_TRY(const Target target, parse_target(without_v2_query(exchange.head().target)));
  const auto& path = target.path;
  if (path.size() == 3 && path[0] == "blindai" && path[1] == "v1" && path[2] == "attest") {
    co_return co_await attest(exchange);
  }
  if (path.size() == 3 && path[0] == "v2" && path[1] == "health" && (path[2] == "live" || path[2] == "ready")) {
    if (!takes(reading, exchange)) {
      co_return co_await refuse_method(exchange, reading);
    }
    co_return co_await answer_nothing(exchange);
  }
  if (path[0] == "blindai") {
    co_return co_await route_blindai(exchange, target);
  }
  if (path[0] == "v2") {
    co_return co_await route_v2(exchange, target);
  }
  co_return no_route();
}

http::Task<Result<void>> Routes::attest(http::Exchange& exchange) {
  if (!takes(posting, exchange)) {
    co_return co_await refuse_method(exchange, posting);
  }
  BLINDAI_CO_CHECK(Access::begin_attest(exchange.connection()));
  BLINDAI_CO_CHECK(http::check_plain(exchange.head()));
  BLINDAI_CO_TRY(const Bytes body, co_await read_small_body(exchange, channel::max_attest_request_bytes));
  BLINDAI_CO_TRY(const std::string json, co_await access_.attest(exchange.connection(), exchange.executor(), body));
  co_await exchange.respond_json(200, json);
  co_return Result<void>();
}

Result<auth::Principal> Routes::authorise(http::Exchange& exchange) {
  return access_.authorise(exchange.connection(), exchange.head().find("authorization"));
}

http::Task<Result<void>> Routes::route_blindai(http::Exchange& exchange, const Target& target) {
  BLINDAI_CO_TRY(const Principal principal, authorise(exchange));
  const auto& path = target.path;
  if (path.size() < 3 || path[1] != "v1") {
    co_return no_route();
  }
  if (path[2] == "models") {
    co_return co_await models_route(exchange, target, principal);
  }
  if (path[2] == "keys") {
    co_return co_await keys_route(exchange, target, principal);
  }
  co_return no_route();
}

http::Task<Result<void>> Routes::route_v2(http::Exchange& exchange, const Target& target) {
  BLINDAI_CO_TRY(const Principal principal, authorise(exchange));
  co_return co_await v2(exchange, target, principal);
}

http::Task<Result<void>> Routes::keys_route(http::Exchange& exchange, const Target& target,
                                            const Principal& principal) {
  if (principal.role != auth::Role::owner || principal.key_id.empty()) {
    co_return fail(Code::permission_denied, {"only an owner's key may see or change keys"});
  }
  const std::string& method = exchange.head().method;
  if (target.path.size() == 4 && method == "DELETE") {
    BLINDAI_CO_CHECK(registry_.remove(principal.tenant, target.path[3]));
    co_return co_await answer_json(exchange, 200, deleted(target.path[3]));
  }
  if (target.path.size() != 3) {
    co_return no_route();
  }
  if (!takes(reading_or_posting, exchange)) {
    co_return co_await refuse_method(exchange, reading_or_posting);
  }
  if (method == "POST") {
    BLINDAI_CO_TRY(const Bytes body, co_await read_small_body(exchange, max_key_body));
    BLINDAI_CO_TRY(const auto record, read_key(body, principal, clock_.now()));
    BLINDAI_CO_CHECK(registry_.add(record));
    co_return co_await answer_json(exchange, 201, describe(record));
  }
  co_return co_await answer_json(exchange, 200, listing(registry_.list(principal.tenant)));
}

http::Task<void> AdminRoutes::handle(http::Exchange& exchange) {
  const std::string& target = exchange.head().target;
  const std::string live = R"({"status":"live"})";
  if (target == "/health/live") {
    co_await exchange.respond_json(200, live);
    co_return;
  }
  if (target == "/health/ready") {
    const std::string text = ready ? R"({"status":"ready"})" : R"({"status":"not ready"})";
    co_await exchange.respond_json(ready ? 200 : 503, text);
    co_return;
  }
  if (target == "/metrics") {
    const std::string text = exposition(count_());
    const std::vector<ByteView> body(1, as_bytes(text));
    std::vector<http::Header> headers(1, http::Header{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"});
    co_await exchange.respond(200, std::move(headers), body);
    co_return;
  }
  const Error nothing{Code::not_found, {"there is nothing at this path"}};
  co_await exchange.respond_error(nothing);
}

}  // namespace blindai::server
