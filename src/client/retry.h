// Private to this folder: what of a call may be repeated, and after which pause.
//
// Nothing of the call was sent (no connection, or a service that has no room to attest): any call is repeated.
// Of a call that may run twice (an inference, a GET), besides:
//   - the connection ended after the request was begun and before the first byte of an answer;
//   - a whole answer 429 or 503 with Retry-After: the service refused it before any work. After a worker died of the
//     request the service sends 503 without it, and that is not repeated: it may bring down the next one.
// Never repeated: what failed attestation, a call whose time is up or that was interrupted, one of whose answer a part was
// read, any other status.
//
// The pause is what Retry-After asks for, else 50 ms doubled each time up to 1 s; each with a random part, so that callers
// that were refused together do not come back together. A pause that would outlast the deadline is not begun.
//
// Thread rule: one call, one thread.
#pragma once

#include "client/session.h"

namespace blindai::client {

enum class Repeatable : std::uint8_t { no, yes };

class Attempts {
 public:
  Attempts(unsigned retries, const Bounds& bounds) : left_(retries), bounds_(bounds) {}
  // After a failed attempt: waits and says true where the call is to be made again. An interruption during the pause ends
  // it; the next attempt then fails as cancelled.
  bool again(const Failure& failure, http::Reached reached, Repeatable repeatable);

 private:
  unsigned left_;
  unsigned made_ = 0;
  const Bounds& bounds_;
};

}  // namespace blindai::client
