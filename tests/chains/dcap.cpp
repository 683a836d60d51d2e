#include "chains/dcap.h"

namespace blindai::chains {
namespace {

constexpr UnixSeconds root_from = 1'526'899'510;    // 2018-05-21T10:45:10Z
constexpr UnixSeconds root_to = 2'524'607'999;      // 2049-12-31T23:59:59Z
constexpr UnixSeconds ca_to = 2'000'285'410;        // 2033-05-21T10:50:10Z
constexpr UnixSeconds tcb_date = noon - 200 * day;  // of the newest levels
constexpr UnixSeconds old_tcb_date = noon - 900 * day;
constexpr Svns newest_sgx{5, 5, 3, 3, 4, 1, 0, 5};
constexpr Svns older_sgx{4, 5, 3, 3, 4, 1, 0, 5};
constexpr int newest_pce = 13;
constexpr std::string_view root_crl_address = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";
constexpr std::string_view pck_crl_address =
    "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform&encoding=der";

Bytes serial(std::uint8_t seed) {
  Bytes out(20, seed);
  out[0] = 0x7a;
  return out;
}

QeIdentity qe_identity(const Key& signer, bool tdx) {
  QeIdentity form{.signer = signer};
  form.id = tdx ? "TD_QE" : "QE";
  form.issue_date = noon - 10 * day;
  form.next_update = noon + 20 * day;
  form.attributes = *from_hex("11000000000000000000000000000000");
  form.attributes_mask = *from_hex("fbffffffffffffff0000000000000000");
  form.mr_signer = Bytes(32, tdx ? 0xdc : 0x8c);
  form.isv_prod_id = tdx ? 2 : 1;
  form.levels = {{.isv_svn = 8, .status = "UpToDate", .date = tcb_date},
                 {.isv_svn = 6, .status = "OutOfDate", .date = old_tcb_date, .advisories = {"INTEL-SA-00615"}}};
  return form;
}

TcbInfo tcb_info(const Key& signer, bool tdx) {
  TcbInfo form{.signer = signer};
  form.id = tdx ? "TDX" : "SGX";
  form.issue_date = noon - 9 * day;
  form.next_update = noon + 21 * day;
  form.fmspc = *from_hex("b0c06f000000");
  form.levels = {{.sgx = newest_sgx, .pce_svn = newest_pce, .tdx = {5, 0, 2}, .status = "UpToDate", .date = tcb_date},
                 {.sgx = older_sgx,
                  .pce_svn = 5,
                  .tdx = {4, 0, 2},
                  .status = "OutOfDate",
                  .date = old_tcb_date,
                  .advisories = {"INTEL-SA-00828", "INTEL-SA-00837"}}};
  if (tdx) {
    form.tdx_module = TdxModule{};
    form.module_identities = {
        {.id = "TDX_03", .levels = {{.isv_svn = 3, .date = tcb_date}}},
        {.id = "TDX_01",
         .levels = {{.isv_svn = 4, .date = tcb_date},
                    {.isv_svn = 2, .status = "OutOfDate", .date = old_tcb_date, .advisories = {"INTEL-SA-01036"}}}}};
  }
  return form;
}

Quote quote(std::uint16_t version, std::uint16_t body_type, const QeIdentity& identity) {
  Quote form;
  form.version = version;
  form.body_type = body_type;
  form.tee_type = body_type == 1 ? 0 : 0x81;
  form.td.tee_tcb_svn = {6, 1, 3};
  form.td.tee_tcb_svn2 = {6, 1, 3};
  form.qe.flags = 0x15;  // as Intel's: INIT, MODE64BIT, PROVISION_KEY
  form.qe.mrsigner = identity.mr_signer;
  form.qe.isv_prod_id = static_cast<std::uint16_t>(identity.isv_prod_id);
  form.qe.isv_svn = static_cast<std::uint16_t>(identity.levels.front().isv_svn);
  form.trailing = Bytes(body_type == 1 ? 0 : 70);
  return form;
}

Crl crl(const Certificate& issuer) {
  return {.issuer = issuer.subject,
          .signer = issuer.key,
          .this_update = noon - 8 * day,
          .next_update = noon + 22 * day,
          .revoked = {{serial(0xc1), noon - 300 * day}, {serial(0xc2), noon - 200 * day}}};
}

Dcap make(std::uint16_t version, std::uint16_t body_type) {
  const bool td = body_type != 1;
  const Certificate root = intel_root(Key::generate(Curve::p256));
  const Certificate ca = intel_pck_ca(Key::generate(Curve::p256), root, "Intel SGX PCK Platform CA");
  const Certificate pck = intel_leaf(Key::generate(Curve::p256), ca, "Intel SGX PCK Certificate");
  const Certificate signing = intel_leaf(Key::generate(Curve::p256), root, "Intel SGX TCB Signing");
  const QeIdentity identity = qe_identity(signing.key, td);
  const PckExtension extension{.components = newest_sgx, .pce_svn = newest_pce, .fmspc = *from_hex("b0c06f000000")};
  return {.root = root,
          .pck_ca = ca,
          .pck = pck,
          .tcb_signing = signing,
          .root_crl = crl(root),
          .pck_crl = crl(ca),
          .pck_extension = extension,
          .tcb_info = tcb_info(signing.key, td),
          .qe_identity = identity,
          .quote = quote(version, body_type, identity)};
}

std::vector<Bytes> edited(std::vector<Bytes> chain, const Dcap::EditChain& edit) {
  if (edit) {
    edit(chain);
  }
  return chain;
}

Bytes text(std::string_view content) { return copy(as_bytes(content)); }

}  // namespace

Certificate intel_root(const Key& key) {
  return {.key = key,
          .subject = intel_name("Intel SGX Root CA"),
          .issuer = intel_name("Intel SGX Root CA"),
          .signer = key,
          .validity = {root_from, root_to},
          .serial = serial(0x01),
          .basic_constraints = BasicConstraints{true, 1},
          .key_usage = static_cast<std::uint16_t>(key_cert_sign | crl_sign),
          .crl_address = std::string(root_crl_address)};
}

Certificate intel_pck_ca(const Key& key, const Certificate& root, std::string_view common_name) {
  return {.key = key,
          .subject = intel_name(common_name),
          .issuer = root.subject,
          .signer = root.key,
          .validity = {root_from, ca_to},
          .serial = serial(0x02),
          .basic_constraints = BasicConstraints{true, 0},
          .key_usage = static_cast<std::uint16_t>(key_cert_sign | crl_sign),
          .crl_address = std::string(root_crl_address)};
}

Certificate intel_leaf(const Key& key, const Certificate& issuer, std::string_view common_name) {
  return {.key = key,
          .subject = intel_name(common_name),
          .issuer = issuer.subject,
          .signer = issuer.key,
          .validity = {noon - 600 * day, noon + 1900 * day},
          .serial = serial(static_cast<std::uint8_t>(0x10 + common_name.size())),
          .basic_constraints = BasicConstraints{},
          .key_usage = static_cast<std::uint16_t>(digital_signature | non_repudiation),
          .crl_address = std::string(issuer.subject == issuer.issuer ? root_crl_address : pck_crl_address)};
}

Dcap sgx(std::uint16_t version) { return make(version, 1); }
Dcap tdx(std::uint16_t version, std::uint16_t body_type) { return make(version, body_type); }

Case Dcap::seal(QuoteLayout* layout) const {
  Certificate leaf = pck;
  leaf.extensions.push_back(pck_extension.extension());
  const Bytes root_der = root.der();
  const Bytes ca_der = pck_ca.der();
  const std::vector<Bytes> pck_chain = edited({leaf.der(), ca_der, root_der}, edit_pck_chain);
  const std::vector<Bytes> tcb_chain = edited({tcb_signing.der(), root_der}, edit_tcb_chain);
  const std::vector<Bytes> qe_chain = edited(tcb_chain, edit_qe_chain);
  const std::vector<Bytes> crl_chain = edited({ca_der, root_der}, edit_crl_chain);
  return {.type = quote.tdx() ? "tdx-quote" : "sgx-quote",
          .evidence = quote.bytes(pck.key, pem(pck_chain), layout),
          .collateral = {{"tcb_info", text(tcb_info.json())},
                         {"tcb_signing_chain", text(pem(tcb_chain))},
                         {"qe_identity", text(qe_identity.json())},
                         {"qe_identity_signing_chain", text(pem(qe_chain))},
                         {"root_ca_crl", root_crl.der()},
                         {"pck_crl", pck_crl.der()},
                         {"pck_crl_issuer_chain", text(pem(crl_chain))}},
          .roots = {.intel = root.key.id(), .amd = {}},
          .at = at};
}

}  // namespace blindai::chains
