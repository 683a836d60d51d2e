#include "channel/attest.h"

#include <algorithm>

namespace blindai::channel {
namespace {

constexpr std::size_t max_keyset_bytes = 64 * 1024;
constexpr std::size_t max_log_bytes = 256 * 1024;
constexpr std::size_t max_evidence_items = 8;

std::unexpected<Error> wrong(std::string_view member) {
  return fail(Code::invalid_argument, {"the attest message is malformed at '{}'", Disclosed(member)});
}

// Only these members, each at most once (the parser saw to that).
Result<void> closed(const json::Value& value, std::initializer_list<std::string_view> members) {
  const auto* object = value.as<json::Object>();
  if (object == nullptr) {
    return wrong("object");
  }
  for (const auto& [name, member] : *object) {
    if (std::ranges::find(members, name) == members.end()) {
      return wrong("unknown member");
    }
  }
  return {};
}

// The length of the text bounds what decoding allocates.
Result<Bytes> decode(const json::Value& object, std::string_view member, std::size_t limit) {
  const std::string* text = object.text(member);
  if (text == nullptr) {
    return wrong(member);
  }
  if (text->size() > (limit + 2) / 3 * 4) {
    return fail(Code::too_large, {"'{}' of the attest message is over {} bytes", Disclosed(member), limit});
  }
  auto bytes = from_base64(*text);
  if (!bytes || bytes->size() > limit) {
    return wrong(member);
  }
  return std::move(*bytes);
}

bool is_null_or_absent(const json::Value& object, std::string_view member) {
  const json::Value* value = object.find(member);
  return value == nullptr || value->is_null();
}

std::optional<std::uint64_t> count(const json::Value& object, std::string_view member) {
  const json::Value* value = object.find(member);
  const auto* number = value == nullptr ? nullptr : value->as<std::int64_t>();
  return number == nullptr || *number < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(*number));
}

Result<MerklePath> parse_path(const json::Value& value) {
  BLINDAI_CHECK(closed(value, {"index", "size", "hashes"}));
  const auto index = count(value, "index");
  const auto size = count(value, "size");
  const json::Value* hashes = value.find("hashes");
  const auto* list = hashes == nullptr ? nullptr : hashes->as<json::Array>();
  if (!index || !size || list == nullptr || list->size() > max_path_hashes) {
    return wrong("path");
  }
  MerklePath path{*index, *size, {}};
  for (const json::Value& item : *list) {
    const auto* text = item.as<std::string>();
    const auto bytes = text == nullptr || text->size() > 44 ? std::nullopt : from_base64(*text);
    const auto digest = bytes ? Digest::from(*bytes) : std::nullopt;
    if (!digest) {
      return wrong("path");
    }
    path.hashes.push_back(*digest);
  }
  return path;
}

Result<evidence::Item> parse_item(const json::Value& value) {
  BLINDAI_CHECK(closed(value, {"type", "data", "log"}));
  const std::string* type = value.text("type");
  if (type == nullptr || type->size() > 32) {
    return wrong("evidence.type");
  }
  evidence::Item item{*type, {}, {}};
  BLINDAI_TRY(item.data, decode(value, "data", evidence::max_evidence_bytes));
  if (!is_null_or_absent(value, "log")) {
    BLINDAI_TRY(item.log, decode(value, "log", max_log_bytes));
  }
  return item;
}

Result<evidence::Collateral> parse_collateral(const json::Value& value) {
  const auto* object = value.as<json::Object>();
  if (object == nullptr) {
    return wrong("collateral");
  }
  auto collateral = evidence::Collateral::from_json(*object);
  if (!collateral) {
    return wrong("collateral");
  }
  return std::move(*collateral);
}

}  // namespace

std::string AttestRequest::to_json() const {
  return json::write(json::Object{{"nonce", to_base64(nonce)},
                                  {"fresh", fresh},
                                  {"have", have ? json::Value(to_base64(have->view())) : json::Value(nullptr)}});
}

Result<AttestRequest> AttestRequest::parse(std::string_view json) {
  if (json.size() > max_attest_request_bytes) {
    return fail(Code::too_large, {"an attest request has at most {} bytes", max_attest_request_bytes});
  }
  BLINDAI_TRY(const auto value, json::parse(json));
  BLINDAI_CHECK(closed(value, {"nonce", "fresh", "have"}));
  AttestRequest request;
  BLINDAI_TRY(const Bytes nonce, decode(value, "nonce", nonce_bytes));
  if (nonce.size() != nonce_bytes || std::ranges::all_of(nonce, [](std::uint8_t byte) { return byte == 0; })) {
    return fail(Code::invalid_argument, {"'nonce' must be {} random bytes in base64, not all zero", nonce_bytes});
  }
  std::ranges::copy(nonce, request.nonce.begin());
  const json::Value* fresh = value.find("fresh");
  if (fresh == nullptr || fresh->as<bool>() == nullptr) {
    return wrong("fresh");
  }
  request.fresh = *fresh->as<bool>();
  if (!is_null_or_absent(value, "have")) {
    BLINDAI_TRY(const Bytes have, decode(value, "have", Digest::size));
    request.have = Digest::from(have);
    if (!request.have) {
      return wrong("have");
    }
  }
  return request;
}

std::string AttestAnswer::to_json() const {
  json::Array items;
  for (const evidence::Item& item : evidence) {
    items.emplace_back(
        json::Object{{"type", item.type},
                     {"data", to_base64(item.data)},
                     {"log", item.log.empty() ? json::Value(nullptr) : json::Value(to_base64(item.log))}});
  }
  json::Value path_value;
  if (path) {
    json::Array hashes;
    for (const Digest& hash : path->hashes) {
      hashes.emplace_back(to_base64(hash.view()));
    }
    path_value = json::Object{{"index", path->index}, {"size", path->size}, {"hashes", std::move(hashes)}};
  }
  return json::write(
      json::Object{{"keyset", to_base64(keyset)},
                   {"evidence", std::move(items)},
                   {"collateral", collateral ? json::Value(collateral->to_json()) : json::Value(nullptr)},
                   {"path", std::move(path_value)},
                   {"session_signature", to_base64(session_signature)}});
}

Result<AttestAnswer> AttestAnswer::parse(std::string_view json) {
  if (json.size() > max_attest_answer_bytes) {
    return fail(Code::too_large, {"an attest answer has at most {} bytes", max_attest_answer_bytes});
  }
  BLINDAI_TRY(const auto value, json::parse(json));
  BLINDAI_CHECK(closed(value, {"keyset", "evidence", "collateral", "path", "session_signature"}));
  AttestAnswer answer;
  BLINDAI_TRY(answer.keyset, decode(value, "keyset", max_keyset_bytes));
  const json::Value* items = value.find("evidence");
  const auto* list = items == nullptr ? nullptr : items->as<json::Array>();
  if (list == nullptr || list->size() > max_evidence_items) {
    return wrong("evidence");
  }
  for (const json::Value& item : *list) {
    BLINDAI_TRY(auto parsed, parse_item(item));
    answer.evidence.push_back(std::move(parsed));
  }
  if (!is_null_or_absent(value, "collateral")) {
    BLINDAI_TRY(answer.collateral, parse_collateral(*value.find("collateral")));
  }
  if (!is_null_or_absent(value, "path")) {
    BLINDAI_TRY(answer.path, parse_path(*value.find("path")));
  }
  BLINDAI_TRY(answer.session_signature, decode(value, "session_signature", 64));
  return answer;
}

}  // namespace blindai::channel
