// Requests and layouts for tests of the scheduler, and callers who keep it busy event by event: nothing here takes time.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>

#include "schedule/scheduler.h"

namespace blindai::schedule {

using namespace std::chrono_literals;

inline const Steady::time_point start{};
inline constexpr auto for_ever = 1000h;

inline Ticket ticket(std::uint64_t rows = 1, std::vector<std::int64_t> form = {}) {
  Ticket made;
  made.rows = rows;
  made.form = std::move(form);
  made.deadline = start + for_ever;
  return made;
}

inline Layout layout(unsigned threads, unsigned runs, std::vector<std::uint64_t> sizes = {}) {
  return {.threads = threads, .runs = runs, .sizes = std::move(sizes)};
}

// Callers of one group, each with one request at a time; a run of a batch takes fixed + rows * each.
struct Load {
  std::string group;
  unsigned callers = 1;
  Steady::duration fixed{};
  Steady::duration each{};
  Steady::duration pause{};  // between an answer and the caller's next request
  Layout layout;
  std::string model{};  // loads of one name share a model, whose batches go across groups
  std::vector<Steady::duration> latencies{};

  Steady::duration p99() const {
    std::vector<Steady::duration> sorted = latencies;
    std::ranges::sort(sorted);
    return sorted.at(sorted.size() * 99 / 100);
  }
};

// Runs the loads side by side on so many CPUs until `end`, event by event.
inline void simulate(std::vector<Load>& loads, unsigned cpus, Steady::duration end) {
  struct Caller {
    Load* load;
    std::shared_ptr<Line> line;
    Ticket ticket;
    Steady::time_point asked;
    Steady::time_point next;
    bool waits = false;
  };
  struct Busy {
    Run run;
    Steady::time_point until;
  };
  Scheduler scheduler({.cpus = cpus});
  std::deque<Caller> callers;
  std::map<std::string, std::shared_ptr<Line>> shared;
  for (Load& load : loads) {
    auto& first = shared[load.model];
    const auto line = load.model.empty() ? scheduler.open(load.group, load.layout)
                      : first            ? scheduler.join(load.group, *first)
                                         : first = scheduler.open(load.group, load.layout, Batches::across_groups);
    for (unsigned i = 0; i < load.callers; ++i) {
      callers.push_back({&load, line, ticket(), start, start + i * 13us, false});
    }
  }
  std::vector<Busy> busy;
  for (auto now = start; now < start + end;) {
    for (Caller& caller : callers) {
      if (!caller.waits && caller.next <= now) {
        caller.waits = true;
        caller.asked = now;
        scheduler.add(caller.line, caller.ticket, now);
      }
    }
    while (auto run = scheduler.next(now)) {
      const auto owner = std::ranges::find(callers, run->shares.front().line, &Caller::line);
      const auto time = owner->load->fixed + owner->load->each * static_cast<std::int64_t>(run->rows);
      busy.push_back({std::move(*run), now + time});
    }
    auto soon = start + end;
    for (const Busy& each : busy) {
      soon = std::min(soon, each.until);
    }
    for (const Caller& caller : callers) {
      soon = caller.waits ? soon : std::min(soon, std::max(caller.next, now + 1us));
    }
    now = soon;
    for (const Busy& each : busy) {
      if (each.until > now) {
        continue;
      }
      scheduler.over(each.run, now);
      for (const Ticket* done : each.run.tickets) {
        const auto caller = std::ranges::find_if(callers, [&](const Caller& one) { return &one.ticket == done; });
        caller->load->latencies.push_back(now - caller->asked);
        caller->waits = false;
        caller->next = now + caller->load->pause;
      }
    }
    std::erase_if(busy, [now](const Busy& each) { return each.until <= now; });
  }
}

}  // namespace blindai::schedule
