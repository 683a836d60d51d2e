// Reference evidence and collateral, in $BLINDAI_TEST_DATA/vectors (by default ../shared/vectors beside the source tree).
// A test that needs it begins with BLINDAI_NEEDS_VECTORS(), which reports it skipped where the data is absent.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/fd.h"
#include "base/json.h"

namespace blindai::evidence::vectors {

inline std::filesystem::path folder() {
  const char* data = std::getenv("BLINDAI_TEST_DATA");  // NOLINT(concurrency-mt-unsafe)
  const std::filesystem::path source = BLINDAI_SOURCE_DIR;
  return (data != nullptr ? std::filesystem::path(data) : source.parent_path() / "shared") / "vectors";
}

inline bool present() { return std::filesystem::is_directory(folder()); }

// The cases of one kind ("sgx", "tdx", "snp"): "sgx/automata-v3-outofdate", ...
inline std::vector<std::string> cases(const std::string& kind) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder() / kind)) {
    names.push_back(kind + "/" + entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

inline bool has(const std::string& name) { return std::filesystem::exists(folder() / name); }

// A file, named from the folder of the vectors: "sgx/automata-v3-outofdate/quote.bin". Fails the test where it is not there.
inline Bytes read(const std::string& name) {
  const auto bytes = read_file((folder() / name).c_str(), 64UL << 20U);
  EXPECT_TRUE(bytes) << name;
  return bytes ? *bytes : Bytes{};
}

inline json::Value read_json(const std::string& name) {
  const Bytes bytes = read(name);
  auto value = json::parse(as_text(bytes));
  EXPECT_TRUE(value) << name;
  return value ? *std::move(value) : json::Value();
}

// A member by its path, nullptr where one of them is not there: at(c, {"quote", "pck", "fmspc"}).
inline const json::Value* at(const json::Value& value, std::initializer_list<std::string_view> path) {
  const json::Value* found = &value;
  for (const std::string_view name : path) {
    found = found == nullptr ? nullptr : found->find(name);
  }
  return found;
}

}  // namespace blindai::evidence::vectors

#define BLINDAI_NEEDS_VECTORS()                                                        \
  if (!::blindai::evidence::vectors::present()) {                                      \
    GTEST_SKIP() << "no reference data at " << ::blindai::evidence::vectors::folder(); \
  }                                                                                    \
  static_assert(true)
