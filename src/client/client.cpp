#include "client/client.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "client/answers.h"
#include "client/model_body.h"
#include "client/session.h"
#include "client/url.h"
#include "v2/infer.h"

namespace blindai::client {
namespace {

constexpr std::size_t max_idle_sessions = 8;
constexpr std::size_t max_cached_models = 256;
constexpr std::size_t max_inputs = 64;

bool success(int status) { return status >= 200 && status < 300; }

template <typename T>
std::unexpected<Failure> failed(Result<T>&& result) {
  return std::unexpected(Failure{std::move(result).error()});
}

std::unexpected<Failure> failed(Code code, PublicText message) {
  return std::unexpected(Failure{Error{code, std::move(message)}});
}

class PooledClient final : public Client {
 public:
  PooledClient(Options options, Endpoint endpoint, std::optional<auth::ApiKey> key)
      : policy_(std::move(options.policy)),
        key_(std::move(key)),
        settings_{.endpoint = std::move(endpoint),
                  .policy = policy_,
                  .key = key_ ? &*key_ : nullptr,
                  .timeouts = options.timeouts,
                  .interrupted = std::move(options.interrupted),
                  .clock = system_clock()} {}

  Outcome<void> start() {
    auto session = VerifiedSession::open(settings_);
    if (!session) {
      return std::unexpected(std::move(session).error());
    }
    give_back(std::move(*session));
    return {};
  }

  evidence::Report report() const override {
    const std::scoped_lock lock(mutex_);
    return report_;
  }

  Outcome<std::string> upload(const std::vector<ModelFile>& files, const std::string& model_id, bool save,
                              const Progress& progress) override;
  Outcome<Prediction> predict(const std::string& model_id, const std::vector<Tensor>& inputs,
                              const std::optional<Digest>& pin) override;
  Outcome<std::string> call(const std::string& method, const std::string& target,
                            const std::string& json_body) override;

  void close() override {
    std::vector<std::unique_ptr<VerifiedSession>> dropped;
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    dropped.swap(idle_);
  }

 private:
  using Session = std::unique_ptr<VerifiedSession>;
  using Specs = std::vector<TensorSpec>;

  // A session ready for one request: from the pool where one is alive, else new. What can be lost here is lost before
  // any byte of the request was sent, so it is tried again on a new connection; after that nothing is.
  Outcome<Session> take();
  void give_back(Session session);
  Outcome<http::ClientResponse> exchange(http::ClientRequest request, std::size_t max_answer_bytes);
  Outcome<std::optional<Digest>> effective_pin(const std::string& model_id, const std::optional<Digest>& pin) const;
  Outcome<Specs> model_inputs(const std::string& model_id, bool anew);
  Outcome<std::vector<Tensor>> fit_inputs(const std::string& model_id, const std::vector<Tensor>& inputs);
  void forget_inputs(const std::string& model_id) {
    const std::scoped_lock lock(mutex_);
    specs_.erase(model_id);
  }

  const evidence::Policy policy_;
  const std::optional<auth::ApiKey> key_;
  const SessionSettings settings_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<Session> idle_;
  evidence::Report report_;
  std::map<std::string, Specs> specs_;  // inputs of models, so that a caller need not name them
  bool closed_ = false;
};

Outcome<PooledClient::Session> PooledClient::take() {
  while (true) {
    Session session;
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) {
        return failed(Code::cancelled, {"the connection was closed: connect again"});
      }
      if (idle_.empty()) {
        break;
      }
      session = std::move(idle_.back());
      idle_.pop_back();
    }
    if (!session->alive()) {
      continue;
    }
    auto fresh = session->refresh();
    if (fresh) {
      return session;
    }
    // The server may have closed the idle connection; a new one says what is the matter. All else is the answer.
    if (fresh.error().error.code != Code::unavailable) {
      return std::unexpected(std::move(fresh).error());
    }
  }
  return VerifiedSession::open(settings_);
}

void PooledClient::give_back(Session session) {
  const std::scoped_lock lock(mutex_);
  report_ = session->report();
  if (!closed_ && session->usable() && idle_.size() < max_idle_sessions) {
    idle_.push_back(std::move(session));
  }
}

Outcome<http::ClientResponse> PooledClient::exchange(http::ClientRequest request, std::size_t max_answer_bytes) {
  auto session = take();
  if (!session) {
    return std::unexpected(std::move(session).error());
  }
  (*session)->stream().set_deadline(Steady::now() + settings_.timeouts.request);
  auto response = (*session)->send(std::move(request), max_answer_bytes);
  give_back(std::move(*session));
  if (!response) {
    return failed(std::move(response));
  }
  if (!success(response->status)) {
    return std::unexpected(failure_of(*response));
  }
  return std::move(*response);
}

Outcome<std::string> PooledClient::call(const std::string& method, const std::string& target,
                                        const std::string& json_body) {
  http::ClientRequest request{.method = method, .target = target};
  if (!json_body.empty()) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body.push_back(as_bytes(json_body));
  }
  auto response = exchange(std::move(request), max_json_answer_bytes);
  if (!response) {
    return std::unexpected(std::move(response).error());
  }
  if (method != "GET") {
    const std::scoped_lock lock(mutex_);
    specs_.clear();
  }
  return std::string(as_text(response->body));
}

Outcome<std::string> PooledClient::upload(const std::vector<ModelFile>& files, const std::string& model_id, bool save,
                                          const Progress& progress) {
  auto body = ModelBody::open(files, settings_.interrupted);
  if (!body) {
    return failed(std::move(body));
  }
  auto session = take();
  if (!session) {
    return std::unexpected(std::move(session).error());
  }
  forget_inputs(model_id);
  auto& stream = (*session)->stream();
  std::uint64_t sent = body->head().size();
  http::ClientRequest request{.method = "POST",
                              .target = "/blindai/v1/models?id=" + percent_encode(model_id) + (save ? "&save=1" : ""),
                              .streamed_body_bytes = body->file_bytes()};
  request.headers.emplace_back("Content-Type",
                               body->is_bundle() ? "application/vnd.blindai.bundle" : "application/octet-stream");
  if (!body->head().empty()) {
    request.body.push_back(body->head());
  }
  std::optional<Error> file_error;
  request.more = [&](MutableBytes out) -> Result<std::size_t> {
    if (progress) {
      progress(sent, body->total_bytes());
    }
    // A fast peer never makes the stream wait, and only a stream that waits asks.
    if (settings_.interrupted && settings_.interrupted()) {
      return fail(Code::cancelled, {"the upload was interrupted"});
    }
    auto got = body->read(out);
    if (!got) {
      file_error = got.error();
      return got;
    }
    sent += *got;
    // Each step has its own time; the last one waits for the model to be loaded and warmed up.
    const bool last = sent == body->total_bytes();
    stream.set_deadline(Steady::now() + (last ? settings_.timeouts.load : settings_.timeouts.request));
    return got;
  };
  request.all_sent = [&] {
    if (progress) {
      progress(sent, body->total_bytes());
    }
  };
  stream.set_deadline(Steady::now() + settings_.timeouts.request);
  auto response = (*session)->send(std::move(request), max_json_answer_bytes);
  give_back(std::move(*session));
  if (file_error) {
    return std::unexpected(Failure{std::move(*file_error)});
  }
  if (!response) {
    return failed(std::move(response));
  }
  if (!success(response->status)) {
    return std::unexpected(failure_of(*response));
  }
  std::string answer(as_text(response->body));
  const auto digest = uploaded_digest(answer);
  auto wanted = body->digest();
  if (!wanted) {
    return failed(std::move(wanted));
  }
  if (!digest || *digest != *wanted) {
    return failed(Code::model_rejected,
                  {"the service holds another model than the one that was sent (the file may have changed meanwhile): "
                   "upload it again"});
  }
  return answer;
}

Outcome<std::optional<Digest>> PooledClient::effective_pin(const std::string& model_id,
                                                           const std::optional<Digest>& pin) const {
  const auto found = policy_.model_pins.find(model_id);
  const bool in_policy = found != policy_.model_pins.end();
  if (in_policy ? (!pin || *pin == found->second) : (pin || policy_.unpinned_models_allowed)) {
    return in_policy ? found->second : pin;
  }
  evidence::Report made = report();
  made.fail("model_pin", in_policy ? found->second.text() : "a digest in [models] of the policy, or of an upload",
            pin ? pin->text() : "none", "policy");
  return std::unexpected(Failure{
      Error{
          Code::attestation_failed,
          {"the policy does not allow the model {} with this digest, or without one: pin it in [models] of the policy",
           Disclosed(model_id)}},
      std::move(made)});
}

Outcome<PooledClient::Specs> PooledClient::model_inputs(const std::string& model_id, bool anew) {
  if (!anew) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = specs_.find(model_id); found != specs_.end()) {
      return found->second;
    }
  }
  http::ClientRequest request{.method = "GET", .target = "/v2/models/" + percent_encode(model_id)};
  auto response = exchange(std::move(request), max_json_answer_bytes);
  if (!response) {
    return std::unexpected(std::move(response).error());
  }
  auto metadata = parse_metadata(response->body);
  if (!metadata) {
    return failed(std::move(metadata));
  }
  const std::scoped_lock lock(mutex_);
  if (specs_.size() >= max_cached_models) {
    specs_.clear();
  }
  specs_[model_id] = metadata->inputs;
  return std::move(metadata->inputs);
}

// Names given by position are filled in. Errors: invalid_argument.
Result<std::vector<Tensor>> named(std::vector<Tensor> inputs, const std::vector<TensorSpec>& specs) {
  const bool by_position = std::ranges::all_of(inputs, [](const Tensor& tensor) { return tensor.name.empty(); });
  if (!by_position) {
    return inputs;
  }
  if (inputs.size() != specs.size()) {
    std::string names;
    for (const auto& spec : specs) {
      names += (names.empty() ? "" : ", ") + spec.name;
    }
    return fail(Code::invalid_argument,
                {"the model takes {} inputs ({}) and {} were given: give a dict by input name, or as many tensors",
                 specs.size(), Disclosed(names), inputs.size()});
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].name = specs[i].name;
  }
  return inputs;
}

Result<void> check_inputs(const std::vector<Tensor>& inputs, const std::vector<TensorSpec>& specs) {
  std::vector<v2::InputHead> heads;
  heads.reserve(inputs.size());
  for (const auto& tensor : inputs) {
    heads.push_back({.name = tensor.name,
                     .datatype = tensor.datatype,
                     .shape = tensor.shape,
                     .byte_size = tensor.data.size(),
                     .binary = true});
  }
  BLINDAI_TRY([[maybe_unused]] const auto order, v2::match_inputs(heads, specs));
  return {};
}

// Inputs with names, types and shapes that the model takes: a mistake is found before a byte of them is sent. Metadata
// that is remembered may be of a model that was replaced meanwhile, so a mistake is looked at twice.
Outcome<std::vector<Tensor>> PooledClient::fit_inputs(const std::string& model_id, const std::vector<Tensor>& inputs) {
  for (const bool anew : {false, true}) {
    auto specs = model_inputs(model_id, anew);
    if (!specs) {
      return std::unexpected(std::move(specs).error());
    }
    auto fitted = named(inputs, *specs);
    const auto checked = fitted ? check_inputs(*fitted, *specs) : Result<void>(std::unexpected(fitted.error()));
    if (checked) {
      return std::move(*fitted);
    }
    if (anew) {
      return std::unexpected(Failure{checked.error()});
    }
  }
  return failed(Code::internal, {"internal error"});
}

Outcome<Prediction> PooledClient::predict(const std::string& model_id, const std::vector<Tensor>& inputs,
                                          const std::optional<Digest>& pin) {
  if (inputs.empty() || inputs.size() > max_inputs) {
    return failed(Code::invalid_argument, {"a request has 1 to {} inputs", max_inputs});
  }
  for (const auto& tensor : inputs) {
    const bool whole =
        tensor.datatype != DataType::bytes || holds_elements(tensor.data, element_count(tensor.shape).value_or(0));
    if (!size_fits(tensor.datatype, tensor.shape, tensor.data.size()) || !whole) {
      return failed(
          Code::invalid_argument,
          {"the data of the input {} does not have the size of its shape and datatype", Disclosed(tensor.name)});
    }
  }
  auto wanted = effective_pin(model_id, pin);
  if (!wanted) {
    return std::unexpected(std::move(wanted).error());
  }
  auto fitted = fit_inputs(model_id, inputs);
  if (!fitted) {
    return std::unexpected(std::move(fitted).error());
  }
  std::vector<v2::RequestTensor> heads;
  for (const auto& tensor : *fitted) {
    heads.push_back({tensor.name, tensor.datatype, tensor.shape, tensor.data.size()});
  }
  const std::string json = v2::encode_request(heads, {});
  http::ClientRequest request{
      .method = "POST", .target = "/v2/models/" + percent_encode(model_id) + "/infer", .body = {as_bytes(json)}};
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  request.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json.size()));
  if (*wanted) {
    request.headers.emplace_back("Blindai-Model-Digest", (*wanted)->text());
  }
  for (const auto& tensor : *fitted) {
    request.body.push_back(tensor.data);
  }
  auto response = exchange(std::move(request), max_predict_answer_bytes);
  if (!response) {
    forget_inputs(model_id);
    return std::unexpected(std::move(response).error());
  }
  auto prediction = parse_prediction(std::move(*response), *wanted);
  if (!prediction) {
    return failed(std::move(prediction));
  }
  return std::move(*prediction);
}

}  // namespace

Outcome<std::unique_ptr<Client>> Client::connect(Options options) {
  auto endpoint = parse_url(options.url);
  if (!endpoint) {
    return failed(std::move(endpoint));
  }
  if (!options.policy.identity) {
    return failed(Code::invalid_argument, {"the policy has no [identity] section, which a connection needs"});
  }
  std::optional<auth::ApiKey> key;
  if (!options.api_key.empty()) {
    auto parsed = auth::ApiKey::parse(options.api_key);
    if (!parsed) {
      return failed(Code::unauthenticated,
                    {"the API key is not one: it looks like bk_<16 hex digits>_<43 characters>"});
    }
    key = std::move(*parsed);
  }
  auto client = std::make_unique<PooledClient>(std::move(options), std::move(*endpoint), std::move(key));
  auto started = client->start();
  if (!started) {
    return std::unexpected(std::move(started).error());
  }
  return client;
}

}  // namespace blindai::client
