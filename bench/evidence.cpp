// blindai-evidence-bench: what an appraisal costs, beside the signature checks that it cannot do without. One thread.
//
// Inputs are real evidence where $BLINDAI_TEST_DATA (default: ../shared beside the sources) has it; the program ends with 2
// and says so where it does not. The counters: signature checks of one appraisal, and the most heap that it held, in a run
// that is not timed.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "base/fd.h"
#include "crypto/public_key.h"
#include "evidence/appraise.h"
#include "evidence/dcap/quote.h"
#include "evidence/snp/report.h"
#include "evidence/x509/certificate.h"

namespace {

bool counting = false;  // one thread: nothing else runs while it is set
std::size_t held = 0;
std::size_t most_held = 0;
constexpr std::size_t header = 16;

void* counted(std::size_t size) {
  void* block = std::malloc(size + header);  // NOLINT(cppcoreguidelines-no-malloc)
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  *static_cast<std::size_t*>(block) = size;
  if (counting) {
    held += size;
    most_held = std::max(most_held, held);
  }
  return static_cast<char*>(block) + header;
}

void uncounted(void* pointer) {
  if (pointer != nullptr) {
    void* block = static_cast<char*>(pointer) - header;
    held -= counting ? *static_cast<std::size_t*>(block) : 0;
    std::free(block);  // NOLINT(cppcoreguidelines-no-malloc)
  }
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void operator delete(void* pointer) noexcept { uncounted(pointer); }
void operator delete(void* pointer, std::size_t) noexcept { uncounted(pointer); }

namespace blindai::bench {
namespace {

namespace fs = std::filesystem;

fs::path vectors() {
  const char* data = std::getenv("BLINDAI_TEST_DATA");  // NOLINT(concurrency-mt-unsafe)
  const fs::path source = BLINDAI_SOURCE_DIR;
  return (data != nullptr ? fs::path(data) : source.parent_path() / "shared") / "vectors";
}

Bytes read(const fs::path& path) {
  auto bytes = read_file(path.c_str(), 1U << 20U);
  if (!bytes) {
    fmt::print(stderr, "{} cannot be read\n", path.string());
    std::exit(2);  // NOLINT(concurrency-mt-unsafe)
  }
  return std::move(*bytes);
}

struct Sample {
  evidence::Item item;
  evidence::Collateral collateral;
  evidence::Policy policy;
  UnixSeconds at = 0;
};

Sample load(const std::string& name, const std::string& evidence_file, const std::string& section) {
  Sample sample;
  const fs::path folder = vectors() / name;
  sample.item.data = read(folder / evidence_file);
  sample.item.type = evidence::type_of_evidence(sample.item.data).value_or("");
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    if (evidence::Collateral::is_name(stem)) {
      sample.collateral.set(stem, read(entry.path()));
    }
  }
  const Bytes document = read(folder / "case.json");
  const auto parsed = json::parse(as_text(document));
  sample.at = *parsed->find("verification_time_unix")->as<std::int64_t>();
  auto policy = evidence::parse_policy("version = 1\nname = \"bench\"\n" + section, evidence::Purpose::evidence_only);
  sample.policy = std::move(*policy);
  return sample;
}

Sample sgx() {
  return load("sgx/dcapqvl-v3-config-sw-hardening", "quote.bin",
              "[accept.sgx]\nmrenclave = \"any\"\nmrsigner = \"any\"\nplatform_ids = \"any\"\n"
              "allowed_advisories = \"any\"\ntcb_status = [\"ConfigurationAndSWHardeningNeeded\"]\n");
}

Sample tdx() {
  return load("tdx/gotdx-v5-td15-uptodate", "quote.bin",
              "[accept.tdx]\nmr_td = \"any\"\nrtmr0 = \"any\"\nrtmr1 = \"any\"\nrtmr2 = \"any\"\nrtmr3 = \"any\"\n"
              "platform_ids = \"any\"\nallowed_advisories = \"any\"\ntcb_status = [\"UpToDate\"]\n");
}

Sample snp() {
  return load("snp/virtee-milan-v2", "report.bin",
              "[accept.snp]\nmeasurement = \"any\"\nproducts = [\"Milan\"]\nplatform_ids = \"any\"\n");
}

void appraise(benchmark::State& state, const Sample& sample, bool warm) {
  evidence::CollateralCache cache;
  evidence::CollateralCache* const kept = warm ? &cache : nullptr;
  std::size_t checks = 0;
  const auto once = [&] {
    evidence::Report report;
    const auto verified = evidence::appraise(sample.item, sample.collateral, sample.policy, sample.at, report, kept);
    checks = report.effort.signature_checks;
    return verified.has_value();
  };
  const bool accepted = once();
  held = most_held = 0;
  counting = true;
  const bool accepted_again = once();
  counting = false;
  if (!accepted || !accepted_again) {
    state.SkipWithError("the evidence was refused");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(once());
  }
  state.counters["signature_checks"] = static_cast<double>(checks);
  state.counters["heap_bytes"] = static_cast<double>(most_held);
}

// A signature of the samples, to take OpenSSL's own rate with. A real one: where r equals s, P-384 takes an eighth less.
struct Signed {
  crypto::Curve curve{};
  Bytes point;
  Bytes message;
  Bytes signature;
};

void verify(benchmark::State& state, const Signed& sample) {
  const auto key = crypto::EcPublicKey::from_point(sample.curve, sample.point);
  if (!key || !key->verify(sample.message, sample.signature)) {
    state.SkipWithError("the signature does not hold");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(key->verify(sample.message, sample.signature));
  }
}

Signed p256_signed() {
  const Bytes data = read(vectors() / "sgx/dcapqvl-v3-config-sw-hardening/quote.bin");
  evidence::Effort effort;
  const auto quote = evidence::dcap::parse_quote(data, effort);
  return {crypto::Curve::p256, copy(quote->attestation_key), copy(quote->signed_bytes), copy(quote->signature)};
}

Signed p384_signed() {
  const Bytes vek = read(vectors() / "snp/virtee-milan-v2/vek.der");
  const auto certificate = evidence::x509::parse_certificate(vek, "vek");
  evidence::Effort effort;
  const auto report = evidence::snp::parse_report(read(vectors() / "snp/virtee-milan-v2/report.bin"), effort);
  return {crypto::Curve::p384, copy(std::get<evidence::x509::EcPoint>(certificate->key).xy), copy(report->signed_bytes),
          copy(report->signature)};
}

void register_all() {
  const auto add = [](const char* name, auto run) {
    benchmark::RegisterBenchmark(name, run)->Unit(benchmark::kMicrosecond)->MeasureProcessCPUTime();
  };
  add("p256_verify", [sample = p256_signed()](benchmark::State& s) { verify(s, sample); });
  add("p384_verify", [sample = p384_signed()](benchmark::State& s) { verify(s, sample); });
  for (const bool warm : {false, true}) {
    const std::string suffix = warm ? "_warm" : "_cold";
    add(("sgx" + suffix).c_str(), [sample = sgx(), warm](benchmark::State& s) { appraise(s, sample, warm); });
    add(("tdx" + suffix).c_str(), [sample = tdx(), warm](benchmark::State& s) { appraise(s, sample, warm); });
    add(("snp" + suffix).c_str(), [sample = snp(), warm](benchmark::State& s) { appraise(s, sample, warm); });
  }
}

}  // namespace
}  // namespace blindai::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (!std::filesystem::is_directory(blindai::bench::vectors())) {
    fmt::print(stderr, "no reference data at {}: set BLINDAI_TEST_DATA\n", blindai::bench::vectors().string());
    return 2;
  }
  blindai::bench::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
