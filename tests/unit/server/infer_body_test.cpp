// Bodies of requests for inference: JSON part and tensors, whatever the framing.
#include "server/infer_body.h"

#include <gtest/gtest.h>

#include "http/sent.h"
#include "http/zipped.h"

namespace blindai::server {
namespace {

using http::Sent;
using http::wait;

struct InferenceBody : testing::Test {
  boost::asio::io_context io;
  Config config;
  JsonBudget budget;
  std::vector<TensorSpec> inputs{{"x", DataType::fp32, {-1, 2}}};
  std::string json = R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}]})";

  InferenceBody() {
    config.json_bytes = 1000;
    config.request_bytes = 2000;
  }

  struct Form {
    std::string coding;
    bool chunked = false;
    std::size_t piece = 1 << 20;
  };
  const std::vector<Form> forms = {{"", false}, {"", true}, {"", true, 1}, {"gzip", false}, {"gzip", true, 7}};

  // The tensors of the request, one after the other.
  http::Task<Result<Bytes>> read(http::Exchange& exchange) {
    BLINDAI_CO_TRY(InferBody body, InferBody::open(exchange, config));
    JsonBudget::Held held(budget);
    BLINDAI_CO_TRY(const auto request, co_await body.read_request(inputs, held));
    Bytes all;
    for (std::size_t input = 0; input < request.inputs().size(); ++input) {
      Bytes place(request.inputs()[input].byte_size);
      BLINDAI_CO_CHECK(co_await body.read_tensor(request, input, place));
      append(all, place);
    }
    co_return all;
  }
  Result<Bytes> read(const std::string& text, std::optional<std::uint64_t> json_size, const Form& form) {
    const Bytes plain = copy(as_bytes(text));
    Sent exchange(io, form.coding.empty() ? plain : http::zipped(plain), form.coding, form.chunked, form.piece);
    if (json_size) {
      exchange.add("Inference-Header-Content-Length", std::to_string(*json_size));
    }
    return wait(io, read(exchange));
  }
  static std::string text(const Result<Bytes>& result) {
    return result ? std::string(as_text(*result)) : result.error().message.str();
  }
  static Code code(const Result<Bytes>& result) { return result ? Code::internal : result.error().code; }
};

TEST_F(InferenceBody, IsReadInEveryFraming) {
  const std::string plain = R"({"inputs":[{"name":"x","datatype":"UINT8","shape":[1,2],"data":[65,66]}]})";
  const std::string mixed = R"({"inputs":[{"name":"a","datatype":"UINT8","shape":[2],"data":[65,66]},)"
                            R"({"name":"b","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}},)"
                            R"({"name":"c","datatype":"UINT8","shape":[1],"data":[67]}]})";
  for (const Form& form : forms) {
    EXPECT_EQ(text(read(plain, std::nullopt, form)), "AB") << form.coding << form.chunked;
    EXPECT_EQ(text(read(json + "12345678", json.size(), form)), "12345678") << form.coding << form.chunked;
    EXPECT_EQ(text(read(mixed + "12345678", mixed.size(), form)), "AB12345678C") << form.coding << form.chunked;
  }
}

TEST_F(InferenceBody, IsAsLongAsItsParts) {
  const std::string none = R"({"inputs":[]})";
  for (const Form& form : forms) {
    EXPECT_EQ(code(read(json + "1234567", json.size(), form)), Code::invalid_argument) << form.coding << form.chunked;
    EXPECT_EQ(code(read(json + "123456789", json.size(), form)), Code::invalid_argument);
    EXPECT_EQ(code(read(json + "12345678", json.size() + 1, form)), Code::invalid_argument);
    EXPECT_EQ(code(read(json + "12345678", json.size() - 1, form)), Code::invalid_argument);
    EXPECT_EQ(code(read(json + "12345678", json.size() + 9, form)), Code::invalid_argument);
    EXPECT_EQ(code(read(json, std::nullopt, form)), Code::invalid_argument);
    EXPECT_EQ(code(read("", std::nullopt, form)), Code::invalid_argument);
    EXPECT_EQ(text(read(none, none.size(), form)), "");
    EXPECT_EQ(code(read(none + "1", none.size(), form)), Code::invalid_argument);
  }
}

TEST_F(InferenceBody, MayBeOneTensorAlone) {
  for (const Form& form : forms) {
    inputs = {{"x", DataType::fp32, {-1, 2}}};
    EXPECT_EQ(text(read("12345678abcdefgh", 0, form)), "12345678abcdefgh") << form.coding << form.chunked;
    EXPECT_EQ(text(read("", 0, form)), "");
    EXPECT_EQ(code(read("1234567", 0, form)), Code::invalid_argument);
    inputs = {{"x", DataType::bytes, {-1}}};
    using std::string_literals::operator""s;
    EXPECT_EQ(text(read("two words", 0, form)), "\x09\0\0\0two words"s) << form.coding << form.chunked;
    EXPECT_EQ(text(read("", 0, form)), "\0\0\0\0"s);
  }
}

TEST_F(InferenceBody, IsBounded) {
  const auto padded = [&](std::size_t size) { return std::string(size - json.size(), ' ') + json; };
  for (const Form& form : forms) {
    EXPECT_EQ(code(read(padded(1000), std::nullopt, form)), Code::invalid_argument);  // its tensor is missing
    EXPECT_EQ(code(read(padded(1001), std::nullopt, form)), Code::too_large) << form.coding << form.chunked;
    EXPECT_EQ(text(read(padded(1000) + "12345678", 1000, form)), "12345678");
    EXPECT_EQ(code(read(padded(1001) + "12345678", 1001, form)), Code::too_large);
  }
  EXPECT_TRUE(read(std::string(2000, 'x'), 0, forms[0]));
  EXPECT_EQ(code(read(std::string(2008, 'x'), 0, forms[0])), Code::too_large);
  EXPECT_TRUE(read(std::string(1000, 'x'), 0, forms[1]));  // gathered as a JSON part is
  EXPECT_EQ(code(read(std::string(1008, 'x'), 0, forms[1])), Code::too_large);
}

TEST_F(InferenceBody, CountsTheJsonOfAllRequestsTogether) {
  constexpr std::uint64_t all = std::uint64_t{256} << 20U;
  JsonBudget::Held first(budget);
  EXPECT_TRUE(first.take(all - 2));
  {
    JsonBudget::Held second(budget);
    EXPECT_TRUE(second.take(2));
    EXPECT_EQ(second.take(1).error().code, Code::resource_exhausted);
  }
  JsonBudget::Held third(budget);
  EXPECT_TRUE(third.take(2));
  EXPECT_EQ(code(read(json + "12345678", json.size(), forms[0])), Code::resource_exhausted);
}

}  // namespace
}  // namespace blindai::server
