// The live keysets: made at start, replaced before they end, at most two at once.
//
// Thread rule: thread-safe. A LiveKeyset is immutable.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "channel/keyset.h"
#include "channel/tls.h"
#include "crypto/crypto.h"

namespace blindai::server {

struct LiveKeyset {
  channel::Keyset keyset;
  Bytes document;
  Digest id;
  crypto::Ed25519Key session;
  crypto::Ed25519Key receipt;
};

class Keysets {
 public:
  struct Template {
    std::string tee;
    cbor::Map config;
    std::map<std::string, Digest> code;
    std::string build;
    std::vector<std::string> server_names;
    UnixSeconds life = 6 * 3600;
  };
  static Result<std::unique_ptr<Keysets>> make(Template form, const Clock& clock);

  // The one that new evidence is for. Makes the next where the present one is within its overlap of the end.
  std::shared_ptr<const LiveKeyset> current();
  // Ids of those that proofs may name.
  std::vector<Digest> live_ids();
  // A new reference to the TLS context of the present certificate.
  ssl_ctx_st* tls_context();

 private:
  Keysets(Template form, const Clock& clock) : form_(std::move(form)), clock_(clock) {}
  Result<void> renew(UnixSeconds now);
  void keep_fresh();

  const Template form_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<const channel::ServerIdentity> identity_;
  UnixSeconds identity_made_ = 0;
  std::vector<std::shared_ptr<const LiveKeyset>> live_;  // the newest last
};

}  // namespace blindai::server
