// Everything that this server ever logs: a compiled list of events, each with numbers at most. No text of a request, no
// name of a model or tenant, no size per request. Written to standard error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace blindai::server {

enum class Event : std::uint8_t {
  listening,    // port, admin_port
  keyset_made,  // not_after
  evidence_failed,
  model_ready,
  model_refused,
  model_removed,
  model_loaded,
  model_unloaded,
  worker_restarted,
  draining,
  stopped,
};

void log(Event event, std::initializer_list<std::pair<std::string_view, std::int64_t>> numbers = {});
// A failure of our own: its detail may name paths and libraries, never a request.
void log(Event event, const Error& error);

}  // namespace blindai::server
