// Private to the extension module: the gate for Python.
#pragma once

#include <nanobind/nanobind.h>

namespace blindai::python {

void bind_model(nanobind::module_& m);

}  // namespace blindai::python
