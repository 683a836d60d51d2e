// What the scheduler keeps: a model at work, and a line of requests for it from each group that uses it. Not for others.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schedule/scheduler.h"

namespace blindai::schedule {

// How a model runs, what its runs take, and how many there are, whoever asked for them.
class Model {
 public:
  Model(Layout its_layout, Batches its_batches) : layout(std::move(its_layout)), batches(its_batches) {}

  bool known_size(std::uint64_t rows) const;
  // What runs of so many rows took lately, or were measured to take, they or the next larger; nothing where there was
  // none.
  std::optional<std::uint64_t> took(std::uint64_t rows) const;
  void learn(std::uint64_t rows, std::uint64_t ns);
  void set(Layout its_layout);
  // Whether a request may be in a run with another that is its first.
  bool may_join(const Ticket& first, const Ticket& ticket) const;

  Layout layout;
  const Batches batches;
  unsigned running = 0;

 private:
  std::map<std::uint64_t, std::uint64_t> took_ns_;
};

struct Scheduler::Group {
  std::uint64_t virtual_ns = 0;            // CPU time that it has had, brought forward when it was idle
  std::vector<Line*> turns;                // lines with waiting requests; the first has the next turn
  std::vector<std::weak_ptr<Line>> lines;  // all
  unsigned running = 0;
  std::optional<Steady::time_point> seen;  // last request

  bool idle() const { return turns.empty() && running == 0; }
  bool active(Steady::time_point now, Steady::duration lately) const {
    return !idle() || (seen && now - *seen < lately);
  }
  // Whether all that makes it active is requests for that model.
  bool only_at(const Model& model, Steady::time_point now, Steady::duration lately) const;
};

class Line : public std::enable_shared_from_this<Line> {
 public:
  Line(std::shared_ptr<Scheduler::Group> its_group, std::shared_ptr<Model> its_model)
      : group(std::move(its_group)), model(std::move(its_model)) {}

  // Rows of the waiting requests that may be in a run with that one.
  std::uint64_t rows_that_join(const Ticket& first) const;

  const std::shared_ptr<Scheduler::Group> group;
  const std::shared_ptr<Model> model;
  std::vector<Ticket*> waiting;
  unsigned running = 0;  // runs with requests of this line
  std::optional<Steady::time_point> seen;
  // Until then a run starts with no fewer rows than that.
  Steady::time_point hold_end{};
  std::uint64_t hold_rows = 0;
};

}  // namespace blindai::schedule
