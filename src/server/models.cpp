#include "server/models.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/checked.h"
#include "base/lasting.h"
#include "gate/report.h"
#include "schedule/cpus.h"
#include "server/events.h"
#include "server/memory.h"
#include "v2/metadata.h"

namespace blindai::server {
namespace {

// How the model runs, and what was tried to find that out.
json::Object describe_layout(const worker::Layout& layout) {
  json::Array sizes;
  for (const std::uint64_t size : layout.sizes) {
    sizes.emplace_back(size);
  }
  json::Array trials;
  for (const worker::Trial& trial : layout.trials) {
    trials.emplace_back(json::Object{{"threads", std::uint64_t{trial.threads}},
                                     {"runs", std::uint64_t{trial.runs}},
                                     {"rows", trial.rows},
                                     {"microseconds", trial.ns / 1000}});
  }
  json::Object out{{"threads", std::uint64_t{layout.threads}},
                   {"runs", std::uint64_t{layout.runs}},
                   {"batch_rows", std::move(sizes)},
                   {"trials", std::move(trials)}};
  if (layout.unbatched != worker::Unbatched::batched) {
    out["not_batched_because"] = worker::sentence(layout.unbatched);
  }
  if (layout.placement.packed_ns != 0) {
    out["weights_tried"] = json::Object{{"packed_microseconds", layout.placement.packed_ns / 1000},
                                        {"in_place_microseconds", layout.placement.in_place_ns / 1000}};
  }
  if (layout.threads_agree) {
    out["same_bits_with_other_threads"] = *layout.threads_agree;
  }
  return out;
}

// The members of a bundle, each checked against its digest in the head.
struct Files {
  Digest digest;
  std::vector<gate::File> files;
};
Result<Files> open_bundle(const vault::Body& body) {
  const ByteView bytes = body.view();
  constexpr std::size_t length_size = 4;
  std::size_t head_size = 0;
  for (std::size_t i = 0; i < length_size && bytes.size() >= length_size; ++i) {
    head_size = head_size << 8U | bytes[i];
  }
  if (bytes.size() < length_size || head_size > bytes.size() - length_size ||
      head_size > gate::max_bundle_index_bytes) {
    return fail(Code::invalid_argument, {"the head of the bundle is malformed"});
  }
  const ByteView head = bytes.subspan(length_size, head_size);
  BLINDAI_TRY(const auto index, gate::parse_bundle_index(head, bytes.size()));
  Files files{crypto::sha256(head), {}};
  for (const gate::BundleFile& entry : index.files) {
    if (crypto::sha256(bytes.subspan(entry.file.offset, entry.file.size)) != entry.sha256) {
      return fail(Code::invalid_argument,
                  {"file '{}' of the bundle does not have the digest that its head says", Disclosed(entry.file.name)});
    }
    files.files.push_back(entry.file);
  }
  return files;
}

}  // namespace

class Models::Reservation {
  static std::uint64_t needed(std::uint64_t body_bytes, worker::Weights weights) {
    return checked_add(body_bytes, worker::expected_own_bytes(body_bytes, weights)).value_or(UINT64_MAX);
  }

 public:
  Reservation(Models& models, std::string tenant, worker::Wish wish)
      : models_(models), tenant_(std::move(tenant)), wish_(wish) {}
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() {
    const std::scoped_lock lock(models_.mutex_);
    models_.reserved_[tenant_] -= bytes_;
    models_.reserved_memory_ -= memory_;
  }

  const worker::Wish& wish() const { return wish_; }
  bool packed_fits() const { return packed_fits_; }
  // Of the tenant's quota. With the models' lock.
  void take_quota(std::uint64_t bytes) {
    bytes_ = bytes;
    models_.reserved_[tenant_] += bytes;
  }
  // Takes memory for a body of that size and for its worker, in place of what it had; packed where nothing else was
  // asked for and it fits. With the models' lock.
  Result<void> take_memory(std::uint64_t body_bytes) {
    models_.reserved_memory_ -= std::exchange(memory_, 0);
    const std::uint64_t packed = needed(body_bytes, worker::Weights::packed);
    const std::uint64_t in_place = needed(body_bytes, worker::Weights::in_place);
    packed_fits_ = models_.check_memory(packed).has_value();
    const bool packs = wish_.weights ? *wish_.weights == worker::Weights::packed : packed_fits_;
    BLINDAI_CHECK(models_.check_memory(packs ? packed : in_place));
    memory_ = packs ? packed : in_place;
    models_.reserved_memory_ += memory_;
    return {};
  }

 private:
  Models& models_;
  std::string tenant_;
  worker::Wish wish_;
  std::uint64_t bytes_ = 0;
  std::uint64_t memory_ = 0;
  bool packed_fits_ = false;
};

std::unexpected<Error> Models::no_such_model(std::string_view name) {
  return fail(Code::not_found, {"there is no model '{}', or it is not shared with you", Disclosed(name)});
}

Models::Models(boost::asio::io_context& io, const Config& config, Programs programs, const Clock& clock)
    : io_(io),
      config_(config),
      programs_(programs),
      clock_(clock),
      cpus_(schedule::cpus()),
      memory_(memory_for_models(static_cast<std::uint64_t>(config.memory_bytes))),
      dispatcher_(Dispatcher::make(cpus_)) {}

std::uint64_t Models::memory_used() const {
  std::uint64_t used = reserved_memory_;
  std::set<const worker::Worker*> workers;
  for (const auto& [key, entry] : entries_) {
    const std::uint64_t body = entry.version->body->size();
    used += body + entry.version->admitted->graph.size();
    for (const auto& [group, deployment] : entry.groups) {
      if (!workers.insert(deployment->worker.get()).second) {
        continue;
      }
      const auto status = deployment->worker->status();
      if (status.footprint) {
        used += status.footprint->own_bytes;
      } else if (!is_over(status.state)) {
        used += worker::expected_own_bytes(body, entry.layout->placement.weights);
      }
    }
  }
  return used;
}

Result<void> Models::check_memory(std::uint64_t bytes) const {
  const std::uint64_t used = memory_used();
  const std::uint64_t free = memory_ - std::min(memory_, used);
  if (bytes <= free) {
    return {};
  }
  constexpr unsigned mebi = 20;
  return fail_lasting(
      Code::resource_exhausted,
      {"the server has {} MiB of memory for models, of which {} are used and {} are free, and this takes "
       "about {}; delete or unload a model first",
       memory_ >> mebi, used >> mebi, free >> mebi, (bytes >> mebi) + 1});
}

Result<std::shared_ptr<Models::Reservation>> Models::reserve(const std::string& tenant, std::uint64_t bytes,
                                                             const worker::Wish& wish) {
  auto reservation = std::make_shared<Reservation>(*this, tenant, wish);  // where it fails, it ends outside the lock
  const std::scoped_lock lock(mutex_);
  std::uint64_t used = reserved_[tenant];
  std::int64_t count = 0;
  for (const auto& [key, entry] : entries_) {
    if (key.first == tenant) {
      used += entry.version->body->size();
      ++count;
    }
  }
  const auto limit = static_cast<std::uint64_t>(config_.tenant_bytes);
  if (count >= config_.tenant_models) {
    return fail_lasting(Code::resource_exhausted,
                        {"the tenant holds {} models, which is the limit; delete one first", count});
  }
  if (bytes > limit || used > limit - bytes) {
    return fail_lasting(Code::resource_exhausted,
                        {"the tenant's models have {} bytes, {} more would be over the limit of {}; delete one first",
                         used, bytes, limit});
  }
  BLINDAI_CHECK(reservation->take_memory(bytes));
  reservation->take_quota(bytes);
  return reservation;
}

Result<std::shared_ptr<const Version>> Models::admit(const auth::Principal& owner, std::string id,
                                                     std::shared_ptr<const vault::Body> body, BodyForm form) const {
  Files files{body->sha256(), {{"model.onnx", 0, body->size()}}};
  if (form == BodyForm::bundle) {
    BLINDAI_TRY(files, open_bundle(*body));
  }
  BLINDAI_TRY(auto admitted, gate::scan(body->view(), files.files));
  auto version = std::make_shared<Version>();
  version->tenant = owner.tenant;
  version->id = std::move(id);
  version->digest = files.digest;
  version->body = std::move(body);
  version->admitted = std::make_shared<const gate::Admitted>(std::move(admitted));
  version->uploaded = clock_.now();
  version->conduct = std::make_shared<worker::Conduct>();
  return version;
}

schedule::Batches batches_of(const Config& config, const gate::Admitted& admitted) {
  const bool apart = config.batch == "proved" && config.isolation == "model" && admitted.rows.proved;
  return apart ? schedule::Batches::across_groups : schedule::Batches::within_a_group;
}

const Deployment* Models::sibling_of(const Entry& entry) const {
  for (const auto& [group, deployment] : entry.groups) {
    const worker::State state = deployment->worker->state();
    if (config_.isolation == "model" && !is_over(state)) {
      return deployment.get();
    }
  }
  return nullptr;
}

void Models::lay_out(Deployment& deployment) const {
  if (deployment.laid_out) {
    return;
  }
  if (const auto layout = deployment.worker->status().layout) {
    schedule::Layout form{.threads = layout->threads, .runs = layout->runs, .sizes = layout->sizes};
    for (const worker::Trial& trial : layout->trials) {
      if (trial.threads == layout->threads) {
        form.took_ns.emplace(trial.rows, trial.ns);
      }
    }
    dispatcher_->set_layout(deployment.line, std::move(form));
    deployment.laid_out = true;
  }
}

std::shared_ptr<Deployment> Models::start(std::shared_ptr<const Version> version, const std::string& group,
                                          const Deployment* sibling, std::shared_ptr<const worker::Layout> layout,
                                          std::optional<worker::Placement> placement) {
  auto deployment = std::make_shared<Deployment>();
  if (sibling != nullptr) {
    deployment->worker = sibling->worker;
    deployment->turnstile = sibling->turnstile;
  } else {
    worker::Settings settings;
    settings.executable_fd = programs_.worker_fd;
    settings.engine_fd = programs_.engine_fd;
    settings.cpus = cpus_;
    settings.threads = static_cast<unsigned>(config_.threads);
    settings.measure_time = std::chrono::milliseconds(config_.measure_ms);
    settings.most_rows = static_cast<unsigned>(config_.batch_rows);
    settings.layout = std::move(layout);
    settings.placement = placement;
    settings.slots = static_cast<unsigned>(config_.slots);
    settings.max_request_bytes = static_cast<std::uint64_t>(config_.request_bytes);
    settings.max_answer_bytes = static_cast<std::uint64_t>(config_.answer_bytes);
    settings.room_bytes = static_cast<std::uint64_t>(config_.worker_bytes);
    settings.run_time = std::chrono::milliseconds(config_.run_ms);
    settings.start_time = std::chrono::milliseconds(config_.load_ms);
    settings.group = config_.isolation == "model" ? "" : group;
    settings.conduct = version->conduct;
    deployment->worker = worker::start(io_, {version->admitted, version->body->fd(), version->body->size()}, settings);
    deployment->turnstile = schedule::Turnstile::make(settings.slots, static_cast<std::size_t>(config_.queue));
  }
  const worker::Share share = worker::share_cpus(static_cast<unsigned>(config_.threads), cpus_);
  deployment->statistics = std::make_shared<Statistics>(totals_);
  deployment->dispatcher = dispatcher_;
  if (sibling != nullptr) {
    deployment->line = dispatcher_->join(group, *sibling->line);
  } else {
    deployment->line = dispatcher_->open(group, {.threads = share.threads, .runs = share.runs, .sizes = {}},
                                         batches_of(config_, *version->admitted));
  }
  deployment->version = std::move(version);
  return deployment;
}

// Of the first worker; nothing where its warm-up is to measure.
Result<std::optional<worker::Placement>> Models::place(const Version& version, Reservation& reservation) {
  {
    const std::scoped_lock lock(mutex_);
    BLINDAI_CHECK(reservation.take_memory(version.body->size()));  // its size may not have been known before
  }
  std::uint64_t weight_bytes = 0;
  for (const gate::Weight& weight : version.admitted->weights) {
    weight_bytes += weight.size;
  }
  return worker::decide(reservation.wish(), weight_bytes, reservation.packed_fits(), config_.measure_ms != 0);
}

Task<Result<std::shared_ptr<const vault::Body>>> Models::complete(std::shared_ptr<vault::BodyReceiver> receiver) {
  auto finish = [receiver = std::move(receiver)]() -> Task<Result<std::shared_ptr<const vault::Body>>> {
    co_return receiver->finish();
  };
  co_return co_await boost::asio::co_spawn(pool_, std::move(finish), boost::asio::use_awaitable);
}

Task<Result<std::shared_ptr<const Version>>> Models::add(const auth::Principal& owner, std::string id,
                                                         std::shared_ptr<const vault::Body> body, BodyForm form,
                                                         std::shared_ptr<Reservation> reservation) {
  auto scan = [this, owner, id, body, form]() -> Task<Result<std::shared_ptr<const Version>>> {
    co_return admit(owner, id, body, form);
  };
  auto admitted = co_await boost::asio::co_spawn(pool_, std::move(scan), boost::asio::use_awaitable);
  if (!admitted) {
    log(Event::model_refused);
    co_return std::unexpected(admitted.error());
  }
  BLINDAI_CO_TRY(const auto placement, place(**admitted, *reservation));
  const auto deployment = start(*admitted, owner.tenant, nullptr, nullptr, placement);
  const auto ready = co_await deployment->worker->ready();
  if (!ready) {
    log(Event::model_refused);
    co_return std::unexpected(ready.error());
  }
  lay_out(*deployment);
  std::map<std::string, std::shared_ptr<Deployment>> old;  // ends outside the lock
  {
    const std::scoped_lock lock(mutex_);
    Entry& entry = entries_[{owner.tenant, id}];
    entry.version = *admitted;
    entry.unloaded = false;
    entry.layout = deployment->worker->status().layout;
    old = std::exchange(entry.groups, {});
    entry.groups.emplace(owner.tenant, deployment);
  }
  log(Event::model_ready);
  co_return *admitted;
}

const Models::Entry* Models::lookup(const auth::Principal& principal, std::string_view name) const {
  const std::size_t slash = name.find('/');
  const std::string tenant = slash == std::string_view::npos ? principal.tenant : std::string(name.substr(0, slash));
  const std::string id(slash == std::string_view::npos ? name : name.substr(slash + 1));
  const auto found = entries_.find({tenant, id});
  if (found == entries_.end()) {
    return nullptr;
  }
  const bool allowed = tenant == principal.tenant || found->second.shared_with.contains(principal.tenant);
  return allowed ? &found->second : nullptr;
}

Result<std::shared_ptr<const Version>> Models::find(const auth::Principal& principal, std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const Entry* entry = lookup(principal, name);
  if (entry == nullptr) {
    return no_such_model(name);
  }
  return entry->version;
}

Task<Result<std::shared_ptr<Deployment>>> Models::deploy(const auth::Principal& principal, std::string_view name) {
  std::shared_ptr<Deployment> deployment;
  {
    const std::scoped_lock lock(mutex_);
    auto* entry = const_cast<Entry*>(lookup(principal, name));  // NOLINT: entries_ is ours
    if (entry == nullptr) {
      co_return no_such_model(name);
    }
    if (entry->unloaded) {
      co_return fail(Code::not_found, {"model '{}' is unloaded, and its owner may load it again", Disclosed(name)});
    }
    const auto place = entry->groups.find(principal.tenant);
    if (place == entry->groups.end() && sibling_of(*entry) == nullptr) {
      BLINDAI_CO_CHECK(
          check_memory(worker::expected_own_bytes(entry->version->body->size(), entry->layout->placement.weights)));
    }
    deployment =
        place != entry->groups.end()
            ? place->second
            : entry->groups
                  .emplace(principal.tenant, start(entry->version, principal.tenant, sibling_of(*entry), entry->layout))
                  .first->second;
  }
  if (deployment->worker->state() != worker::State::ready) {
    BLINDAI_CO_CHECK(co_await deployment->worker->ready());
  }
  lay_out(*deployment);
  co_return deployment;
}

Result<void> Models::remove(const auth::Principal& owner, std::string_view id) {
  Entry gone;  // its workers end outside the lock
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find({owner.tenant, std::string(id)});
  if (found == entries_.end()) {
    return no_such_model(id);
  }
  gone = std::move(found->second);
  entries_.erase(found);
  log(Event::model_removed);
  return {};
}

Result<void> Models::share(const auth::Principal& owner, std::string_view id, const std::string& tenant, bool on) {
  std::shared_ptr<Deployment> gone;
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find({owner.tenant, std::string(id)});
  if (found == entries_.end()) {
    return no_such_model(id);
  }
  if (on) {
    found->second.shared_with.insert(tenant);
    return {};
  }
  if (found->second.shared_with.erase(tenant) == 0) {
    return fail(Code::not_found, {"the model is not shared with that tenant"});
  }
  if (const auto group = found->second.groups.find(tenant); group != found->second.groups.end()) {
    gone = std::move(group->second);
    found->second.groups.erase(group);
  }
  return {};
}

std::vector<std::shared_ptr<const Version>> Models::list(const std::string& tenant) const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<const Version>> out;
  for (const auto& [key, entry] : entries_) {
    if (key.first == tenant) {
      out.push_back(entry.version);
    }
  }
  return out;
}

json::Object Models::describe(const auth::Principal& principal, const Version& version) const {
  json::Object out{{"id", version.id},
                   {"digest", version.digest.text()},
                   {"bytes", version.body->size()},
                   {"uploaded", to_iso8601(version.uploaded)},
                   {"inputs", *json::parse(v2::tensor_metadata(version.admitted->inputs))},
                   {"outputs", *json::parse(v2::tensor_metadata(version.admitted->outputs))},
                   {"admission", gate::admission_json(*version.admitted)},
                   {"state", "idle"}};
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find({version.tenant, version.id});
  if (found == entries_.end()) {
    return out;
  }
  out["weights"] = worker::word(found->second.layout->placement.weights);
  out["weights_because"] = worker::sentence(found->second.layout->placement.because);
  if (found->second.unloaded) {
    out["state"] = "unloaded";
  }
  const auto group = found->second.groups.find(principal.tenant);
  if (group != found->second.groups.end()) {
    const auto status = group->second->worker->status();
    out["state"] = word(status.state);
    out["restarts"] = status.restarts;
    if (status.footprint) {
      out["worker_memory"] =
          json::Object{{"own_bytes", status.footprint->own_bytes}, {"peak_bytes", status.footprint->peak_bytes}};
    }
    if (!status.engine.empty()) {
      out["engine"] = status.engine;
    }
    if (status.layout) {
      out["layout"] = describe_layout(*status.layout);
    }
    if (!status.reason.empty()) {
      out["reason"] = status.reason;
    }
    if (!status.last_end.empty()) {
      const auto ago = std::chrono::duration_cast<std::chrono::seconds>(status.last_end_ago).count();
      out["last_end"] = json::Object{{"reason", status.last_end}, {"seconds_ago", static_cast<std::uint64_t>(ago)}};
    }
  } else if (version.conduct->verdict(principal.tenant) != worker::Conduct::Verdict::free) {
    out["state"] = word(worker::State::quarantined);
    out["reason"] = "requests of two groups brought the model's workers down; its owner may load it again";
  }
  json::Array tenants;
  for (const std::string& tenant : found->second.shared_with) {
    tenants.emplace_back(tenant);
  }
  if (version.tenant == principal.tenant) {
    out["shared_with"] = std::move(tenants);
  }
  return out;
}

Counted Models::count() const {
  Counted counted;
  counted.sums = totals_->sum();
  std::set<const worker::Worker*> workers;
  const std::scoped_lock lock(mutex_);
  counted.models = entries_.size();
  for (const auto& [key, entry] : entries_) {
    for (const auto& [group, deployment] : entry.groups) {
      if (workers.insert(deployment->worker.get()).second) {
        ++counted.workers.at(static_cast<std::size_t>(deployment->worker->state()));
      }
    }
  }
  return counted;
}

void Models::stop_all() {
  const std::scoped_lock lock(mutex_);
  for (const auto& [key, entry] : entries_) {
    for (const auto& [group, deployment] : entry.groups) {
      deployment->worker->stop();
    }
  }
}

}  // namespace blindai::server
