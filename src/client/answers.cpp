#include "client/answers.h"

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "v2/infer.h"

namespace blindai::client {
namespace {

constexpr std::size_t max_sentence_bytes = 4096;
constexpr std::size_t max_tensors = 64;
constexpr std::string_view json_length_header = "Inference-Header-Content-Length";
constexpr std::string_view digest_header = "Blindai-Model-Digest";

std::unexpected<Error> strange(const char* what) {
  return fail(Code::unavailable, {"the service gave an answer that cannot be understood"}, Detail{what});
}

PublicText sentence(Code code, int status) {
  switch (code) {
    case Code::unauthenticated:
      return {"the service does not accept the API key: check api_key=, or api_key_file in the profile"};
    case Code::permission_denied:
      return {"the API key does not allow this"};
    case Code::not_found:
      return {"there is no such model for this API key"};
    case Code::already_exists:
      return {"the model is not in the state that this needs"};
    case Code::too_large:
      return {"over a limit of the service"};
    case Code::resource_exhausted:
      return {"a quota or a queue of the service is full; try again later"};
    case Code::model_rejected:
      return {"the service refused the model"};
    case Code::invalid_argument:
      return {"the service refused the request"};
    case Code::deadline_exceeded:
      return {"the service did not answer in time"};
    case Code::unavailable:
      return {"the service cannot answer now (HTTP status {}); try again later", status};
    default:
      return {"the service answered with HTTP status {}", status};
  }
}

Result<TensorSpec> parse_spec(const json::Value& value) {
  TensorSpec spec;
  const auto* name = value.text("name");
  const auto* datatype = value.text("datatype");
  const auto* shape_value = value.find("shape");
  const auto* shape = shape_value == nullptr ? nullptr : shape_value->as<json::Array>();
  const auto type = datatype == nullptr ? std::nullopt : datatype_from_name(*datatype);
  if (name == nullptr || shape == nullptr || !type || shape->size() > max_rank) {
    return strange("metadata: name, datatype or shape of an input");
  }
  spec.name = *name;
  spec.datatype = *type;
  for (const auto& item : *shape) {
    const auto* dimension = item.as<std::int64_t>();
    if (dimension == nullptr || *dimension < -1) {
      return strange("metadata: a dimension");
    }
    spec.shape.push_back(*dimension);
  }
  return spec;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  // json::quote replaces what is not UTF-8 and escapes controls; what is parsed back is clean text.
  const auto clean = json::parse(json::quote(text.substr(0, max_sentence_bytes)));
  const auto* parsed = clean ? clean->as<std::string>() : nullptr;
  if (parsed == nullptr) {
    return out;
  }
  for (const char c : *parsed) {
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out;
}

std::optional<std::chrono::seconds> retry_after_of(const http::ClientResponse& response) {
  constexpr std::uint32_t longest = 7 * 24 * 3600;
  const std::string* text = response.find("Retry-After");
  const bool later =
      response.status == http_status(Code::unavailable) || response.status == http_status(Code::resource_exhausted);
  std::uint32_t seconds = 0;
  if (!later || text == nullptr || text->empty() || text->size() > 9) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size()) {
    return std::nullopt;
  }
  return std::chrono::seconds(std::min(seconds, longest));
}

Failure failure_of(const http::ClientResponse& response) {
  const Code code = code_of_http_status(response.status);
  Failure failure{Error{code, sentence(code, response.status)}};
  failure.retry_after = retry_after_of(response);
  if (response.body.size() <= 64 * max_sentence_bytes) {
    if (const auto document = json::parse(as_text(response.body))) {
      if (const auto* text = document->text("error")) {
        failure.answer = printable(*text);
      }
    }
  }
  return failure;
}

Result<Metadata> parse_metadata(ByteView bytes) {
  BLINDAI_TRY(const json::Value document, json::parse(as_text(bytes)));
  const auto* inputs_value = document.find("inputs");
  const auto* inputs = inputs_value == nullptr ? nullptr : inputs_value->as<json::Array>();
  if (inputs == nullptr || inputs->size() > max_tensors) {
    return strange("metadata: inputs");
  }
  Metadata out;
  for (const auto& item : *inputs) {
    BLINDAI_TRY(TensorSpec spec, parse_spec(item));
    out.inputs.push_back(std::move(spec));
  }
  return out;
}

Result<Prediction> parse_prediction(http::ClientResponse response, const std::optional<Digest>& pin) {
  Prediction out;
  if (const auto* digest = response.find(digest_header)) {
    const auto parsed = Digest::from_text(*digest);
    if (!parsed) {
      return strange("prediction: the digest of the model");
    }
    out.model_digest = parsed->text();
    if (pin && *parsed != *pin) {
      return fail(Code::model_rejected, {"another model answered than the one that was pinned"});
    }
  } else if (pin) {
    return fail(Code::model_rejected, {"the service did not say which model answered, and the model is pinned"});
  }
  std::size_t json_bytes = response.body.size();
  if (const auto* header = response.find(json_length_header)) {
    const auto [end, error] = std::from_chars(header->data(), header->data() + header->size(), json_bytes);
    if (header->empty() || error != std::errc{} || end != header->data() + header->size() ||
        json_bytes > response.body.size()) {
      return strange("prediction: length of the JSON part");
    }
  }
  const std::size_t binary_bytes = response.body.size() - json_bytes;
  v2::Limits limits;
  limits.request_bytes = max_predict_answer_bytes;
  auto answer = v2::parse_answer(ByteView(response.body).first(json_bytes), binary_bytes, limits);
  if (!answer) {
    return fail(Code::unavailable, {"the service gave an answer that cannot be understood"},
                Detail{answer.error().message.str()});
  }
  // A vector keeps its memory when moved: the views stay good.
  out.body = std::move(response.body);
  // parse_answer() placed each output inside the binary part, in the size of its shape.
  for (auto& tensor : answer->outputs) {
    const ByteView data = ByteView(out.body).subspan(json_bytes + tensor.offset, tensor.size);
    if (tensor.datatype == DataType::bytes && !holds_elements(data, element_count(tensor.shape).value_or(0))) {
      return strange("prediction: elements of BYTES");
    }
    out.outputs.push_back({std::move(tensor.name), tensor.datatype, std::move(tensor.shape), data});
  }
  return out;
}

Result<Digest> uploaded_digest(std::string_view text) {
  BLINDAI_TRY(const json::Value document, json::parse(text));
  const auto* digest = document.text("digest");
  const auto parsed = digest == nullptr ? std::nullopt : Digest::from_text(*digest);
  if (!parsed) {
    return strange("upload: no digest");
  }
  return *parsed;
}

}  // namespace blindai::client
