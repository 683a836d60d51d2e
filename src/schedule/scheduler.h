// Which requests run next: one CPU budget for all models, turns between trust groups, batches inside one of them, or across
// them where rows are proved apart.
//
//   const auto line = scheduler.open("clinic", layout);       // a model at work for a group
//   scheduler.add(line, ticket);                              // a request that could start at once
//   while (auto run = scheduler.next(now)) { start(*run); }   // as long as there are CPUs for it
//   scheduler.over(*run, now);                                // gives them back; then next() again
//
// Budget: the threads of all runs together never exceed the CPUs. Nothing waits while what it needs is free.
//
// Fair: groups are served by the CPU time that they have had (start-time fair queueing: what a run costs is charged when
// it starts by what runs of that size took before, and corrected when it is over; a group that comes back after it was
// idle gets no credit for that). Models of one group take turns. A run is not interrupted for another group, so what one
// group can cost another is one run in progress for each CPU; to keep that short, batches of a group are no longer than
// `quantum` or little more than one request alone, whichever is more, while another group is active or was a moment ago.
//
// Batch: requests of one line (one model, one group) with equal form, in the order of arrival, whose rows together are
// one of the layout's sizes. It is formed when it can start, from what is there then; no request waits for others, but for
// one moment: when a run is over, the callers that it answered may be about to ask again. Where they would make the next
// batch larger it is held for them, for a 64th of what the run took and `longest_hold` at most, unless that is shorter than
// `shortest_hold` or another group is active. Where several runs could start they share what is there.
//
// Across groups: lines that were opened as of one model, with batches across groups, give each other's runs company. What
// the group whose turn it is leaves free in its batch is filled from the others, those first that had least; each is charged
// for its rows. While no other model is wanted each group may bring as many rows as it could have alone beside others,
// so that a batch takes no longer than its members' turns would have; else all of them together may.
//
// Thread rule: none of its own; the owner locks. No clock of its own: time is an argument.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace blindai::schedule {

// How a model runs.
struct Layout {
  unsigned threads = 1;                              // of one run
  unsigned runs = 1;                                 // at once
  std::vector<std::uint64_t> sizes;                  // rows that a batch may have together, rising; empty: no batches
  std::map<std::uint64_t, std::uint64_t> took_ns{};  // by rows, as far as it was measured; what runs take is learned
  bool operator==(const Layout&) const = default;
};

enum class Batches : std::uint8_t {
  within_a_group,
  across_groups,  // for models whose rows are proved apart
};

class Line;
class Model;

// A request. It belongs to its owner, who keeps it where it is from add() until it is in a run or taken out.
struct Ticket {
  std::uint64_t rows = 1;
  std::vector<std::int64_t> form;  // equal for requests that can share a batch: free dimensions but for the batch axis
  Steady::time_point deadline{};
  bool alone = false;  // never in a batch
  bool gone = false;   // nobody waits for it: it is dropped
};

// What of a run is one line's.
struct Share {
  std::shared_ptr<Line> line;
  std::uint64_t rows = 0;
  Steady::duration charged{};
};

struct Run {
  std::vector<Share> shares;  // the first is of the line whose turn it was
  std::vector<Ticket*> tickets;
  std::uint64_t rows = 0;
  unsigned cpus = 0;
  Steady::time_point started;
};

class Scheduler {
 public:
  struct Options {
    unsigned cpus = 1;
    Steady::duration quantum = std::chrono::milliseconds(5);
    Steady::duration active = std::chrono::seconds(1);  // how long a group counts as active after its last request
    Steady::duration shortest_hold = std::chrono::microseconds(100);
    Steady::duration longest_hold = std::chrono::milliseconds(5);
  };
  explicit Scheduler(const Options& options);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  // A model that no other group uses yet.
  std::shared_ptr<Line> open(const std::string& group, Layout layout, Batches batches = Batches::within_a_group);
  // The model of that line for one more group: they share its runs.
  std::shared_ptr<Line> join(const std::string& group, const Line& other);
  // Of the line's model, from then on; runs in progress go on as they are.
  void set_layout(const std::shared_ptr<Line>& line, Layout layout);
  void add(const std::shared_ptr<Line>& line, Ticket& ticket, Steady::time_point now, bool in_front = false);
  // The next run that may start now. Requests that are gone or past their deadline never are in one: see take_dropped().
  std::optional<Run> next(Steady::time_point now);
  void over(const Run& run, Steady::time_point now);
  // When to ask next() again although nothing came and nothing ended: the end of the first hold that keeps a request.
  std::optional<Steady::time_point> held_until(Steady::time_point now) const;
  // Takes one out that waits. False where it does not.
  bool remove(const std::shared_ptr<Line>& line, Ticket& ticket);
  // All waiting requests that are gone or past their deadline, and those that next() met.
  std::vector<Ticket*> take_dropped(Steady::time_point now);
  // Those that next() met and passed over, which wait no more.
  std::vector<Ticket*> take_met() { return std::exchange(dropped_, {}); }

  std::size_t waiting() const { return waiting_; }
  unsigned free_cpus() const { return free_; }

 private:
  struct Group;
  friend class Line;
  // Who else wants to compute, or did a moment ago.
  enum class Rivals : std::uint8_t { none, company, others };  // company: groups that may ride along, and nobody else
  // How many rows a run may have, and how many of them one line may bring.
  struct Most {
    std::uint64_t rows = 1;
    std::uint64_t of_a_line = 1;
  };
  std::shared_ptr<Line> open_on(const std::string& group, std::shared_ptr<Model> model);
  Rivals rivals(const Line& line, Steady::time_point now) const;
  void hold(Line& line, std::uint64_t rows, Steady::duration took, Steady::time_point now) const;
  bool held(const Line& line, Steady::time_point now) const;
  Line* turn_of(Group& group, Steady::time_point now);
  void drop_dead(Line& line, Steady::time_point now);
  std::vector<Line*> company(const Line& line, Steady::time_point now);
  Most most(const Line& line, std::uint64_t there, Rivals rivals) const;
  Run form(Line& line, Steady::time_point now);
  static void settle(Group& group);

  const Options options_;
  unsigned free_;
  std::size_t waiting_ = 0;
  std::uint64_t virtual_ns_ = 0;  // of the group that was served last
  std::map<std::string, std::shared_ptr<Group>> groups_;
  std::vector<Ticket*> dropped_;
};

}  // namespace blindai::schedule
