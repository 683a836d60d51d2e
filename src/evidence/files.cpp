#include "evidence/files.h"

#include <algorithm>
#include <iterator>

#include "evidence/dcap/quote.h"
#include "evidence/snp/certificate_table.h"

namespace blindai::evidence {
namespace {

struct CollateralFile {
  std::string_view file;
  std::string_view item;
};
constexpr CollateralFile collateral_files[] = {{"tcb_info.json", "tcb_info"},
                                               {"tcb_signing_chain.pem", "tcb_signing_chain"},
                                               {"qe_identity.json", "qe_identity"},
                                               {"qe_identity_signing_chain.pem", "qe_identity_signing_chain"},
                                               {"root_ca_crl.der", "root_ca_crl"},
                                               {"pck_crl.der", "pck_crl"},
                                               {"pck_crl_issuer_chain.pem", "pck_crl_issuer_chain"},
                                               {"vek.der", "vek"},
                                               {"ask.pem", "ask"},
                                               {"asvk.pem", "asvk"},
                                               {"ark.pem", "ark"},
                                               {"ark_crl.der", "ark_crl"}};
struct EvidenceFile {
  std::string_view file;
  std::string_view type;  // "quote" until its TEE is known
};
constexpr EvidenceFile evidence_files[] = {
    {"quote.bin", "quote"}, {"report.bin", "snp-report"}, {"simulated.cbor", "simulated"}};

constexpr std::string_view container_file = "collateral.json";
constexpr std::string_view table_file = "certificate_table.bin";

// As much as a whole answer of a service may be.
constexpr std::size_t max_container_bytes = std::size_t{4} * 1024 * 1024;

Parsed<Collateral> read_container(ByteView bytes) {
  BLINDAI_REQUIRE(bytes.size() <= max_container_bytes, Reason::bad_collateral_format, "container");
  const auto value = json::parse(as_text(bytes));
  const auto* object = value ? value->as<json::Object>() : nullptr;
  BLINDAI_REQUIRE(object != nullptr, Reason::bad_collateral_format, "container");
  return Collateral::from_json(*object);
}

// The certificates of a host's table, for the key that the report beside it says it is signed with.
Parsed<void> add_table(ByteView table, const Files& files, Collateral& collateral) {
  Effort ignored;
  const auto found = files.find("report.bin");
  const auto report =
      found == files.end() ? refuse(Reason::bad_report_format) : snp::parse_report(found->second, ignored);
  const auto kind = report ? report->signing_key : snp::KeyKind::vcek;
  BLINDAI_TRY(const Collateral read, snp::read_certificate_table(table, kind, ignored));
  for (const auto& [name, bytes] : read.items()) {
    collateral.set(name, bytes);
  }
  return {};
}

// The TEE of a quote is in its header. Where it does not parse, appraisal says why, whatever the type.
std::string type_of_quote(ByteView quote) {
  Effort ignored;
  const auto parsed = dcap::parse_quote(quote, ignored);
  return parsed && parsed->tee == dcap::Tee::tdx ? "tdx-quote" : "sgx-quote";
}

std::optional<Item> evidence_of_files(const Files& files) {
  std::optional<Item> item;
  for (const auto& [file, type] : evidence_files) {
    const auto found = files.find(file);
    if (found == files.end()) {
      continue;
    }
    if (!BLINDAI_HOLDS(!item)) {
      return std::nullopt;
    }
    item = Item{std::string(type), found->second, {}};
  }
  if (item && item->type == "quote") {
    item->type = type_of_quote(item->data);
  }
  return item;
}

}  // namespace

std::vector<std::string_view> file_names() {
  std::vector<std::string_view> names{container_file, table_file};
  std::ranges::transform(evidence_files, std::back_inserter(names), &EvidenceFile::file);
  std::ranges::transform(collateral_files, std::back_inserter(names), &CollateralFile::file);
  return names;
}

Parsed<Collateral> collateral_of_files(const Files& files) {
  Collateral collateral;
  if (const auto container = files.find(container_file); container != files.end()) {
    auto read = read_container(container->second);
    if (!read) {
      return std::unexpected(read.error());
    }
    collateral = std::move(*read);
  }
  if (const auto table = files.find(table_file); table != files.end()) {
    BLINDAI_CHECK(add_table(table->second, files, collateral));
  }
  for (const CollateralFile& known : collateral_files) {
    if (const auto found = files.find(known.file); found != files.end()) {
      BLINDAI_REQUIRE(collateral.set(known.item, found->second), Reason::bad_collateral_format,
                      std::string(known.item));
    }
  }
  return collateral;
}

Report appraise_files(const Files& files, const Policy& policy, UnixSeconds at, CollateralCache* cache) {
  Report report;
  report.policy_name = policy.name;
  report.policy_digest = policy.digest;
  const auto item = evidence_of_files(files);
  if (!item) {
    report.fail("evidence_item", {Reason::evidence_ambiguous, {}}, "exactly one piece of evidence", "");
    return report;
  }
  const auto collateral = collateral_of_files(files);
  if (!collateral) {
    report.fail("collateral_form", collateral.error(), "items of at most 1048576 bytes", "");
    return report;
  }
  static_cast<void>(appraise(*item, *collateral, policy, at, report, cache));  // the report says it all
  return report;
}

Report appraise_files(const Files& files, std::string_view policy_toml, UnixSeconds at, CollateralCache* cache) {
  const auto policy = read_policy(policy_toml, Purpose::evidence_only);
  if (!policy) {
    Report report;
    report.check(false, "policy", policy.error().refusal, "a policy", policy.error().error.message.str(), "");
    return report;
  }
  return appraise_files(files, *policy, at, cache);
}

}  // namespace blindai::evidence
