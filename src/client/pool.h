// Private to this folder: verified connections to one service, kept while they are idle.
//
// Every connection was verified by itself when it was made, and proves itself anew before its appraisal ends. Each serves
// one call at a time; how many there are at once is for the callers to bound.
//
// Thread rule: thread-safe.
#pragma once

#include <mutex>

#include "client/retry.h"

namespace blindai::client {

class SessionPool {
 public:
  using Session = std::unique_ptr<VerifiedSession>;

  SessionPool(const SessionSettings& settings, std::size_t max_idle) : settings_(settings), max_idle_(max_idle) {}

  // A session ready for one request: from the pool where one is alive, else new; repeated as retry.h says.
  Outcome<Session> take(const Bounds& bounds, unsigned retries);
  void give_back(Session session);
  // One request and its answer of status 2xx, repeated as retry.h says.
  Outcome<http::ClientResponse> exchange(http::ClientRequest& request, std::size_t max_answer_bytes,
                                         const Bounds& bounds, unsigned retries, Repeatable repeatable);
  evidence::Report report() const;  // of the newest session that was given back
  void close();                     // idle sessions now, others when they are given back; calls fail from now on

 private:
  Outcome<Session> take_once(const Bounds& bounds);
  Outcome<http::ClientResponse> exchange_once(http::ClientRequest& request, std::size_t max_answer_bytes,
                                              const Bounds& bounds, http::Reached& reached);

  const SessionSettings& settings_;
  const std::size_t max_idle_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<Session> idle_;
  evidence::Report report_;
  bool closed_ = false;
};

}  // namespace blindai::client
