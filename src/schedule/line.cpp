#include "schedule/line.h"

#include <algorithm>

namespace blindai::schedule {

bool Model::known_size(std::uint64_t rows) const { return std::ranges::binary_search(layout.sizes, rows); }

std::optional<std::uint64_t> Model::took(std::uint64_t rows) const {
  if (const auto found = took_ns_.find(rows); found != took_ns_.end()) {
    return found->second;
  }
  const auto measured = layout.took_ns.lower_bound(rows);
  return measured == layout.took_ns.end() ? std::nullopt : std::optional(measured->second);
}

void Model::learn(std::uint64_t rows, std::uint64_t ns) {
  if (rows != 1 && !known_size(rows)) {
    return;  // callers choose those: they are not remembered
  }
  const auto [place, fresh] = took_ns_.try_emplace(rows, ns);
  if (!fresh) {
    place->second = (place->second * 7 + ns) / 8;
  }
}

void Model::set(Layout its_layout) {
  if (its_layout == layout) {
    return;  // every line of a model that groups share brings it
  }
  layout = std::move(its_layout);
  took_ns_.clear();
}

bool Model::may_join(const Ticket& first, const Ticket& ticket) const {
  return !ticket.alone && ticket.form == first.form && (ticket.rows == 1 || known_size(ticket.rows));
}

bool Scheduler::Group::only_at(const Model& model, Steady::time_point now, Steady::duration lately) const {
  return std::ranges::all_of(lines, [&](const std::weak_ptr<Line>& weak) {
    const auto line = weak.lock();
    return !line || line->model.get() == &model ||
           (line->waiting.empty() && line->running == 0 && !(line->seen && now - *line->seen < lately));
  });
}

std::uint64_t Line::rows_that_join(const Ticket& first) const {
  std::uint64_t rows = 0;
  for (const Ticket* ticket : waiting) {
    rows += model->may_join(first, *ticket) ? ticket->rows : 0;
  }
  return rows;
}

}  // namespace blindai::schedule
