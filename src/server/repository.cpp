// V2's repository: which models there are for a principal, in which state, and turning them off and on.
#include "server/events.h"
#include "server/models.h"

namespace blindai::server {

Result<void> Models::unload(const auth::Principal& owner, const std::string& id) {
  std::map<std::string, std::shared_ptr<Deployment>> gone;  // ends outside the lock
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find({owner.tenant, id});
  if (found == entries_.end()) {
    return no_such_model(id);
  }
  found->second.unloaded = true;
  gone.swap(found->second.groups);
  log(Event::model_unloaded);
  return {};
}

Task<Result<void>> Models::load(const auth::Principal& owner, const std::string& id) {
  std::vector<std::shared_ptr<Deployment>> gone;  // end outside the lock
  {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find({owner.tenant, id});
    if (found == entries_.end()) {
      co_return no_such_model(id);
    }
    found->second.unloaded = false;
    found->second.version->conduct->pardon();
    std::erase_if(found->second.groups, [&](auto& group) {
      const bool ended = is_over(group.second->worker->state());
      if (ended) {
        gone.push_back(std::move(group.second));
      }
      return ended;
    });
  }
  const auto deployed = co_await deploy(owner, id);
  if (!deployed) {
    co_return std::unexpected(deployed.error());
  }
  log(Event::model_loaded);
  co_return Result<void>();
}

std::optional<std::string> Models::name_for(const auth::Principal& principal, const Key& key, const Entry& entry) {
  if (key.first == principal.tenant) {
    return key.second;
  }
  return entry.shared_with.contains(principal.tenant) ? std::optional(key.first + "/" + key.second) : std::nullopt;
}

Listed Models::listed(const auth::Principal& principal, std::string name, const Entry& entry) const {
  if (entry.unloaded) {
    return {std::move(name), "UNAVAILABLE", "unloaded"};
  }
  const auto group = entry.groups.find(principal.tenant);
  if (group == entry.groups.end()) {
    return {std::move(name), "READY", ""};  // the first request starts its worker
  }
  const auto status = group->second->worker->status();
  switch (status.state) {
    case worker::State::ready:
      return {std::move(name), "READY", ""};
    case worker::State::starting:
      return {std::move(name), "LOADING", ""};
    default:
      return {std::move(name), "UNAVAILABLE", status.reason.empty() ? std::string(word(status.state)) : status.reason};
  }
}

std::vector<Listed> Models::index(const auth::Principal& principal) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Listed> out;
  for (const auto& [key, entry] : entries_) {
    if (auto name = name_for(principal, key, entry)) {
      out.push_back(listed(principal, std::move(*name), entry));
    }
  }
  return out;
}

StatisticsSnapshot Models::statistics_of(const auth::Principal& principal, const Entry& entry) const {
  const auto group = entry.groups.find(principal.tenant);
  return group == entry.groups.end() ? StatisticsSnapshot() : group->second->statistics->snapshot();
}

Result<StatisticsSnapshot> Models::statistics(const auth::Principal& principal, std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const Entry* entry = lookup(principal, name);
  if (entry == nullptr) {
    return no_such_model(name);
  }
  return statistics_of(principal, *entry);
}

std::vector<std::pair<std::string, StatisticsSnapshot>> Models::statistics(const auth::Principal& principal) const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::pair<std::string, StatisticsSnapshot>> out;
  for (const auto& [key, entry] : entries_) {
    if (auto name = name_for(principal, key, entry)) {
      out.emplace_back(std::move(*name), statistics_of(principal, entry));
    }
  }
  return out;
}

}  // namespace blindai::server
