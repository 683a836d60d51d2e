// The order in which a client checks an attest answer: design section 5.
#include <fmt/format.h>

#include <algorithm>

#include "channel/verify.h"
#include "crypto/crypto.h"

namespace blindai::channel {
namespace {

std::string to_text(const cbor::Value& value) {
  if (const auto* text = value.as<std::string>()) {
    return *text;
  }
  if (const auto* number = value.as<std::int64_t>()) {
    return fmt::format("{}", *number);
  }
  if (const auto* bytes = value.as<Bytes>()) {
    return to_hex(*bytes);
  }
  if (const auto* truth = value.as<bool>()) {
    return *truth ? "true" : "false";
  }
  std::string out;
  if (const auto* array = value.as<cbor::Array>()) {
    for (const cbor::Value& item : *array) {
      out += (out.empty() ? "" : ", ") + to_text(item);
    }
    return "[" + out + "]";
  }
  if (const auto* map = value.as<cbor::Map>()) {
    for (const auto& [key, member] : *map) {
      const auto* name = std::get_if<std::string>(&key.value);
      out += (out.empty() ? "" : ", ") + (name != nullptr ? *name : "?") + " = " + to_text(member);
    }
    return "{" + out + "}";
  }
  return "null";
}

json::Value to_json(const cbor::Value& value) {
  if (const auto* array = value.as<cbor::Array>()) {
    json::Array out;
    for (const cbor::Value& item : *array) {
      out.push_back(to_json(item));
    }
    return out;
  }
  if (const auto* map = value.as<cbor::Map>()) {
    json::Object out;
    for (const auto& [key, member] : *map) {
      if (const auto* name = std::get_if<std::string>(&key.value)) {
        out.emplace(*name, to_json(member));
      }
    }
    return out;
  }
  if (const auto* number = value.as<std::int64_t>()) {
    return *number;
  }
  return value.is_null() ? json::Value(nullptr) : json::Value(to_text(value));
}

bool in_list(const cbor::Value& value, const std::vector<cbor::Value>& list) {
  return std::ranges::find(list, value) != list.end();
}

// What a list-valued member may hold: of `auth` and `models` nothing that is not allowed, of `sandbox` at least what is
// asked for. Every other member must be one of the allowed values.
bool allowed(std::string_view member, const cbor::Value& found, const std::vector<cbor::Value>& list) {
  const auto* array = found.as<cbor::Array>();
  if (member == "auth" || member == "models") {
    return array != nullptr && std::ranges::all_of(*array, [&](const auto& item) { return in_list(item, list); });
  }
  if (member == "sandbox") {
    return array != nullptr && std::ranges::all_of(list, [&](const auto& layer) { return in_list(layer, *array); });
  }
  return in_list(found, list);
}

}  // namespace

class AttestVerifier {
 public:
  AttestVerifier(const AttestAnswer& answer, const AttestRequest& request, const TlsFacts& tls,
                 const evidence::Policy& policy, UnixSeconds now, evidence::Report& report,
                 evidence::CollateralCache* cache)
      : answer_(answer), request_(request), tls_(tls), policy_(policy), now_(now), report_(report), cache_(cache) {}

  Result<VerifiedKeyset> run() {
    report_.policy_name = policy_.name;
    report_.policy_digest = policy_.digest;
    if (!sizes() || !keyset_form() || !evidence_item()) {
      return refused();
    }
    BLINDAI_TRY(const auto evidence,
                evidence::appraise(answer_.evidence.front(), collateral(), policy_, now_, report_, cache_));
    const evidence::Claims& claims = evidence.claims();
    if (!report_data_holds(claims) || !code(claims) || !keyset_life() || !keyset_time() || !tls_key() ||
        !tls_tickets() || !identity() || !session_signature() || !config()) {
      return refused();
    }
    VerifiedKeyset verified;
    verified.keyset_ = std::move(*keyset_);
    verified.id_ = id_;
    verified.recheck_at_ =
        std::min({verified.keyset_.not_after, claims.valid_until(), now_ + policy_.freshness.recheck_seconds});
    return verified;
  }

 private:
  static std::unexpected<Error> refused() {
    return fail(Code::attestation_failed, {"the service did not prove what the policy asks for; see the report"});
  }

  const evidence::Collateral& collateral() const {
    static const evidence::Collateral none;
    return answer_.collateral ? *answer_.collateral : none;
  }

  bool sizes() {
    const bool good = answer_.session_signature.size() == 64 &&
                      (!answer_.path || answer_.path->hashes.size() <= max_path_hashes) &&
                      std::ranges::all_of(answer_.evidence, [](const evidence::Item& item) {
                        return item.data.size() <= evidence::max_evidence_bytes;
                      });
    return report_.check(good, "sizes", "within the limits", good ? "within the limits" : "over a limit", "");
  }

  // The form alone: nothing in it is believed before evidence vouches for its digest.
  bool keyset_form() {
    id_ = keyset_id(answer_.keyset);
    auto decoded = Keyset::decode(answer_.keyset);
    const bool good = decoded.has_value();
    const std::string found = good ? "keyset v1" : "malformed: " + decoded.error().detail.text;
    if (good) {
      keyset_ = std::move(*decoded);
      report_.facts["keyset_id"] = id_.hex();
    }
    return report_.check(good, "keyset_form", "keyset v1", found, "");
  }

  bool evidence_item() {
    if (answer_.evidence.size() != 1) {
      return report_.check(false, "evidence_item", "exactly one", fmt::format("{}", answer_.evidence.size()), "");
    }
    const auto tee = evidence::tee_of_type(answer_.evidence.front().type);
    return report_.check(tee == keyset_->tee, "evidence_item", "evidence of the keyset's tee: " + keyset_->tee,
                         tee ? std::string(*tee) : "an unknown type", "");
  }

  bool report_data_holds(const evidence::Claims& claims) {
    std::optional<Digest> value = Digest{};
    const bool fresh = policy_.freshness.fresh_evidence;
    if (fresh) {
      value = answer_.path ? root_of_path(request_.nonce, *answer_.path) : std::nullopt;
    }
    if (!value) {
      return report_.check(false, "report_data", "fresh evidence over this connection's nonce",
                           answer_.path ? "a Merkle path that leads nowhere" : "no Merkle path", "TEE");
    }
    const auto expected = report_data(fresh ? EvidenceKind::fresh : EvidenceKind::standing, id_, value->view());
    return report_.check(crypto::equal_constant_time(expected, claims.report_data()), "report_data", to_hex(expected),
                         to_hex(claims.report_data()), "TEE");
  }

  // The simulated TEE measures the keyset's `code`; what hardware measures was compared by appraise().
  bool code(const evidence::Claims& claims) {
    json::Object files;
    for (const auto& [name, digest] : keyset_->code) {
      files.emplace(name, digest.text());
    }
    report_.facts["code"] = std::move(files);
    const auto* simulated = std::get_if<evidence::SimulatedClaims>(&claims.facts());
    if (simulated == nullptr) {
      report_.not_applicable("code", "stands for itself: the hardware measured the code that made this keyset");
      return true;
    }
    const Digest measured = code_measurement(keyset_->code);
    return report_.check(simulated->measurement == measured, "code", simulated->measurement.hex(), measured.hex(),
                         "TEE");
  }

  bool keyset_life() {
    const UnixSeconds life = keyset_->not_after - keyset_->not_before;
    return report_.check(life <= max_keyset_life, "keyset_life", fmt::format("at most {} s", max_keyset_life),
                         fmt::format("{} s", life), "TEE (the host's clock)");
  }

  bool keyset_time() {
    const UnixSeconds from = keyset_->not_before;
    const UnixSeconds to = keyset_->not_after;
    report_.facts["not_before"] = to_iso8601(from);
    report_.facts["not_after"] = to_iso8601(to);
    report_.facts["build"] = keyset_->build;
    return report_.check(from <= now_ + clock_skew && now_ - clock_skew <= to, "keyset_time",
                         to_iso8601(from) + " to " + to_iso8601(to), to_iso8601(now_), "this client's clock");
  }

  bool tls_key() {
    return report_.check(keyset_->tls == tls_.leaf_spki, "tls_key", keyset_->tls.hex(), tls_.leaf_spki.hex(),
                         "TEE and TLS");
  }

  // A ticket would let a later connection skip the handshake that evidence is bound to.
  bool tls_tickets() {
    return report_.check(!tls_.ticket_received, "tls_tickets", "no session ticket",
                         tls_.ticket_received ? "a session ticket" : "none", "TLS");
  }

  bool identity() {
    const std::string expected = policy_.identity ? policy_.identity->server_name : "a policy with [identity]";
    const bool good = policy_.identity && !tls_.identity_error;
    return report_.check(good, "identity", expected, tls_.identity_error.value_or(tls_.server_names),
                         "TLS certificate");
  }

  bool session_signature() {
    const auto key = crypto::ed25519_from_der(keyset_->session);
    const Bytes message = session_message(id_, request_.nonce, tls_.exporter);
    const bool good = key && crypto::ed25519_verify(*key, message, answer_.session_signature);
    return report_.check(good, "session_signature", "by the session key, over this connection and nonce",
                         good ? "holds" : "does not hold", "session key");
  }

  bool config() {
    report_.facts["config"] = to_json(keyset_->config);
    for (const auto& [key, value] : keyset_->config) {
      const auto& member = std::get<std::string>(key.value);
      const auto rule = policy_.config.find(member);
      if (rule == policy_.config.end()) {
        report_.not_applicable("config_" + member, "not named by the policy: " + to_text(value));
      } else if (!config_member(member, value, rule->second)) {
        return false;
      }
    }
    return config_rule("code", code_value()) && config_rule("store", store_value());
  }

  // Members of the keyset that a policy limits in [config] though they stand beside `config`.
  bool config_rule(const std::string& member, const cbor::Value& value) {
    const auto rule = policy_.config.find(member);
    return rule == policy_.config.end() || config_member(member, value, rule->second);
  }

  bool config_member(const std::string& member, const cbor::Value& found, const evidence::Allowed& rule) {
    if (std::holds_alternative<evidence::Any>(rule)) {
      report_.not_applicable("config_" + member, "the policy allows any: " + to_text(found));
      return true;
    }
    const auto& list = std::get<std::vector<cbor::Value>>(rule);
    return report_.check(allowed(member, found, list), "config_" + member, to_text(cbor::Array(list)), to_text(found),
                         "TEE");
  }

  cbor::Value code_value() const {
    cbor::Map map;
    for (const auto& [name, digest] : keyset_->code) {
      map.emplace(name, digest);
    }
    return map;
  }

  cbor::Value store_value() const {
    return keyset_->store
               ? cbor::Value(cbor::Map{{"id", to_hex(keyset_->store->first)}, {"epoch", keyset_->store->second}})
               : cbor::Value();
  }

  const AttestAnswer& answer_;
  const AttestRequest& request_;
  const TlsFacts& tls_;
  const evidence::Policy& policy_;
  UnixSeconds now_;
  evidence::Report& report_;
  evidence::CollateralCache* cache_;
  Digest id_;
  std::optional<Keyset> keyset_;
};

Result<VerifiedKeyset> verify_attest(const AttestAnswer& answer, const AttestRequest& request, const TlsFacts& tls,
                                     const evidence::Policy& policy, UnixSeconds now, evidence::Report& report,
                                     evidence::CollateralCache* cache) {
  return AttestVerifier(answer, request, tls, policy, now, report, cache).run();
}

Result<VerifiedKeyset> verify_attest(const AttestAnswer& answer, const AttestRequest& request, const TlsFacts& tls,
                                     const evidence::Policy& policy, UnixSeconds now, evidence::Report& report) {
  return verify_attest(answer, request, tls, policy, now, report, nullptr);
}

}  // namespace blindai::channel
