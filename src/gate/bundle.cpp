// The head of a bundle: design section 9.1.
#include "base/cbor.h"
#include "base/checked.h"
#include "gate/gate.h"

namespace blindai::gate {
namespace {

constexpr std::string_view context = "blindai model v1";
constexpr std::size_t max_files = 1024;
constexpr std::size_t max_name_bytes = 1024;
constexpr std::uint64_t length_bytes = 4;

std::unexpected<Error> wrong(const char* what) {
  return fail(Code::invalid_argument, {"the head of the bundle is malformed"}, {what});
}

// A plain file name, or a relative path without a step upwards.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name_bytes && !name.starts_with('/') && !name.contains("..") &&
         !name.contains('\\') && !name.contains('\0');
}

}  // namespace

Result<BundleIndex> parse_bundle_index(ByteView cbor, std::uint64_t body_bytes) {
  if (cbor.size() > max_bundle_index_bytes) {
    return fail(Code::too_large, {"the head of a bundle has at most {} bytes", max_bundle_index_bytes});
  }
  BLINDAI_TRY(const auto value, cbor::decode(cbor));
  cbor::Fields fields(value);
  const bool right_context = fields.text("ctx") == context;
  const auto* list = fields.any("files").as<cbor::Array>();
  BLINDAI_CHECK(fields.finish());
  if (!right_context || list == nullptr || list->empty() || list->size() > max_files) {
    return wrong("context or files");
  }
  BundleIndex index;
  std::uint64_t at = length_bytes + cbor.size();
  for (const cbor::Value& item : *list) {
    const auto* entry = item.as<cbor::Array>();
    if (entry == nullptr || entry->size() != 3) {
      return wrong("file");
    }
    const auto* name = (*entry)[0].as<std::string>();
    const auto* size = (*entry)[1].as<std::int64_t>();
    const auto* bytes = (*entry)[2].as<Bytes>();
    const auto digest = bytes == nullptr ? std::nullopt : Digest::from(*bytes);
    if (name == nullptr || !is_name(*name) || size == nullptr || *size < 0 || !digest) {
      return wrong("name, size or digest");
    }
    if (index.files.size() > 1 && *name <= index.files.back().file.name) {
      return wrong("order of files");
    }
    if (!index.files.empty() && *name == index.files.front().file.name) {
      return wrong("a name that stands twice");
    }
    index.files.push_back({{*name, at, static_cast<std::uint64_t>(*size)}, *digest});
    const auto end = checked_add(at, static_cast<std::uint64_t>(*size));
    if (!end) {
      return wrong("sizes");
    }
    at = *end;
  }
  if (at != body_bytes) {
    return fail(Code::invalid_argument, {"the bundle has {} bytes, its head makes {}", body_bytes, at});
  }
  return index;
}

}  // namespace blindai::gate
