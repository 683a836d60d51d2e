// StringNormalizer: the engine asks the system for a locale by the name that the model gives, "en_US.UTF-8" where it gives
// none. A worker cannot open the files of one, and which there are differs between machines; so it knows C.UTF-8 alone,
// whose upper and lower case are those of Unicode, as of en_US.UTF-8.
#include <algorithm>

#include "gate/walk.h"

namespace blindai::gate {
namespace {

constexpr std::string_view attribute_name = "locale";
constexpr std::string_view known_locale = "C.UTF-8";
constexpr std::string_view same_letters[] = {"en_US.UTF-8", "en_US", "C.UTF-8", "C.utf8", "C", "POSIX"};
constexpr std::uint64_t of_text = 3;

// The value of the attribute, or nothing where it is another; empty where a function is to give it.
Result<std::optional<std::string_view>> read_locale(ByteView attribute) {
  std::string_view name;
  std::string_view value;
  for (Fields fields(attribute); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      name = as_text(field.bytes);
    } else if (field.number == 4) {
      value = as_text(field.bytes);
    }
  }
  return name == attribute_name ? std::optional(value) : std::nullopt;
}

}  // namespace

Result<Bytes> with_known_locale(const Walk& walk, ByteView node) {
  Bytes out;
  for (Fields fields(node); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 5) {
      BLINDAI_TRY(const auto locale, read_locale(field.bytes));
      if (locale && std::ranges::find(same_letters, *locale) == std::end(same_letters)) {
        return fail(Code::model_rejected,
                    {"{}: its locale is '{}'; texts are normalised in en_US.UTF-8 alone: export with that", here(walk),
                     Disclosed(*locale)});
      }
      if (locale) {
        continue;
      }
    }
    append(out, field.whole);
  }
  Bytes attribute;
  put_bytes(attribute, 1, as_bytes(attribute_name));
  put_bytes(attribute, 4, as_bytes(known_locale));
  put_number(attribute, 20, of_text);
  put_bytes(out, 5, attribute);
  return out;
}

}  // namespace blindai::gate
