#include "base/clock.h"

#include <fmt/chrono.h>

namespace blindai {
namespace {

class SystemClock final : public Clock {
 public:
  UnixSeconds now() const override {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string to_iso8601(UnixSeconds time) {
  std::tm parts{};
  const std::time_t seconds = time;
  if (::gmtime_r(&seconds, &parts) == nullptr) {
    return std::to_string(time);
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", parts);
}

}  // namespace blindai
