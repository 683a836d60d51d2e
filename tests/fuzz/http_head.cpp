// The head of a request.
#include "http/head.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  constexpr std::size_t limit = 16 * 1024;
  const ByteView input(data, size);
  const auto parsed = http::parse_head(input, limit);
  if (!parsed || !*parsed) {
    fuzz::promise(parsed || size > 0, "nothing is not an error yet");
    fuzz::promise(size < limit || !parsed, "a head over the limit is refused, not waited for");
    return 0;
  }
  const auto& [head, used, expects_continue] = **parsed;
  fuzz::promise(used <= size && used <= limit, "a head lies inside its bytes and its limit");
  fuzz::promise(head.target.starts_with('/'), "a target is a path");
  fuzz::promise(head.chunked != head.content_length.has_value(), "a body has one measure of its length");
  for (const char* name : {"content-length", "transfer-encoding", "host", "authorization", "repr-digest"}) {
    const auto count = std::ranges::count_if(head.headers, [&](const auto& header) {
      return std::ranges::equal(header.first, std::string_view(name), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
      });
    });
    fuzz::promise(count <= 1, "a header that decides stands once");
  }
  const auto again = http::parse_head(input.first(used), limit);
  fuzz::promise(again && *again && (*again)->size == used, "what follows a head does not change it");
  return 0;
}
