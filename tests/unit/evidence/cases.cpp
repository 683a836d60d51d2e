#include "unit/evidence/cases.h"

#include <fmt/format.h>

namespace blindai::evidence::vectors {
namespace {

std::string text_of(const json::Value& value, std::string_view name) {
  const std::string* text = value.text(name);
  return text == nullptr ? "" : *text;
}

std::int64_t number_of(const json::Value& value, std::string_view name) {
  const json::Value* member = value.find(name);
  const auto* number = member == nullptr ? nullptr : member->as<std::int64_t>();
  return number == nullptr ? 0 : *number;
}

std::string stem(const std::string& name) { return name.substr(0, name.rfind('.')); }

std::string policy_text(const Case& of, std::string_view statuses, bool flags_as_they_are) {
  const std::string tee = of.name.substr(0, 3);
  std::string text = fmt::format("version = 1\nname = \"test\"\n[accept.{}]\nplatform_ids = \"any\"\n", tee);
  text += fmt::format("require_crl = {}\n", of.has_crl());
  if (flags_as_they_are) {
    text += "allow_debug = true\n";
  }
  if (tee == "snp") {
    text += "measurement = \"any\"\nproducts = [\"Milan\", \"Genoa\", \"Turin\"]\n";
    const json::Value* report = of.document.find("report");
    if (flags_as_they_are && report != nullptr) {
      text += fmt::format("vmpl = {}\nallow_provisional = true\n", number_of(*report, "vmpl"));
    }
    return text;
  }
  text += fmt::format("tcb_status = [{}]\nallowed_advisories = \"any\"\n", statuses);
  return text + (tee == "sgx"
                     ? "mrenclave = \"any\"\nmrsigner = \"any\"\n"
                     : "mr_td = \"any\"\nrtmr0 = \"any\"\nrtmr1 = \"any\"\nrtmr2 = \"any\"\nrtmr3 = \"any\"\n");
}

Policy parsed(const std::string& text) {
  auto policy = parse_policy(text, Purpose::evidence_only);
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().message.str());
  return policy ? std::move(*policy) : Policy{};
}

void apply_to_file(Bytes& bytes, const json::Value& op, const std::string& kind) {
  const auto offset = static_cast<std::size_t>(number_of(op, "offset"));
  const Bytes hex = from_hex(text_of(op, "hex")).value_or(Bytes{});
  if (kind == "xor") {
    bytes.at(offset) = static_cast<std::uint8_t>(bytes.at(offset) ^ from_hex(text_of(op, "value")).value().at(0));
  } else if (kind == "set") {
    ASSERT_LE(offset + hex.size(), bytes.size());
    std::ranges::copy(hex, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  } else if (kind == "insert") {
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(offset), hex.begin(), hex.end());
  } else if (kind == "append") {
    append(bytes, hex);
  } else if (kind == "truncate") {
    bytes.resize(static_cast<std::size_t>(number_of(op, "size")));
  } else {
    FAIL() << "an operation that this test does not know: " << kind;
  }
}

}  // namespace

Item Case::item() const {
  for (const char* file : {"quote.bin", "report.bin"}) {
    if (const auto found = files.find(file); found != files.end()) {
      const std::string_view otherwise = file == std::string_view("quote.bin") ? "sgx-quote" : "snp-report";
      return {std::string(type_of_evidence(found->second).value_or(otherwise)), found->second, {}};
    }
  }
  return {};
}

Collateral Case::collateral() const {
  Collateral out;
  for (const auto& [file, bytes] : files) {
    if (Collateral::is_name(stem(file))) {
      out.set(stem(file), bytes);
    }
  }
  return out;
}

bool Case::has_crl() const { return files.contains("ark_crl.der") || files.contains("pck_crl.der"); }

Case load_case(const std::string& name) {
  Case out;
  out.name = name;
  out.document = read_json(name + "/case.json");
  out.at = number_of(out.document, "verification_time_unix");
  for (const auto& entry : std::filesystem::directory_iterator(folder() / name)) {
    const std::string file = entry.path().filename().string();
    if (file == "quote.bin" || file == "report.bin" || Collateral::is_name(stem(file))) {
      out.files.emplace(file, read(name + "/" + file));
    }
  }
  return out;
}

Policy lenient_policy(const Case& of) {
  return parsed(policy_text(of,
                            "\"UpToDate\", \"SWHardeningNeeded\", \"ConfigurationNeeded\", \"OutOfDate\", "
                            "\"ConfigurationAndSWHardeningNeeded\", \"OutOfDateConfigurationNeeded\"",
                            true));
}

Policy strict_policy(const Case& of) { return parsed(policy_text(of, "\"UpToDate\"", false)); }

std::vector<Mutation> mutations(const std::string& file) {
  std::vector<Mutation> out;
  const json::Value document = read_json(file);
  for (const json::Value& entry : *document.find("mutations")->as<json::Array>()) {
    Mutation mutation{text_of(entry, "id"), text_of(entry, "base"), text_of(entry, "must"), {}, *entry.find("ops")};
    if (const json::Value* fair = entry.find("error_any_of")) {
      for (const json::Value& reason : *fair->as<json::Array>()) {
        mutation.fair.push_back(*reason.as<std::string>());
      }
    }
    out.push_back(std::move(mutation));
  }
  return out;
}

Case apply(Case base, const Mutation& mutation) {
  for (const json::Value& op : *mutation.ops.as<json::Array>()) {
    const std::string kind = text_of(op, "op");
    const std::string file = text_of(op, "file");
    if (kind == "clock") {
      base.at = number_of(op, "unix");
    } else if (kind == "delete") {
      base.files.erase(file);
    } else if (kind == "use") {
      base.files[file] = read(text_of(op, "case") + "/" + text_of(op, "from"));
    } else {
      apply_to_file(base.files[file], op, kind);
    }
  }
  return base;
}

std::string without_detail(const std::string& reason) { return reason.substr(0, reason.find(':')); }

}  // namespace blindai::evidence::vectors
