#include "evidence/describe.h"

#include <fmt/format.h>

#include "evidence/words.h"

namespace blindai::evidence {
namespace {

std::string little_endian_hex(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  return to_hex(bytes);
}

std::string number_in_hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

json::Value optional_hex(const std::optional<std::uint64_t>& value) {
  return value ? json::Value(number_in_hex(*value)) : json::Value(nullptr);
}

bool has(std::uint64_t value, std::uint64_t bit) { return (value & bit) != 0; }

json::Object flags_of_guest_policy(std::uint64_t policy) {
  return {{"abi_minor", static_cast<int>(policy & 0xffU)},
          {"abi_major", static_cast<int>(policy >> 8U & 0xffU)},
          {"smt_allowed", has(policy, snp::policy_smt)},
          {"rsvd_must_be_one", has(policy, snp::policy_reserved_one)},
          {"migrate_ma", has(policy, snp::policy_migrate_ma)},
          {"debug_allowed", has(policy, snp::policy_debug)},
          {"single_socket", has(policy, snp::policy_single_socket)},
          {"cxl_allow", has(policy, snp::policy_cxl_allow)},
          {"mem_aes_256_xts", has(policy, snp::policy_mem_aes_256_xts)},
          {"rapl_dis", has(policy, snp::policy_rapl_dis)},
          {"ciphertext_hiding", has(policy, snp::policy_ciphertext_hiding)},
          {"page_swap_disable", has(policy, snp::policy_page_swap_disable)}};
}

json::Object flags_of_platform(std::uint64_t info) {
  return {{"smt_en", has(info, 1U << 0U)}, {"tsme_en", has(info, 1U << 1U)},
          {"ecc_en", has(info, 1U << 2U)}, {"rapl_dis", has(info, 1U << 3U)},
          {"bit6", has(info, 1U << 6U)},   {"ciphertext_hiding_dram", has(info, 1U << 4U)},
          {"tio_en", has(info, 1U << 7U)}, {"alias_check_complete", has(info, 1U << 5U)}};
}

json::Value describe_tcb(const std::array<std::uint8_t, 8>& raw, std::optional<Product> product) {
  const auto tcb = product ? snp::read_tcb(*product, raw) : std::nullopt;
  return tcb ? json::Value(describe(*tcb)) : json::Value(to_hex(raw));
}

json::Value describe_cpuid(const std::optional<snp::Cpuid>& cpuid) {
  if (!cpuid) {
    return nullptr;
  }
  return json::Object{{"family", number_in_hex(cpuid->family)},
                      {"model", number_in_hex(cpuid->model)},
                      {"stepping", int{cpuid->stepping}}};
}

}  // namespace

json::Object describe(const dcap::SgxReport& report) {
  return {{"mrenclave", to_hex(report.mrenclave)},
          {"mrsigner", to_hex(report.mrsigner)},
          {"isv_prod_id", int{report.isv_prod_id}},
          {"isv_svn", int{report.isv_svn}},
          {"cpu_svn", to_hex(report.cpu_svn)},
          {"misc_select", std::int64_t{report.misc_select}},
          {"attributes", little_endian_hex(report.flags) + little_endian_hex(report.xfrm)},
          {"init", has(report.flags, dcap::sgx_init)},
          {"debug", has(report.flags, dcap::sgx_debug)},
          {"mode64", has(report.flags, dcap::sgx_mode64)},
          {"provision_key", has(report.flags, dcap::sgx_provision_key)},
          {"einittoken_key", has(report.flags, dcap::sgx_einittoken_key)},
          {"kss", has(report.flags, dcap::sgx_kss)},
          {"isv_ext_prod_id", to_hex(report.isv_ext_prod_id)},
          {"isv_family_id", to_hex(report.isv_family_id)},
          {"config_id", to_hex(report.config_id)},
          {"config_svn", int{report.config_svn}},
          {"report_data", to_hex(report.report_data)}};
}

json::Object describe(const dcap::TdReport& report) {
  json::Object out{{"tee_tcb_svn", to_hex(report.tee_tcb_svn)},
                   {"mr_seam", to_hex(report.mr_seam)},
                   {"mr_signer_seam", to_hex(report.mr_signer_seam)},
                   {"seam_attributes", little_endian_hex(report.seam_attributes)},
                   {"td_attributes", little_endian_hex(report.td_attributes)},
                   {"xfam", little_endian_hex(report.xfam)},
                   {"mr_td", to_hex(report.mr_td)},
                   {"mr_config_id", to_hex(report.mr_config_id)},
                   {"mr_owner", to_hex(report.mr_owner)},
                   {"mr_owner_config", to_hex(report.mr_owner_config)},
                   {"rtmr0", to_hex(report.rtmr[0])},
                   {"rtmr1", to_hex(report.rtmr[1])},
                   {"rtmr2", to_hex(report.rtmr[2])},
                   {"rtmr3", to_hex(report.rtmr[3])},
                   {"report_data", to_hex(report.report_data)},
                   {"debug", has(report.td_attributes, td_debug)},
                   {"migratable", has(report.td_attributes, td_migratable)}};
  for (const NamedBit& attribute : td_attribute_names) {
    out.emplace(lower(attribute.name), has(report.td_attributes, attribute.bit));
  }
  if (report.td15) {
    out.emplace("tee_tcb_svn2", to_hex(report.td15->tee_tcb_svn2));
    out.emplace("mr_service_td", to_hex(report.td15->mr_service_td));
  }
  return out;
}

json::Object describe(const dcap::PckExtension& pck) {
  json::Array components;
  for (const std::uint8_t component : pck.components) {
    components.emplace_back(int{component});
  }
  json::Object out{{"ppid", to_hex(pck.ppid)},
                   {"pcesvn", int{pck.pce_svn}},
                   {"cpusvn", to_hex(pck.cpu_svn)},
                   {"cpusvn_components", std::move(components)},
                   {"pceid", to_hex(pck.pce_id)},
                   {"fmspc", to_hex(pck.fmspc)},
                   {"sgx_type", static_cast<int>(pck.sgx_type)}};
  if (pck.platform_instance) {
    out.emplace("platform_instance_id", to_hex(*pck.platform_instance));
  }
  json::Object configuration;
  const auto add = [&](const char* name, const std::optional<bool>& value) {
    if (value) {
      configuration.emplace(name, *value);
    }
  };
  add("dynamic_platform", pck.dynamic_platform);
  add("cached_keys", pck.cached_keys);
  add("smt_enabled", pck.smt_enabled);
  if (!configuration.empty()) {
    out.emplace("config", std::move(configuration));
  }
  return out;
}

json::Object describe(const snp::Tcb& tcb) {
  json::Object out{
      {"bl", int{tcb.bootloader}}, {"tee", int{tcb.tee}}, {"snp", int{tcb.snp}}, {"ucode", int{tcb.microcode}}};
  if (tcb.fmc) {
    out.emplace("fmc", int{*tcb.fmc});
  }
  return out;
}

json::Object describe(const snp::FirmwareVersion& firmware) {
  return {{"build", int{firmware.build}}, {"minor", int{firmware.minor}}, {"major", int{firmware.major}}};
}

json::Object describe(const snp::Report& report, std::optional<Product> product) {
  return {{"version", std::int64_t{report.version}},
          {"guest_svn", std::int64_t{report.guest_svn}},
          {"policy_hex", number_in_hex(report.policy)},
          {"policy", flags_of_guest_policy(report.policy)},
          {"family_id", to_hex(report.family_id)},
          {"image_id", to_hex(report.image_id)},
          {"vmpl", std::int64_t{report.vmpl}},
          {"signature_algo", std::int64_t{report.signature_algo}},
          {"platform_info_hex", number_in_hex(report.platform_info)},
          {"platform_info", flags_of_platform(report.platform_info)},
          {"author_key_en", report.author_key_en},
          {"mask_chip_key", report.mask_chip_key},
          {"signing_key", report.signing_key == snp::KeyKind::vcek ? "VCEK" : "VLEK"},
          {"report_data", to_hex(report.report_data)},
          {"measurement", to_hex(report.measurement)},
          {"host_data", to_hex(report.host_data)},
          {"id_key_digest", to_hex(report.id_key_digest)},
          {"author_key_digest", to_hex(report.author_key_digest)},
          {"report_id", to_hex(report.report_id)},
          {"report_id_ma", to_hex(report.report_id_ma)},
          {"cpuid", describe_cpuid(report.cpuid)},
          {"chip_id", to_hex(report.chip_id)},
          {"chip_id_masked", all_zero(report.chip_id)},
          {"current_tcb", describe_tcb(report.current_tcb, product)},
          {"reported_tcb", describe_tcb(report.reported_tcb, product)},
          {"committed_tcb", describe_tcb(report.committed_tcb, product)},
          {"launch_tcb", describe_tcb(report.launch_tcb, product)},
          {"current_fw", describe(report.current_firmware)},
          {"committed_fw", describe(report.committed_firmware)},
          {"launch_mit_vector", optional_hex(report.launch_mitigations)},
          {"current_mit_vector", optional_hex(report.current_mitigations)},
          {"debug", has(report.policy, snp::policy_debug)},
          {"product_line", product ? json::Value(word(*product)) : json::Value(nullptr)}};
}

}  // namespace blindai::evidence
