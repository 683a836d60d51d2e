// The configuration of blindai-server: defaults, then a TOML file with a closed schema, then flags.
//
// Every option is of one of two kinds. Those that decide what may happen to data stand in the keyset's `config`, where
// every client sees them; the others place the server (addresses, paths, threads) and may not change that. The table in
// config.cpp says which is which, and a test refuses an option that is neither.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "auth/auth.h"
#include "base/cbor.h"
#include "base/error.h"

namespace blindai::server {

struct Config {
  // placement
  std::string address = "127.0.0.1";
  std::int64_t port = 8443;
  std::string admin_address = "127.0.0.1";
  std::int64_t admin_port = 0;  // 0: any free one
  std::vector<std::string> server_names{"localhost", "127.0.0.1", "::1"};
  std::string state_dir;       // of the simulation root key
  std::string worker;          // empty: blindai-worker beside this program
  std::string engine_library;  // empty: where the build or the package has it
  std::int64_t io_threads = 1;
  std::int64_t threads = 0;        // compute threads of one run; 0: what is measured to be best
  std::int64_t measure_ms = 2000;  // that a model's first start may measure how it runs best; 0: not at all
  std::int64_t memory_bytes = 0;   // of models and their workers; 0: nine tenths of what this process may have
  std::string weights = "auto";    // of models whose upload does not say: auto, packed, in-place
  std::int64_t batch_rows = 0;     // most rows of a batch; 0: as many as there are slots, 1: no batches

  // security: in the keyset
  std::vector<std::string> auth{"proof"};
  std::string isolation = "group";
  std::string batch = "group";
  std::int64_t keyset_seconds = 6 * 3600;
  std::int64_t request_bytes = 256LL << 20;
  std::int64_t json_bytes = 64LL << 20;
  std::int64_t answer_bytes = 256LL << 20;
  std::int64_t model_bytes = 4LL << 30;
  std::int64_t tenant_bytes = 16LL << 30;
  std::int64_t tenant_models = 64;
  std::int64_t queue = 256;
  std::int64_t slots = 16;
  std::int64_t deadline_ms = 30'000;
  std::int64_t worker_bytes = 2LL << 30;
  std::int64_t run_ms = 30'000;
  std::int64_t load_ms = 120'000;
  std::int64_t connections = 1024;
  std::int64_t unauthorised_connections = 256;

  std::vector<auth::KeyRecord> keys;  // [[tenants]]: in simulation alone
};

enum class Kind : std::uint8_t { placement, security };
// Names of all options with their kind.
std::map<std::string, Kind> option_kinds();
// The security options that are numbers, as the keyset's `config.limits`.
std::map<std::string, std::int64_t> limits_of(const Config& config);
// The keyset's `config`; `sandbox`: the layers in force.
cbor::Map security_configuration(const Config& config, const std::vector<std::string>& sandbox);

struct CommandLine {
  Config config;
  bool print_config = false;
  std::string help;  // not empty: print it and leave
};
// Errors: invalid_argument, naming the option.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);
Result<Config> parse_config(std::string_view toml, Config defaults);
std::string to_toml(const Config& config);

}  // namespace blindai::server
