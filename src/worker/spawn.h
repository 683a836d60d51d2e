// The birth of a worker process: a child of a thread that lives as long as this process, in namespaces of its own, with
// exactly three descriptors (and until it has loaded it the engine's library), an empty environment and nothing else of
// its parent's.
//
// Thread rule: spawn() from any thread; a Child belongs to one owner.
#pragma once

#include "base/fd.h"

namespace blindai::worker {

struct Child {
  int pid = -1;
  UniqueFd pidfd;    // readable once the process has ended
  UniqueFd control;  // our end of the control socket, non-blocking
};

struct SpawnRequest {
  int executable = -1;
  int engine = -1;  // the engine's library; -1: the executable has its engine in it
  int body = -1;
  int ring = -1;
  bool namespaces = false;
};

// Runs the executable from its descriptor, so what runs is what was hashed. The child is killed when this process
// ends. Error: unavailable.
Result<Child> spawn(const SpawnRequest& request);
// SIGKILL by descriptor: never another process that got the same number.
void kill_child(const Child& child);
// Waits until it has ended and returns how: the exit status, or 128 + the signal.
int reap(const Child& child);

// Whether a child may be made with these namespace flags, by making one that ends at once.
bool namespaces_work(unsigned long flags);

}  // namespace blindai::worker
