#include "chains/quote.h"

#include "chains/der.h"
#include "chains/little_endian.h"
#include "crypto/crypto.h"

namespace blindai::chains {
namespace {

Bytes header(const Quote& form) {
  Bytes out;
  put(out, form.version);
  put(out, form.key_type);
  put(out, form.tee_type);  // reserved in version 3
  put(out, form.qe_svn);
  put(out, form.pce_svn);
  put_field(out, form.vendor_id, 16);
  put_field(out, form.user_data, 20);
  return out;
}

// QE report data: SHA-256 of attestation key and auth data, then zeros.
Bytes binding(const Quote& form) {
  Bytes out = copy(crypto::sha256(der::join({form.attestation_key.point(), form.auth_data})).view());
  put_zeros(out, 32);
  return out;
}

Bytes qe_report(const Quote& form) {
  SgxBody qe = form.qe;
  qe.report_data = form.qe_report_data.value_or(binding(form));
  Bytes out = qe.bytes();
  if (form.edit_qe_report) {
    form.edit_qe_report(out);
  }
  return out;
}

// QE report to PCK chain. `at` is where it begins in the quote.
Bytes certification(const Quote& form, const Key& pck_key, std::string_view chain, std::size_t at,
                    QuoteLayout& layout) {
  Bytes out = qe_report(form);
  const Bytes signature = form.qe_signer.value_or(pck_key).sign_raw(out);
  layout.qe_report = at;
  layout.qe_signature = at + out.size();
  append(out, signature);
  layout.auth_size = at + out.size();
  put(out, static_cast<std::uint16_t>(form.auth_data.size()));
  layout.auth_data = at + out.size();
  append(out, form.auth_data);
  layout.inner_type = at + out.size();
  put(out, form.inner_type);
  layout.inner_size = at + out.size();
  const std::size_t nul = form.chain_ends_with_nul ? 1 : 0;
  put(out, static_cast<std::uint32_t>(chain.size() + nul));
  layout.pck_chain = at + out.size();
  append(out, as_bytes(chain));
  put_zeros(out, nul);
  return out;
}

}  // namespace

Bytes SgxBody::bytes() const {
  Bytes out;
  put_field(out, cpu_svn, 16);
  put(out, misc_select);
  put_zeros(out, 12);
  put_field(out, isv_ext_prod_id, 16);
  put(out, flags);
  put(out, xfrm);
  put_field(out, mrenclave, 32);
  put_zeros(out, 32);
  put_field(out, mrsigner, 32);
  put_zeros(out, 32);
  put_field(out, config_id, 64);
  put(out, isv_prod_id);
  put(out, isv_svn);
  put(out, config_svn);
  put_zeros(out, 42);
  put_field(out, isv_family_id, 16);
  put_field(out, report_data, 64);
  return out;
}

Bytes TdBody::bytes(int body_type) const {
  Bytes out = copy(tee_tcb_svn);
  put_field(out, mr_seam, 48);
  put_field(out, mr_signer_seam, 48);
  put(out, seam_attributes);
  put(out, td_attributes);
  put(out, xfam);
  put_field(out, mr_td, 48);
  put_field(out, mr_config_id, 48);
  put_field(out, mr_owner, 48);
  put_field(out, mr_owner_config, 48);
  for (const Bytes& measurement : rtmr) {
    put_field(out, measurement, 48);
  }
  put_field(out, report_data, 64);
  if (body_type >= 3) {
    append(out, tee_tcb_svn2);
    put_field(out, mr_service_td, 48);
  }
  if (body_type >= 4) {
    append(out, partitioning);
  }
  return out;
}

Bytes Quote::bytes(const Key& pck_key, std::string_view chain, QuoteLayout* layout) const {
  QuoteLayout unwanted;
  QuoteLayout& found = layout != nullptr ? *layout : unwanted;
  found = {};
  const Bytes body = tdx() ? td.bytes(body_type) : sgx.bytes();
  Bytes out = header(*this);
  if (version == 5) {
    put(out, body_type);
    put(out, body_size.value_or(static_cast<std::uint32_t>(body.size())));
    found.body = out.size();
  }
  append(out, body);
  if (edit_signed) {
    edit_signed(out);
  }
  const Bytes signature = signer.value_or(attestation_key).sign_raw(out);
  found.signature_size = out.size();
  found.signature = out.size() + 4;
  found.attestation_key = found.signature + 64;
  Bytes data = der::join({signature, attestation_key.point()});
  if (version == 3) {
    append(data, certification(*this, pck_key, chain, found.signature + data.size(), found));
  } else {
    found.outer_type = found.signature + data.size();
    const Bytes wrapped = certification(*this, pck_key, chain, found.outer_type + 6, found);
    put(data, outer_type);
    put(data, static_cast<std::uint32_t>(wrapped.size()));
    append(data, wrapped);
  }
  put(out, static_cast<std::uint32_t>(data.size()));
  append(out, data);
  found.end = out.size();
  append(out, trailing);
  return out;
}

}  // namespace blindai::chains
