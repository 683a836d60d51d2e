#include "worker/placement.h"

namespace blindai::worker {
namespace {

constexpr std::uint64_t small_weights = std::uint64_t{16} << 20U;

}  // namespace

std::string_view word(Weights weights) { return weights == Weights::packed ? "packed" : "in-place"; }

std::string_view sentence(Because because) {
  switch (because) {
    case Because::owner:
      return "its owner asked for it";
    case Because::server:
      return "the server is configured so";
    case Because::no_room:
      return "a packed copy does not fit into the memory that the server has left for models";
    case Because::small:
      return "the weights are small";
    case Because::not_measured:
      return "it was not measured";
    case Because::batches:
      return "in place, a request in a batch would not get the bits that it gets alone";
    case Because::gain:
      return "a run on packed weights was measured to be faster";
    case Because::no_gain:
      return "a run on packed weights was not measured to be faster";
  }
  return "unknown";
}

std::optional<Wish> parse_wish(std::string_view text, Because because) {
  if (text == "auto") {
    return Wish{std::nullopt, because};
  }
  for (const Weights weights : {Weights::packed, Weights::in_place}) {
    if (text == word(weights)) {
      return Wish{weights, because};
    }
  }
  return std::nullopt;
}

std::optional<Placement> decide(const Wish& wish, std::uint64_t weight_bytes, bool packed_fits, bool may_measure) {
  if (wish.weights) {
    return Placement{*wish.weights, wish.because};
  }
  if (!packed_fits) {
    return Placement{Weights::in_place, Because::no_room};
  }
  if (weight_bytes < small_weights) {
    return Placement{Weights::packed, Because::small};
  }
  if (!may_measure) {
    return Placement{Weights::packed, Because::not_measured};
  }
  return std::nullopt;
}

Placement compare(std::uint64_t packed_ns, std::uint64_t in_place_ns) {
  if (packed_ns == 0 || in_place_ns == 0) {
    return {Weights::packed, Because::not_measured};
  }
  constexpr std::uint64_t parts = 20;
  const bool gains = packed_ns < in_place_ns && in_place_ns - packed_ns >= in_place_ns / parts;
  return gains ? Placement{Weights::packed, Because::gain, packed_ns, in_place_ns}
               : Placement{Weights::in_place, Because::no_gain, packed_ns, in_place_ns};
}

}  // namespace blindai::worker
