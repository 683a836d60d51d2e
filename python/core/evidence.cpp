#include "core/evidence.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "evidence/files.h"

namespace nb = nanobind;

namespace blindai::python {
namespace {

PyObject* failure = nullptr;

[[noreturn]] void raise(const std::string& code, const std::string& message, const std::string& detail) {
  const nb::tuple args = nb::make_tuple(code, message, nb::none(), detail, nb::none());
  PyErr_SetObject(failure, args.ptr());
  throw nb::python_error();
}

[[noreturn]] void raise(const evidence::Refusal& refusal) { raise("invalid_argument", refusal.text(), ""); }

ByteView view(const nb::bytes& bytes) {
  return {static_cast<const std::uint8_t*>(bytes.data()), bytes.size()};  // NOLINT
}

evidence::Files files_of(const nb::dict& dict) {
  evidence::Files files;
  for (const auto& [key, value] : dict) {
    files.emplace(nb::cast<std::string>(key), copy(view(nb::cast<nb::bytes>(value))));
  }
  return files;
}

struct Policy {
  evidence::Policy policy;
};

Policy parse_policy(const std::string& text) {
  auto policy = evidence::read_policy(text, evidence::Purpose::evidence_only);
  if (!policy) {
    const Error& error = policy.error().error;
    raise(std::string(word(error.code)), error.message.str(), policy.error().refusal.text());
  }
  return {std::move(*policy)};
}

template <typename PolicyOrText>
std::string appraise(const nb::dict& dict, const PolicyOrText& policy, UnixSeconds at,
                     evidence::CollateralCache* cache) {
  const evidence::Files files = files_of(dict);
  const nb::gil_scoped_release release;
  return json::write(evidence::appraise_files(files, policy, at, cache).to_json());
}

std::string decode(const nb::bytes& data) {
  const auto decoded = evidence::decode_evidence(view(data));
  if (!decoded) {
    raise(decoded.error());
  }
  return json::write(*decoded);
}

evidence::Collateral collateral_of(const nb::dict& dict) {
  auto collateral = evidence::collateral_of_files(files_of(dict));
  if (!collateral) {
    raise(collateral.error());
  }
  return std::move(*collateral);
}

}  // namespace

void bind_evidence(nb::module_& m, PyObject* failure_type) {
  failure = failure_type;
  nb::class_<Policy>(m, "EvidencePolicy")
      .def("name", [](const Policy& self) { return self.policy.name; })
      .def("digest", [](const Policy& self) { return self.policy.digest.text(); })
      .def("production", [](const Policy& self) { return self.policy.production(); });
  nb::class_<evidence::CollateralCache>(m, "CollateralCache");
  m.def(
      "make_collateral_cache", [](std::size_t capacity) { return new evidence::CollateralCache(capacity); },
      nb::rv_policy::take_ownership, nb::arg("capacity"));
  m.def("parse_evidence_policy", &parse_policy, nb::arg("text"));
  m.def(
      "appraise",
      [](const nb::dict& files, const Policy& policy, UnixSeconds at, evidence::CollateralCache* cache) {
        return appraise(files, policy.policy, at, cache);
      },
      nb::arg("files"), nb::arg("policy"), nb::arg("at"), nb::arg("cache").none());
  m.def(
      "appraise_under_text",
      [](const nb::dict& files, const nb::bytes& policy, UnixSeconds at, evidence::CollateralCache* cache) {
        return appraise(files, as_text(view(policy)), at, cache);
      },
      nb::arg("files"), nb::arg("policy"), nb::arg("at"), nb::arg("cache").none());
  m.def("decode_evidence", &decode, nb::arg("data"));
  m.def("evidence_file_names", [] {
    nb::list names;
    for (const std::string_view name : evidence::file_names()) {
      names.append(std::string(name));
    }
    return names;
  });
  m.def(
      "describe_collateral",
      [](const nb::dict& files) { return json::write(evidence::describe_collateral(collateral_of(files))); },
      nb::arg("files"));
  m.def(
      "pack_collateral", [](const nb::dict& files) { return json::write(collateral_of(files).to_json()); },
      nb::arg("files"));
}

}  // namespace blindai::python
