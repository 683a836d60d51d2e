// The server's gate on files of this machine: what an upload would be told, without an upload.
#include "core/model.h"

#include <fcntl.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cbor.h"
#include "base/checked.h"
#include "base/fd.h"
#include "crypto/crypto.h"
#include "gate/report.h"
#include "v2/metadata.h"

namespace nb = nanobind;

namespace blindai::python {
namespace {

using Paths = std::vector<std::pair<std::string, std::string>>;  // name in the bundle, path

std::uint64_t whole_pages(std::uint64_t size) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

// The files of a model one behind the other in memory, each from a page of its own, without a copy.
class Mapping {
 public:
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (base_ != MAP_FAILED) {
      ::munmap(base_, size_);
    }
  }

  Result<void> open(const Paths& paths) {
    std::vector<UniqueFd> descriptors;
    for (const auto& [name, path] : paths) {
      UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
      struct stat status{};
      if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail_errno(Code::not_found, {"the file {} of the model cannot be read", Disclosed(name)}, "open");
      }
      files.push_back({name, size_, static_cast<std::uint64_t>(status.st_size)});
      const auto end = checked_add(size_, whole_pages(files.back().size));
      if (!end) {
        return fail(Code::too_large, {"the files of the model are too large"});
      }
      size_ = *end;
      descriptors.push_back(std::move(fd));
    }
    base_ = ::mmap(nullptr, std::max<std::uint64_t>(size_, 1), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    for (std::size_t i = 0; base_ != MAP_FAILED && i < files.size(); ++i) {
      void* const place = static_cast<std::uint8_t*>(base_) + files[i].offset;  // NOLINT
      if (files[i].size != 0 &&
          ::mmap(place, files[i].size, PROT_READ, MAP_PRIVATE | MAP_FIXED, descriptors[i].get(), 0) == MAP_FAILED) {
        return fail_errno(Code::invalid_argument, {"the files of the model cannot be mapped"}, "mmap");
      }
    }
    if (base_ == MAP_FAILED) {
      return fail_errno(Code::invalid_argument, {"the files of the model cannot be mapped"}, "mmap");
    }
    return {};
  }

  ByteView view() const { return {static_cast<const std::uint8_t*>(base_), size_}; }
  ByteView of(const gate::File& file) const { return view().subspan(file.offset, file.size); }

  std::vector<gate::File> files;

 private:
  void* base_ = MAP_FAILED;
  std::uint64_t size_ = 0;
};

// What the server calls this model.
Digest digest(const Mapping& mapping) {
  if (mapping.files.size() == 1) {
    return crypto::sha256(mapping.of(mapping.files.front()));
  }
  cbor::Array list;
  for (const gate::File& file : mapping.files) {
    list.emplace_back(
        cbor::Array{file.name, static_cast<std::int64_t>(file.size), cbor::Value(crypto::sha256(mapping.of(file)))});
  }
  return crypto::sha256(cbor::encode(cbor::Map{{"ctx", "blindai model v1"}, {"files", std::move(list)}}));
}

json::Object refused(const Error& error) {
  return {{"accepted", false}, {"code", word(error.code)}, {"refusal", error.message.str()}};
}

json::Object judge(const Paths& paths) {
  Mapping mapping;
  if (const auto opened = mapping.open(paths); !opened) {
    return refused(opened.error());
  }
  const auto admitted = gate::scan(mapping.view(), mapping.files);
  if (!admitted) {
    return refused(admitted.error());
  }
  std::uint64_t bytes = 0;
  for (const gate::File& file : mapping.files) {
    bytes += file.size;
  }
  return {{"accepted", true},
          {"digest", digest(mapping).text()},
          {"bytes", bytes},
          {"inputs", *json::parse(v2::tensor_metadata(admitted->inputs))},
          {"outputs", *json::parse(v2::tensor_metadata(admitted->outputs))},
          {"admission", gate::admission_json(*admitted)}};
}

std::string check_model(const Paths& files) {
  const nb::gil_scoped_release release;
  return json::write(json::Value(judge(files)));
}

}  // namespace

void bind_model(nb::module_& m) { m.def("check_model", &check_model, nb::arg("files")); }

}  // namespace blindai::python
