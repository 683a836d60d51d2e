// blindai-test-chain: writes a generated case as a folder of files, under the names that `blindai evidence check` reads.
// Its root is its own: nothing that is shipped trusts it.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "chains/dcap.h"
#include "chains/snp.h"

namespace blindai::chains {
namespace {

struct Options {
  std::string tee;
  std::uint16_t version = 0;
  std::uint16_t body_type = 0;
  std::string product = "genoa";
  std::string key = "vcek";
  std::filesystem::path out;
};

Case make(const Options& options) {
  if (options.tee == "sgx") {
    return sgx(options.version == 0 ? 3 : options.version).seal();
  }
  if (options.tee == "tdx") {
    return tdx(options.version == 0 ? 4 : options.version, options.body_type == 0 ? 2 : options.body_type).seal();
  }
  const Product product = options.product == "milan"   ? Product::milan
                          : options.product == "genoa" ? Product::genoa
                                                       : Product::turin;
  const SnpKey key = options.key == "vlek" ? SnpKey::vlek : SnpKey::vcek;
  return snp(product, key, options.version == 0 ? 3 : options.version).seal();
}

// "tcb_info" to "tcb_info.json".
std::string file_name(std::string_view item) {
  const bool json = item == "tcb_info" || item == "qe_identity";
  const bool der = item == "vek" || item.ends_with("_crl");
  return fmt::format("{}.{}", item, json ? "json" : der ? "der" : "pem");
}

bool write(const std::filesystem::path& path, ByteView bytes) {
  std::ofstream file(path, std::ios::binary);
  file << as_text(bytes);
  return file.flush().good();
}

bool write(const Case& made, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  bool good = write(folder / (made.type == "snp-report" ? "report.bin" : "quote.bin"), made.evidence);
  for (const auto& [name, bytes] : made.collateral) {
    good = write(folder / file_name(name), bytes) && good;
  }
  const std::string about = fmt::format("{{\"verification_time_unix\": {}}}\n", made.at);
  return write(folder / "case.json", as_bytes(about)) && good;
}

int run(int argc, char** argv) {
  CLI::App app{"Writes a generated case of evidence and collateral, under a root that nothing trusts."};
  Options options;
  app.add_option("--tee", options.tee)->required()->check(CLI::IsMember({"sgx", "tdx", "snp"}));
  app.add_option("--out", options.out, "folder")->required();
  app.add_option("--version", options.version, "of the quote or report")->check(CLI::Range(2, 5));
  app.add_option("--body-type", options.body_type, "of a TDX quote of version 5")->check(CLI::Range(2, 4));
  app.add_option("--product", options.product)->check(CLI::IsMember({"milan", "genoa", "turin"}));
  app.add_option("--key", options.key)->check(CLI::IsMember({"vcek", "vlek"}));
  CLI11_PARSE(app, argc, argv);
  if (!write(make(options), options.out)) {
    std::fprintf(stderr, "cannot write to %s\n", options.out.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace blindai::chains

int main(int argc, char** argv) { return blindai::chains::run(argc, argv); }
