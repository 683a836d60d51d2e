#include <algorithm>

#include "chains/little_endian.h"
#include "chains/snp.h"

namespace blindai::chains {
namespace {

void put_firmware(Bytes& out, const std::array<std::uint8_t, 3>& version) {
  append(out, version);
  put_zeros(out, 1);
}

// A number as reports carry it: little-endian, 72 bytes.
void put_signature_number(Bytes& out, ByteView big_endian) {
  Bytes number = copy(big_endian);
  std::reverse(number.begin(), number.end());
  number.resize(snp_signature_bytes / 2);
  append(out, number);
}

}  // namespace

Bytes SnpTcb::bytes(Product product) const {
  if (product == Product::turin) {
    return {fmc, bootloader, tee, snp, 0, 0, 0, microcode};
  }
  return {bootloader, tee, 0, 0, 0, 0, snp, microcode};
}

Bytes SnpReport::bytes(Product layout, const Key& vek) const {
  Bytes out;
  put(out, version);
  put(out, guest_svn);
  put(out, policy);
  put_field(out, family_id, 16);
  put_field(out, image_id, 16);
  put(out, vmpl);
  put(out, signature_algo);
  append(out, current_tcb.bytes(layout));
  put(out, platform_info);
  put(out, key_info);
  put_zeros(out, 4);
  put_field(out, report_data, 64);
  put_field(out, measurement, 48);
  put_field(out, host_data, 32);
  put_field(out, id_key_digest, 48);
  put_field(out, author_key_digest, 48);
  put_field(out, report_id, 32);
  put_field(out, report_id_ma, 32);
  append(out, reported_tcb.bytes(layout));
  if (version >= 3) {
    append(out, Bytes{cpuid_family, cpuid_model, cpuid_stepping});
  }
  out.resize(0x1a0);
  put_field(out, chip_id, 64);
  append(out, committed_tcb.bytes(layout));
  put_firmware(out, current_firmware);
  put_firmware(out, committed_firmware);
  append(out, launch_tcb.bytes(layout));
  if (version >= 5) {
    put(out, launch_mitigations);
    put(out, current_mitigations);
  }
  out.resize(snp_signed_bytes);
  if (edit_signed) {
    edit_signed(out);
  }
  const Bytes signature = signer.value_or(vek).sign_raw(out);
  put_signature_number(out, ByteView(signature).first(signature.size() / 2));
  put_signature_number(out, ByteView(signature).last(signature.size() / 2));
  out.resize(1184);
  return out;
}

}  // namespace blindai::chains
