// SparseTensorProto: values, and where they stand. The engine makes a dense tensor of it, so that its size counts as if it
// were one, and every index is checked here.
#include <algorithm>

#include "base/checked.h"
#include "gate/walk.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t int64_code = 7;
constexpr std::uint64_t largest_element = 16;  // bytes

struct Part {
  Shape dims;
  std::uint64_t type = 0;
  std::vector<std::int64_t> numbers;  // of int64
};

void read_raw_numbers(ByteView raw, std::vector<std::int64_t>& numbers) {
  for (std::size_t at = 0; at + 8 <= raw.size(); at += 8) {
    std::uint64_t value = 0;
    for (std::size_t i = 8; i-- > 0;) {
      value = value << 8U | raw[at + i];
    }
    numbers.push_back(static_cast<std::int64_t>(value));
  }
}

// Of a tensor as walk_tensor() writes it: whole, and without a reference. Of its numbers at most `most` and some.
Result<Part> read_part(const Walk& walk, ByteView tensor, std::uint64_t most) {
  Part part;
  for (Fields fields(tensor); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      BLINDAI_CHECK(read_dims(walk, field, part.dims));
    } else if (field.number == 2) {
      part.type = field.number_value;
    } else if (field.number == 9 && part.type == int64_code) {
      read_raw_numbers(field.bytes.first(std::min<std::uint64_t>(field.bytes.size(), (most + 1) * 8)), part.numbers);
    } else if (part.numbers.size() > most) {
      continue;
    } else if (field.number == 7 && field.wire == Wire::varint) {
      part.numbers.push_back(static_cast<std::int64_t>(field.number_value));
    } else if (field.number == 7) {
      for (ByteView rest = field.bytes; !rest.empty() && part.numbers.size() <= most;) {
        part.numbers.push_back(static_cast<std::int64_t>(protobuf::take_varint(rest).value_or(UINT64_MAX)));
      }
    }
  }
  return part;
}

// The place of each value in the dense tensor, ascending and inside it; of indices of one axis, or of all.
bool are_places(const Part& indices, std::int64_t values, const Shape& dims, std::uint64_t elements) {
  const bool flat = indices.dims.size() == 1;
  const auto rank = static_cast<std::int64_t>(dims.size());
  if (indices.type != int64_code || indices.dims.empty() || indices.dims[0] != values ||
      (!flat && (indices.dims.size() != 2 || indices.dims[1] != rank))) {
    return false;
  }
  std::optional<std::uint64_t> last;
  const std::size_t width = flat ? 1 : dims.size();
  for (std::size_t i = 0; i + width <= indices.numbers.size(); i += width) {
    std::uint64_t place = 0;
    for (std::size_t axis = 0; axis < width; ++axis) {
      const std::int64_t index = indices.numbers[i + axis];
      const std::uint64_t most = flat ? elements : static_cast<std::uint64_t>(dims[axis]);
      if (index < 0 || static_cast<std::uint64_t>(index) >= most) {
        return false;
      }
      place = flat ? static_cast<std::uint64_t>(index) : place * most + static_cast<std::uint64_t>(index);
    }
    if (last && place <= *last) {
      return false;
    }
    last = place;
  }
  return true;
}

}  // namespace

Result<Bytes> walk_sparse_tensor(Walk& walk, ByteView message) {
  const Inside inside(walk, {"sparse tensor", {}, {}, {}});
  Shape dims;  // all fields together
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 3) {
      BLINDAI_CHECK(read_dims(walk, field, dims));
    }
  }
  const auto elements = element_count(dims);
  const auto bytes = elements ? checked_mul(*elements, largest_element) : std::nullopt;
  if (!bytes || dims.empty()) {
    return fail(Code::model_rejected, {"{}: has more elements than can be counted, or no shape", here(walk)});
  }
  BLINDAI_CHECK(count_embedded(walk, std::min(*bytes, walk.limits.graph_bytes + std::uint64_t{1})));
  const std::uint64_t most = *elements * dims.size();
  Bytes out;
  std::optional<Part> values;
  std::optional<Part> indices;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 3) {
      append(out, field.whole);
      continue;
    }
    BLINDAI_TRY(const Bytes tensor, walk_tensor(walk, field.bytes, Place::elsewhere));
    put_bytes(out, field.number, tensor);
    BLINDAI_TRY((field.number == 1 ? values : indices), read_part(walk, tensor, most));
  }
  if (!values || !indices || values->dims.size() != 1 || !are_places(*indices, values->dims[0], dims, *elements)) {
    return fail(Code::model_rejected, {"{}: needs values of one axis, and for each an index in ascending order, inside "
                                       "its shape",
                                       here(walk)});
  }
  return out;
}

}  // namespace blindai::gate
