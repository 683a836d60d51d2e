// The models that this server holds, with the workers that run them: one worker per model and trust group.
//
// A model is visible under its id once its first worker is ready; uploading the id again replaces it at that moment.
// "Unknown", "not yours" and "deleted" are one answer.
//
// Thread rule: thread-safe. Coroutines run on the caller's executor.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "auth/auth.h"
#include "base/json.h"
#include "gate/gate.h"
#include "schedule/turnstile.h"
#include "server/config.h"
#include "server/dispatch.h"
#include "server/metrics.h"
#include "vault/body.h"
#include "worker/worker.h"

namespace blindai::server {

template <typename T>
using Task = boost::asio::awaitable<T>;

// One uploaded body that passed the gate. Immutable but for the conduct.
struct Version {
  std::string tenant;
  std::string id;
  Digest digest;  // what callers pin
  std::shared_ptr<const vault::Body> body;
  std::shared_ptr<const gate::Admitted> admitted;
  UnixSeconds uploaded = 0;
  std::shared_ptr<worker::Conduct> conduct;  // of its workers, and thread-safe
};

// A version at work for one trust group. Where isolation is by model, groups share a worker and its slots; their turns to
// compute, batches and statistics they never share.
struct Deployment {
  std::shared_ptr<const Version> version;
  std::shared_ptr<worker::Worker> worker;
  std::shared_ptr<schedule::Turnstile> turnstile;  // a pass for each slot of the worker
  std::shared_ptr<Dispatcher> dispatcher;
  std::shared_ptr<schedule::Line> line;
  std::shared_ptr<Statistics> statistics;
  std::atomic<bool> laid_out = false;  // the line has the layout that the worker's warm-up found
};

// A model as V2's repository lists it for one principal.
struct Listed {
  std::string name;        // "id", or "tenant/id" where another tenant shares it
  std::string_view state;  // READY, LOADING or UNAVAILABLE
  std::string reason;      // public words, for UNAVAILABLE
};

// Whose requests may share a batch: of all groups only where the configuration says so and the rows of the model are
// proved apart.
schedule::Batches batches_of(const Config& config, const gate::Admitted& admitted);

enum class BodyForm : std::uint8_t { single, bundle };

class Models {
 public:
  // Workers are made of these two files.
  struct Programs {
    int worker_fd = -1;
    int engine_fd = -1;
  };
  Models(boost::asio::io_context& io, const Config& config, Programs programs, const Clock& clock);

  // Whether a body of that size may come; a reservation against the tenant's quota while it does.
  class Reservation;
  // Errors: resource_exhausted, where the tenant has too much or the server too little.
  Result<std::shared_ptr<Reservation>> reserve(const std::string& tenant, std::uint64_t bytes,
                                               const worker::Wish& wish);

  // The whole body, hashed to its end and sealed. Errors: those of BodyReceiver::finish().
  Task<Result<std::shared_ptr<const vault::Body>>> complete(std::shared_ptr<vault::BodyReceiver> receiver);
  // Gate, worker, warm-up; then it stands under its id. `reservation`: of this body. Errors: model_rejected, invalid_argument, resource_exhausted,
  // unavailable.
  Task<Result<std::shared_ptr<const Version>>> add(const auth::Principal& owner, std::string id,
                                                   std::shared_ptr<const vault::Body> body, BodyForm form,
                                                   std::shared_ptr<Reservation> reservation);
  // `name`: an id of the principal's own, or "tenant/id" that is shared with them. Error: not_found.
  Result<std::shared_ptr<const Version>> find(const auth::Principal& principal, std::string_view name) const;
  // The same at work, its worker ready. A first use by another group starts a worker. Errors besides: those of the
  // worker; not_found where the model is unloaded.
  Task<Result<std::shared_ptr<Deployment>>> deploy(const auth::Principal& principal, std::string_view name);
  Result<void> remove(const auth::Principal& owner, std::string_view id);
  Result<void> share(const auth::Principal& owner, std::string_view id, const std::string& tenant, bool on);

  // What V2's repository does with a model of the owner's own: unloaded, it is still held, and no group has a worker of
  // it; requests that are under way end first. Loading waits for the worker of the owner's group, and replaces workers
  // that failed. Errors: not_found; those of the worker.
  Result<void> unload(const auth::Principal& owner, const std::string& id);
  Task<Result<void>> load(const auth::Principal& owner, const std::string& id);
  // Of all models that the principal may use, by name.
  std::vector<Listed> index(const auth::Principal& principal) const;
  // Counters of the principal's own group since the model's worker was first started for it. Error: not_found.
  Result<StatisticsSnapshot> statistics(const auth::Principal& principal, std::string_view name) const;
  std::vector<std::pair<std::string, StatisticsSnapshot>> statistics(const auth::Principal& principal) const;

  std::vector<std::shared_ptr<const Version>> list(const std::string& tenant) const;
  // State of the worker that serves this principal's group, and what the owner may know of the model.
  json::Object describe(const auth::Principal& principal, const Version& version) const;
  Counted count() const;  // for metrics; without the connections
  void stop_all();

 private:
  struct Entry {
    std::shared_ptr<const Version> version;
    std::set<std::string> shared_with;
    std::map<std::string, std::shared_ptr<Deployment>> groups;  // by tenant
    bool unloaded = false;
    std::shared_ptr<const worker::Layout> layout;  // that the first worker found; every later one is given it
  };
  using Key = std::pair<std::string, std::string>;  // tenant, id

  std::shared_ptr<Deployment> start(std::shared_ptr<const Version> version, const std::string& group,
                                    const Deployment* sibling, std::shared_ptr<const worker::Layout> layout,
                                    std::optional<worker::Placement> placement = std::nullopt);
  const Deployment* sibling_of(const Entry& entry) const;  // whose worker is shared
  void lay_out(Deployment& deployment) const;              // once its worker is ready
  Result<std::optional<worker::Placement>> place(const Version& version, Reservation& reservation);
  // Bytes that bodies and workers have, or are expected to: of those that are there, and of those on their way.
  std::uint64_t memory_used() const;
  Result<void> check_memory(std::uint64_t bytes) const;  // whether there is room for so many more
  static std::unexpected<Error> no_such_model(std::string_view name);
  const Entry* lookup(const auth::Principal& principal, std::string_view name) const;
  // The name by which the principal may use that entry; nothing where they may not.
  static std::optional<std::string> name_for(const auth::Principal& principal, const Key& key, const Entry& entry);
  Listed listed(const auth::Principal& principal, std::string name, const Entry& entry) const;
  StatisticsSnapshot statistics_of(const auth::Principal& principal, const Entry& entry) const;
  Result<std::shared_ptr<const Version>> admit(const auth::Principal& owner, std::string id,
                                               std::shared_ptr<const vault::Body> body, BodyForm form) const;

  boost::asio::io_context& io_;
  const Config& config_;
  const Programs programs_;
  const Clock& clock_;
  const unsigned cpus_;
  const std::uint64_t memory_;  // for models and workers
  const std::shared_ptr<Dispatcher> dispatcher_;
  const std::shared_ptr<Totals> totals_ = std::make_shared<Totals>();
  boost::asio::thread_pool pool_{1};  // for the gate, and what is left to hash of a body
  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
  std::map<std::string, std::uint64_t> reserved_;  // bytes on their way, by tenant
  std::uint64_t reserved_memory_ = 0;              // of those and of the workers that will load them
};

}  // namespace blindai::server
