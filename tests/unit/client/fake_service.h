// A small service in this process that attests itself as the real one does, on the simulated platform, and answers
// everything else as the test says. It remembers all that it received, so that a test can say what left the client.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "channel/attest.h"
#include "channel/tls.h"
#include "crypto/crypto.h"
#include "evidence/policy.h"
#include "tee/platform.h"

namespace blindai::client {

struct Seen {
  int connection = 0;
  std::string method;
  std::string target;
  std::string head;  // the whole of it
  Bytes body;
  // Value of a header, or empty.
  std::string header(std::string_view name) const;
};

struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  Bytes body{};
  bool close = false;                // after the answer
  bool vanish = false;               // closes instead of answering
  bool silent = false;               // neither answers nor closes
  std::optional<std::size_t> cut{};  // closes after so many bytes of the answer, its head counted
};
Reply json_reply(std::string_view json, int status = 200);

class FakeService {
 public:
  // Evidence of hardware instead of the simulated one: puts item and collateral into the answer.
  using Prove = std::function<void(const channel::AttestRequest&, const std::array<std::uint8_t, 64>& report_data,
                                   channel::AttestAnswer&)>;
  struct Setup {
    std::function<Reply(const Seen&)> answer{};  // of all but attest
    std::vector<std::string> auth = {"proof"};
    UnixSeconds not_before_from_now = -300;
    UnixSeconds not_after_from_now = 6 * 3600;
    std::function<void(channel::AttestAnswer&)> tamper{};  // before it is sent
    std::function<std::optional<Reply>(int)> instead{};    // of an answer to the n-th attest request, from 1
    std::string tee = "simulated";
    Prove prove{};                     // for another tee
    std::string accept{};              // sections of the policy that accept it
    std::optional<UnixSeconds> now{};  // that the keyset's dates start from
  };

  explicit FakeService(Setup setup);
  FakeService(const FakeService&) = delete;
  FakeService& operator=(const FakeService&) = delete;
  ~FakeService();

  std::string url() const { return "https://localhost:" + std::to_string(port_); }
  // Accepts this service; `more` is added to the text.
  evidence::Policy policy(std::string_view more = "[models]\nunpinned = \"allow\"\n",
                          std::string_view freshness = "") const;
  std::vector<Seen> seen() const;  // without attests
  std::vector<Seen> attests() const;
  const Digest& keyset() const { return keyset_id_; }
  int connections() const { return connections_; }
  void drop_connections();

 private:
  struct Link;
  void accept_loop();
  void serve(int fd, int number);
  Reply attest(const Seen& request, Link& link);

  Setup setup_;
  std::unique_ptr<tee::Platform> platform_;
  Digest root_;
  std::unique_ptr<channel::ServerIdentity> identity_;
  crypto::Ed25519Key session_key_ = crypto::Ed25519Key::generate();
  Bytes keyset_;
  Digest keyset_id_;
  std::string folder_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;  // guards the members below
  std::vector<Seen> seen_;
  std::vector<Seen> attests_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace blindai::client
