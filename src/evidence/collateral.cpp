#include "evidence/collateral.h"

#include <algorithm>
#include <list>
#include <mutex>

#include "base/cbor.h"
#include "crypto/crypto.h"

namespace blindai::evidence {
namespace {

constexpr std::string_view names[] = {"tcb_info",
                                      "tcb_signing_chain",
                                      "qe_identity",
                                      "qe_identity_signing_chain",
                                      "root_ca_crl",
                                      "pck_crl",
                                      "pck_crl_issuer_chain",
                                      "vek",
                                      "ask",
                                      "asvk",
                                      "ark",
                                      "ark_crl"};
constexpr std::size_t max_base64_bytes = (max_collateral_item_bytes + 2) / 3 * 4;

}  // namespace

bool Collateral::is_name(std::string_view name) { return std::ranges::find(names, name) != std::end(names); }

bool Collateral::set(std::string_view name, Bytes bytes) {
  if (!is_name(name) || bytes.size() > max_collateral_item_bytes) {
    return false;
  }
  items_.insert_or_assign(std::string(name), std::move(bytes));
  return true;
}

const Bytes* Collateral::find(std::string_view name) const {
  const auto found = items_.find(name);
  return found == items_.end() ? nullptr : &found->second;
}

Parsed<Collateral> Collateral::from_json(const json::Object& container) {
  Collateral collateral;
  for (const auto& [name, value] : container) {
    BLINDAI_REQUIRE(is_name(name), Reason::bad_collateral_format, "name");
    const auto* text = value.as<std::string>();
    BLINDAI_REQUIRE(text != nullptr && text->size() <= max_base64_bytes, Reason::bad_collateral_format, name);
    auto bytes = from_base64(*text);
    BLINDAI_REQUIRE(bytes && collateral.set(name, std::move(*bytes)), Reason::bad_collateral_format, name);
  }
  return collateral;
}

json::Object Collateral::to_json() const {
  json::Object container;
  for (const auto& [name, bytes] : items_) {
    container.emplace(name, to_base64(bytes));
  }
  return container;
}

Digest Collateral::digest() const {
  cbor::Map map;
  for (const auto& [name, bytes] : items_) {
    map.emplace(name, bytes);
  }
  return crypto::sha256(cbor::encode(map));
}

// The list is in order of use, newest first.
struct CollateralCache::Impl {
  explicit Impl(std::size_t most) : capacity(std::max<std::size_t>(most, 1)) {}

  using Entry = std::pair<Digest, std::shared_ptr<const void>>;
  const std::size_t capacity;
  std::mutex mutex;
  std::list<Entry> entries;
};

CollateralCache::CollateralCache(std::size_t capacity) : impl_(std::make_unique<Impl>(capacity)) {}
CollateralCache::~CollateralCache() = default;

std::shared_ptr<const void> CollateralCache::find(const Digest& key) const {
  const std::scoped_lock lock(impl_->mutex);
  const auto found = std::ranges::find(impl_->entries, key, &Impl::Entry::first);
  if (found == impl_->entries.end()) {
    return nullptr;
  }
  impl_->entries.splice(impl_->entries.begin(), impl_->entries, found);
  return found->second;
}

void CollateralCache::keep(const Digest& key, std::shared_ptr<const void> appraised) {
  const std::scoped_lock lock(impl_->mutex);
  std::erase_if(impl_->entries, [&](const auto& entry) { return entry.first == key; });
  impl_->entries.emplace_front(key, std::move(appraised));
  if (impl_->entries.size() > impl_->capacity) {
    impl_->entries.pop_back();
  }
}

}  // namespace blindai::evidence
