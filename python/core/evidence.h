// Private to the extension module: the evidence verifier for Python.
#pragma once

#include <nanobind/nanobind.h>

namespace blindai::python {

// `failure_type` is the exception of this module.
void bind_evidence(nanobind::module_& m, PyObject* failure_type);

}  // namespace blindai::python
