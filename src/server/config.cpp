#include "server/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>
#include <variant>

#include "base/fd.h"
#include "crypto/crypto.h"
#include "server/metrics.h"

namespace blindai::server {
namespace {

constexpr std::size_t max_config_bytes = 1024 * 1024;

struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;
};
struct Words {
  std::vector<std::string> allowed;  // empty: any text
};

struct Option {
  const char* name;
  Kind kind;
  const char* help;
  std::variant<std::int64_t Config::*, std::string Config::*, std::vector<std::string> Config::*> member;
  Range range{};
  Words words{};
};

const std::vector<Option>& options() {
  constexpr std::int64_t many = std::int64_t{1} << 40;
  static const std::vector<Option> table{
      {"address", Kind::placement, "address to listen on", &Config::address},
      {"port", Kind::placement, "port to listen on; 0: any free one", &Config::port, {0, 65535}},
      {"admin_address", Kind::placement, "address of the admin listener (health; plain HTTP)", &Config::admin_address},
      {"admin_port", Kind::placement, "port of the admin listener; 0: any free one", &Config::admin_port, {0, 65535}},
      {"server_names", Kind::placement, "names and addresses in the certificate", &Config::server_names},
      {"state_dir", Kind::placement, "folder of the simulation root key", &Config::state_dir},
      {"worker", Kind::placement, "the program blindai-worker", &Config::worker},
      {"engine_library", Kind::placement, "libonnxruntime.so.1, measured and run as measured", &Config::engine_library},
      {"io_threads", Kind::placement, "threads for connections", &Config::io_threads, {1, 64}},
      {"threads",
       Kind::placement,
       "compute threads of one run; 0: what is measured to be best",
       &Config::threads,
       {0, 1024}},
      {"measure_ms",
       Kind::placement,
       "how long a model's first start may measure threads and batches; 0: not at all",
       &Config::measure_ms,
       {0, 600'000}},
      {"batch_rows",
       Kind::placement,
       "most rows of a batch; 0: as many as slots; 1: no batches",
       &Config::batch_rows,
       {0, 128}},
      {"weights",
       Kind::placement,
       "of models whose upload does not say: 'packed' for speed, 'in-place' for memory, 'auto': measured",
       &Config::weights,
       {},
       {{"auto", "packed", "in-place"}}},
      {"memory_bytes",
       Kind::placement,
       "bytes of memory for models and their workers; 0: nine tenths of what there is",
       &Config::memory_bytes,
       {0, std::int64_t{1} << 60}},
      {"auth",
       Kind::security,
       "how callers prove themselves: proof, bearer, open (simulation only)",
       &Config::auth,
       {},
       {{"proof", "bearer", "open"}}},
      {"isolation",
       Kind::security,
       "a worker per model and 'group' (tenant), or per 'model'",
       &Config::isolation,
       {},
       {{"group", "model"}}},
      {"batch",
       Kind::security,
       "whose requests may share a batch: of one 'group' (tenant), or of all groups where the rows of a model are "
       "'proved' to stay apart (needs isolation 'model')",
       &Config::batch,
       {},
       {{"group", "proved"}}},
      {"keyset_seconds", Kind::security, "life of a keyset", &Config::keyset_seconds, {60, 86'100}},
      {"request_bytes", Kind::security, "largest request", &Config::request_bytes, {1024, many}},
      {"json_bytes", Kind::security, "largest JSON part of a request", &Config::json_bytes, {1024, 1 << 30}},
      {"answer_bytes", Kind::security, "largest outputs of a request", &Config::answer_bytes, {1024, many}},
      {"model_bytes", Kind::security, "largest model", &Config::model_bytes, {1024, many}},
      {"tenant_bytes", Kind::security, "models of one tenant together", &Config::tenant_bytes, {1024, many}},
      {"tenant_models", Kind::security, "count of models of one tenant", &Config::tenant_models, {1, 4096}},
      {"queue", Kind::security, "requests that may wait for one model and group", &Config::queue, {0, 100'000}},
      {"slots", Kind::security, "requests of one model and group in work at once", &Config::slots, {1, 128}},
      {"deadline_ms", Kind::security, "longest that a request may wait and run", &Config::deadline_ms, {1, 86'400'000}},
      {"worker_bytes",
       Kind::security,
       "memory that a worker may take for itself, beyond its weights and graph",
       &Config::worker_bytes,
       {16 << 20, many}},
      {"run_ms", Kind::security, "longest that one run may take", &Config::run_ms, {1, 86'400'000}},
      {"load_ms", Kind::security, "longest that a model may load and warm up", &Config::load_ms, {1, 86'400'000}},
      {"connections", Kind::security, "connections with a key", &Config::connections, {1, 1'000'000}},
      {"unauthorised_connections",
       Kind::security,
       "connections that have shown no key yet",
       &Config::unauthorised_connections,
       {1, 100'000}},
  };
  return table;
}

std::unexpected<Error> wrong(const char* name) {
  return fail(Code::invalid_argument,
              {"option '{}' has a value that it may not have; see blindai-server --help", Disclosed(name)});
}

Result<void> check(const Option& option, const Config& config) {
  const auto known = [&](const std::string& text) {
    const auto& allowed = option.words.allowed;
    return allowed.empty() || std::ranges::find(allowed, text) != allowed.end();
  };
  if (const auto* number = std::get_if<std::int64_t Config::*>(&option.member)) {
    const std::int64_t value = config.*(*number);
    if (value < option.range.low || value > option.range.high) {
      return fail(Code::invalid_argument, {"option '{}' must be from {} to {}, not {}", Disclosed(option.name),
                                           option.range.low, option.range.high, value});
    }
  } else if (const auto* text = std::get_if<std::string Config::*>(&option.member)) {
    return known(config.*(*text)) ? Result<void>() : wrong(option.name);
  } else {
    const auto& list = config.*(std::get<std::vector<std::string> Config::*>(option.member));
    if (list.empty() || !std::ranges::all_of(list, known)) {
      return wrong(option.name);
    }
  }
  return {};
}

Result<void> check_all(Config& config) {
  for (const Option& option : options()) {
    BLINDAI_CHECK(check(option, config));
  }
  if (config.batch == "proved" && config.isolation != "model") {
    return fail(Code::invalid_argument,
                {"option 'batch' can be 'proved' only where 'isolation' is 'model': groups that "
                 "have a worker each cannot share a batch"});
  }
  std::ranges::sort(config.auth);
  config.auth.erase(std::ranges::unique(config.auth).begin(), config.auth.end());
  return {};
}

Result<void> take(const Option& option, const toml::node& node, Config& config) {
  if (const auto* number = std::get_if<std::int64_t Config::*>(&option.member)) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) {
      return wrong(option.name);
    }
    config.*(*number) = *value;
  } else if (const auto* text = std::get_if<std::string Config::*>(&option.member)) {
    const auto value = node.value_exact<std::string>();
    if (!value) {
      return wrong(option.name);
    }
    config.*(*text) = *value;
  } else {
    std::vector<std::string> list;
    const auto* array = node.as_array();
    for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
      const auto value = array->get(i)->value_exact<std::string>();
      if (!value) {
        return wrong(option.name);
      }
      list.push_back(*value);
    }
    if (list.empty()) {
      return wrong(option.name);
    }
    config.*(std::get<std::vector<std::string> Config::*>(option.member)) = std::move(list);
  }
  return {};
}

Result<auth::KeyRecord> make_key(const std::string& tenant, const std::string& role, const std::string& id,
                                 const std::string& public_key) {
  auth::KeyRecord record;
  const auto bytes = from_hex(public_key);
  const auto known_role = auth::role_from(role);
  const auto id_bytes = from_hex(id);
  if (!auth::valid_id(tenant) || tenant == "open" || !known_role || !id_bytes || id.size() != 16 ||
      to_hex(*id_bytes) != id || !bytes || bytes->size() != record.public_key.size()) {
    return fail(Code::invalid_argument, {"a tenant's key needs a tenant name, a role (owner or caller), an id of 16 "
                                         "hexadecimal digits and a public key of 64"});
  }
  record.id = id;
  record.tenant = tenant;
  record.role = *known_role;
  std::ranges::copy(*bytes, record.public_key.begin());
  return record;
}

Result<void> take_tenants(const toml::node& node, Config& config) {
  const auto malformed = [] {
    return fail(Code::invalid_argument,
                {"[[tenants]] needs 'name' and 'keys', a list of tables with 'id', 'public_key' and 'role'"});
  };
  const auto* tenants = node.as_array();
  if (tenants == nullptr) {
    return malformed();
  }
  for (const toml::node& entry : *tenants) {
    const auto* tenant = entry.as_table();
    const auto* keys = tenant == nullptr ? nullptr : (*tenant)["keys"].as_array();
    if (keys == nullptr || tenant->size() != 2 || !(*tenant)["name"].is_string()) {
      return malformed();
    }
    for (const toml::node& item : *keys) {
      const auto* key = item.as_table();
      if (key == nullptr || key->size() != 3) {
        return malformed();
      }
      const auto text = [&](const char* name) { return (*key)[name].value_exact<std::string>().value_or(""); };
      BLINDAI_TRY(auto record, make_key(*(*tenant)["name"].value_exact<std::string>(), text("role"), text("id"),
                                        text("public_key")));
      config.keys.push_back(std::move(record));
    }
  }
  return {};
}

// TENANT:ROLE:ID:PUBLIC_KEY
Result<auth::KeyRecord> key_of_flag(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t colon = text.find(':'); colon != std::string::npos; colon = text.find(':', begin)) {
    parts.push_back(text.substr(begin, colon - begin));
    begin = colon + 1;
  }
  parts.push_back(text.substr(begin));
  if (parts.size() != 4) {
    return fail(Code::invalid_argument, {"--tenant takes TENANT:ROLE:ID:PUBLIC_KEY"});
  }
  return make_key(parts[0], parts[1], parts[2], parts[3]);
}

std::string flag_of(const char* name) {
  std::string flag = "--" + std::string(name);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

}  // namespace

std::map<std::string, Kind> option_kinds() {
  std::map<std::string, Kind> kinds;
  for (const Option& option : options()) {
    kinds.emplace(option.name, option.kind);
  }
  return kinds;
}

std::map<std::string, std::int64_t> limits_of(const Config& config) {
  std::map<std::string, std::int64_t> limits;
  for (const Option& option : options()) {
    const auto* number = std::get_if<std::int64_t Config::*>(&option.member);
    if (option.kind == Kind::security && number != nullptr) {
      limits.emplace(option.name, config.*(*number));
    }
  }
  return limits;
}

cbor::Map security_configuration(const Config& config, const std::vector<std::string>& sandbox) {
  cbor::Map limits;
  for (const auto& [name, value] : limits_of(config)) {
    limits.emplace(name, value);
  }
  return {{"engine", "worker"},
          {"isolation", config.isolation},
          {"batch", config.batch},
          {"auth", cbor::Array(config.auth.begin(), config.auth.end())},
          {"sandbox", cbor::Array(sandbox.begin(), sandbox.end())},
          {"sealing", "none"},
          {"models", cbor::Value()},
          {"limits", std::move(limits)},
          {"metrics", crypto::sha256(cbor::encode(metrics_document()))}};
}

Result<Config> parse_config(std::string_view toml, Config config) {
  if (toml.size() > max_config_bytes) {
    return fail(Code::too_large, {"the configuration is over {} bytes", max_config_bytes});
  }
  toml::table root;
  try {
    root = toml::parse(toml);
  } catch (const toml::parse_error& error) {
    return fail(Code::invalid_argument, {"the configuration is not TOML: see line {}", error.source().begin.line},
                {std::string(error.description())});
  }
  for (const auto& [key, node] : root) {
    if (key.str() == "tenants") {
      BLINDAI_CHECK(take_tenants(node, config));
      continue;
    }
    const auto& table = options();
    const auto option =
        std::ranges::find_if(table, [&](const Option& candidate) { return key.str() == candidate.name; });
    if (option == table.end()) {
      return fail(Code::invalid_argument, {"unknown option '{}' in the configuration", Disclosed(key.str())});
    }
    BLINDAI_CHECK(take(*option, node, config));
  }
  BLINDAI_CHECK(check_all(config));
  return config;
}

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  Config flags;
  CommandLine line;
  std::string file;
  std::vector<std::string> tenants;
  CLI::App app{
      "blindai-server: confidential AI inference. SIMULATED: this release runs without secure hardware.\n"
      "When it listens it writes one line of JSON to standard output: url, admin_url, root, tee, pid."};
  app.add_option("--config", file, "TOML file with the options below, '_' for '-', and [[tenants]]");
  app.add_flag("--print-config", line.print_config, "print the configuration in force and leave");
  app.add_option("--tenant", tenants, "TENANT:ROLE:ID:PUBLIC_KEY, a key of a tenant; may stand more than once");
  std::vector<CLI::Option*> added;
  for (const Option& option : options()) {
    added.push_back(std::visit(
        [&](auto member) {
          return app.add_option(flag_of(option.name), flags.*member, option.help)->capture_default_str();
        },
        option.member));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.help = app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    return fail(Code::invalid_argument, {"{}; see blindai-server --help", Disclosed(error.what())});
  }
  if (!file.empty()) {
    const auto text = read_file(file.c_str(), max_config_bytes);
    if (!text) {
      return fail(Code::invalid_argument, {"the configuration file '{}' cannot be read", Disclosed(file)},
                  text.error().detail);
    }
    BLINDAI_TRY(line.config, parse_config(as_text(*text), line.config));
  }
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (added[i]->count() > 0) {
      std::visit([&](auto member) { line.config.*member = flags.*member; }, options()[i].member);
    }
  }
  for (const std::string& tenant : tenants) {
    BLINDAI_TRY(auto record, key_of_flag(tenant));
    line.config.keys.push_back(std::move(record));
  }
  BLINDAI_CHECK(check_all(line.config));
  return line;
}

std::string to_toml(const Config& config) {
  toml::table root;
  for (const Option& option : options()) {
    if (const auto* number = std::get_if<std::int64_t Config::*>(&option.member)) {
      root.insert(option.name, config.*(*number));
    } else if (const auto* text = std::get_if<std::string Config::*>(&option.member)) {
      root.insert(option.name, config.*(*text));
    } else {
      toml::array list;
      for (const std::string& item : config.*(std::get<std::vector<std::string> Config::*>(option.member))) {
        list.push_back(item);
      }
      root.insert(option.name, std::move(list));
    }
  }
  std::map<std::string, toml::array> tenants;
  for (const auth::KeyRecord& key : config.keys) {
    tenants[key.tenant].push_back(
        toml::table{{"id", key.id}, {"public_key", to_hex(key.public_key)}, {"role", std::string(word(key.role))}});
  }
  toml::array list;
  for (auto& [name, keys] : tenants) {
    list.push_back(toml::table{{"name", name}, {"keys", std::move(keys)}});
  }
  if (!list.empty()) {
    root.insert("tenants", std::move(list));
  }
  std::ostringstream out;
  out << root << '\n';
  return out.str();
}

}  // namespace blindai::server
