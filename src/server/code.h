// The files that this service runs: opened, hashed and kept open before the keyset names them.
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/fd.h"
#include "server/config.h"

namespace blindai::server {

struct MeasuredFile {
  UniqueFd fd;
  Digest digest;
};
// By the names in the keyset's `code`: "blindai-server", "blindai-worker", "libonnxruntime.so.1".
using MeasuredCode = std::map<std::string, MeasuredFile>;

// Errors: unavailable, naming the file that is missing and the option that says where it is.
Result<MeasuredCode> measure_code(const Config& config);
std::map<std::string, Digest> digests_of(const MeasuredCode& code);

}  // namespace blindai::server
