// Errors that stay until somebody does something about them.
#pragma once

#include "base/error.h"

namespace blindai {

// `message` says what is to be done. Nobody is told to ask again by themselves, as after work that had begun.
inline std::unexpected<Error> fail_lasting(Code code, PublicText message) {
  return std::unexpected(Error{code, std::move(message), {}, true});
}

}  // namespace blindai
