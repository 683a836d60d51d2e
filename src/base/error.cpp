#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace blindai {
namespace {

struct Row {
  Code code;
  std::string_view word;
  int http;
  int grpc;
};

constexpr std::array table{
    Row{Code::invalid_argument, "invalid_argument", 400, 3},
    Row{Code::unauthenticated, "unauthenticated", 401, 16},
    Row{Code::permission_denied, "permission_denied", 403, 7},
    Row{Code::not_found, "not_found", 404, 5},
    Row{Code::already_exists, "already_exists", 409, 6},
    Row{Code::too_large, "too_large", 413, 8},
    Row{Code::resource_exhausted, "resource_exhausted", 429, 8},
    Row{Code::unavailable, "unavailable", 503, 14},
    Row{Code::deadline_exceeded, "deadline_exceeded", 504, 4},
    Row{Code::cancelled, "cancelled", 499, 1},
    Row{Code::unimplemented, "unimplemented", 501, 12},
    Row{Code::unsupported_media, "unsupported_media", 415, 12},
    Row{Code::model_rejected, "model_rejected", 422, 9},
    Row{Code::attestation_failed, "attestation_failed", 500, 13},
    Row{Code::internal, "internal", 500, 13},
};

const Row& row(Code code) { return table.at(std::to_underlying(code)); }

static_assert([] {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (std::to_underlying(table[i].code) != i) {
      return false;
    }
  }
  return table.size() == std::to_underlying(Code::internal) + 1U;
}());

}  // namespace

std::string_view word(Code code) { return row(code).word; }
int http_status(Code code) { return row(code).http; }
int grpc_status(Code code) { return row(code).grpc; }

Code code_of_http_status(int status) {
  if (status == 500) {
    return Code::internal;
  }
  for (const auto& candidate : table) {
    if (candidate.http == status) {
      return candidate.code;
    }
  }
  return status >= 400 && status < 500 ? Code::invalid_argument : Code::unavailable;
}

Disclosed::Disclosed(std::string_view name) : text(name.substr(0, 128)) {
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) {
      c = '?';
    }
  }
}

std::unexpected<Error> fail_errno(Code code, PublicText message, std::string_view what) {
  const int number = errno;
  std::array<char, 128> buffer{};
  const char* reason = ::strerror_r(number, buffer.data(), buffer.size());
  return fail(code, std::move(message), Detail{fmt::format("{}: {} ({})", what, reason, number)});
}

}  // namespace blindai
