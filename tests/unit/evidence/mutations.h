// The changed inputs of the reference data (mutations-dcap.json, mutations-snp.json): a case, what is changed in its files or
// its clock, and the verdict that must come of it.
#pragma once

#include <map>

#include "base/clock.h"
#include "evidence/vectors.h"

namespace blindai::evidence::vectors {

// The files of a case by name, and the clock to look at them.
struct Input {
  std::map<std::string, Bytes> files;
  UnixSeconds at = 0;
};

struct Mutation {
  std::string id;
  std::string base;  // "snp/<case>"
  std::string must;  // "reject", "same-as-base", or "policy": both answers can be defended
  std::vector<std::string> error_any_of;
  json::Array ops;
};

inline std::string text(const json::Value& object, std::string_view name) {
  const std::string* found = object.text(name);
  return found == nullptr ? std::string() : *found;
}

inline std::int64_t integer(const json::Value& object, std::string_view name) {
  const json::Value* found = object.find(name);
  const auto* number = found == nullptr ? nullptr : found->as<std::int64_t>();
  EXPECT_NE(number, nullptr) << name;
  return number == nullptr ? 0 : *number;
}

inline Input input_of(const std::string& name) {
  Input input;
  for (const auto& entry : std::filesystem::directory_iterator(folder() / name)) {
    const std::string file = entry.path().filename().string();
    if (file != "case.json") {
      input.files.emplace(file, read(name + "/" + file));
    }
  }
  input.at = integer(read_json(name + "/case.json"), "verification_time_unix");
  return input;
}

inline std::vector<Mutation> mutations(const std::string& file) {
  std::vector<Mutation> all;
  const json::Value document = read_json(file);
  const json::Value* list = document.find("mutations");
  for (const json::Value& each : *list->as<json::Array>()) {
    Mutation mutation;
    mutation.id = text(each, "id");
    mutation.base = text(each, "base");
    mutation.must = text(each, "must");
    mutation.ops = *each.find("ops")->as<json::Array>();
    if (const json::Value* reasons = each.find("error_any_of")) {
      for (const json::Value& reason : *reasons->as<json::Array>()) {
        mutation.error_any_of.push_back(*reason.as<std::string>());
      }
    }
    all.push_back(std::move(mutation));
  }
  return all;
}

// Changes bytes as `op` says; false where the operation is not one that changes bytes.
inline bool change_bytes(const json::Value& op, Bytes& bytes) {
  const std::string what = text(op, "op");
  const auto at = [&] { return static_cast<std::size_t>(integer(op, "offset")); };
  const auto hex = [&](const char* name) { return *from_hex(text(op, name)); };
  if (what == "xor") {
    bytes.at(at()) ^= hex("value").at(0);
  } else if (what == "set") {
    const Bytes value = hex("hex");
    EXPECT_LE(at() + value.size(), bytes.size());
    std::ranges::copy(value, bytes.begin() + static_cast<std::ptrdiff_t>(at()));
  } else if (what == "insert") {
    const Bytes value = hex("hex");
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at()), value.begin(), value.end());
  } else if (what == "append") {
    append(bytes, hex("hex"));
  } else if (what == "truncate") {
    bytes.resize(static_cast<std::size_t>(integer(op, "size")));
  } else {
    return false;
  }
  return true;
}

inline Input changed(Input input, const json::Array& ops) {
  for (const json::Value& op : ops) {
    const std::string what = text(op, "op");
    const std::string file = text(op, "file");
    if (what == "clock") {
      input.at = integer(op, "unix");
    } else if (what == "delete") {
      input.files.erase(file);
    } else if (what == "use") {
      input.files[file] = read(text(op, "case") + "/" + text(op, "from"));
    } else {
      EXPECT_TRUE(change_bytes(op, input.files.at(file))) << what;
    }
  }
  return input;
}

// Whether a reason ("EXPIRED:vek") is one of those that are fair.
inline bool is_fair(const Mutation& mutation, const std::string& reason) {
  const std::string word = reason.substr(0, reason.find(':'));
  return std::ranges::any_of(mutation.error_any_of,
                             [&](const std::string& fair) { return fair == word || fair == reason; });
}

}  // namespace blindai::evidence::vectors
