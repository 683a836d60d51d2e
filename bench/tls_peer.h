// The other end of the raw TLS measurements: a thread that accepts on loopback and echoes or swallows. It runs the
// context of a ServerIdentity, so that key, protocol and ciphers are those of the server.
#pragma once

#include <thread>

#include "base/fd.h"
#include "channel/tls.h"

namespace blindai::bench {

class TlsPeer {
 public:
  enum class Mode { echo, sink };
  // `message_bytes`: what is echoed at a time, once it is there whole.
  static Result<std::unique_ptr<TlsPeer>> start(Mode mode, std::size_t message_bytes = 1);
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;
  Result<std::unique_ptr<channel::ClientStream>> connect() const;

 private:
  TlsPeer(UniqueFd listener, channel::ServerIdentity identity, std::uint16_t port, Mode mode,
          std::size_t message_bytes);
  void serve();
  UniqueFd listener_;
  channel::ServerIdentity identity_;
  std::uint16_t port_;
  Mode mode_;
  std::size_t message_bytes_;
  std::thread thread_;
};

}  // namespace blindai::bench
