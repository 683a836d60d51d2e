#include "evidence/byte_reader.h"
#include "evidence/dcap/levels.h"

namespace blindai::evidence::dcap {
namespace {

constexpr Reason bad = Reason::bad_collateral_format;
constexpr std::string_view item = "qe_identity";

std::optional<EnclaveId> enclave_of(std::string_view id) {
  if (id == "QE") {
    return EnclaveId::qe;
  }
  if (id == "TD_QE") {
    return EnclaveId::td_qe;
  }
  return id == "QVE" ? std::optional(EnclaveId::qve) : std::nullopt;
}

// As the report has it: the digits are its bytes in their order.
Parsed<std::uint32_t> read_misc_select(const Members& members, std::string_view name) {
  BLINDAI_TRY(const auto bytes, members.hex<4>(name));
  return ByteReader(bytes).number<std::uint32_t>();
}

}  // namespace

Parsed<QeIdentity> parse_qe_identity(const SignedText& signed_text) {
  const auto document = json::Document::parse(signed_text.text, max_document_depth).value_or(json::Document());
  BLINDAI_TRY(const Members members, Members::of(document.root(), item));
  QeIdentity identity;
  BLINDAI_TRY(const std::string_view id, members.text("id"));
  const auto enclave = enclave_of(id);
  BLINDAI_REQUIRE(enclave.has_value(), bad, std::string(item));
  identity.id = *enclave;
  BLINDAI_TRY(const auto version, members.number<std::uint32_t>("version"));
  BLINDAI_REQUIRE(version == 2, bad, std::string(item));
  BLINDAI_TRY(identity.issue_date, members.date("issueDate"));
  BLINDAI_TRY(identity.next_update, members.date("nextUpdate"));
  BLINDAI_TRY(identity.evaluation_number, members.number<std::uint32_t>("tcbEvaluationDataNumber"));
  BLINDAI_TRY(identity.misc_select, read_misc_select(members, "miscselect"));
  BLINDAI_TRY(identity.misc_select_mask, read_misc_select(members, "miscselectMask"));
  BLINDAI_TRY(identity.attributes, members.hex<16>("attributes"));
  BLINDAI_TRY(identity.attributes_mask, members.hex<16>("attributesMask"));
  BLINDAI_TRY(identity.mr_signer, members.hex<32>("mrsigner"));
  BLINDAI_TRY(identity.isv_prod_id, members.number<std::uint16_t>("isvprodid"));
  BLINDAI_TRY(identity.levels, read_svn_levels(members, "qe"));
  return identity;
}

}  // namespace blindai::evidence::dcap
