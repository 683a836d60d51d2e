// One connection to the service on which every check of design section 5 passed.
//
// VerifiedSession is the only type in this folder that can send a request, and open() the only way to one: it is made of
// a channel::VerifiedKeyset, which verify_attest() alone makes, and of the very stream whose facts were verified. Before
// that, exactly one POST leaves: fixed headers and a fresh nonce, no key, no id, no version.
//
// Thread rule: a session belongs to one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "auth/auth.h"
#include "channel/tls.h"
#include "client/client.h"
#include "client/known_collateral.h"
#include "client/url.h"
#include "http/client.h"

namespace blindai::client {

// What sessions to one service share.
struct SessionSettings {
  Endpoint endpoint;
  const evidence::Policy& policy;
  const auth::ApiKey* key = nullptr;  // none: only where the service is open
  Steady::duration connect_timeout = std::chrono::seconds(10);
  const Clock& clock;
  KnownCollateral& collateral;
};

// What bounds the call that a session serves.
struct Bounds {
  Steady::time_point deadline;
  const std::function<bool()>& interrupted;
};

class VerifiedSession {
 public:
  static Outcome<std::unique_ptr<VerifiedSession>> open(const SessionSettings& settings, const Bounds& bounds);
  VerifiedSession(const VerifiedSession&) = delete;
  VerifiedSession& operator=(const VerifiedSession&) = delete;
  ~VerifiedSession() = default;

  // Whether the connection may take another request without being judged anew: nothing closed it, and it is young.
  bool alive();
  // Makes the session ready for a call: attests again on this connection where the appraisal is about to end. After a
  // failure the session is of no use.
  Outcome<void> begin(const Bounds& bounds);
  // After the call: what bounded it is forgotten.
  void end() { stream_->set_interrupted({}); }
  // Sends a request, with the proof of the API key for this very connection, and reads the answer. After a failure, and
  // where the peer closes, usable() is false. Errors: those of http::exchange, and unauthenticated where the service
  // wants a key and there is none; then nothing was sent.
  Result<http::ClientResponse> send(http::ClientRequest& request, std::size_t max_answer_bytes,
                                    http::Reached* reached = nullptr);
  bool usable() const { return usable_; }

  channel::ClientStream& stream() { return *stream_; }  // for its deadline
  const evidence::Report& report() const { return report_; }

 private:
  VerifiedSession(const SessionSettings& settings, std::unique_ptr<channel::ClientStream> stream,
                  channel::VerifiedKeyset keyset, evidence::Report report);
  Result<void> authorise();
  bool appraisal_ends() const;

  const SessionSettings& settings_;
  std::unique_ptr<channel::ClientStream> stream_;
  channel::VerifiedKeyset keyset_;
  evidence::Report report_;
  std::string authorization_;  // value of the header; empty where none is needed
  bool authorised_ = false;
  bool usable_ = true;
  int attests_ = 1;
  UnixSeconds verified_at_;
  Steady::time_point verified_steady_;
  Steady::time_point last_used_;
};

}  // namespace blindai::client
