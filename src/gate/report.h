// The admission report: what an owner is told of the model that was uploaded.
#pragma once

#include "base/json.h"
#include "gate/gate.h"

namespace blindai::gate {

// Whether the engine's sums of unsigned and signed bytes are exact on this machine. An x86 CPU without VNNI (AVX-VNNI or
// AVX512-VNNI) adds two products in 16 bits, which saturate.
bool has_exact_int8();

json::Object admission_json(const Admitted& admitted, bool exact_int8 = has_exact_int8());

}  // namespace blindai::gate
