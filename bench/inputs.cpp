#include <algorithm>
#include <bit>

#include "bench/samples.h"

namespace blindai::bench {
namespace {

Result<Shape> parse_shape(std::string_view text) {
  Shape shape;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    std::int64_t dimension = 0;
    for (const char c : text.substr(0, comma)) {
      if (c < '0' || c > '9' || dimension > 1'000'000'000) {
        return fail(Code::invalid_argument, {"a dimension is not a number"});
      }
      dimension = dimension * 10 + (c - '0');
    }
    shape.push_back(dimension);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return shape;
}

template <typename T>
void fill(MutableBytes out, T (*value)(std::size_t)) {
  for (std::size_t i = 0; i * sizeof(T) < out.size(); ++i) {
    const auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(value(i));
    std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(i * sizeof(T)));
  }
}

template <typename T>
T number(std::size_t i) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(i * 37 % 101) / T{101};
  } else {
    return static_cast<T>(i * 37 % 101);
  }
}

}  // namespace

Result<Input> parse_input(const std::string& text) {
  const auto equals = text.find('=');
  const auto bracket = text.find('[', equals == std::string::npos ? 0 : equals);
  if (equals == std::string::npos || bracket == std::string::npos || !text.ends_with(']')) {
    return fail(Code::invalid_argument, {"an input is written NAME=DATATYPE[dim,dim]"});
  }
  const auto datatype = datatype_from_name(std::string_view(text).substr(equals + 1, bracket - equals - 1));
  BLINDAI_TRY(Shape shape, parse_shape(std::string_view(text).substr(bracket + 1, text.size() - bracket - 2)));
  const auto size = datatype ? byte_size(*datatype, shape) : std::nullopt;
  if (!size || *size > (std::uint64_t{1} << 30U)) {
    return fail(Code::invalid_argument, {"an input has an unknown datatype or is too large"});
  }
  Input input{.spec = {.name = text.substr(0, equals), .datatype = *datatype, .shape = std::move(shape)},
              .data = Bytes(*size)};
  switch (*datatype) {
    case DataType::int64:
      fill(input.data, &number<std::int64_t>);
      break;
    case DataType::int32:
      fill(input.data, &number<std::int32_t>);
      break;
    case DataType::fp32:
      fill(input.data, &number<float>);
      break;
    case DataType::fp64:
      fill(input.data, &number<double>);
      break;
    default:
      break;  // zeros
  }
  return input;
}

}  // namespace blindai::bench
