// Private to this folder: the closed schemas of the [accept.*] sections.
#pragma once

#include "evidence/policy_section.h"

namespace blindai::evidence {

Read<SimulatedAcceptance> read_simulated_acceptance(const toml::table& table);
Read<SgxAcceptance> read_sgx_acceptance(const toml::table& table);
Read<TdxAcceptance> read_tdx_acceptance(const toml::table& table);
Read<SnpAcceptance> read_snp_acceptance(const toml::table& table);

}  // namespace blindai::evidence
