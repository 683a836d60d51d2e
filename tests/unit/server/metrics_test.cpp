#include "server/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "crypto/crypto.h"
#include "server/config.h"

namespace blindai::server {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

bool has(const std::string& text, const std::string& line) {
  const auto lines = lines_of(text);
  return std::ranges::find(lines, line) != lines.end();
}

TEST(TheMetrics, TellWhatWasCounted) {
  const auto totals = std::make_shared<Totals>();
  Statistics one(totals);
  one.succeeded({.rows = 3, .total = 10ms, .queue = 1ms, .input = 2ms, .infer = 7ms, .output = 1us});
  one.failed(Code::cancelled, 1ms);
  one.executed(3, 2ms, 7ms, 1us);
  Counted counted;
  counted.sums = totals->sum();
  counted.models = 4;
  counted.workers[1] = 2;
  const std::string text = exposition(counted);
  EXPECT_TRUE(has(text, "nv_inference_request_success 1"));
  EXPECT_TRUE(has(text, "nv_inference_count 1"));
  EXPECT_TRUE(has(text, "nv_inference_exec_count 1"));
  EXPECT_TRUE(has(text, "nv_inference_request_failure{reason=\"CANCELED\"} 1"));
  EXPECT_TRUE(has(text, "nv_inference_request_failure{reason=\"REJECTED\"} 0"));
  EXPECT_TRUE(has(text, "nv_inference_request_duration_us 10000"));
  EXPECT_TRUE(has(text, "nv_inference_compute_infer_duration_us 7000"));
  EXPECT_TRUE(has(text, "blindai_models 4"));
  EXPECT_TRUE(has(text, "blindai_workers{state=\"ready\"} 2"));
  EXPECT_TRUE(has(text, "blindai_request_seconds_bucket{le=\"0.005\"} 0"));
  EXPECT_TRUE(has(text, "blindai_request_seconds_bucket{le=\"0.01\"} 1"));
  EXPECT_TRUE(has(text, "blindai_request_seconds_bucket{le=\"+Inf\"} 1"));
  EXPECT_TRUE(has(text, "blindai_request_seconds_count 1"));
  EXPECT_TRUE(has(text, "blindai_request_seconds_sum 0.010000000"));
}

TEST(TheMetrics, DoNotFallWhenAModelGoes) {
  const auto totals = std::make_shared<Totals>();
  auto gone = std::make_unique<Statistics>(totals);
  Statistics stays(totals);
  gone->succeeded({.total = 1ms});
  stays.succeeded({.total = 1ms});
  gone.reset();
  EXPECT_EQ(totals->sum().success.count, 2U);
  EXPECT_EQ(totals->sum().request_seconds.ns, 2'000'000U);
}

TEST(TheMetrics, CountWhoWaits) {
  const auto totals = std::make_shared<Totals>();
  const auto statistics = std::make_shared<Statistics>(totals);
  {
    Statistics::Waiting first(statistics);
    const Statistics::Waiting moved(std::move(first));
    EXPECT_EQ(totals->sum().pending, 1U);
  }
  EXPECT_EQ(totals->sum().pending, 0U);
}

// Every line is of the list, has no label but its words, and every metric of the list is there.
TEST(TheMetrics, AreThoseOfTheListAndNoOthers) {
  std::set<std::string> seen;
  for (const std::string& line : lines_of(exposition({}))) {
    if (line.starts_with("#")) {
      continue;
    }
    const std::string name = line.substr(0, line.find_first_of("{ "));
    const auto metric = std::ranges::find_if(metric_list(), [&name](const Metric& each) {
      return name == each.name ||
             (each.type == MetricType::histogram && name.starts_with(std::string(each.name) + "_"));
    });
    ASSERT_NE(metric, metric_list().end()) << line;
    seen.insert(metric->name);
    if (line.contains('{')) {
      EXPECT_TRUE(line.contains(metric->type == MetricType::histogram ? "{le=\"" : std::string("{") + metric->label))
          << line;
    }
  }
  EXPECT_EQ(seen.size(), metric_list().size());
}

TEST(TheMetrics, HaveTheirDigestInTheKeyset) {
  const cbor::Map config = security_configuration({}, {});
  EXPECT_EQ(cbor::encode(config.at("metrics")),
            cbor::encode(cbor::Value(crypto::sha256(cbor::encode(metrics_document())))));
}

}  // namespace
}  // namespace blindai::server
