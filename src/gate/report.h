// The admission report: what an owner is told of the model that was uploaded.
#pragma once

#include "base/json.h"
#include "gate/gate.h"

namespace blindai::gate {

json::Object admission_json(const Admitted& admitted);

}  // namespace blindai::gate
