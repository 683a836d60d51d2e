// The head of a bundle. Two bytes say how long the files behind it are together.
#include "fuzz/fuzz.h"
#include "gate/gate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  ByteView head(data, size);
  const std::uint64_t payload = fuzz::take_number(head, 2);
  const std::uint64_t body = 4 + head.size() + payload;
  if (const auto index = gate::parse_bundle_index(head, body)) {
    std::uint64_t at = 4 + head.size();
    for (const gate::BundleFile& file : index->files) {
      fuzz::promise(file.file.offset == at, "files lie one behind the other");
      fuzz::promise(!file.file.name.starts_with('/') && !file.file.name.contains(".."), "a name leads nowhere else");
      at += file.file.size;
    }
    fuzz::promise(at == body, "files fill the body");
  }
  return 0;
}
