#include "evidence/dcap/tcb.h"

#include <fmt/format.h>

#include <algorithm>

namespace blindai::evidence::dcap {
namespace {

constexpr std::size_t module_minor = 0;  // index in tee_tcb_svn: SVN of the TDX module
constexpr std::size_t module_major = 1;  // and its version

// Where a TDX module has an identity of its own, its two bytes are judged by that and not by the platform's levels.
std::size_t first_tdx_component(const Components& tee_tcb_svn) { return tee_tcb_svn[module_major] > 0 ? 2 : 0; }

bool reaches(const PckExtension& pck, const Components* tee_tcb_svn, const TcbLevel& level) {
  for (std::size_t i = 0; i < pck.components.size(); ++i) {
    if (!BLINDAI_HOLDS(pck.components[i] >= level.sgx[i])) {
      return false;
    }
  }
  if (!BLINDAI_HOLDS(pck.pce_svn >= level.pce_svn)) {
    return false;
  }
  if (tee_tcb_svn == nullptr) {
    return true;
  }
  for (std::size_t i = first_tdx_component(*tee_tcb_svn); i < tee_tcb_svn->size(); ++i) {
    if (!BLINDAI_HOLDS((*tee_tcb_svn)[i] >= (*level.tdx)[i])) {
      return false;
    }
  }
  return true;
}

// The matched level of one part. `level` is nullptr where none matches.
template <typename Level>
struct Match {
  const Level* level = nullptr;
  std::size_t index = 0;
  TcbStatus status() const { return level == nullptr ? TcbStatus::not_supported : level->status; }
};

Match<TcbLevel> match_platform(const TcbInfo& info, const PckExtension& pck, const Components* tee_tcb_svn) {
  for (std::size_t i = 0; i < info.levels.size(); ++i) {
    if (reaches(pck, tee_tcb_svn, info.levels[i])) {
      return {&info.levels[i], i};
    }
  }
  return {};
}

Match<SvnLevel> match_svn(const std::vector<SvnLevel>& levels, std::uint16_t isv_svn) {
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (BLINDAI_HOLDS(isv_svn >= levels[i].isv_svn)) {
      return {&levels[i], i};
    }
  }
  return {};
}

const TdxModuleIdentity* find_identity(const TcbInfo& info, std::uint8_t version) {
  const auto found = std::ranges::find(info.module_identities, version, &TdxModuleIdentity::version);
  return found == info.module_identities.end() ? nullptr : &*found;
}

// The statuses that Intel gives to modules; another would not say what it says of a platform.
bool is_module_status(TcbStatus status) {
  return status == TcbStatus::up_to_date || status == TcbStatus::out_of_date || status >= TcbStatus::revoked;
}

// Platform and TDX module at one set of security versions: those of the launch, or those of now.
struct Evaluation {
  Match<TcbLevel> platform;
  std::optional<Match<SvnLevel>> tdx_module;
  const TdxModuleIdentity* identity = nullptr;

  TcbStatus status() const { return tdx_module ? merge(platform.status(), tdx_module->status()) : platform.status(); }
};

Parsed<Evaluation> evaluate(const TcbInfo& info, const PckExtension& pck, const Components* tee_tcb_svn) {
  Evaluation evaluation;
  evaluation.platform = match_platform(info, pck, tee_tcb_svn);
  if (tee_tcb_svn == nullptr || (*tee_tcb_svn)[module_major] == 0) {
    return evaluation;
  }
  evaluation.identity = find_identity(info, (*tee_tcb_svn)[module_major]);
  BLINDAI_REQUIRE(evaluation.identity != nullptr, Reason::tdx_module_mismatch, "version");
  evaluation.tdx_module = match_svn(evaluation.identity->levels, (*tee_tcb_svn)[module_minor]);
  BLINDAI_REQUIRE(is_module_status(evaluation.tdx_module->status()), Reason::tcb_status_unknown, "tdx_module");
  return evaluation;
}

// The TDX module that measured the TD must be Intel's. Its signer and attributes are those of its identity, or of the
// base module where it has none.
Parsed<void> require_module(const TdReport& td, const TcbInfo& info, const TdxModuleIdentity* identity) {
  const TdxModule& wanted = identity != nullptr ? identity->module : *info.tdx_module;
  BLINDAI_REQUIRE(td.mr_signer_seam == wanted.mr_signer, Reason::tdx_module_mismatch, "mr_signer_seam");
  BLINDAI_REQUIRE((td.seam_attributes & wanted.attributes_mask) == wanted.attributes, Reason::tdx_module_mismatch,
                  "seam_attributes");
  return {};
}

// A status as the three things that it says. Revoked and not supported say something else and are handled before.
struct Needs {
  bool update = false;
  bool configuration = false;
  bool hardening = false;
};

Needs needs_of(TcbStatus status) {
  switch (status) {
    case TcbStatus::sw_hardening_needed:
      return {.hardening = true};
    case TcbStatus::configuration_needed:
    case TcbStatus::td_relaunch_advised_configuration_needed:
      return {.configuration = true};
    case TcbStatus::configuration_and_sw_hardening_needed:
      return {.configuration = true, .hardening = true};
    case TcbStatus::out_of_date:
      return {.update = true};
    case TcbStatus::out_of_date_configuration_needed:
      return {.update = true, .configuration = true};
    default:
      return {};
  }
}

TcbStatus status_of(const Needs& needs) {
  if (needs.update) {
    return needs.configuration ? TcbStatus::out_of_date_configuration_needed : TcbStatus::out_of_date;
  }
  if (needs.configuration) {
    return needs.hardening ? TcbStatus::configuration_and_sw_hardening_needed : TcbStatus::configuration_needed;
  }
  return needs.hardening ? TcbStatus::sw_hardening_needed : TcbStatus::up_to_date;
}

// A TD of TDX 1.5 outlives updates of the module that launched it. Where the launch was out of date and the present is
// not, a relaunch mends it; in every other case the worse of the two counts (Intel reports the launch alone).
TcbStatus merge_launch_and_current(TcbStatus launch, TcbStatus current) {
  const bool mended = needs_of(launch).update && !needs_of(current).update && current < TcbStatus::revoked;
  if (!mended) {
    return std::max(launch, current);
  }
  return needs_of(launch).configuration || needs_of(current).configuration
             ? TcbStatus::td_relaunch_advised_configuration_needed
             : TcbStatus::td_relaunch_advised;
}

void add_advisories(TcbAppraisal& out, const std::vector<std::string>& ids, std::string_view origin) {
  for (const std::string& id : ids) {
    if (std::ranges::find(out.advisories, id, &Advisory::id) == out.advisories.end()) {
      out.advisories.push_back({id, std::string(origin)});
    }
  }
}

void compare(TcbAppraisal& out, std::string component, std::uint32_t found, std::uint32_t wanted) {
  if (found < wanted) {
    out.shortfalls.push_back({std::move(component), found, wanted});
  }
}

// What to reach: the newest level that is up to date; the highest, where Intel calls none so (some platforms never are).
template <typename Level>
const Level* goal(const std::vector<Level>& levels) {
  const auto found = std::ranges::find(levels, TcbStatus::up_to_date, &Level::status);
  if (found != levels.end()) {
    return &*found;
  }
  return levels.empty() ? nullptr : &levels.front();
}

// What a platform falls short of.
void find_shortfalls(TcbAppraisal& out, const TcbInput& input, const TcbInfo& info, const QeIdentity& qe,
                     const Evaluation& launch) {
  if (const TcbLevel* wanted = goal(info.levels)) {
    for (std::size_t i = 0; i < wanted->sgx.size(); ++i) {
      compare(out, fmt::format("sgx {}", i), input.pck.components[i], wanted->sgx[i]);
    }
    compare(out, "pce_svn", input.pck.pce_svn, wanted->pce_svn);
    if (input.td != nullptr) {
      for (std::size_t i = first_tdx_component(input.td->tee_tcb_svn); i < wanted->tdx->size(); ++i) {
        compare(out, fmt::format("tdx {}", i), input.td->tee_tcb_svn[i], (*wanted->tdx)[i]);
      }
    }
  }
  if (launch.identity != nullptr) {
    if (const SvnLevel* wanted = goal(launch.identity->levels)) {
      compare(out, "tdx_module", input.td->tee_tcb_svn[module_minor], wanted->isv_svn);
    }
  }
  if (const SvnLevel* wanted = goal(qe.levels)) {
    compare(out, "qe", input.qe_isv_svn, wanted->isv_svn);
  }
}

// Dates of the levels that matched. A part that no level matches has none, and its status says so.
void find_dates(TcbAppraisal& out, const Evaluation& launch, const Match<SvnLevel>& qe) {
  std::vector<UnixSeconds> dates;
  if (launch.platform.level != nullptr) {
    out.platform_level = launch.platform.index;
    out.platform_date = launch.platform.level->date;
    dates.push_back(out.platform_date);
  }
  if (launch.tdx_module && launch.tdx_module->level != nullptr) {
    out.tdx_module_date = launch.tdx_module->level->date;
    dates.push_back(*out.tdx_module_date);
  }
  if (qe.level != nullptr) {
    out.qe_date = qe.level->date;
    dates.push_back(out.qe_date);
  }
  out.date = dates.empty() ? 0 : std::ranges::min(dates);
}

void add_all_advisories(TcbAppraisal& out, const Evaluation& evaluation) {
  if (evaluation.platform.level != nullptr) {
    add_advisories(out, evaluation.platform.level->advisories, "platform");
  }
  if (evaluation.tdx_module && evaluation.tdx_module->level != nullptr) {
    add_advisories(out, evaluation.tdx_module->level->advisories, "tdx_module");
  }
}

}  // namespace

TcbStatus merge(TcbStatus platform, TcbStatus part) {
  const TcbStatus worst = std::max(platform, part);
  if (worst >= TcbStatus::revoked) {
    return worst;
  }
  const Needs a = needs_of(platform);
  const Needs b = needs_of(part);
  return status_of({.update = a.update || b.update,
                    .configuration = a.configuration || b.configuration,
                    .hardening = a.hardening || b.hardening});
}

Parsed<TcbAppraisal> appraise_tcb(const TcbInput& input, const TcbInfo& tcb_info, const QeIdentity& qe_identity) {
  const Components* launch_svn = input.td == nullptr ? nullptr : &input.td->tee_tcb_svn;
  BLINDAI_TRY(const Evaluation launch, evaluate(tcb_info, input.pck, launch_svn));
  if (input.td != nullptr) {
    BLINDAI_CHECK(require_module(*input.td, tcb_info, launch.identity));
  }
  const Match<SvnLevel> qe = match_svn(qe_identity.levels, input.qe_isv_svn);

  TcbAppraisal out;
  out.platform = launch.platform.status();
  out.qe = qe.status();
  out.status = merge(launch.status(), out.qe);
  if (launch.tdx_module) {
    out.tdx_module = launch.tdx_module->status();
  }
  add_all_advisories(out, launch);
  if (input.td != nullptr && input.td->td15) {
    BLINDAI_TRY(const Evaluation current, evaluate(tcb_info, input.pck, &input.td->td15->tee_tcb_svn2));
    out.current = merge(current.status(), out.qe);
    out.status = merge_launch_and_current(out.status, *out.current);
    add_all_advisories(out, current);
  }
  if (qe.level != nullptr) {
    add_advisories(out, qe.level->advisories, "qe");
  }
  out.evaluation_number = std::min(tcb_info.evaluation_number, qe_identity.evaluation_number);
  find_dates(out, launch, qe);
  find_shortfalls(out, input, tcb_info, qe_identity, launch);
  return out;
}

}  // namespace blindai::evidence::dcap
