// The container of collateral, and what is shown of its items.
#include "evidence/files.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  using namespace blindai::evidence;
  const auto collateral = collateral_of_files({{"collateral.json", Bytes(data, data + size)}});
  if (!collateral) {
    fuzz::promise(collateral.error().reason == Reason::bad_collateral_format, "refused for its form");
    return 0;
  }
  const auto again = Collateral::from_json(collateral->to_json());
  fuzz::promise(again && again->items() == collateral->items(), "written again it is the same");
  fuzz::promise(again->digest() == collateral->digest(), "and has one digest");
  const json::Object shown = describe_collateral(*collateral);
  fuzz::promise(shown.at("items").as<json::Object>()->size() == collateral->items().size(), "every item is shown");
  return 0;
}
