// How large a model is once its functions are expanded, counted before anything expands them.
#include <algorithm>

#include "gate/walk.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t unbounded = std::uint64_t{1} << 62U;

std::uint64_t add(std::uint64_t a, std::uint64_t b) { return std::min(unbounded, a + b); }
std::uint64_t multiply(std::uint64_t a, std::uint64_t b) { return a != 0 && b > unbounded / a ? unbounded : a * b; }

std::unexpected<Error> calls_itself(const FunctionKey& key) {
  return fail(Code::model_rejected,
              {"function '{}' of the model calls itself, by way of others perhaps", Disclosed(key.name)});
}

// After expansion.
struct Size {
  std::uint64_t nodes = 0;
  std::uint64_t bytes = 0;
};

// What calls add, where all that is called is known.
void expand(Size& size, const std::map<FunctionKey, std::uint64_t>& calls, const std::map<FunctionKey, Size>& known) {
  for (const auto& [callee, count] : calls) {
    if (const auto found = known.find(callee); found != known.end()) {
      size.nodes = add(size.nodes, multiply(count, found->second.nodes));
      size.bytes = add(size.bytes, multiply(count, found->second.bytes));
    }
  }
}

}  // namespace

Result<void> check_expansion(const std::map<FunctionKey, FunctionBody>& functions,
                             const std::map<FunctionKey, std::uint64_t>& calls, std::uint64_t nodes,
                             const Limits& limits) {
  std::map<FunctionKey, Size> known;
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
        Size size{body.nodes, body.bytes};
        expand(size, body.operators, known);
        known[key] = size;
        open.erase(key);
        stack.pop_back();
      } else if (!first) {
        return calls_itself(key);
      }
    }
  }
  Size total{nodes, 0};
  expand(total, calls, known);
  if (total.nodes > limits.nodes) {
    return fail(Code::too_large, {"the model's functions expand to more than {} nodes", limits.nodes});
  }
  if (total.bytes > limits.graph_bytes) {
    return fail(Code::too_large, {"the model's functions expand to more than {} bytes of tensors; give them their "
                                  "weights as inputs",
                                  limits.graph_bytes});
  }
  return {};
}

}  // namespace blindai::gate
