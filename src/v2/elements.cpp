#include "v2/elements.h"

#include <fmt/compile.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/checked.h"
#include "base/json.h"

namespace blindai::v2 {
namespace {

namespace dom = simdjson::dom;

template <typename T>
std::optional<T> integer(dom::element element) {
  if constexpr (std::is_signed_v<T>) {
    std::int64_t value = 0;
    return element.get_int64().get(value) == simdjson::SUCCESS ? checked_cast<T>(value) : std::nullopt;
  } else {
    std::uint64_t value = 0;
    return element.get_uint64().get(value) == simdjson::SUCCESS ? checked_cast<T>(value) : std::nullopt;
  }
}

template <typename T>
std::optional<T> real(dom::element element) {
  double value = 0;
  if (element.get_double().get(value) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  const T narrow = static_cast<T>(value);
  return std::isfinite(narrow) ? std::optional(narrow) : std::nullopt;
}

std::optional<std::uint8_t> truth(dom::element element) {
  bool value = false;
  return element.get_bool().get(value) == simdjson::SUCCESS ? std::optional<std::uint8_t>(value ? 1 : 0) : std::nullopt;
}

// Depth is bounded by the parser.
template <typename T, typename Read>
class Filler {
 public:
  Filler(MutableBytes out, const Disclosed& tensor, Read read)
      : out_(out), count_(out.size() / sizeof(T)), tensor_(tensor), read_(read) {}

  Result<void> fill(dom::array array) {
    for (const dom::element element : array) {
      if (element.is_array()) {
        BLINDAI_CHECK(fill(element.get_array().value_unsafe()));
        continue;
      }
      if (at_ == count_) {
        return fail(Code::invalid_argument,
                    {"input '{}' has more elements than its shape, which has {}", tensor_, count_});
      }
      const std::optional<T> value = read_(element);
      if (!value) {
        return fail(Code::invalid_argument, {"element {} of input '{}' is not a value of its datatype", at_, tensor_});
      }
      std::memcpy(out_.data() + at_ * sizeof(T), &*value, sizeof(T));
      ++at_;
    }
    return {};
  }
  Result<void> finish() const {
    if (at_ != count_) {
      return fail(Code::invalid_argument, {"input '{}' has {} elements, its shape has {}", tensor_, at_, count_});
    }
    return {};
  }

 private:
  MutableBytes out_;
  std::size_t count_;
  std::size_t at_ = 0;
  const Disclosed& tensor_;
  Read read_;
};

// Texts one behind the other. What they take has been measured, so `out` has room for them and no more.
Result<void> fill_texts(dom::array array, MutableBytes& out, const Disclosed& tensor) {
  for (const dom::element element : array) {
    if (element.is_array()) {
      BLINDAI_CHECK(fill_texts(element.get_array().value_unsafe(), out, tensor));
      continue;
    }
    std::string_view text;
    if (element.get_string().get(text) != simdjson::SUCCESS || out.size() < length_bytes ||
        text.size() > out.size() - length_bytes) {
      return fail(Code::internal, {"input '{}' changed while it was read", tensor});
    }
    const auto size = static_cast<std::uint32_t>(text.size());
    std::memcpy(out.data(), &size, length_bytes);
    std::ranges::copy(text, out.begin() + length_bytes);
    out = out.subspan(length_bytes + text.size());
  }
  return {};
}

struct Measured {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

Result<void> measure(dom::array array, const Disclosed& tensor, Measured& out) {
  for (const dom::element element : array) {
    if (element.is_array()) {
      BLINDAI_CHECK(measure(element.get_array().value_unsafe(), tensor, out));
      continue;
    }
    std::string_view text;
    if (element.get_string().get(text) != simdjson::SUCCESS) {
      return fail(Code::invalid_argument, {"element {} of input '{}' is not a text", out.count, tensor});
    }
    ++out.count;
    out.bytes += length_bytes + text.size();  // each at least two bytes of JSON: no overflow
  }
  return {};
}

Result<void> write_texts(std::string& json, ByteView data, const Disclosed& tensor) {
  for (bool first = true; !data.empty(); first = false) {
    const auto element = take_element(data);
    const std::string text(as_text(element.value_or(ByteView())));
    if (!element || !simdjson::validate_utf8(text)) {
      return fail(Code::invalid_argument,
                  {"output '{}' holds bytes that are not UTF-8, which JSON lacks: ask for binary data", tensor});
    }
    json += first ? "" : ",";
    json += json::quote(text);
  }
  return {};
}

template <typename T, typename Read>
Result<void> fill(dom::array array, MutableBytes out, const Disclosed& tensor, Read read) {
  Filler<T, Read> filler(out, tensor, read);
  BLINDAI_CHECK(filler.fill(array));
  return filler.finish();
}

template <typename T>
void write_numbers(std::string& json, ByteView data) {
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, data.data() + at, sizeof(T));
    if (at != 0) {
      json.push_back(',');
    }
    fmt::format_to(std::back_inserter(json), FMT_COMPILE("{}"), value);
  }
}

template <typename T>
Result<void> write_reals(std::string& json, ByteView data, const Disclosed& tensor) {
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, data.data() + at, sizeof(T));
    if (!std::isfinite(value)) {
      return fail(Code::invalid_argument,
                  {"output '{}' holds NaN or infinity, which JSON lacks: ask for binary data", tensor});
    }
    if (at != 0) {
      json.push_back(',');
    }
    fmt::format_to(std::back_inserter(json), FMT_COMPILE("{}"), value);
  }
  return {};
}

Result<dom::array> array_of(dom::element data, const Disclosed& tensor) {
  dom::array array;
  if (data.get_array().get(array) != simdjson::SUCCESS) {
    return fail(Code::invalid_argument, {"'data' of input '{}' must be an array", tensor});
  }
  return array;
}

}  // namespace

Result<std::uint64_t> measure_texts(dom::element data, std::uint64_t count, const Disclosed& tensor) {
  BLINDAI_TRY(const dom::array array, array_of(data, tensor));
  Measured measured;
  BLINDAI_CHECK(measure(array, tensor, measured));
  if (measured.count != count) {
    return fail(Code::invalid_argument,
                {"input '{}' has {} elements, its shape has {}", tensor, measured.count, count});
  }
  return measured.bytes;
}

Result<void> read_elements(dom::element data, DataType type, MutableBytes out, const Disclosed& tensor) {
  BLINDAI_TRY(const dom::array array, array_of(data, tensor));
  switch (type) {
    case DataType::boolean:
      return fill<std::uint8_t>(array, out, tensor, truth);
    case DataType::uint8:
      return fill<std::uint8_t>(array, out, tensor, integer<std::uint8_t>);
    case DataType::uint16:
      return fill<std::uint16_t>(array, out, tensor, integer<std::uint16_t>);
    case DataType::uint32:
      return fill<std::uint32_t>(array, out, tensor, integer<std::uint32_t>);
    case DataType::uint64:
      return fill<std::uint64_t>(array, out, tensor, integer<std::uint64_t>);
    case DataType::int8:
      return fill<std::int8_t>(array, out, tensor, integer<std::int8_t>);
    case DataType::int16:
      return fill<std::int16_t>(array, out, tensor, integer<std::int16_t>);
    case DataType::int32:
      return fill<std::int32_t>(array, out, tensor, integer<std::int32_t>);
    case DataType::int64:
      return fill<std::int64_t>(array, out, tensor, integer<std::int64_t>);
    case DataType::fp32:
      return fill<float>(array, out, tensor, real<float>);
    case DataType::fp64:
      return fill<double>(array, out, tensor, real<double>);
    case DataType::bytes:
      return fill_texts(array, out, tensor);
    default:
      return fail(Code::invalid_argument, {"input '{}' must be sent as binary data", tensor});
  }
}

Result<void> write_elements(std::string& json, DataType type, ByteView data, const Disclosed& tensor) {
  json.push_back('[');
  Result<void> result;
  switch (type) {
    case DataType::boolean:
      for (std::size_t at = 0; at < data.size(); ++at) {
        json += at == 0 ? "" : ",";
        json += data[at] != 0 ? "true" : "false";
      }
      break;
    case DataType::uint8:
      write_numbers<std::uint8_t>(json, data);
      break;
    case DataType::uint16:
      write_numbers<std::uint16_t>(json, data);
      break;
    case DataType::uint32:
      write_numbers<std::uint32_t>(json, data);
      break;
    case DataType::uint64:
      write_numbers<std::uint64_t>(json, data);
      break;
    case DataType::int8:
      write_numbers<std::int8_t>(json, data);
      break;
    case DataType::int16:
      write_numbers<std::int16_t>(json, data);
      break;
    case DataType::int32:
      write_numbers<std::int32_t>(json, data);
      break;
    case DataType::int64:
      write_numbers<std::int64_t>(json, data);
      break;
    case DataType::fp32:
      result = write_reals<float>(json, data, tensor);
      break;
    case DataType::fp64:
      result = write_reals<double>(json, data, tensor);
      break;
    case DataType::bytes:
      result = write_texts(json, data, tensor);
      break;
    default:
      result = fail(Code::invalid_argument, {"output '{}' can only be sent as binary data: ask for that", tensor});
  }
  json.push_back(']');
  return result;
}

}  // namespace blindai::v2
