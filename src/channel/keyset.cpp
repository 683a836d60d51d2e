#include "channel/keyset.h"

#include <algorithm>
#include <array>

#include "crypto/crypto.h"

namespace blindai::channel {
namespace {

constexpr std::string_view context = "blindai keyset v1";
constexpr std::string_view evidence_context = "blindai evidence v1";
constexpr std::string_view session_context = "blindai session v1";
constexpr std::size_t max_files = 64;
constexpr std::size_t max_models = 4096;

std::unexpected<Error> wrong(std::string_view member) {
  return fail(Code::invalid_argument, {"the keyset is malformed"}, {std::string(member)});
}

bool is_one_of(const cbor::Value& value, std::initializer_list<std::string_view> words) {
  const auto* text = value.as<std::string>();
  return text != nullptr && std::ranges::find(words, *text) != words.end();
}

// Sorted, without repetition, each of the words, or any word where none are listed.
bool is_word_list(const cbor::Value& value, std::initializer_list<std::string_view> words) {
  const auto* array = value.as<cbor::Array>();
  if (array == nullptr || array->size() > 64) {
    return false;
  }
  std::string_view before;
  for (const cbor::Value& item : *array) {
    const auto* text = item.as<std::string>();
    if (text == nullptr || *text <= before || (words.size() != 0 && !is_one_of(item, words))) {
      return false;
    }
    before = *text;
  }
  return true;
}

bool is_digest(const cbor::Value& value) {
  const auto* bytes = value.as<Bytes>();
  return bytes != nullptr && bytes->size() == Digest::size;
}

bool is_limits(const cbor::Value& value) {
  const auto* map = value.as<cbor::Map>();
  return map != nullptr && map->size() <= 64 && std::ranges::all_of(*map, [](const auto& entry) {
           const auto* number = entry.second.template as<std::int64_t>();
           return std::holds_alternative<std::string>(entry.first.value) && number != nullptr && *number >= 0;
         });
}

bool is_models(const cbor::Value& value) {
  const auto* array = value.as<cbor::Array>();
  return value.is_null() || (array != nullptr && array->size() <= max_models && std::ranges::all_of(*array, is_digest));
}

Result<void> check_config(const cbor::Value& config) {
  cbor::Fields fields(config);
  const std::array<std::pair<std::string_view, bool>, 9> members{{
      {"engine", is_one_of(fields.any("engine"), {"worker", "in-process"})},
      {"isolation", is_one_of(fields.any("isolation"), {"group", "model"})},
      {"batch", is_one_of(fields.any("batch"), {"group", "proved"})},
      {"auth", is_word_list(fields.any("auth"), {"proof", "bearer", "open"})},
      {"sandbox", is_word_list(fields.any("sandbox"), {})},
      {"sealing", is_one_of(fields.any("sealing"), {"none", "mrenclave", "mrsigner", "snp", "key-file"})},
      {"models", is_models(fields.any("models"))},
      {"limits", is_limits(fields.any("limits"))},
      {"metrics", is_digest(fields.any("metrics"))},
  }};
  BLINDAI_CHECK(fields.finish());
  for (const auto& [name, good] : members) {
    if (!good) {
      return wrong(name);
    }
  }
  return {};
}

Result<std::map<std::string, Digest>> read_code(const cbor::Value& value) {
  const auto* map = value.as<cbor::Map>();
  if (map == nullptr || map->empty() || map->size() > max_files) {
    return wrong("code");
  }
  std::map<std::string, Digest> code;
  for (const auto& [key, digest] : *map) {
    const auto* name = std::get_if<std::string>(&key.value);
    if (name == nullptr || !is_digest(digest)) {
      return wrong("code");
    }
    code.emplace(*name, *Digest::from(*digest.as<Bytes>()));
  }
  return code;
}

cbor::Map code_map(const std::map<std::string, Digest>& code) {
  cbor::Map map;
  for (const auto& [name, digest] : code) {
    map.emplace(name, digest);
  }
  return map;
}

Result<void> read_optional(const cbor::Value& hpke, const cbor::Value& store, Keyset& keyset) {
  if (const auto* key = hpke.as<Bytes>()) {
    keyset.hpke = *key;
  } else if (!hpke.is_null()) {
    return wrong("hpke");
  }
  if (store.is_null()) {
    return {};
  }
  const auto* array = store.as<cbor::Array>();
  if (array == nullptr || array->size() != 2 || (*array)[0].as<Bytes>() == nullptr ||
      (*array)[1].as<std::int64_t>() == nullptr || *(*array)[1].as<std::int64_t>() < 0) {
    return wrong("store");
  }
  keyset.store = {*(*array)[0].as<Bytes>(), *(*array)[1].as<std::int64_t>()};
  return {};
}

}  // namespace

Bytes Keyset::encode() const {
  cbor::Value store_value;
  if (store) {
    store_value = cbor::Array{store->first, store->second};
  }
  return cbor::encode(cbor::Map{{"ctx", context},
                                {"tee", tee},
                                {"tls", tls},
                                {"session", session},
                                {"receipt", receipt},
                                {"hpke", hpke ? cbor::Value(*hpke) : cbor::Value()},
                                {"config", config},
                                {"code", code_map(code)},
                                {"store", store_value},
                                {"build", build},
                                {"not_before", not_before},
                                {"not_after", not_after}});
}

Result<Keyset> Keyset::decode(ByteView document) {
  BLINDAI_TRY(const auto value, cbor::decode(document));
  cbor::Fields fields(value);
  Keyset keyset;
  const bool right_context = fields.text("ctx") == context;
  keyset.tee = fields.text("tee");
  keyset.tls = fields.digest("tls");
  keyset.session = fields.bytes("session");
  keyset.receipt = fields.bytes("receipt");
  const cbor::Value& hpke = fields.any("hpke");
  const cbor::Value& config = fields.any("config");
  const cbor::Value& code = fields.any("code");
  const cbor::Value& store = fields.any("store");
  keyset.build = fields.text("build");
  keyset.not_before = fields.integer("not_before");
  keyset.not_after = fields.integer("not_after");
  BLINDAI_CHECK(fields.finish());
  if (!right_context) {
    return wrong("ctx");
  }
  if (!is_one_of(keyset.tee, {"sgx", "tdx", "snp", "simulated"})) {
    return wrong("tee");
  }
  if (!crypto::ed25519_from_der(keyset.session) || !crypto::ed25519_from_der(keyset.receipt)) {
    return wrong("session or receipt key");
  }
  if (keyset.not_before < 0 || keyset.not_after <= keyset.not_before) {
    return wrong("dates");
  }
  BLINDAI_CHECK(check_config(config));
  keyset.config = *config.as<cbor::Map>();
  BLINDAI_TRY(keyset.code, read_code(code));
  BLINDAI_CHECK(read_optional(hpke, store, keyset));
  return keyset;
}

Digest keyset_id(ByteView document) { return crypto::sha256(document); }

Digest code_measurement(const std::map<std::string, Digest>& code) {
  return crypto::sha256(cbor::encode(code_map(code)));
}

std::array<std::uint8_t, 64> report_data(EvidenceKind kind, const Digest& keyset, ByteView value) {
  Bytes message = copy(as_bytes(evidence_context));
  message.push_back(0);
  message.push_back(static_cast<std::uint8_t>(kind));
  append(message, keyset.view());
  append(message, value);
  return crypto::sha512(message);
}

Bytes session_message(const Digest& keyset, ByteView nonce, ByteView exporter) {
  Bytes message = copy(as_bytes(session_context));
  message.push_back(0);
  append(message, keyset.view());
  append(message, nonce);
  append(message, exporter);
  return message;
}

}  // namespace blindai::channel
