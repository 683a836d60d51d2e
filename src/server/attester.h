// Evidence for those who ask: standing evidence once per keyset, fresh evidence in batches. While one quote is being
// made, nonces gather under the Merkle root of the next, so one slow quote serves everyone who waits.
//
// Thread rule: attest() from any coroutine; quotes are made on a thread of its own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "channel/attest.h"
#include "server/keysets.h"
#include "tee/platform.h"

namespace blindai::server {

struct Attested {
  std::shared_ptr<const LiveKeyset> keyset;
  evidence::Item item;
  std::optional<channel::MerklePath> path;
};

class Attester {
 public:
  Attester(Keysets& keysets, tee::Platform& platform);
  Attester(const Attester&) = delete;
  Attester& operator=(const Attester&) = delete;
  ~Attester();  // waiters get Code::unavailable

  // Error: unavailable where no quote came in time. Never standing evidence in place of fresh.
  boost::asio::awaitable<Result<Attested>> attest(boost::asio::any_io_executor executor,
                                                  const channel::AttestRequest& request);

 private:
  struct Waiter;
  void work();
  void serve(std::vector<std::shared_ptr<Waiter>> batch);
  Result<evidence::Item> standing(const LiveKeyset& keyset);

  Keysets& keysets_;
  tee::Platform& platform_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<Waiter>> waiting_;
  std::map<Digest, evidence::Item> standing_;  // by keyset id; of the live ones. Touched by work() alone.
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace blindai::server
