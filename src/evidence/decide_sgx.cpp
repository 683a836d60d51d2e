// Rules of [accept.sgx]. Attributes: Intel SDM volume 3D, section 35.7 (SECS.ATTRIBUTES).
#include <fmt/format.h>

#include "evidence/decide_rules.h"
#include "evidence/words.h"

namespace blindai::evidence {
namespace {

constexpr const char* voucher = "CPU";
constexpr std::uint64_t sgx_cet = 1U << 6U;
constexpr std::uint64_t sgx_aex_notify = 1U << 10U;
constexpr std::uint64_t sgx_defined = dcap::sgx_init | dcap::sgx_debug | dcap::sgx_mode64 | dcap::sgx_provision_key |
                                      dcap::sgx_einittoken_key | sgx_cet | dcap::sgx_kss | sgx_aex_notify;

// Whoever holds the keys of provisioning or of launching is part of Intel's own software and no service.
void attributes(const dcap::SgxReport& found, Report& report) {
  const auto text = fmt::format("{:#x}", found.flags);
  const auto bad = [](const char* what) { return Refusal{Reason::bad_sgx_attributes, what}; };
  report.check(BLINDAI_HOLDS((found.flags & dcap::sgx_init) != 0), "sgx_init", bad("INIT"), "set", text, voucher);
  report.check(BLINDAI_HOLDS((found.flags & dcap::sgx_provision_key) == 0), "sgx_provision_key", bad("PROVISION_KEY"),
               "clear", text, voucher);
  report.check(BLINDAI_HOLDS((found.flags & dcap::sgx_einittoken_key) == 0), "sgx_einittoken_key",
               bad("EINITTOKEN_KEY"), "clear", text, voucher);
  report.check(BLINDAI_HOLDS((found.flags & ~sgx_defined) == 0), "sgx_reserved_attributes", bad("reserved_attributes"),
               "clear", text, voucher);
  report.check(BLINDAI_HOLDS(found.reserved_zero), "sgx_reserved_bytes", bad("reserved_bytes"), "zero",
               found.reserved_zero ? "zero" : "not zero", voucher);
}

void product(const dcap::SgxReport& found, const SgxAcceptance& accepted, Report& report) {
  const std::int64_t id = found.isv_prod_id;
  rule(report, BLINDAI_HOLDS(id == accepted.product_id),
       {"product_id",
        {Reason::product_id_mismatch, {}},
        fmt::format("{}", accepted.product_id.value_or(0)),
        fmt::format("{}", id),
        voucher,
        accepted.product_id.has_value()});
  const std::int64_t svn = found.isv_svn;
  rule(report, BLINDAI_HOLDS(svn >= accepted.min_isv_svn),
       {"isv_svn",
        {Reason::svn_too_low, "isv_svn"},
        fmt::format("at least {}", accepted.min_isv_svn.value_or(0)),
        fmt::format("{}", svn),
        voucher,
        accepted.min_isv_svn.has_value()});
}

}  // namespace

void decide_sgx(const SgxClaims& claims, const SgxAcceptance& accepted, const Freshness& freshness, UnixSeconds at,
                Report& report) {
  const dcap::SgxReport& found = claims.report;
  decide_dcap(claims.dcap, accepted, freshness, at, report);
  const bool debug = (found.flags & dcap::sgx_debug) != 0;
  rule(report, BLINDAI_HOLDS(!debug),
       {"debug",
        {Reason::debug_not_allowed, {}},
        "a production enclave",
        debug ? "a debug enclave" : "clear",
        voucher,
        !accepted.allow_debug});
  attributes(found, report);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.mrenclave, found.mrenclave)), "mrenclave", accepted.mrenclave,
                found.mrenclave, voucher);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.mrsigner, found.mrsigner)), "mrsigner", accepted.mrsigner,
                found.mrsigner, voucher);
  bits_rule(report, BLINDAI_HOLDS(has_bits(accepted.xfrm, found.xfrm)), "xfrm", accepted.xfrm, found.xfrm, voucher);
  bits_rule(report, BLINDAI_HOLDS(has_bits(accepted.misc_select, found.misc_select)), "misc_select",
            accepted.misc_select, found.misc_select, voucher);
  product(found, accepted, report);
}

}  // namespace blindai::evidence
