#include "server/keysets.h"

#include <algorithm>

#include "server/events.h"

namespace blindai::server {
namespace {

constexpr UnixSeconds longest_overlap = 30 * 60;
constexpr UnixSeconds identity_life = 6 * 24 * 3600;  // a keyset made on its last day still ends before the certificate

}  // namespace

Result<std::unique_ptr<Keysets>> Keysets::make(Template form, const Clock& clock) {
  auto keysets = std::unique_ptr<Keysets>(new Keysets(std::move(form), clock));
  BLINDAI_CHECK(keysets->renew(clock.now()));
  return keysets;
}

Result<void> Keysets::renew(UnixSeconds now) {
  if (!identity_ || now - identity_made_ > identity_life || now < identity_made_) {
    BLINDAI_TRY(auto identity, channel::ServerIdentity::generate(form_.server_names, now));
    identity_ = std::make_shared<const channel::ServerIdentity>(std::move(identity));
    identity_made_ = now;
  }
  auto made = std::make_shared<LiveKeyset>(
      LiveKeyset{{}, {}, {}, crypto::Ed25519Key::generate(), crypto::Ed25519Key::generate()});
  channel::Keyset& keyset = made->keyset;
  keyset.tee = form_.tee;
  keyset.tls = identity_->spki_digest();
  keyset.session = made->session.public_key_der();
  keyset.receipt = made->receipt.public_key_der();
  keyset.config = form_.config;
  keyset.code = form_.code;
  keyset.build = form_.build;
  keyset.not_before = now - channel::clock_skew;
  keyset.not_after = now + form_.life;
  made->document = keyset.encode();
  made->id = channel::keyset_id(made->document);
  live_.push_back(std::move(made));
  if (live_.size() > 2) {
    live_.erase(live_.begin());
  }
  log(Event::keyset_made, {{"not_after", keyset.not_after}});
  return {};
}

void Keysets::keep_fresh() {
  const UnixSeconds now = clock_.now();
  std::erase_if(live_, [&](const auto& live) { return live != live_.back() && live->keyset.not_after < now; });
  const UnixSeconds overlap = std::min(longest_overlap, form_.life / 4);
  if (now >= live_.back()->keyset.not_after - overlap) {
    if (const auto renewed = renew(now); !renewed) {
      log(Event::evidence_failed, renewed.error());
    }
  }
}

std::shared_ptr<const LiveKeyset> Keysets::current() {
  const std::scoped_lock lock(mutex_);
  keep_fresh();
  return live_.back();
}

std::vector<Digest> Keysets::live_ids() {
  const std::scoped_lock lock(mutex_);
  keep_fresh();
  std::vector<Digest> ids;
  for (const auto& live : live_) {
    ids.push_back(live->id);
  }
  return ids;
}

ssl_ctx_st* Keysets::tls_context() {
  const std::scoped_lock lock(mutex_);
  return identity_->make_context();
}

}  // namespace blindai::server
