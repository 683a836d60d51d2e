// The platform that this process runs on: who makes evidence, and who keeps sealing keys.
//
// Thread rule: quote() may be slow (a real quote takes milliseconds to seconds) and is called from one thread at a time,
// never from an I/O thread.
#pragma once

#include <memory>
#include <string>

#include "evidence/appraise.h"

namespace blindai::tee {

class Platform {
 public:
  Platform() = default;
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;
  virtual ~Platform() = default;
  virtual std::string_view kind() const = 0;  // "simulated", "sgx", "tdx", "snp"
  virtual Result<evidence::Item> quote(const std::array<std::uint8_t, 64>& report_data) = 0;
};

// The simulated platform. The root key is read from `root_key_file` (32-byte seed, mode 0600) and made where the file is
// absent; a file of wrong size or with wider permissions is an error. A fresh platform key is made at each start.
// `measurement` = SHA-256 of the deterministic CBOR of the keyset's `code`.
struct SimulatedPlatform {
  std::unique_ptr<Platform> platform;
  Digest root;  // SHA-256 of the root's SubjectPublicKeyInfo: what a policy names
};
Result<SimulatedPlatform> open_simulated(const std::string& root_key_file, const Digest& measurement);

}  // namespace blindai::tee
