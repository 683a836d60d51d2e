#include "evidence/snp/appraise.h"

#include <fmt/format.h>

#include <algorithm>

#include "evidence/claims_maker.h"
#include "evidence/snp/vouched.h"
#include "evidence/words.h"

namespace blindai::evidence::snp {
namespace {

constexpr const char* clock = "the time given";

class Appraiser {
 public:
  Appraiser(const Report& report, const Collateral& collateral, bool require_crl, UnixSeconds at, const Roots& roots,
            CollateralCache* cache, evidence::Report& findings)
      : report_(report),
        at_(at),
        findings_(findings),
        first_check_(findings.checks.size()),
        vouched_(vouch(collateral, require_crl, roots, cache, findings)) {}

  std::optional<Claims> run() {
    for (const x509::Window& window : vouched_->windows) {
      time(window);
    }
    if (vouched_->signer && signature()) {
      time(signer().window);  // of a key that did not sign the report it does not matter
      unsigned_bytes();
      signing_key();
      chip_id();
      if (product()) {
        versions();
      }
    }
    return vouched_->signer && all_passed() ? std::optional(claims()) : std::nullopt;
  }

 private:
  const Signer& signer() const { return *vouched_->signer; }
  std::string kind() const { return std::string(word(signer().vek.kind)); }

  bool all_passed() const {
    return std::all_of(findings_.checks.begin() + static_cast<std::ptrdiff_t>(first_check_), findings_.checks.end(),
                       [](const Check& check) { return check.outcome != Outcome::failed; });
  }

  bool check(bool holds, std::string name, const Refusal& otherwise, std::string expected, std::string found) {
    return findings_.check(holds, std::move(name), otherwise, std::move(expected), std::move(found), kind());
  }

  void time(const x509::Window& window) {
    valid_from_ = std::max(valid_from_, window.from);
    valid_until_ = std::min(valid_until_, window.to);
    const std::string expected = to_iso8601(window.from) + " to " + to_iso8601(window.to);
    const std::string found = to_iso8601(at_);
    if (findings_.check(BLINDAI_HOLDS(at_ >= window.from), window.item + "_begun", {Reason::not_yet_valid, window.item},
                        expected, found, clock)) {
      findings_.check(BLINDAI_HOLDS(at_ <= window.to), window.item + "_not_ended", {Reason::expired, window.item},
                      expected, found, clock);
    }
  }

  bool signature() {
    const bool holds = signer().key.verify_raw(report_.signed_bytes, report_.signature, findings_.effort);
    return check(BLINDAI_HOLDS(holds), "report_signature", {Reason::bad_report_signature, {}},
                 "by the key of the " + kind(), holds ? "holds" : "does not hold");
  }

  void unsigned_bytes() {
    if (!report_.trailing_zero) {
      findings_.not_applicable("report_unsigned_bytes", "not zero: nothing signs them, and nothing reads them");
    }
  }

  void signing_key() {
    check(BLINDAI_HOLDS(report_.signing_key == signer().vek.kind), "report_signing_key",
          {Reason::signing_key_mismatch, {}}, kind(), std::string(word(report_.signing_key)));
  }

  // A VLEK belongs to a provider and not to a chip, and so does not say which chip id is right.
  void chip_id() {
    if (signer().vek.kind == KeyKind::vlek) {
      findings_.not_applicable("report_chip_id", "a VLEK names no chip");
      return;
    }
    std::array<std::uint8_t, 64> named{};
    std::ranges::copy(signer().vek.hardware_id.value_or(Bytes()), named.begin());
    const bool masked = all_zero(report_.chip_id);
    check(BLINDAI_HOLDS(masked ? report_.mask_chip_key : report_.chip_id == named), "report_chip_id",
          {Reason::chip_id_mismatch, {}}, to_hex(named), to_hex(report_.chip_id));
  }

  bool product() {
    const std::string certified(word(signer().vek.product));
    if (!report_.cpuid) {
      findings_.not_applicable("report_product", "version 2 carries no CPUID; the certificate says " + certified);
      return true;
    }
    const auto found = product_of(*report_.cpuid);
    return check(BLINDAI_HOLDS(found == signer().vek.product), "report_product", {Reason::product_mismatch, {}},
                 certified, found ? std::string(word(*found)) : "none that is known");
  }

  // The layout of the four versions is the product's. What is reported must be what the key is for.
  void versions() {
    version("current_tcb", report_.current_tcb);
    version("committed_tcb", report_.committed_tcb);
    version("launch_tcb", report_.launch_tcb);
    const auto reported = version("reported_tcb", report_.reported_tcb);
    if (!reported) {
      return;
    }
    const Tcb& certified = signer().vek.tcb;
    if (certified.fmc) {
      component("fmc", *certified.fmc, reported->fmc.value_or(0));
    }
    component("bootloader", certified.bootloader, reported->bootloader);
    component("tee", certified.tee, reported->tee);
    component("snp", certified.snp, reported->snp);
    component("microcode", certified.microcode, reported->microcode);
  }

  std::optional<Tcb> version(const std::string& name, const std::array<std::uint8_t, 8>& raw) {
    const auto tcb = read_tcb(signer().vek.product, raw);
    check(BLINDAI_HOLDS(tcb.has_value()), "report_" + name, {Reason::bad_report_format, name}, "reserved bytes zero",
          to_hex(raw));
    return tcb;
  }

  void component(const std::string& name, std::uint8_t certified, std::uint8_t reported) {
    check(BLINDAI_HOLDS(certified == reported), "reported_tcb_" + name, {Reason::tcb_mismatch, name},
          fmt::to_string(certified), fmt::to_string(reported));
  }

  Claims claims() const {
    return ClaimsMaker::make(SnpClaims{.report = report_,
                                       .product = signer().vek.product,
                                       .key = signer().vek.kind,
                                       .crl_number = vouched_->crl_number},
                             valid_from_, valid_until_);
  }

  const Report& report_;
  UnixSeconds at_;
  evidence::Report& findings_;
  std::size_t first_check_;
  std::shared_ptr<const Vouched> vouched_;  // shared with the cache
  UnixSeconds valid_from_ = INT64_MIN;
  UnixSeconds valid_until_ = INT64_MAX;
};

}  // namespace

std::optional<Claims> appraise(const Report& report, const Collateral& collateral, bool require_crl, UnixSeconds at,
                               const Roots& roots, CollateralCache* cache, evidence::Report& findings) {
  return Appraiser(report, collateral, require_crl, at, roots, cache, findings).run();
}

}  // namespace blindai::evidence::snp
