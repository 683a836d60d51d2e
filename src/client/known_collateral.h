// Private to this folder: the collateral of one service, kept between the connections of one client, so that the service
// need not send it again and its signatures need not be checked again.
//
// A client says what it holds by `have`, the SHA-256 of it (design section 5); a service that holds the same leaves it out.
// What is put in its place is always this client's own copy, and it is appraised and dated anew on each connection: a null
// saves bytes and decides nothing. Only collateral of an attest that was accepted is kept, the newest alone, and one that
// failed forgets it, so that the next connection asks for all.
//
// Thread rule: thread-safe.
#pragma once

#include <memory>
#include <mutex>

#include "channel/attest.h"

namespace blindai::client {

class KnownCollateral {
 public:
  struct Entry {
    evidence::Collateral collateral;
    Digest digest;
  };
  using Held = std::shared_ptr<const Entry>;  // shared: a connection uses it while another replaces it

  Held newest() const;
  // Puts what is held in the place of collateral that was left out. False, and a failed check `collateral`, where hardware
  // evidence came without and the request had not said that the client holds any. `held` is what the request spoke of.
  static bool complete(channel::AttestAnswer& answer, const Held& held, evidence::Report& report);
  // After an attest that was accepted.
  void keep(const channel::AttestAnswer& answer);
  // After one that was not.
  void forget(const Held& held);
  evidence::CollateralCache& appraised() { return appraised_; }

 private:
  evidence::CollateralCache appraised_;
  mutable std::mutex mutex_;  // guards the member below
  Held newest_;
};

}  // namespace blindai::client
