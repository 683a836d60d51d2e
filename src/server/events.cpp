#include "server/events.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/json.h"

namespace blindai::server {
namespace {

std::string_view word(Event event) {
  switch (event) {
    case Event::listening:
      return "listening";
    case Event::keyset_made:
      return "keyset_made";
    case Event::evidence_failed:
      return "evidence_failed";
    case Event::model_ready:
      return "model_ready";
    case Event::model_refused:
      return "model_refused";
    case Event::model_removed:
      return "model_removed";
    case Event::model_loaded:
      return "model_loaded";
    case Event::model_unloaded:
      return "model_unloaded";
    case Event::worker_restarted:
      return "worker_restarted";
    case Event::draining:
      return "draining";
    case Event::stopped:
      return "stopped";
  }
  return "unknown";
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_logger_mt("blindai");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
    return made;
  }();
  return *instance;
}

}  // namespace

void log(Event event, std::initializer_list<std::pair<std::string_view, std::int64_t>> numbers) {
  std::string line(word(event));
  for (const auto& [name, value] : numbers) {
    line += fmt::format(" {}={}", name, value);
  }
  logger().info(line);
  logger().flush();
}

void log(Event event, const Error& error) {
  logger().warn("{} code={} detail={}", word(event), blindai::word(error.code), json::quote(error.detail.text));
  logger().flush();
}

}  // namespace blindai::server
