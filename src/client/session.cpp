#include "client/session.h"

#include <algorithm>

#include "channel/verify.h"
#include "client/answers.h"
#include "crypto/crypto.h"

namespace blindai::client {
namespace {

using std::chrono::seconds;

// Attest anew so long before the appraisal ends that a request begun under it also ends under it.
constexpr UnixSeconds recheck_margin = 30;
// The server allows 16 attests on a connection; the last is left unused.
constexpr int max_attests = 15;
// The server closes connections that were idle for 60 s.
constexpr auto max_idle = seconds(45);

constexpr int ok = 200;

Failure failure(Error error) { return Failure{std::move(error)}; }

Failure refused(evidence::Report report, Detail detail = {}) {
  const evidence::Check* check = report.first_failed();
  PublicText message{"the service did not prove what the policy demands"};
  if (check != nullptr) {
    message =
        PublicText{"the service did not prove what the policy demands: the check {} failed", Disclosed(check->name)};
  }
  return Failure{Error{Code::attestation_failed, std::move(message), std::move(detail)}, std::move(report)};
}

// An answer to the attest request that is none: a service that has no room now is unavailable, anything else failed.
Failure no_answer(const http::ClientResponse& response, evidence::Report report) {
  const Code code = code_of_http_status(response.status);
  if (code == Code::unavailable && response.status == http_status(Code::unavailable)) {
    Failure later{Error{Code::unavailable,
                        {"the service cannot attest itself now (HTTP status {}); try again later", response.status}}};
    later.retry_after = retry_after_of(response);
    return later;
  }
  if (code == Code::resource_exhausted) {
    Failure later{Error{Code::resource_exhausted, {"the service has no room for another connection; try again later"}}};
    later.retry_after = retry_after_of(response);
    return later;
  }
  report.fail("attest_answer", "HTTP status 200", fmt::format("HTTP status {}", response.status), "TLS");
  return refused(std::move(report));
}

evidence::Report empty_report(const evidence::Policy& policy) {
  evidence::Report report;
  report.policy_name = policy.name;
  report.policy_digest = policy.digest;
  return report;
}

struct Verified {
  channel::VerifiedKeyset keyset;
  evidence::Report report;
};

// One attest request on a connection, and the judgement of its answer.
Outcome<Verified> attest(channel::ClientStream& stream, const SessionSettings& settings) {
  evidence::Report report = empty_report(settings.policy);
  channel::AttestRequest request;
  crypto::fill_random(request.nonce);
  request.fresh = settings.policy.freshness.fresh_evidence;
  const KnownCollateral::Held held = settings.collateral.newest();
  if (held) {
    request.have = held->digest;
  }
  const std::string body = request.to_json();
  http::ClientRequest post{.method = "POST", .target = "/blindai/v1/attest", .body = {as_bytes(body)}};
  post.headers.emplace_back("Content-Type", "application/json");
  auto response = http::exchange(stream, settings.endpoint.authority, post, channel::max_attest_answer_bytes);
  if (!response) {
    if (response.error().code == Code::too_large) {
      report.fail("sizes", fmt::format("at most {} bytes", channel::max_attest_answer_bytes), "more", "this client");
      return std::unexpected(refused(std::move(report), response.error().detail));
    }
    if (response.error().code == Code::attestation_failed) {
      report.fail("attest_answer", "one HTTP/1.1 answer", response.error().message.str(), "TLS");
      return std::unexpected(refused(std::move(report), response.error().detail));
    }
    return std::unexpected(failure(std::move(response).error()));
  }
  if (response->status != ok) {
    return std::unexpected(no_answer(*response, std::move(report)));
  }
  auto answer = channel::AttestAnswer::parse(as_text(response->body));
  if (!answer) {
    const bool size = answer.error().code == Code::too_large;
    report.fail(size ? "sizes" : "attest_answer", "the members of design section 5, each within its bounds",
                answer.error().message.str(), "this client");
    return std::unexpected(refused(std::move(report), answer.error().detail));
  }
  if (!KnownCollateral::complete(*answer, held, report)) {
    return std::unexpected(refused(std::move(report)));
  }
  auto facts = stream.facts(request.nonce);
  if (!facts) {
    return std::unexpected(failure(std::move(facts).error()));
  }
  auto keyset = channel::verify_attest(*answer, request, *facts, settings.policy, settings.clock.now(), report,
                                       &settings.collateral.appraised());
  if (!keyset) {
    settings.collateral.forget(held);
    return std::unexpected(refused(std::move(report), keyset.error().detail));
  }
  settings.collateral.keep(*answer);
  return Verified{std::move(*keyset), std::move(report)};
}

bool lists(const cbor::Map& config, const char* member, std::string_view word) {
  const auto found = config.find(cbor::Key(member));
  const auto* list = found == config.end() ? nullptr : found->second.as<cbor::Array>();
  return list != nullptr && std::ranges::any_of(*list, [&](const cbor::Value& item) {
           const auto* text = item.as<std::string>();
           return text != nullptr && *text == word;
         });
}

// A connection has its own time, and at most what the call has left.
Steady::time_point connected_by(const SessionSettings& settings, const Bounds& bounds) {
  return std::min(bounds.deadline, Steady::now() + settings.connect_timeout);
}

}  // namespace

VerifiedSession::VerifiedSession(const SessionSettings& settings, std::unique_ptr<channel::ClientStream> stream,
                                 channel::VerifiedKeyset keyset, evidence::Report report)
    : settings_(settings),
      stream_(std::move(stream)),
      keyset_(std::move(keyset)),
      report_(std::move(report)),
      verified_at_(settings.clock.now()),
      verified_steady_(Steady::now()),
      last_used_(verified_steady_) {}

Outcome<std::unique_ptr<VerifiedSession>> VerifiedSession::open(const SessionSettings& settings, const Bounds& bounds) {
  const auto connected = connected_by(settings, bounds);
  const channel::ClientOptions options{.host = settings.endpoint.host,
                                       .port = settings.endpoint.port,
                                       .identity = settings.policy.identity.value_or(evidence::Identity{}),
                                       .connect_timeout = connected - Steady::now(),
                                       .interrupted = bounds.interrupted};
  auto stream = channel::ClientStream::connect(options);
  if (!stream) {
    if (stream.error().code != Code::attestation_failed) {
      return std::unexpected(failure(std::move(stream).error()));
    }
    evidence::Report report = empty_report(settings.policy);
    report.fail("tls_version", "TLS 1.3", stream.error().message.str(), "TLS");
    return std::unexpected(refused(std::move(report), stream.error().detail));
  }
  (*stream)->set_deadline(connected);
  auto verified = attest(**stream, settings);
  if (!verified) {
    return std::unexpected(std::move(verified).error());
  }
  (*stream)->set_deadline(bounds.deadline);
  return std::unique_ptr<VerifiedSession>(
      new VerifiedSession(settings, std::move(*stream), std::move(verified->keyset), std::move(verified->report)));
}

bool VerifiedSession::appraisal_ends() const {
  // The clock of the host may be turned back; the steady one may not.
  const UnixSeconds life =
      keyset_.recheck_at() - verified_at_ - std::min(recheck_margin, (keyset_.recheck_at() - verified_at_) / 4);
  return settings_.clock.now() - verified_at_ >= life || Steady::now() - verified_steady_ >= seconds(life);
}

bool VerifiedSession::alive() {
  if (!usable_ || Steady::now() - last_used_ > max_idle || (appraisal_ends() && attests_ >= max_attests)) {
    return false;
  }
  // An idle connection has nothing to read: whatever is there is its end, or nothing that was asked for.
  stream_->set_deadline(Steady::now());
  std::array<std::uint8_t, 1> byte{};
  const auto got = stream_->read_some(byte);
  return !got && got.error().code == Code::deadline_exceeded;
}

Outcome<void> VerifiedSession::begin(const Bounds& bounds) {
  stream_->set_interrupted(bounds.interrupted);
  stream_->set_deadline(bounds.deadline);
  if (!appraisal_ends()) {
    return {};
  }
  stream_->set_deadline(connected_by(settings_, bounds));
  auto verified = attest(*stream_, settings_);
  if (!verified) {
    usable_ = false;
    return std::unexpected(std::move(verified).error());
  }
  ++attests_;
  keyset_ = std::move(verified->keyset);
  report_ = std::move(verified->report);
  verified_at_ = settings_.clock.now();
  verified_steady_ = Steady::now();
  authorised_ = false;
  stream_->set_deadline(bounds.deadline);
  return {};
}

Result<void> VerifiedSession::authorise() {
  if (authorised_) {
    return {};
  }
  const cbor::Map& config = keyset_.keyset().config;
  authorization_.clear();
  if (settings_.key == nullptr) {
    if (!lists(config, "auth", "open")) {
      return fail(Code::unauthenticated,
                  {"this service needs an API key: give api_key=, or name api_key_file in the profile"});
    }
  } else if (lists(config, "auth", "proof")) {
    BLINDAI_TRY(const Bytes exporter, stream_->exporter(channel::auth_exporter_label, as_bytes(settings_.key->id)));
    authorization_ = auth::proof_header(*settings_.key, keyset_.id(), exporter);
  } else if (lists(config, "auth", "bearer")) {
    // The policy allowed it, else there would be no session.
    authorization_ = "Bearer " + settings_.key->text();
  }
  authorised_ = true;
  return {};
}

Result<http::ClientResponse> VerifiedSession::send(http::ClientRequest& request, std::size_t max_answer_bytes,
                                                   http::Reached* reached) {
  if (!usable_) {
    return fail(Code::unavailable, {"the connection is closed"});
  }
  BLINDAI_CHECK(authorise());
  request.authorization = authorization_;
  auto response = http::exchange(*stream_, settings_.endpoint.authority, request, max_answer_bytes, reached);
  last_used_ = Steady::now();
  if (!response || !response->keep_alive) {
    usable_ = false;
  }
  return response;
}

}  // namespace blindai::client
