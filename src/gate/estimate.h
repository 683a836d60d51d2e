// Private to this folder: what a request will cost, estimated from the graph.
#pragma once

#include "gate/gate.h"
#include "gate/names.h"

namespace blindai::gate {

// `graph`: the GraphProto of a model that passed, with the names that the walk met.
Result<Estimate> estimate(ByteView graph, const Names& names);

}  // namespace blindai::gate
