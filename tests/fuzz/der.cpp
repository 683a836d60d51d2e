// DER: an element that is taken is what OpenSSL takes there, its header has one encoding, and so has its value.
#include "evidence/x509/der.h"

#include <openssl/asn1.h>

#include <ctime>
#include <vector>

#include "fuzz/fuzz.h"

namespace {

using namespace blindai;
using namespace blindai::evidence::x509;
using fuzz::promise;

constexpr std::uint8_t constructed = 0x20;

void header_is_that_of_openssl(const Element& element) {
  const std::uint8_t* at = element.whole.data();
  long length = 0;
  int number = 0;
  int tag_class = 0;
  const int form = ASN1_get_object(&at, &length, &number, &tag_class, static_cast<long>(element.whole.size()));
  promise((form & 0x81) == 0, "no error and no indefinite length");
  promise(form == (element.tag & constructed), "the form");
  promise((number | tag_class) == (element.tag & ~constructed), "the tag");
  promise(at == element.content.data() && length == static_cast<long>(element.content.size()), "the content");
}

void header_is_the_shortest(const Element& element) {
  const int size = static_cast<int>(element.content.size());
  const int whole = ASN1_object_size((element.tag & constructed) != 0 ? 1 : 0, size, element.tag & 0x1f);
  promise(whole == static_cast<int>(element.whole.size()), "the length of the header");
}

template <typename T, T* read(T**, const std::uint8_t**, long), typename Free, typename Check>
void agree(const Element& element, Free free, Check check) {
  const std::uint8_t* at = element.whole.data();
  T* theirs = read(nullptr, &at, static_cast<long>(element.whole.size()));
  promise(theirs != nullptr, "OpenSSL reads the value too");
  check(theirs);
  free(theirs);
}

void value_is_that_of_openssl(const Element& element) {
  if (element.tag == tag::integer) {
    if (const auto number = read_integer(element.content)) {
      agree<ASN1_INTEGER, d2i_ASN1_INTEGER>(element, ASN1_INTEGER_free, [&](const ASN1_INTEGER* theirs) {
        std::int64_t value = 0;
        promise(ASN1_INTEGER_get_int64(&value, theirs) == 1 && value == *number, "the number");
      });
    }
    if (const auto magnitude = read_unsigned(element.content)) {
      agree<ASN1_INTEGER, d2i_ASN1_INTEGER>(element, ASN1_INTEGER_free, [&](const ASN1_INTEGER* theirs) {
        const ByteView bytes(theirs->data, static_cast<std::size_t>(theirs->length));
        promise(std::ranges::equal(bytes, *magnitude) && ASN1_STRING_type(theirs) == V_ASN1_INTEGER, "the magnitude");
      });
    }
  } else if (element.tag == tag::oid && is_oid(element.content)) {
    agree<ASN1_OBJECT, d2i_ASN1_OBJECT>(element, ASN1_OBJECT_free, [](const ASN1_OBJECT*) {});
  } else if (element.tag == tag::bit_string) {
    if (const auto bits = read_bit_string(element.content)) {
      agree<ASN1_BIT_STRING, d2i_ASN1_BIT_STRING>(element, ASN1_BIT_STRING_free, [&](const ASN1_BIT_STRING* theirs) {
        promise(std::ranges::equal(ByteView(theirs->data, static_cast<std::size_t>(theirs->length)), *bits),
                "the bits");
      });
    }
  } else if (const auto time = read_time(element.tag, element.content)) {
    agree<ASN1_TIME, d2i_ASN1_TIME>(element, ASN1_TIME_free, [&](const ASN1_TIME* theirs) {
      std::tm parts{};
      promise(ASN1_TIME_to_tm(theirs, &parts) == 1 && timegm(&parts) == *time, "the time");
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<Der> readers = {Der(ByteView(data, size))};
  while (!readers.empty()) {
    const auto element = readers.back().next();
    if (!element) {
      readers.pop_back();
      continue;
    }
    header_is_that_of_openssl(*element);
    header_is_the_shortest(*element);
    value_is_that_of_openssl(*element);
    if ((element->tag & constructed) != 0) {
      readers.emplace_back(element->content);
    }
  }
  return 0;
}
