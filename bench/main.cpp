#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/fd.h"
#include "bench/http_load.h"
#include "bench/samples.h"

namespace blindai::bench {
namespace {

struct Arguments {
  LoadShape shape;
  Target target;
  std::string policy_file;
  std::string key_file;
  std::string model;
  std::vector<std::string> inputs;
  unsigned threads = 0;
  unsigned parallel = 1;
  unsigned count = 50;
  std::uint64_t bytes = 256;
  HttpTarget http;
  std::string body_file;
};

Result<std::vector<Input>> inputs_of(const Arguments& arguments) {
  std::vector<Input> inputs;
  for (const auto& text : arguments.inputs) {
    BLINDAI_TRY(Input input, parse_input(text));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Result<Target> target_of(const Arguments& arguments) {
  constexpr std::size_t limit = 64 * 1024;
  Target target = arguments.target;
  BLINDAI_TRY(const Bytes policy, read_file(arguments.policy_file.c_str(), limit));
  target.policy_toml = as_text(policy);
  if (!arguments.key_file.empty()) {
    BLINDAI_TRY(const Bytes key, read_file(arguments.key_file.c_str(), limit));
    target.api_key = as_text(key);
    target.api_key.erase(target.api_key.find_last_not_of(" \r\n") + 1);
  }
  return target;
}

void add_shape(CLI::App& app, LoadShape& shape) {
  app.add_option("--callers", shape.callers, "threads that each call, wait and call again")->check(CLI::Range(1, 1024));
  app.add_option("--seconds", shape.seconds, "counted time")->check(CLI::Range(0.1, 300.0));
  app.add_option("--warmup", shape.warmup_seconds, "time before it")->check(CLI::Range(0.0, 60.0));
}

void add_rate(CLI::App& app, LoadShape& shape) {
  app.add_option("--rate", shape.rate, "open loop: requests a second in all, whether answered or not")
      ->check(CLI::Range(0.1, 1e6));
  app.add_flag("!--even", shape.random_times, "open loop: at equal distances, not at random times");
}

void add_target(CLI::App& app, Arguments& arguments) {
  app.add_option("--url", arguments.target.url, "https://host:port of the server")->required();
  app.add_option("--policy", arguments.policy_file, "policy file")->required();
  app.add_option("--key-file", arguments.key_file, "file with the API key");
}

using Sample = std::function<Result<json::Object>(const Arguments&)>;

Result<json::Object> sample_engine(const Arguments& a) {
  BLINDAI_TRY(const auto inputs, inputs_of(a));
  return engine_loop(a.model, inputs, a.threads, a.parallel, a.shape);
}

Result<json::Object> sample_predict(const Arguments& a) {
  BLINDAI_TRY(const auto inputs, inputs_of(a));
  BLINDAI_TRY(const auto target, target_of(a));
  return predict_load(target, a.model, inputs, a.shape);
}

Result<json::Object> sample_http(const Arguments& a) {
  constexpr std::size_t limit = 256 * 1024 * 1024;
  HttpTarget target = a.http;
  BLINDAI_TRY(target.body, read_file(a.body_file.c_str(), limit));
  return http_load(target, a.shape);
}

// A peer that neither answers nor closes must not hold a measurement up.
void end_in_time(const LoadShape& shape) {
  constexpr double grace_seconds = 120;
  ::alarm(static_cast<unsigned>(shape.seconds + shape.warmup_seconds + grace_seconds));
}

int run(int argc, char** argv) {
  Arguments a;
  Sample sample;
  CLI::App app{"One sample of one measurement, as JSON. `blindai bench` and bench/run.py run it."};
  app.require_subcommand(1);

  auto* engine = app.add_subcommand("engine", "the engine alone, in a loop");
  engine->add_option("--model", a.model, "ONNX file")->required();
  engine->add_option("--input", a.inputs, "NAME=DATATYPE[dim,dim]")->required();
  engine->add_option("--threads", a.threads, "threads of a run; 0: all CPUs");
  engine->add_option("--parallel", a.parallel, "runs at a time")->check(CLI::Range(1, 64));
  add_shape(*engine, a.shape);
  engine->callback([&] { sample = sample_engine; });

  auto* predict = app.add_subcommand("predict", "closed or open loop through a verified client");
  add_target(*predict, a);
  predict->add_option("--model", a.model, "model id")->required();
  predict->add_option("--input", a.inputs, "NAME=DATATYPE[dim,dim]")->required();
  add_shape(*predict, a.shape);
  add_rate(*predict, a.shape);
  predict->callback([&] { sample = sample_predict; });

  auto* http = app.add_subcommand("http", "closed or open loop over plain HTTP or TLS, to compare with other servers");
  http->add_option("--url", a.http.url, "http://host:port/path, or https, of which nothing is verified")->required();
  http->add_option("--header", a.http.headers, "'Name: value'; may be repeated");
  http->add_option("--body-file", a.body_file, "body of each POST")->required();
  http->add_option("--answer-bytes", a.http.answer_bytes, "an answer with fewer is a failure");
  add_shape(*http, a.shape);
  add_rate(*http, a.shape);
  http->callback([&] { sample = sample_http; });

  auto* connect = app.add_subcommand("connect", "connect, verify and send the first request");
  add_target(*connect, a);
  connect->add_option("--count", a.count, "how often")->check(CLI::Range(1, 10000));
  connect->callback([&] {
    sample = [](const Arguments& x) -> Result<json::Object> {
      BLINDAI_TRY(const auto target, target_of(x));
      return connect_probe(target, x.count);
    };
  });

  std::string path;
  auto* upload = app.add_subcommand("upload", "upload one file");
  add_target(*upload, a);
  upload->add_option("--file", path, "ONNX file")->required();
  upload->add_option("--model", a.model, "model id")->required();
  upload->callback([&] {
    sample = [&path](const Arguments& x) -> Result<json::Object> {
      BLINDAI_TRY(const auto target, target_of(x));
      return upload_probe(target, path, x.model);
    };
  });

  auto* echo = app.add_subcommand("tls-echo", "raw TLS 1.3 echo on loopback");
  echo->add_option("--bytes", a.bytes, "message size")->check(CLI::Range(1, 256 * 1024 * 1024));
  add_shape(*echo, a.shape);
  echo->callback([&] { sample = [](const Arguments& x) { return tls_echo(x.bytes, x.shape); }; });

  auto* sink = app.add_subcommand("tls-sink", "raw TLS 1.3 upload on loopback");
  sink->add_option("--bytes", a.bytes, "how much")->required();
  sink->callback([&] { sample = [](const Arguments& x) { return tls_sink(x.bytes); }; });

  auto* handshake = app.add_subcommand("tls-handshake", "full TLS 1.3 handshakes on loopback");
  handshake->add_option("--count", a.count, "how often")->check(CLI::Range(1, 10000));
  handshake->callback([&] { sample = [](const Arguments& x) { return tls_handshake(x.count); }; });

  CLI11_PARSE(app, argc, argv);
  end_in_time(a.shape);
  const auto result = sample(a);
  if (!result) {
    fmt::print(stderr, "blindai-bench: {} ({})\n", result.error().message.str(), result.error().detail.text);
    return 1;
  }
  fmt::print("{}\n", json::write(*result));
  return 0;
}

}  // namespace
}  // namespace blindai::bench

int main(int argc, char** argv) {
  try {
    return blindai::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fputs(error.what(), stderr);
    return 1;
  }
}
