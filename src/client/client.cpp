#include "client/client.h"

#include <map>
#include <mutex>

#include "client/answers.h"
#include "client/fit.h"
#include "client/model_body.h"
#include "client/pool.h"
#include "client/url.h"
#include "v2/infer.h"

namespace blindai::client {
namespace {

constexpr std::size_t max_cached_models = 256;

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
                  .connect_timeout = options.connect_timeout,
                  .clock = system_clock(),
                  .collateral = collateral_},
        calls_(std::move(options.calls)),
        pool_(settings_, options.max_idle_connections) {}

  Outcome<void> start() {
    const Bounds bounds = bounds_of(calls_);
    auto session = pool_.take(bounds, calls_.retries);
    if (!session) {
      return std::unexpected(std::move(session).error());
    }
    pool_.give_back(std::move(*session));
    return {};
  }

  evidence::Report report() const override { return pool_.report(); }
  Outcome<std::string> upload(const std::vector<ModelFile>& files, const std::string& model_id, bool save,
                              const Progress& progress, const CallOptions* own, const std::string& weights) override;
  Outcome<Prediction> predict(const std::string& model_id, const std::vector<Tensor>& inputs,
                              const std::optional<Digest>& pin, const CallOptions* own) override;
  Outcome<std::string> call(const std::string& method, const std::string& target, const std::string& json_body,
                            const CallOptions* own) override;
  void close() override { pool_.close(); }

 private:
  using Specs = std::vector<TensorSpec>;

  // One call: its options, and when it is to be over.
  struct Call {
    const CallOptions& options;
    Bounds bounds;
  };
  static Bounds bounds_of(const CallOptions& options) {
    return {.deadline = Steady::now() + options.timeout, .interrupted = options.interrupted};
  }
  Call begin(const CallOptions* own) const {
    const CallOptions& options = own == nullptr ? calls_ : *own;
    return {.options = options, .bounds = bounds_of(options)};
  }
  Outcome<http::ClientResponse> exchange(http::ClientRequest& request, std::size_t max_answer_bytes, const Call& call,
                                         Repeatable repeatable) {
    return pool_.exchange(request, max_answer_bytes, call.bounds, call.options.retries, repeatable);
  }
  Outcome<std::optional<Digest>> effective_pin(const std::string& model_id, const std::optional<Digest>& pin) const;
  Outcome<Specs> model_inputs(const std::string& model_id, bool anew, const Call& call);
  Outcome<std::vector<Tensor>> fit_inputs(const std::string& model_id, const std::vector<Tensor>& inputs,
                                          const Call& call);
  void forget_inputs(const std::string& model_id) {
    const std::scoped_lock lock(mutex_);
    specs_.erase(model_id);
  }

  const evidence::Policy policy_;
  const std::optional<auth::ApiKey> key_;
  KnownCollateral collateral_;
  const SessionSettings settings_;
  const CallOptions calls_;
  SessionPool pool_;
  std::mutex mutex_;                    // guards the member below
  std::map<std::string, Specs> specs_;  // inputs of models, so that a caller need not name them
};

Outcome<std::string> PooledClient::call(const std::string& method, const std::string& target,
                                        const std::string& json_body, const CallOptions* own) {
  http::ClientRequest request{.method = method, .target = target};
  if (!json_body.empty()) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body.push_back(as_bytes(json_body));
  }
  const bool reads = method == "GET" || method == "HEAD";
  auto response = exchange(request, max_json_answer_bytes, begin(own), reads ? Repeatable::yes : Repeatable::no);
  if (!response) {
    return std::unexpected(std::move(response).error());
  }
  if (!reads) {
    const std::scoped_lock lock(mutex_);
    specs_.clear();
  }
  return std::string(as_text(response->body));
}

Outcome<std::string> PooledClient::upload(const std::vector<ModelFile>& files, const std::string& model_id, bool save,
                                          const Progress& progress, const CallOptions* own,
                                          const std::string& weights) {
  const CallOptions& options = own == nullptr ? calls_ : *own;
  auto body = ModelBody::open(files, options.interrupted);
  if (!body) {
    return failed(std::move(body));
  }
  // Hashing a bundle may have taken long: what follows has time of its own.
  const Call call = begin(own);
  auto session = pool_.take(call.bounds, options.retries);
  if (!session) {
    return std::unexpected(std::move(session).error());
  }
  forget_inputs(model_id);
  auto& stream = (*session)->stream();
  std::uint64_t sent = body->head().size();
  http::ClientRequest request{.method = "POST",
                              .target = "/blindai/v1/models?id=" + percent_encode(model_id) + (save ? "&save=1" : "") +
                                        (weights.empty() ? "" : "&weights=" + percent_encode(weights)),
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
    if (options.interrupted && options.interrupted()) {
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
    stream.set_deadline(Steady::now() + (last ? options.load : options.timeout));
    return got;
  };
  request.all_sent = [&] {
    if (progress) {
      progress(sent, body->total_bytes());
    }
  };
  stream.set_deadline(Steady::now() + options.timeout);
  auto response = (*session)->send(request, max_json_answer_bytes);
  pool_.give_back(std::move(*session));
  if (file_error) {
    return std::unexpected(Failure{std::move(*file_error)});
  }
  if (!response) {
    return failed(std::move(response));
  }
  if (response->status < 200 || response->status >= 300) {
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

Outcome<PooledClient::Specs> PooledClient::model_inputs(const std::string& model_id, bool anew, const Call& call) {
  if (!anew) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = specs_.find(model_id); found != specs_.end()) {
      return found->second;
    }
  }
  http::ClientRequest request{.method = "GET", .target = "/v2/models/" + percent_encode(model_id)};
  auto response = exchange(request, max_json_answer_bytes, call, Repeatable::yes);
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

// A mistake is found before a byte of the inputs is sent. Metadata that is remembered may be of a model that was replaced
// meanwhile, so a mistake is looked at twice.
Outcome<std::vector<Tensor>> PooledClient::fit_inputs(const std::string& model_id, const std::vector<Tensor>& inputs,
                                                      const Call& call) {
  auto specs = model_inputs(model_id, false, call);
  auto fitted = specs ? fit(inputs, *specs) : Result<std::vector<Tensor>>();
  if (specs && !fitted) {
    specs = model_inputs(model_id, true, call);
    fitted = specs ? fit(inputs, *specs) : Result<std::vector<Tensor>>();
  }
  if (!specs) {
    return std::unexpected(std::move(specs).error());
  }
  if (!fitted) {
    return failed(std::move(fitted));
  }
  return std::move(*fitted);
}

Outcome<Prediction> PooledClient::predict(const std::string& model_id, const std::vector<Tensor>& inputs,
                                          const std::optional<Digest>& pin, const CallOptions* own) {
  const auto sizes = check_sizes(inputs);
  if (!sizes) {
    return std::unexpected(Failure{sizes.error()});
  }
  auto wanted = effective_pin(model_id, pin);
  if (!wanted) {
    return std::unexpected(std::move(wanted).error());
  }
  const Call call = begin(own);
  auto fitted = fit_inputs(model_id, inputs, call);
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
  auto response = exchange(request, max_predict_answer_bytes, call, Repeatable::yes);
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
