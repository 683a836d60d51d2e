// The extension module blindai._core: the C++ client for Python, and nothing more. What a caller sees is made in
// python/blindai.
//
// Blocking calls run without the GIL. The client asks while it waits whether to go on: a Call can be cancelled from another
// thread, and one that looks after signals takes the GIL, lets Python handle them, and where a handler raised (Ctrl-C),
// keeps the exception for the end of the call. Inputs are views of numpy
// memory; outputs are numpy views of the answer, which they keep alive.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <optional>

#include "auth/auth.h"
#include "client/client.h"
#include "core/evidence.h"
#include "core/model.h"

namespace nb = nanobind;

namespace blindai::python {
namespace {

using InputArray = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using OutputArray = nb::ndarray<nb::numpy, const std::uint8_t, nb::ndim<1>>;

constexpr auto signal_interval = std::chrono::milliseconds(50);
constexpr auto progress_interval = std::chrono::milliseconds(50);
constexpr double longest_seconds = 7.0 * 24 * 3600;

// What a Python callback or signal handler raised during the call that this thread is in.
thread_local std::optional<nb::python_error> raised;
thread_local Steady::time_point signals_seen;

bool interrupted() {
  if (raised) {
    return true;
  }
  const auto now = Steady::now();
  if (now - signals_seen < signal_interval) {
    return false;
  }
  signals_seen = now;
  const nb::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) {
    raised.emplace();
    return true;
  }
  return false;
}

PyObject* failure_type = nullptr;

[[noreturn]] void raise(const client::Failure& failure) {
  nb::object report = nb::none();
  if (failure.report) {
    report = nb::cast(json::write(failure.report->to_json()));
  }
  nb::object retry_after = nb::none();
  if (failure.retry_after) {
    retry_after = nb::cast(static_cast<double>(failure.retry_after->count()));
  }
  const nb::tuple args = nb::make_tuple(std::string(word(failure.error.code)), failure.error.message.str(),
                                        failure.answer, failure.error.detail.text, report, retry_after);
  PyErr_SetObject(failure_type, args.ptr());
  throw nb::python_error();
}

[[noreturn]] void raise(const Error& error) { raise(client::Failure{error}); }

// Runs a blocking call without the GIL; what Python raised meanwhile comes before what the call says.
template <typename Call>
auto run(const Call& call) {
  raised.reset();
  auto outcome = [&] {
    const nb::gil_scoped_release release;
    return call();
  }();
  if (raised) {
    nb::python_error error = std::move(*raised);
    raised.reset();
    throw error;
  }
  if (!outcome) {
    raise(outcome.error());
  }
  return std::move(*outcome);
}

Steady::duration duration(double value) {
  if (!std::isfinite(value) || value <= 0 || value > longest_seconds) {
    throw nb::value_error("a time-out must be a number of seconds, more than 0 and at most a week");
  }
  return std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(value));
}

evidence::Policy read_policy(const std::string& text, const std::string& base_path, bool evidence_only) {
  const auto purpose = evidence_only ? evidence::Purpose::evidence_only : evidence::Purpose::session;
  auto policy = evidence::parse_policy(text, purpose, base_path);
  if (!policy) {
    raise(policy.error());
  }
  return std::move(*policy);
}

// The options of one call, and the switch that ends it.
class Call {
 public:
  Call(double timeout, double load_timeout, unsigned retries, bool signals)
      : cancelled_(std::make_shared<std::atomic<bool>>(false)),
        options_{.timeout = duration(timeout), .load = duration(load_timeout), .retries = retries} {
    if (signals) {
      options_.interrupted = [cancelled = cancelled_] { return *cancelled || interrupted(); };
    } else {
      options_.interrupted = [cancelled = cancelled_] { return cancelled->load(); };
    }
  }
  void cancel() const { *cancelled_ = true; }
  const client::CallOptions& options() const { return options_; }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_;  // shared with the functions made of it, which may be kept for longer
  client::CallOptions options_;
};

struct Connection {
  std::unique_ptr<client::Client> client;
};

Connection connect(const std::string& url, const std::string& policy, const std::string& policy_folder,
                   const std::string& api_key, double connect_timeout, std::size_t max_idle_connections,
                   const Call& call) {
  client::Options options;
  options.url = url;
  options.policy = read_policy(policy, policy_folder, false);
  options.api_key = api_key;
  options.connect_timeout = duration(connect_timeout);
  options.max_idle_connections = max_idle_connections;
  options.calls = call.options();
  return {run([&] { return client::Client::connect(std::move(options)); })};
}

std::string upload(const Connection& self, const std::vector<std::pair<std::string, std::string>>& files,
                   const std::string& model_id, bool save, const std::string& weights, const nb::object& progress,
                   const Call& call) {
  std::vector<client::ModelFile> list;
  for (const auto& [name, path] : files) {
    list.push_back({name, path});
  }
  client::Client::Progress report;
  if (!progress.is_none()) {
    report = [&progress, last = Steady::time_point{}](std::uint64_t sent, std::uint64_t total) mutable {
      const auto now = Steady::now();
      if (raised || (sent != total && now - last < progress_interval)) {
        return;
      }
      last = now;
      const nb::gil_scoped_acquire gil;
      try {
        progress(sent, total);
      } catch (nb::python_error& error) {
        raised.emplace(std::move(error));
      }
    };
  }
  return run([&] { return self.client->upload(list, model_id, save, report, &call.options(), weights); });
}

// An input as Python gives it: name, datatype, shape, bytes.
client::Tensor input_tensor(nb::handle item, std::vector<InputArray>& kept) {
  const auto tuple = nb::cast<nb::tuple>(item);
  if (tuple.size() != 4) {
    throw nb::value_error("an input is (name, datatype, shape, data)");
  }
  client::Tensor tensor;
  tensor.name = nb::cast<std::string>(tuple[0]);
  const auto datatype = datatype_from_name(nb::cast<std::string>(tuple[1]));
  if (!datatype) {
    throw nb::value_error("unknown datatype");
  }
  tensor.datatype = *datatype;
  tensor.shape = nb::cast<std::vector<std::int64_t>>(tuple[2]);
  kept.push_back(nb::cast<InputArray>(tuple[3]));
  tensor.data = ByteView(kept.back().data(), kept.back().shape(0));
  return tensor;
}

nb::tuple predict(const Connection& self, const std::string& model_id, const nb::list& inputs,
                  const std::optional<std::string>& pin, const Call& call) {
  std::vector<InputArray> kept;  // holds the memory for as long as it is read
  std::vector<client::Tensor> tensors;
  for (const nb::handle item : inputs) {
    tensors.push_back(input_tensor(item, kept));
  }
  std::optional<Digest> digest;
  if (pin) {
    digest = Digest::from_text(*pin);
    if (!digest) {
      throw nb::value_error("a pin is \"sha256:\" and 64 hexadecimal digits");
    }
  }
  auto* prediction =
      new client::Prediction(run([&] { return self.client->predict(model_id, tensors, digest, &call.options()); }));
  const nb::capsule owner(prediction, [](void* p) noexcept { delete static_cast<client::Prediction*>(p); });
  nb::list outputs;
  for (const auto& tensor : prediction->outputs) {
    const std::size_t size = tensor.data.size();
    nb::object array = nb::cast(OutputArray(tensor.data.data(), {size}, owner));
    nb::list shape;
    for (const std::int64_t dimension : tensor.shape) {
      shape.append(dimension);
    }
    outputs.append(nb::make_tuple(tensor.name, std::string(name(tensor.datatype)), nb::tuple(shape), array));
  }
  return nb::make_tuple(prediction->model_digest, outputs);
}

std::string call_route(const Connection& self, const std::string& method, const std::string& target,
                       const std::string& json_body, const Call& call) {
  return run([&] { return self.client->call(method, target, json_body, &call.options()); });
}

std::string report(const Connection& self) { return json::write(self.client->report().to_json()); }

void close(const Connection& self) {
  const nb::gil_scoped_release release;
  self.client->close();
}

// (name, digest, production) of a policy that is well-formed.
nb::tuple check_policy(const std::string& text, const std::string& folder, bool evidence_only) {
  const evidence::Policy policy = read_policy(text, folder, evidence_only);
  return nb::make_tuple(policy.name, policy.digest.text(), policy.production());
}

nb::tuple describe_key(const auth::ApiKey& key) {
  return nb::make_tuple(key.text(), key.id, to_hex(key.key.public_key()));
}

nb::tuple parse_api_key(const std::string& text) {
  const auto key = auth::ApiKey::parse(text);
  if (!key) {
    raise(key.error());
  }
  return describe_key(*key);
}

}  // namespace
}  // namespace blindai::python

NB_MODULE(_core, m) {
  namespace py = blindai::python;
  // Outputs may outlive the interpreter's last look at the module.
  nb::set_leak_warnings(false);
  py::failure_type = PyErr_NewException("blindai._core.Failure", PyExc_Exception, nullptr);
  m.attr("Failure") = nb::handle(py::failure_type);
  nb::class_<py::Call>(m, "Call")
      .def(nb::init<double, double, unsigned, bool>(), nb::kw_only(), nb::arg("timeout"), nb::arg("load_timeout"),
           nb::arg("retries"), nb::arg("signals"))
      .def("cancel", &py::Call::cancel);
  nb::class_<py::Connection>(m, "Connection")
      .def("upload", &py::upload, nb::arg("files"), nb::arg("model_id"), nb::arg("save"), nb::arg("weights"),
           nb::arg("progress").none(), nb::arg("call"))
      .def("predict", &py::predict, nb::arg("model_id"), nb::arg("inputs"), nb::arg("pin").none(), nb::arg("call"))
      .def("call", &py::call_route, nb::arg("method"), nb::arg("target"), nb::arg("json_body"), nb::arg("call"))
      .def("report", &py::report)
      .def("close", &py::close);
  m.def("connect", &py::connect, nb::kw_only(), nb::arg("url"), nb::arg("policy"), nb::arg("policy_folder"),
        nb::arg("api_key"), nb::arg("connect_timeout"), nb::arg("max_idle_connections"), nb::arg("call"));
  m.def("check_policy", &py::check_policy, nb::arg("text"), nb::arg("folder"), nb::arg("evidence_only"));
  py::bind_model(m);
  m.def("generate_api_key", [] { return py::describe_key(blindai::auth::ApiKey::generate()); });
  py::bind_evidence(m, py::failure_type);
  m.def("parse_api_key", &py::parse_api_key, nb::arg("text"));
}
