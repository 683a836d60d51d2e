// Private to this folder: the fields of a message of an ONNX file, read one after another, and what writes them again.
//
// Thread rule: values.
#pragma once

#include "base/protobuf.h"

namespace blindai::gate {

using protobuf::count_varints;
using protobuf::Field;
using protobuf::put_bytes;
using protobuf::put_number;
using protobuf::put_varint;
using protobuf::Wire;

// Error: model_rejected for groups, unknown wire types and whatever points past the end.
class Fields {
 public:
  explicit Fields(ByteView message) : reader_(message) {}
  bool done() const { return reader_.done(); }
  Result<Field> next() {
    const auto field = reader_.next();
    if (!field) {
      return fail(Code::model_rejected, {"the file is not an ONNX model, or it is cut off or damaged"});
    }
    return *field;
  }

 private:
  protobuf::Reader reader_;
};

}  // namespace blindai::gate
