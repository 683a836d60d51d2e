#include "worker/protocol.h"

#include <algorithm>

#include "base/cbor.h"
#include "base/checked.h"

namespace blindai::worker {
namespace {

std::unexpected<Error> malformed(std::string_view what) {
  return fail(Code::internal, {"the model's worker and the server do not understand each other"},
              Detail{std::string(what)});
}

cbor::Value encode_shape(const Shape& shape) {
  cbor::Array dims;
  for (const auto dim : shape) {
    dims.emplace_back(dim);
  }
  return dims;
}

Result<Shape> decode_shape(const cbor::Value& value) {
  const auto* dims = value.as<cbor::Array>();
  if (dims == nullptr || dims->size() > max_rank) {
    return malformed("shape");
  }
  Shape shape;
  for (const auto& dim : *dims) {
    const auto* number = dim.as<std::int64_t>();
    if (number == nullptr || *number < -1) {
      return malformed("dimension");
    }
    shape.push_back(*number);
  }
  return shape;
}

Result<DataType> decode_datatype(const cbor::Value& value) {
  const auto* text = value.as<std::string>();
  const auto type = text == nullptr ? std::nullopt : datatype_from_name(*text);
  if (!type) {
    return malformed("datatype");
  }
  return *type;
}

cbor::Value encode_specs(const std::vector<TensorSpec>& specs) {
  cbor::Array out;
  for (const auto& spec : specs) {
    out.emplace_back(cbor::Array{as_bytes(spec.name), name(spec.datatype), encode_shape(spec.shape)});
  }
  return out;
}

Result<std::vector<TensorSpec>> decode_specs(const cbor::Value& value) {
  const auto* items = value.as<cbor::Array>();
  if (items == nullptr) {
    return malformed("tensors");
  }
  std::vector<TensorSpec> specs;
  for (const auto& item : *items) {
    const auto* fields = item.as<cbor::Array>();
    if (fields == nullptr || fields->size() != 3 || (*fields)[0].as<Bytes>() == nullptr) {
      return malformed("tensor");
    }
    TensorSpec spec;
    spec.name = as_text(*(*fields)[0].as<Bytes>());
    BLINDAI_TRY(spec.datatype, decode_datatype((*fields)[1]));
    BLINDAI_TRY(spec.shape, decode_shape((*fields)[2]));
    specs.push_back(std::move(spec));
  }
  return specs;
}

Result<gate::Weight> decode_weight(const cbor::Value& value) {
  const auto* fields = value.as<cbor::Array>();
  if (fields == nullptr || fields->size() != 5 || (*fields)[0].as<Bytes>() == nullptr) {
    return malformed("weight");
  }
  gate::Weight weight;
  weight.name = as_text(*(*fields)[0].as<Bytes>());
  BLINDAI_TRY(weight.datatype, decode_datatype((*fields)[1]));
  BLINDAI_TRY(weight.shape, decode_shape((*fields)[2]));
  const auto* offset = (*fields)[3].as<std::int64_t>();
  const auto* size = (*fields)[4].as<std::int64_t>();
  if (offset == nullptr || size == nullptr || *offset < 0 || *size < 0) {
    return malformed("weight's place");
  }
  weight.offset = static_cast<std::uint64_t>(*offset);
  weight.size = static_cast<std::uint64_t>(*size);
  return weight;
}

}  // namespace

Bytes encode(const Hello& hello) {
  cbor::Array layers;
  for (const auto& layer : hello.sandbox) {
    layers.emplace_back(layer);
  }
  return cbor::encode(cbor::Map{{"engine", hello.engine}, {"version", hello.version}, {"sandbox", layers}});
}

Result<Hello> decode_hello(ByteView bytes) {
  BLINDAI_TRY(const auto value, cbor::decode(bytes));
  cbor::Fields fields(value);
  Hello hello;
  hello.engine = fields.text("engine");
  hello.version = fields.text("version");
  const auto& layers = fields.any("sandbox");
  BLINDAI_CHECK(fields.finish());
  const auto* items = layers.as<cbor::Array>();
  if (items == nullptr) {
    return malformed("sandbox");
  }
  for (const auto& item : *items) {
    const auto* layer = item.as<std::string>();
    if (layer == nullptr) {
      return malformed("layer");
    }
    hello.sandbox.push_back(*layer);
  }
  return hello;
}

// Names of tensors come from the model and need not be UTF-8, so they travel as byte strings.
Bytes encode_plan(const gate::Admitted& admitted) {
  cbor::Array weights;
  for (const auto& weight : admitted.weights) {
    weights.emplace_back(cbor::Array{as_bytes(weight.name), name(weight.datatype), encode_shape(weight.shape),
                                     static_cast<std::int64_t>(weight.offset), static_cast<std::int64_t>(weight.size)});
  }
  return cbor::encode(cbor::Map{
      {"inputs", encode_specs(admitted.inputs)}, {"outputs", encode_specs(admitted.outputs)}, {"weights", weights}});
}

Result<LoadPlan> decode_plan(ByteView bytes) {
  BLINDAI_TRY(const auto value, cbor::decode(bytes));
  cbor::Fields fields(value);
  const auto& inputs = fields.any("inputs");
  const auto& outputs = fields.any("outputs");
  const auto& weights = fields.any("weights");
  BLINDAI_CHECK(fields.finish());
  LoadPlan plan;
  BLINDAI_TRY(plan.inputs, decode_specs(inputs));
  BLINDAI_TRY(plan.outputs, decode_specs(outputs));
  const auto* items = weights.as<cbor::Array>();
  if (items == nullptr) {
    return malformed("weights");
  }
  for (const auto& item : *items) {
    BLINDAI_TRY(auto weight, decode_weight(item));
    plan.weights.push_back(std::move(weight));
  }
  return plan;
}

Bytes encode(const Refusal& refusal) {
  Bytes out{static_cast<std::uint8_t>(refusal.code)};
  append(out, as_bytes(std::string_view(refusal.text).substr(0, 512)));
  return out;
}

Result<Refusal> decode_refusal(ByteView bytes) {
  if (bytes.empty() || bytes[0] > static_cast<std::uint8_t>(Code::internal)) {
    return malformed("refusal");
  }
  return Refusal{static_cast<Code>(bytes[0]), std::string(as_text(bytes.subspan(1)))};
}

}  // namespace blindai::worker
