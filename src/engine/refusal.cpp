#include "engine/refusal.h"

#include <array>
#include <optional>

namespace blindai::engine {
namespace {

// The engine's sentences about an operator that it lacks; the name follows.
constexpr std::array<std::string_view, 3> operator_sentences = {
    "No Op registered for ", "Fatal error: ", "Could not find an implementation for "};

std::optional<std::string_view> missing_operator(std::string_view message) {
  for (const std::string_view sentence : operator_sentences) {
    const std::size_t at = message.find(sentence);
    if (at == std::string_view::npos) {
      continue;
    }
    const std::string_view rest = message.substr(at + sentence.size());
    const std::string_view name = rest.substr(0, rest.find_first_of(" (,"));
    const bool about_operator = sentence != "Fatal error: " || rest.contains("is not a registered function/op");
    if (!name.empty() && about_operator) {
      return name;
    }
  }
  return std::nullopt;
}

// The engine wraps what an operator says in a sentence for each graph around it: the innermost is the reason.
std::string_view innermost(std::string_view message) {
  constexpr std::string_view before = "Status Message: ";
  const std::size_t at = message.rfind(before);
  const std::string_view reason = at == std::string_view::npos ? message : message.substr(at + before.size());
  return reason.empty() ? message : reason;
}

}  // namespace

Error load_refusal(std::string_view message) {
  if (const auto name = missing_operator(message)) {
    return {Code::model_rejected,
            {"the engine lacks operator '{}' in the version that the model asks for; export with another opset",
             Disclosed(*name)}};
  }
  if (message.contains("bad_alloc") || message.contains("Failed to allocate memory")) {
    return {Code::resource_exhausted, {"the model needs more memory than it may have"}};
  }
  return {Code::model_rejected, {"the engine refused the model: {}", Disclosed(message)}};
}

Error run_refusal(std::string_view message) {
  if (message.contains("bad_alloc") || message.contains("Failed to allocate memory")) {
    return {Code::resource_exhausted, {"this request needs more memory than the model may have"}};
  }
  return {Code::invalid_argument, {"the model could not run on these inputs: {}", Disclosed(innermost(message))}};
}

}  // namespace blindai::engine
