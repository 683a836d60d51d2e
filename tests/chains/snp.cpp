#include "chains/snp.h"

#include "chains/der.h"

namespace blindai::chains {
namespace {

constexpr UnixSeconds root_from = 1'684'181'000;  // 2023-05-15
constexpr UnixSeconds root_to = root_from + 9131 * day;
constexpr SnpTcb newest{.fmc = 1, .bootloader = 4, .tee = 1, .snp = 24, .microcode = 219};

std::string_view product_name(Product product) {
  switch (product) {
    case Product::milan:
      return "Milan";
    case Product::genoa:
      return "Genoa";
    case Product::turin:
      return "Turin";
  }
  return "";
}

std::string key_name(Product product, std::string_view suffix) {
  std::string name = fmt::format("{}_{}", product_name(product), suffix);
  name[0] = static_cast<char>(name[0] - 'A' + 'a');
  return name;
}

std::string crl_address(Product product, SnpKey kind) {
  return fmt::format("https://kdsintf.amd.com/{}/v1/{}/crl", kind == SnpKey::vlek ? "vlek" : "vcek",
                     product_name(product));
}

VekExtensions vek_extensions(Product product, SnpKey kind, const Bytes& hardware_id) {
  VekExtensions form{.product = std::string(product_name(product))};
  if (product == Product::milan && kind == SnpKey::vcek) {
    form.product = "Milan-B0";
  }
  if (product == Product::turin) {
    form.struct_version = 1;
    form.fmc = newest.fmc;
  }
  form.bootloader = newest.bootloader;
  form.tee = newest.tee;
  form.snp = newest.snp;
  form.microcode = newest.microcode;
  if (kind == SnpKey::vcek) {
    form.hardware_id = hardware_id;
  } else {
    form.csp_id = "CN=cc-test-1.example.com";
  }
  return form;
}

SnpReport report(Product product, SnpKey kind, std::uint32_t version, const Bytes& hardware_id) {
  SnpReport form{.version = version};
  form.current_tcb = form.reported_tcb = form.committed_tcb = form.launch_tcb = newest;
  form.cpuid_family = product == Product::turin ? 0x1a : 0x19;
  form.cpuid_model = product == Product::milan ? 0x01 : product == Product::genoa ? 0x11 : 0x02;
  if (kind == SnpKey::vlek) {
    form.key_info = 1U << 2U;
  } else {
    form.chip_id = hardware_id;
    form.chip_id.resize(64);
  }
  return form;
}

}  // namespace

Certificate amd_root(Product product) {
  const Key key = Key::rsa(key_name(product, "ark"));
  const Bytes name = amd_name(fmt::format("ARK-{}", product_name(product)));
  return {.key = key,
          .subject = name,
          .issuer = name,
          .signer = key,
          .validity = {root_from, root_to},
          .serial = {3, 0, 0},
          .algorithm = Algorithm::rsa_pss_sha384_trailer,
          .basic_constraints = BasicConstraints{true, {}},
          .key_usage = static_cast<std::uint16_t>(key_cert_sign | crl_sign),
          .crl_address = crl_address(product, SnpKey::vcek)};
}

Certificate amd_intermediate(Product product, SnpKey kind) {
  const Certificate root = amd_root(product);
  const bool vlek = kind == SnpKey::vlek;
  return {.key = Key::rsa(key_name(product, vlek ? "asvk" : "ask")),
          .subject = amd_name(fmt::format("SEV-{}{}", vlek ? "VLEK-" : "", product_name(product))),
          .issuer = root.subject,
          .signer = root.key,
          .validity = {root_from, root_to},
          .serial = {3, static_cast<std::uint8_t>(vlek ? 1 : 0), 1},
          .algorithm = Algorithm::rsa_pss_sha384_trailer,
          .basic_constraints = BasicConstraints{true, 0},
          .key_usage = key_cert_sign,
          .crl_address = crl_address(product, kind)};
}

Certificate amd_vek(const Key& key, const Certificate& issuer, SnpKey kind) {
  const bool vlek = kind == SnpKey::vlek;
  return {.key = key,
          .subject = amd_name(vlek ? "SEV-VLEK" : "SEV-VCEK"),
          .issuer = issuer.subject,
          .signer = issuer.key,
          .validity = {noon - 100 * day, noon + (vlek ? 265 : 2455) * day},
          .serial = {0},
          .key_identifiers = false};
}

Snp snp(Product product, SnpKey kind, std::uint32_t version) {
  const Certificate ark = amd_root(product);
  const Certificate intermediate = amd_intermediate(product, kind);
  const Bytes hardware_id(product == Product::turin ? 8 : 64, 0xc7);
  return {.product = product,
          .kind = kind,
          .ark = ark,
          .intermediate = intermediate,
          .vek = amd_vek(Key::generate(Curve::p384), intermediate, kind),
          .ark_crl = {.issuer = ark.subject,
                      .signer = ark.key,
                      .this_update = noon - 40 * day,
                      .next_update = noon + 320 * day,
                      .number = 3},
          .vek_extensions = vek_extensions(product, kind, hardware_id),
          .report = report(product, kind, version, hardware_id)};
}

std::vector<Extension> VekExtensions::list() const {
  const auto oid = [](std::string_view below) { return fmt::format("1.3.6.1.4.1.3704.1.{}", below); };
  std::vector<Extension> all{{oid("1"), false, der::integer(struct_version)},
                             {oid("2"), false, der::ia5_string(product)}};
  const auto number = [&](std::string_view below, int value) {
    all.push_back({oid(below), false, der::integer(value)});
  };
  if (fmc) {
    number("3.9", *fmc);
  }
  number("3.1", bootloader);
  number("3.2", tee);
  if (!fmc) {
    number("3.4", 0);
  }
  number("3.5", 0);
  number("3.6", 0);
  number("3.7", 0);
  number("3.3", snp);
  number("3.8", microcode);
  if (hardware_id) {
    all.push_back({oid("4"), false, wrap_hardware_id ? der::octet_string(*hardware_id) : *hardware_id});
  }
  if (csp_id) {
    all.push_back({oid("5"), false, der::ia5_string(*csp_id)});
  }
  if (edit) {
    edit(all);
  }
  return all;
}

Case Snp::seal() const {
  Certificate leaf = vek;
  const std::vector<Extension> amd = vek_extensions.list();
  leaf.extensions.insert(leaf.extensions.end(), amd.begin(), amd.end());
  const std::string intermediate_pem = pem(ByteView(intermediate.der()));
  const std::string ark_pem = pem(ByteView(ark.der()));
  evidence::Roots roots;
  roots.amd[static_cast<std::size_t>(product)] = ark.key.id();
  return {.type = "snp-report",
          .evidence = report.bytes(product, vek.key),
          .collateral = {{"vek", leaf.der()},
                         {kind == SnpKey::vlek ? "asvk" : "ask", copy(as_bytes(intermediate_pem))},
                         {"ark", copy(as_bytes(ark_pem))},
                         {"ark_crl", ark_crl.der()}},
          .roots = roots,
          .at = at};
}

}  // namespace blindai::chains
