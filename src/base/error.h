// Errors as values.
//
// Every failure that outside input, a peer, the host or a model can cause is a Result<T>, never an exception. An Error
// has a canonical Code (one table maps codes to HTTP and gRPC status: error.cpp) and two texts of two types:
// PublicText, which may reach the peer, and Detail, which goes to the log alone. Putting one where the other belongs
// does not compile.
//
//   Result<Model> load(ByteView bytes) {
//     BLINDAI_TRY(auto header, parse_header(bytes));
//     if (header.size > limit) {
//       return fail(Code::too_large, {"the model is larger than the limit of {} bytes", limit});
//     }
//     ...
//   }
//
// Thread rule: values; no shared state.
#pragma once

#include <fmt/core.h>

#include <concepts>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace blindai {

enum class Code : std::uint8_t {
  invalid_argument,    // the caller's input is wrong; the same call cannot succeed
  unauthenticated,     // no key, or a key that does not verify
  permission_denied,   // the key is good, its role does not allow this
  not_found,           // unknown, not yours and deleted answer alike
  already_exists,      // or: the state of the thing does not allow this
  too_large,           // over a limit of size, count or depth
  resource_exhausted,  // a quota or a queue is full; later may succeed
  unavailable,         // the service or a model's worker cannot answer now; later may succeed
  deadline_exceeded,   // the time given ran out
  cancelled,           // the caller went away or asked to stop
  unimplemented,       // known, and not offered
  unsupported_media,   // a body in a type or encoding that is not taken
  model_rejected,      // the gate or the engine refused the model
  attestation_failed,  // evidence, keyset, channel or policy did not hold; made by clients only
  internal,            // a bug of ours; the detail is in the log
};

// Stable lower-case word of a code, for logs, metrics and JSON: "invalid_argument".
std::string_view word(Code code);
// HTTP status of a code: 400, 401, 403, 404, 409, 413, 429, 503, 504, 499, 501, 415, 422, 500.
int http_status(Code code);
// Number of the status that gRPC has for a code ("gRPC Core: Status codes and their use").
int grpc_status(Code code);
// The code that a status of a peer stands for; unknown 4xx are invalid_argument, everything else is unavailable.
Code code_of_http_status(int status);

// Text of a name that the reader of a message is entitled to see, such as an input of a model that they may use. Cut to
// 128 bytes; bytes outside printable ASCII become '?'.
struct Disclosed {
  explicit Disclosed(std::string_view name);
  std::string text;
};

template <typename T>
concept SafeInPublic = std::is_arithmetic_v<T> || std::same_as<T, Disclosed>;

// A fixed sentence, its blanks filled with numbers and Disclosed names only. There is no way to make one of a string
// that is made at run time.
class PublicText {
 public:
  template <SafeInPublic... Args>
  struct Sentence {
    template <std::size_t N>
    consteval Sentence(const char (&literal)[N]) : format(literal) {}  // NOLINT(google-explicit-constructor)
    fmt::format_string<std::conditional_t<std::same_as<Args, Disclosed>, const std::string&, const Args&>...> format;
  };

  template <SafeInPublic... Args>
  PublicText(Sentence<std::type_identity_t<Args>...> sentence, const Args&... args)  // NOLINT
      : text_(fmt::format(sentence.format, plain(args)...)) {}

  const std::string& str() const { return text_; }

 private:
  static const std::string& plain(const Disclosed& name) { return name.text; }
  template <typename T>
    requires std::is_arithmetic_v<T>
  static const T& plain(const T& number) {
    return number;
  }
  std::string text_;
};

// What the log may know and a peer may not: messages of libraries, paths, errno.
struct Detail {
  std::string text;
};

struct Error {
  Code code;
  PublicText message;
  Detail detail{};
  bool begun = false;  // the work that was asked for had begun: whoever asks again has it begun again
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, PublicText message, Detail detail = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(detail)});
}

// The error of a failed system call: `what` names it, errno follows in the detail.
std::unexpected<Error> fail_errno(Code code, PublicText message, std::string_view what);

}  // namespace blindai

#define BLINDAI_CONCAT_(a, b) a##b
#define BLINDAI_CONCAT(a, b) BLINDAI_CONCAT_(a, b)

// BLINDAI_TRY(auto value, expression): value of a Result, or return its error.
#define BLINDAI_TRY(declaration, ...) BLINDAI_TRY_(BLINDAI_CONCAT(result_, __COUNTER__), declaration, __VA_ARGS__)
#define BLINDAI_TRY_(result, declaration, ...)         \
  auto result = (__VA_ARGS__);                         \
  if (!result) {                                       \
    return std::unexpected(std::move(result).error()); \
  }                                                    \
  declaration = std::move(*result)

// BLINDAI_CHECK(expression): nothing, or return the error of a Result<void>.
#define BLINDAI_CHECK(...)                                        \
  do {                                                            \
    if (auto blindai_result_ = (__VA_ARGS__); !blindai_result_) { \
      return std::unexpected(std::move(blindai_result_).error()); \
    }                                                             \
  } while (false)

// The same for coroutines.
#define BLINDAI_CO_TRY(declaration, ...) BLINDAI_CO_TRY_(BLINDAI_CONCAT(result_, __COUNTER__), declaration, __VA_ARGS__)
#define BLINDAI_CO_TRY_(result, declaration, ...)         \
  auto result = (__VA_ARGS__);                            \
  if (!result) {                                          \
    co_return std::unexpected(std::move(result).error()); \
  }                                                       \
  declaration = std::move(*result)

#define BLINDAI_CO_CHECK(...)                                        \
  do {                                                               \
    if (auto blindai_result_ = (__VA_ARGS__); !blindai_result_) {    \
      co_return std::unexpected(std::move(blindai_result_).error()); \
    }                                                                \
  } while (false)
