#include "schedule/scheduler.h"

#include <algorithm>
#include <span>
#include <utility>

#include "schedule/line.h"

namespace blindai::schedule {
namespace {

std::uint64_t nanoseconds(Steady::duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::chrono::nanoseconds(time).count()));
}

constexpr int hold_share = 64;  // of what a run took, the next may wait for its callers

// What of a whole belongs to so many of its rows.
std::uint64_t part(std::uint64_t whole, std::uint64_t rows, std::uint64_t all) {
  return static_cast<std::uint64_t>(static_cast<double>(whole) * static_cast<double>(rows) / static_cast<double>(all));
}

bool dead(const Ticket& ticket, Steady::time_point now) { return ticket.gone || now >= ticket.deadline; }

}  // namespace

Scheduler::Scheduler(const Options& options) : options_(options), free_(std::max(1U, options.cpus)) {}
Scheduler::~Scheduler() = default;

std::shared_ptr<Line> Scheduler::open(const std::string& group, Layout layout, Batches batches) {
  return open_on(group, std::make_shared<Model>(std::move(layout), batches));
}

std::shared_ptr<Line> Scheduler::join(const std::string& group, const Line& other) {
  return open_on(group, other.model);
}

std::shared_ptr<Line> Scheduler::open_on(const std::string& group, std::shared_ptr<Model> model) {
  std::erase_if(groups_, [](const auto& entry) { return entry.second.use_count() == 1; });  // nobody's any more
  auto& place = groups_[group];
  if (!place) {
    place = std::make_shared<Group>();
  }
  std::erase_if(place->lines, [](const auto& line) { return line.expired(); });
  auto line = std::make_shared<Line>(place, std::move(model));
  place->lines.push_back(line);
  return line;
}

void Scheduler::set_layout(const std::shared_ptr<Line>& line, Layout layout) { line->model->set(std::move(layout)); }

void Scheduler::add(const std::shared_ptr<Line>& line, Ticket& ticket, Steady::time_point now, bool in_front) {
  Group& group = *line->group;
  if (group.idle()) {
    group.virtual_ns = std::max(group.virtual_ns, virtual_ns_);
  }
  group.seen = now;
  line->seen = now;
  if (line->waiting.empty()) {
    group.turns.push_back(line.get());
  }
  line->waiting.insert(in_front ? line->waiting.begin() : line->waiting.end(), &ticket);
  ++waiting_;
}

bool Scheduler::remove(const std::shared_ptr<Line>& line, Ticket& ticket) {
  if (std::erase(line->waiting, &ticket) == 0) {
    return false;
  }
  --waiting_;
  settle(*line->group);
  return true;
}

// Lines without a waiting request have no turn.
void Scheduler::settle(Group& group) {
  std::erase_if(group.turns, [](const Line* line) { return line->waiting.empty(); });
}

void Scheduler::drop_dead(Line& line, Steady::time_point now) {
  for (Ticket* ticket : line.waiting) {
    if (dead(*ticket, now)) {
      dropped_.push_back(ticket);
    }
  }
  waiting_ -= std::erase_if(line.waiting, [now](const Ticket* ticket) { return dead(*ticket, now); });
}

std::vector<Ticket*> Scheduler::take_dropped(Steady::time_point now) {
  for (const auto& [name, group] : groups_) {
    for (Line* line : group->turns) {
      drop_dead(*line, now);
    }
    settle(*group);
  }
  return std::exchange(dropped_, {});
}

Scheduler::Rivals Scheduler::rivals(const Line& line, Steady::time_point now) const {
  Rivals found = Rivals::none;
  for (const auto& [name, group] : groups_) {
    if (group == line.group || !group->active(now, options_.active)) {
      continue;
    }
    if (line.model->batches != Batches::across_groups || !group->only_at(*line.model, now, options_.active)) {
      return Rivals::others;
    }
    found = Rivals::company;
  }
  return found;
}

bool Scheduler::held(const Line& line, Steady::time_point now) const {
  if (now >= line.hold_end || line.waiting.empty()) {
    return false;
  }
  const Ticket& first = *line.waiting.front();
  return line.model->may_join(first, first) && line.rows_that_join(first) < line.hold_rows &&
         rivals(line, now) == Rivals::none;
}

std::optional<Steady::time_point> Scheduler::held_until(Steady::time_point now) const {
  std::optional<Steady::time_point> first;
  for (const auto& [name, group] : groups_) {
    for (const Line* line : group->turns) {
      if (held(*line, now)) {
        first = first ? std::min(*first, line->hold_end) : line->hold_end;
      }
    }
  }
  return first;
}

// The line whose turn it is among those that could start a run.
Line* Scheduler::turn_of(Group& group, Steady::time_point now) {
  for (Line* line : group.turns) {
    drop_dead(*line, now);
  }
  settle(group);
  const auto found = std::ranges::find_if(group.turns, [&](const Line* line) {
    return line->model->running < line->model->layout.runs && !held(*line, now);
  });
  return found == group.turns.end() ? nullptr : *found;
}

std::optional<Run> Scheduler::next(Steady::time_point now) {
  if (free_ == 0 || waiting_ == 0) {
    return std::nullopt;
  }
  Group* group = nullptr;
  Line* line = nullptr;
  for (const auto& [name, candidate] : groups_) {
    if (candidate->turns.empty() || (group != nullptr && candidate->virtual_ns >= group->virtual_ns)) {
      continue;
    }
    if (Line* its = turn_of(*candidate, now); its != nullptr) {
      group = candidate.get();
      line = its;
    }
  }
  // Whoever has the turn waits for its CPUs. Would others pass meanwhile, a run of many threads might never start.
  if (line == nullptr || std::min(line->model->layout.threads, std::max(1U, options_.cpus)) > free_) {
    return std::nullopt;
  }
  Run run = form(*line, now);
  waiting_ -= run.tickets.size();
  group->turns.erase(std::ranges::find(group->turns, line));
  if (!line->waiting.empty()) {
    group->turns.push_back(line);
  }
  Model& model = *line->model;
  run.cpus = std::min(model.layout.threads, std::max(1U, options_.cpus));
  virtual_ns_ = std::max(virtual_ns_, group->virtual_ns);
  const std::uint64_t cost = model.took(run.rows).value_or(0) * run.cpus;
  for (Share& share : run.shares) {
    const std::uint64_t its = part(cost, share.rows, run.rows);
    share.charged = std::chrono::nanoseconds(its);
    Group& payer = *share.line->group;
    payer.virtual_ns += its;
    ++payer.running;
    ++share.line->running;
    if (&payer != group) {
      settle(payer);
    }
  }
  ++model.running;
  free_ -= run.cpus;
  return run;
}

// Lines of other groups for the same model whose requests may ride with those of this one, those first that had least.
std::vector<Line*> Scheduler::company(const Line& line, Steady::time_point now) {
  std::vector<Line*> found;
  if (line.model->batches != Batches::across_groups) {
    return found;
  }
  const auto had = [](const Line* other) { return other->group->virtual_ns; };
  for (const auto& [name, group] : groups_) {
    if (group == line.group) {
      continue;
    }
    for (Line* other : group->turns) {
      if (other->model == line.model) {
        drop_dead(*other, now);
        found.insert(std::ranges::upper_bound(found, group->virtual_ns, {}, had), other);
      }
    }
    settle(*group);
  }
  std::erase_if(found, [](const Line* other) { return other->waiting.empty(); });
  return found;
}

// How many rows the next run of the line may have, of so many that may be in it, given so many free CPUs.
Scheduler::Most Scheduler::most(const Line& line, std::uint64_t there, Rivals rivals) const {
  const Ticket& first = *line.waiting.front();
  const Model& model = *line.model;
  const auto& sizes = model.layout.sizes;
  if (sizes.empty() || !model.may_join(first, first)) {
    return {first.rows, first.rows};
  }
  const std::uint64_t starts =
      std::clamp<std::uint64_t>(free_ / std::max(1U, model.layout.threads), 1, model.layout.runs - model.running);
  const std::uint64_t rows = std::max(first.rows, std::min(sizes.back(), (there + starts - 1) / starts));
  if (rivals == Rivals::none) {
    return {rows, rows};
  }
  const std::uint64_t alone = model.took(first.rows).value_or(0);
  const std::uint64_t longest = std::max(alone + alone / 4, nanoseconds(options_.quantum));
  const auto quick = [&](std::uint64_t size) {
    const auto took = model.took(size);
    const auto one = model.took(1);
    return took ? *took <= longest : one && *one * size <= longest;
  };
  std::uint64_t few = rows;
  while (few > first.rows && !quick(few)) {
    const auto above = std::ranges::lower_bound(sizes, few);
    few = above == sizes.begin() ? first.rows : *std::prev(above);
  }
  return {rivals == Rivals::company ? rows : few, few};
}

Run Scheduler::form(Line& line, Steady::time_point now) {
  const Ticket& first = *line.waiting.front();
  std::vector<Line*> lines = company(line, now);
  lines.insert(lines.begin(), &line);
  std::uint64_t there = 0;
  for (const Line* each : lines) {
    there += each->rows_that_join(first);
  }
  const Most limit = most(line, there, rivals(line, now));
  std::vector<std::pair<Line*, Ticket*>> taken{{&line, line.waiting.front()}};
  std::uint64_t sum = first.rows;
  std::size_t count = 1;  // of those taken, the first so many make a size
  for (Line* each : lines) {
    std::uint64_t its = each == &line ? first.rows : 0;
    for (Ticket* ticket : each->waiting) {
      if (sum >= limit.rows || its >= limit.of_a_line) {
        break;
      }
      if (ticket == &first || !line.model->may_join(first, *ticket) ||
          ticket->rows > std::min(limit.rows - sum, limit.of_a_line - its)) {
        continue;
      }
      taken.emplace_back(each, ticket);
      sum += ticket->rows;
      its += ticket->rows;
      if (line.model->known_size(sum)) {
        count = taken.size();
      }
    }
  }
  taken.resize(count);
  Run run;
  run.started = now;
  for (const auto& [its, ticket] : taken) {
    if (run.shares.empty() || run.shares.back().line.get() != its) {
      run.shares.push_back({its->shared_from_this()});
    }
    run.shares.back().rows += ticket->rows;
    run.rows += ticket->rows;
    run.tickets.push_back(ticket);
    std::erase(its->waiting, ticket);
  }
  return run;
}

void Scheduler::over(const Run& run, Steady::time_point now) {
  const std::uint64_t ns = nanoseconds(now - run.started);
  Model& model = *run.shares.front().line->model;
  model.learn(run.rows, ns);
  --model.running;
  free_ += run.cpus;
  for (const Share& share : run.shares) {
    Line& line = *share.line;
    Group& group = *line.group;
    hold(line, share.rows, now - run.started, now);
    group.virtual_ns += part(ns * run.cpus, share.rows, run.rows);
    group.virtual_ns -= std::min(group.virtual_ns, nanoseconds(share.charged));
    group.seen = now;
    line.seen = now;
    --group.running;
    --line.running;
  }
}

// The callers that a run of so many rows answered may be about to ask again.
void Scheduler::hold(Line& line, std::uint64_t rows, Steady::duration took, Steady::time_point now) const {
  const Steady::duration time = std::min(took / hold_share, options_.longest_hold);
  const auto& sizes = line.model->layout.sizes;
  if (sizes.empty() || time < options_.shortest_hold) {
    return;
  }
  const std::uint64_t there = line.waiting.empty() ? 0 : line.rows_that_join(*line.waiting.front());
  line.hold_end = now + time;
  line.hold_rows = std::min(sizes.back(), there + rows);
}

}  // namespace blindai::schedule
