#include "server/access.h"

#include <algorithm>

namespace blindai::server {
namespace {

constexpr int max_attests = 16;                      // on one connection
constexpr UnixSeconds grace_after_keyset = 30 * 60;  // how long a connection outlives its keyset

// What an authorised connection remembers, so that one proof serves its requests.
struct Remembered {
  auth::Principal principal;
  UnixSeconds until = 0;
};

}  // namespace

Access::Access(const Config& config, Keysets& keysets, Attester& attester, auth::Registry& registry, const Clock& clock)
    : keysets_(keysets), attester_(attester), registry_(registry), clock_(clock) {
  const auto offers = [&](const char* word) { return std::ranges::find(config.auth, word) != config.auth.end(); };
  modes_ = {offers("proof"), offers("bearer"), offers("open")};
}

void Access::opened(http::Connection& connection) {
  connection.ends = keysets_.current()->keyset.not_after + grace_after_keyset;
}

Result<void> Access::begin_attest(http::Connection& connection) {
  if (++connection.attests > max_attests) {
    return fail(Code::resource_exhausted, {"a connection attests at most {} times; open another", max_attests});
  }
  return {};
}

http::Task<Result<std::string>> Access::attest(http::Connection& connection, boost::asio::any_io_executor executor,
                                               ByteView body) {
  BLINDAI_CO_TRY(const auto request, channel::AttestRequest::parse(as_text(body)));
  BLINDAI_CO_TRY(auto attested, co_await attester_.attest(executor, request));
  BLINDAI_CO_TRY(const Digest leaf, connection.leaf());
  const channel::Keyset& keyset = attested.keyset->keyset;
  if (leaf != keyset.tls) {  // made before the certificate was replaced: its caller could not verify the answer
    co_return fail(Code::unavailable, {"the service has a new certificate since; open another connection"});
  }
  connection.ends = keyset.not_after + grace_after_keyset;
  BLINDAI_CO_TRY(const Bytes exporter, connection.exporter(channel::session_exporter_label, request.nonce));
  channel::AttestAnswer answer;
  answer.keyset = attested.keyset->document;
  answer.evidence.push_back(std::move(attested.item));
  answer.path = std::move(attested.path);
  const auto signature =
      attested.keyset->session.sign(channel::session_message(attested.keyset->id, request.nonce, exporter));
  answer.session_signature.assign(signature.begin(), signature.end());
  co_return answer.to_json();
}

Result<auth::Principal> Access::authorise(http::Connection& connection, const std::string* header) {
  const std::string text = header == nullptr ? "" : *header;
  const UnixSeconds now = clock_.now();
  if (connection.authorisation && connection.authorisation_header == text) {
    const auto& remembered = *static_cast<const Remembered*>(connection.authorisation.get());
    const bool lives = remembered.principal.key_id.empty() || registry_.find(remembered.principal.key_id);
    if (lives && now < remembered.until) {
      return remembered.principal;
    }
  }
  connection.authorisation.reset();
  const auto current = keysets_.current();
  BLINDAI_TRY(auto principal,
              auth::authenticate(header, modes_, registry_, keysets_.live_ids(), [&](std::string_view id) {
                return connection.exporter(channel::auth_exporter_label, as_bytes(id));
              }));
  connection.set_authorised();
  connection.authorisation_header = text;
  connection.authorisation =
      std::make_shared<Remembered>(Remembered{principal, current->keyset.not_after + grace_after_keyset});
  return principal;
}

}  // namespace blindai::server
