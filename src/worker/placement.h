// Whether the engine of a worker packs a copy of the model's weights or reads them where they lie. The last bits of answers
// differ between the two, so the choice is made once for a model and given to every later worker of it.
//
// Thread rule: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace blindai::worker {

enum class Weights : std::uint8_t { packed, in_place };
std::string_view word(Weights weights);  // "packed", "in-place"

enum class Because : std::uint8_t {
  owner,         // said so when the model was uploaded
  server,        // is configured so
  no_room,       // a packed copy does not fit into the memory that is left for models
  small,         // a packed copy is less than the engine takes itself
  not_measured,  // no time, or no inputs that the engine runs on
  batches,       // in place, a request in a batch does not get the bits that it gets alone
  gain,          // a run on packed weights was faster
  no_gain,       // it was not
};
std::string_view sentence(Because because);

struct Placement {
  Weights weights = Weights::packed;
  Because because = Because::not_measured;
  std::uint64_t packed_ns = 0;  // of one run; 0: not measured
  std::uint64_t in_place_ns = 0;
};

// What is asked for: nothing where the server is to choose.
struct Wish {
  std::optional<Weights> weights;
  Because because = Because::owner;
};
// Of "auto", "packed" or "in-place"; nothing for any other word.
std::optional<Wish> parse_wish(std::string_view text, Because because);

// Fixes the choice before the model is loaded, or leaves it to be measured. `weight_bytes`: that would be packed;
// `packed_fits`: into the memory for models.
std::optional<Placement> decide(const Wish& wish, std::uint64_t weight_bytes, bool packed_fits, bool may_measure);
// By the time of a run of each; packed weights have to gain a twentieth.
Placement compare(std::uint64_t packed_ns, std::uint64_t in_place_ns);

}  // namespace blindai::worker
