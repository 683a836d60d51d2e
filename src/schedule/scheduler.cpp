#include "schedule/scheduler.h"

#include <algorithm>
#include <span>
#include <utility>

namespace blindai::schedule {
namespace {

std::uint64_t nanoseconds(Steady::duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::chrono::nanoseconds(time).count()));
}

constexpr int hold_share = 64;  // of what a run took, the next may wait for its callers

bool dead(const Ticket& ticket, Steady::time_point now) { return ticket.gone || now >= ticket.deadline; }

}  // namespace

struct Scheduler::Group {
  std::uint64_t virtual_ns = 0;  // CPU time that it has had, brought forward when it was idle
  std::vector<Line*> turns;      // lines with waiting requests; the first has the next turn
  unsigned running = 0;
  std::optional<Steady::time_point> seen;  // last request
  bool idle() const { return turns.empty() && running == 0; }
};

class Line : public std::enable_shared_from_this<Line> {
 public:
  Line(std::shared_ptr<Scheduler::Group> group, Layout layout) : group_(std::move(group)), layout_(std::move(layout)) {}

 private:
  friend class Scheduler;

  bool may_join(const Ticket& ticket) const;
  std::uint64_t rows_that_join() const;
  bool known_size(std::uint64_t rows) const { return std::ranges::binary_search(layout_.sizes, rows); }
  // What runs of so many rows took lately, or were measured to take, they or the next larger; nothing where there was
  // none.
  std::optional<std::uint64_t> took(std::uint64_t rows) const {
    if (const auto found = took_ns_.find(rows); found != took_ns_.end()) {
      return found->second;
    }
    const auto measured = layout_.took_ns.lower_bound(rows);
    return measured == layout_.took_ns.end() ? std::nullopt : std::optional(measured->second);
  }
  void learn(std::uint64_t rows, std::uint64_t ns) {
    if (rows != 1 && !known_size(rows)) {
      return;  // callers choose those: they are not remembered
    }
    const auto [place, fresh] = took_ns_.try_emplace(rows, ns);
    if (!fresh) {
      place->second = (place->second * 7 + ns) / 8;
    }
  }

  std::shared_ptr<Scheduler::Group> group_;
  Layout layout_;
  std::vector<Ticket*> waiting_;
  unsigned running_ = 0;
  std::map<std::uint64_t, std::uint64_t> took_ns_;
  // Until then a run starts with no fewer rows than that.
  Steady::time_point hold_end_{};
  std::uint64_t hold_rows_ = 0;
};

Scheduler::Scheduler(const Options& options) : options_(options), free_(std::max(1U, options.cpus)) {}
Scheduler::~Scheduler() = default;

std::shared_ptr<Line> Scheduler::open(const std::string& group, Layout layout) {
  std::erase_if(groups_, [](const auto& entry) { return entry.second.use_count() == 1; });  // nobody's any more
  auto& place = groups_[group];
  if (!place) {
    place = std::make_shared<Group>();
  }
  return std::make_shared<Line>(place, std::move(layout));
}

void Scheduler::set_layout(const std::shared_ptr<Line>& line, Layout layout) {
  line->layout_ = std::move(layout);
  line->took_ns_.clear();
}

void Scheduler::add(const std::shared_ptr<Line>& line, Ticket& ticket, Steady::time_point now, bool in_front) {
  Group& group = *line->group_;
  if (group.idle()) {
    group.virtual_ns = std::max(group.virtual_ns, virtual_ns_);
  }
  group.seen = now;
  if (line->waiting_.empty()) {
    group.turns.push_back(line.get());
  }
  line->waiting_.insert(in_front ? line->waiting_.begin() : line->waiting_.end(), &ticket);
  ++waiting_;
}

bool Scheduler::remove(const std::shared_ptr<Line>& line, Ticket& ticket) {
  if (std::erase(line->waiting_, &ticket) == 0) {
    return false;
  }
  --waiting_;
  settle(*line->group_);
  return true;
}

// Lines without a waiting request have no turn.
void Scheduler::settle(Group& group) {
  std::erase_if(group.turns, [](const Line* line) { return line->waiting_.empty(); });
}

void Scheduler::drop_dead(Line& line, Steady::time_point now) {
  for (Ticket* ticket : line.waiting_) {
    if (dead(*ticket, now)) {
      dropped_.push_back(ticket);
    }
  }
  waiting_ -= std::erase_if(line.waiting_, [now](const Ticket* ticket) { return dead(*ticket, now); });
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

bool Scheduler::contended(const Group& group, Steady::time_point now) const {
  return std::ranges::any_of(groups_, [&](const auto& entry) {
    const Group& other = *entry.second;
    return &other != &group && (!other.idle() || (other.seen && now - *other.seen < options_.active));
  });
}

bool Scheduler::held(const Line& line, Steady::time_point now) const {
  return now < line.hold_end_ && !line.waiting_.empty() && line.may_join(*line.waiting_.front()) &&
         line.rows_that_join() < line.hold_rows_ && !contended(*line.group_, now);
}

std::optional<Steady::time_point> Scheduler::held_until(Steady::time_point now) const {
  std::optional<Steady::time_point> first;
  for (const auto& [name, group] : groups_) {
    for (const Line* line : group->turns) {
      if (held(*line, now)) {
        first = first ? std::min(*first, line->hold_end_) : line->hold_end_;
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
  const auto found = std::ranges::find_if(
      group.turns, [&](const Line* line) { return line->running_ < line->layout_.runs && !held(*line, now); });
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
  if (line == nullptr || std::min(line->layout_.threads, std::max(1U, options_.cpus)) > free_) {
    return std::nullopt;
  }
  Run run = form(*line, contended(*group, now), now);
  waiting_ -= run.tickets.size();
  group->turns.erase(std::ranges::find(group->turns, line));
  if (!line->waiting_.empty()) {
    group->turns.push_back(line);
  }
  run.cpus = std::min(line->layout_.threads, std::max(1U, options_.cpus));
  const std::uint64_t cost = line->took(run.rows).value_or(0) * run.cpus;
  run.charged = std::chrono::nanoseconds(cost);
  virtual_ns_ = std::max(virtual_ns_, group->virtual_ns);
  group->virtual_ns += cost;
  ++group->running;
  ++line->running_;
  free_ -= run.cpus;
  return run;
}

bool Line::may_join(const Ticket& ticket) const {
  const Ticket& first = *waiting_.front();
  return !ticket.alone && ticket.form == first.form && (ticket.rows == 1 || known_size(ticket.rows));
}

// Of those that wait, with the first.
std::uint64_t Line::rows_that_join() const {
  std::uint64_t rows = 0;
  for (const Ticket* ticket : waiting_) {
    rows += may_join(*ticket) ? ticket->rows : 0;
  }
  return rows;
}

// How many rows the next run of the line may have, given so many free CPUs.
std::uint64_t Scheduler::most_rows(const Line& line, bool contended) const {
  const Ticket& first = *line.waiting_.front();
  const auto& sizes = line.layout_.sizes;
  if (sizes.empty() || !line.may_join(first)) {
    return first.rows;
  }
  const std::uint64_t there = line.rows_that_join();
  const std::uint64_t starts =
      std::clamp<std::uint64_t>(free_ / std::max(1U, line.layout_.threads), 1, line.layout_.runs - line.running_);
  std::uint64_t most = std::min(sizes.back(), (there + starts - 1) / starts);
  if (!contended) {
    return most;
  }
  const std::uint64_t alone = line.took(first.rows).value_or(0);
  const std::uint64_t longest = std::max(alone + alone / 4, nanoseconds(options_.quantum));
  const auto quick = [&](std::uint64_t size) {
    const auto took = line.took(size);
    const auto one = line.took(1);
    return took ? *took <= longest : one && *one * size <= longest;
  };
  while (most > first.rows && !quick(most)) {
    const auto above = std::ranges::lower_bound(sizes, most);
    most = above == sizes.begin() ? first.rows : *std::prev(above);
  }
  return most;
}

Run Scheduler::form(Line& line, bool contended, Steady::time_point now) const {
  const std::uint64_t most = most_rows(line, contended);
  std::vector<Ticket*> taken(1, line.waiting_.front());
  std::uint64_t sum = taken.front()->rows;
  std::uint64_t rows = sum;
  std::size_t count = 1;  // of those taken, the first so many make a size
  for (Ticket* ticket : std::span(line.waiting_).subspan(1)) {
    if (sum >= most) {
      break;
    }
    if (!line.may_join(*ticket) || ticket->rows > most - sum) {
      continue;
    }
    taken.push_back(ticket);
    sum += ticket->rows;
    if (line.known_size(sum)) {
      count = taken.size();
      rows = sum;
    }
  }
  taken.resize(count);
  std::erase_if(line.waiting_, [&](Ticket* ticket) { return std::ranges::find(taken, ticket) != taken.end(); });
  Run run;
  run.line = line.shared_from_this();
  run.tickets = std::move(taken);
  run.rows = rows;
  run.started = now;
  return run;
}

void Scheduler::over(const Run& run, Steady::time_point now) {
  Line& line = *run.line;
  Group& group = *line.group_;
  const std::uint64_t ns = nanoseconds(now - run.started);
  line.learn(run.rows, ns);
  hold(line, run.rows, now - run.started, now);
  group.virtual_ns += ns * run.cpus;
  group.virtual_ns -= std::min(group.virtual_ns, nanoseconds(run.charged));
  group.seen = now;
  --group.running;
  --line.running_;
  free_ += run.cpus;
}

// The callers that a run of so many rows answered may be about to ask again.
void Scheduler::hold(Line& line, std::uint64_t rows, Steady::duration took, Steady::time_point now) const {
  const Steady::duration time = std::min(took / hold_share, options_.longest_hold);
  if (line.layout_.sizes.empty() || time < options_.shortest_hold) {
    return;
  }
  const std::uint64_t there = line.waiting_.empty() ? 0 : line.rows_that_join();
  line.hold_end_ = now + time;
  line.hold_rows_ = std::min(line.layout_.sizes.back(), there + rows);
}

}  // namespace blindai::schedule
