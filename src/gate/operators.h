// Private to this folder: what the engine that this server is built for can run.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace blindai::gate {

// "ai.onnx" is another name of "".
inline std::string_view plain_domain(std::string_view domain) { return domain == "ai.onnx" ? "" : domain; }
// For people.
inline std::string_view domain_name(std::string_view domain) { return domain.empty() ? "ai.onnx" : domain; }

bool engine_has(std::string_view domain, std::string_view type, std::int64_t opset);
// First and last opset of an operator, or nothing where the engine has it in none.
std::optional<std::pair<std::int64_t, std::int64_t>> engine_opsets(std::string_view domain, std::string_view type);
// Where the engine's operator trusts an input that it should not: the index of an input that must be a constant of the
// model, so that no caller chooses it. Each is named by a probe in tests/hostile/callers.py.
std::optional<std::size_t> input_to_fix(std::string_view domain, std::string_view type);
// The newest opset of a domain, or nothing where the engine does not know the domain.
std::optional<std::int64_t> newest_opset(std::string_view domain);

}  // namespace blindai::gate
