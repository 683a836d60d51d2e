// The files that this service runs: hashed before the keyset names them, and run only as they were hashed.
//
// A path can come to mean another file, and a file can be written to. So the worker and the engine's library are copied
// into sealed memory once, the copy is hashed, and every worker process is made of that copy. This program's own file
// cannot be written to while it runs.
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/fd.h"
#include "server/config.h"

namespace blindai::server {

struct MeasuredFile {
  UniqueFd fd;  // of the copy; of blindai-server, the file
  Digest digest;
};
// By the names in the keyset's `code`: "blindai-server", "blindai-worker", "libonnxruntime.so.1" (where
// the engine has a library: worker/build.h).
using MeasuredCode = std::map<std::string, MeasuredFile>;

// Errors: unavailable, naming the file that cannot be read and the option that says where it is; resource_exhausted.
Result<MeasuredCode> measure_code(const Config& config);
std::map<std::string, Digest> digests_of(const MeasuredCode& code);

}  // namespace blindai::server
