// Whether bytes are text.
//
// Thread rule: a pure function.
#pragma once

#include "base/bytes.h"

namespace blindai {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(ByteView text);

}  // namespace blindai
