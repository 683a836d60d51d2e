// GraphProto.
#include "gate/walk.h"

namespace blindai::gate {
namespace {

std::string_view name_of(ByteView message, std::uint32_t number) {
  std::string_view name;
  for (Fields fields(message); !fields.done();) {
    const auto field = fields.next();
    if (field && field->number == number) {
      name = as_text(field->bytes);
    }
  }
  return name;
}

// A sparse tensor is called as its values are.
std::string_view name_of_sparse(ByteView message) {
  std::string_view name;
  for (Fields fields(message); !fields.done();) {
    const auto field = fields.next();
    if (field && field->number == 1) {
      name = name_of(field->bytes, 8);
    }
  }
  return name;
}

// An initialiser may be called as an input is: old files name their weights there, and later ones give defaults so.
class Declared {
 public:
  Result<void> input(Walk& walk, std::string_view name) {
    if (name.empty()) {
      return fail(Code::model_rejected, {"{}: an input of the graph has no name", here(walk)});
    }
    inputs_.insert(walk.names.id(name));
    return define_name(walk, name, "input");
  }
  Result<void> initialiser(Walk& walk, std::string_view name) {
    const NameId id = walk.names.id(name);
    if (name.empty() || !initialisers_.insert(id).second) {
      return fail(Code::model_rejected,
                  {"{}: initialiser '{}' stands twice or has no name", here(walk), Disclosed(name)});
    }
    if (inputs_.contains(id)) {
      return {};
    }
    BLINDAI_CHECK(define_name(walk, name, "initialiser"));
    walk.constants.insert(id);
    return {};
  }
  bool is_initialiser(NameId id) const { return initialisers_.contains(id); }

 private:
  std::unordered_set<NameId> inputs_;
  std::unordered_set<NameId> initialisers_;
};

// All that stands before the first node in the graph's order of evaluation, wherever it stands in the file.
Result<Declared> declare(Walk& walk, ByteView message) {
  Declared declared;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 11) {
      BLINDAI_CHECK(declared.input(walk, name_of(field.bytes, 1)));
    }
  }
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 5) {
      BLINDAI_CHECK(declared.initialiser(walk, name_of(field.bytes, 8)));
    } else if (field.number == 15) {
      BLINDAI_CHECK(declared.initialiser(walk, name_of_sparse(field.bytes)));
    }
  }
  return declared;
}

// Old files name their initialisers among the inputs, so more may stand here than are left in the end.
Result<void> read_boundary(Walk& walk, const Field& field, Direction direction) {
  auto& specs = direction == Direction::input ? walk.out.inputs : walk.out.outputs;
  if (specs.size() >= walk.limits.initialisers) {
    return fail(Code::too_large, {"the model has more than {} inputs or outputs", walk.limits.initialisers});
  }
  BLINDAI_TRY(auto spec, read_value(field.bytes, direction));
  specs.push_back(std::move(spec));
  return {};
}

// Each output is a value of this very graph, and none stands twice.
Result<void> check_outputs(Walk& walk, ByteView message) {
  std::unordered_set<NameId> seen;
  for (Fields fields(message); walk.passes_on && !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number != 12) {
      continue;
    }
    const std::string_view name = name_of(field.bytes, 1);
    const NameId id = walk.names.id(name);
    if (!walk.scopes.innermost(id)) {
      return fail(Code::model_rejected,
                  {"{}: nothing in the graph gives its output '{}'; put an Identity before a value "
                   "of the graph around it",
                   here(walk), Disclosed(name)});
    }
    if (!seen.insert(id).second) {
      return fail(Code::model_rejected, {"{}: output '{}' stands twice", here(walk), Disclosed(name)});
    }
  }
  return {};
}

struct OpenScope {
  explicit OpenScope(Scopes& opened) : scopes(opened) { scopes.open(); }
  OpenScope(const OpenScope&) = delete;
  OpenScope& operator=(const OpenScope&) = delete;
  ~OpenScope() { scopes.close(); }
  Scopes& scopes;
};

}  // namespace

Result<Bytes> walk_graph(Walk& walk, ByteView message, bool outer) {
  const OpenScope scope(walk.scopes);
  BLINDAI_TRY(const Declared declared, declare(walk, message));
  if (outer) {
    BLINDAI_CHECK(find_zipped(walk, message));
  }
  Bytes out;
  std::uint64_t nodes = 0;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1: {
        BLINDAI_TRY(const Bytes node, walk_node(walk, field.bytes, nodes++));
        put_bytes(out, 1, node);
        break;
      }
      case 5: {
        const Place place = outer ? Place::outer_initialiser : Place::elsewhere;
        BLINDAI_TRY(const Bytes tensor, walk_tensor(walk, field.bytes, place));
        put_bytes(out, 5, tensor);
        break;
      }
      case 15: {
        BLINDAI_TRY(const Bytes tensor, walk_sparse_tensor(walk, field.bytes));
        put_bytes(out, 15, tensor);
        break;
      }
      case 11:
      case 12:
        if (const Classes* classes = outer && field.number == 12 ? zipped(walk, name_of(field.bytes, 1)) : nullptr) {
          walk.out.outputs.push_back(
              {classes->output, DataType::fp32, {-1, static_cast<std::int64_t>(classes->count)}});
          put_bytes(out, 12, zipped_value(*classes));
          break;
        }
        if (outer) {
          BLINDAI_CHECK(read_boundary(walk, field, field.number == 11 ? Direction::input : Direction::output));
        }
        append(out, field.whole);
        break;
      case 10:  // doc_string
      case 14:  // quantization_annotation
      case 16:  // metadata_props
        break;
      default:
        append(out, field.whole);
    }
  }
  BLINDAI_CHECK(check_outputs(walk, message));
  if (outer) {
    std::erase_if(walk.out.inputs,
                  [&](const TensorSpec& spec) { return declared.is_initialiser(walk.names.id(spec.name)); });
  }
  return out;
}

}  // namespace blindai::gate
