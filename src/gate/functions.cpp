// How many nodes a model has once its functions are expanded, counted before anything expands them.
#include <algorithm>

#include "gate/walk.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t unbounded = std::uint64_t{1} << 62U;

std::uint64_t add(std::uint64_t a, std::uint64_t b) { return std::min(unbounded, a + b); }
std::uint64_t multiply(std::uint64_t a, std::uint64_t b) { return a != 0 && b > unbounded / a ? unbounded : a * b; }

std::unexpected<Error> calls_itself(const FunctionKey& key) {
  return fail(Code::model_rejected, {"function '{}' of the model calls itself", Disclosed(key.second)});
}

// Nodes of one function after expansion, where all that it calls is known.
std::uint64_t expanded(const FunctionBody& body, const std::map<FunctionKey, std::uint64_t>& known) {
  std::uint64_t nodes = body.nodes;
  for (const auto& [callee, count] : body.operators) {
    if (const auto found = known.find(callee); found != known.end()) {
      nodes = add(nodes, multiply(count, found->second));
    }
  }
  return nodes;
}

}  // namespace

Result<void> check_expansion(const std::map<FunctionKey, FunctionBody>& functions,
                             const std::map<FunctionKey, std::uint64_t>& calls, std::uint64_t nodes,
                             std::size_t limit) {
  std::map<FunctionKey, std::uint64_t> known;
  std::set<FunctionKey> open;
  std::vector<FunctionKey> stack;
  for (const auto& [start, unused] : functions) {
    stack.push_back(start);
    while (!stack.empty()) {
      const FunctionKey key = stack.back();
      if (known.contains(key)) {
        stack.pop_back();
        continue;
      }
      const FunctionBody& body = functions.at(key);
      const bool first = open.insert(key).second;
      const std::size_t before = stack.size();
      for (const auto& [callee, count] : body.operators) {
        if (!functions.contains(callee) || known.contains(callee)) {
          continue;
        }
        if (open.contains(callee)) {
          return calls_itself(callee);
        }
        stack.push_back(callee);
      }
      if (stack.size() == before) {
        known[key] = expanded(body, known);
        open.erase(key);
        stack.pop_back();
      } else if (!first) {
        return calls_itself(key);
      }
    }
  }
  std::uint64_t total = nodes;
  for (const auto& [callee, count] : calls) {
    if (const auto found = known.find(callee); found != known.end()) {
      total = add(total, multiply(count, found->second));
    }
  }
  if (total > limit) {
    return fail(Code::too_large, {"the model's functions expand to more than {} nodes", limit});
  }
  return {};
}

}  // namespace blindai::gate
