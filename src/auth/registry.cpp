#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "auth/auth.h"

namespace blindai::auth {
namespace {

constexpr std::size_t max_keys = 100'000;

}  // namespace

struct Registry::Impl {
  mutable std::shared_mutex mutex;
  std::map<std::string, KeyRecord, std::less<>> keys;

  std::size_t owners(std::string_view tenant) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        keys, [&](const auto& entry) { return entry.second.tenant == tenant && entry.second.role == Role::owner; }));
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Result<void> Registry::add(KeyRecord record) {
  const std::unique_lock lock(impl_->mutex);
  if (impl_->keys.size() >= max_keys) {
    return fail(Code::resource_exhausted, {"the server holds {} keys, which is the limit", max_keys});
  }
  auto id = record.id;
  if (!impl_->keys.emplace(std::move(id), std::move(record)).second) {
    return fail(Code::already_exists, {"a key of this id exists already"});
  }
  return {};
}

Result<void> Registry::remove(std::string_view tenant, std::string_view id) {
  const std::unique_lock lock(impl_->mutex);
  const auto found = impl_->keys.find(id);
  if (found == impl_->keys.end() || found->second.tenant != tenant) {
    return fail(Code::not_found, {"there is no such key"});
  }
  if (found->second.role == Role::owner && impl_->owners(tenant) == 1) {
    return fail(Code::already_exists, {"this is the last owner's key of its tenant; make another one first"});
  }
  impl_->keys.erase(found);
  return {};
}

std::vector<KeyRecord> Registry::list(std::string_view tenant) const {
  const std::shared_lock lock(impl_->mutex);
  std::vector<KeyRecord> out;
  for (const auto& [id, record] : impl_->keys) {
    if (record.tenant == tenant) {
      out.push_back(record);
    }
  }
  return out;
}

std::optional<KeyRecord> Registry::find(std::string_view id) const {
  const std::shared_lock lock(impl_->mutex);
  const auto found = impl_->keys.find(id);
  return found == impl_->keys.end() ? std::nullopt : std::optional(found->second);
}

bool Registry::has_tenant(std::string_view tenant) const {
  const std::shared_lock lock(impl_->mutex);
  return std::ranges::any_of(impl_->keys, [&](const auto& entry) { return entry.second.tenant == tenant; });
}

}  // namespace blindai::auth
