#include "evidence/snp/vek.h"

#include <gtest/gtest.h>

#include "chains/der.h"
#include "chains/snp.h"
#include "evidence/vectors.h"

namespace blindai::evidence::snp {
namespace {

namespace der = chains::der;
using chains::SnpKey;

// A VEK that an elliptic key signs, for speed: nothing here looks at its signature.
Bytes certificate_of(const chains::Snp& chain) {
  chains::Certificate leaf = chain.vek;
  leaf.signer = chain.vek.key;
  const auto amd = chain.vek_extensions.list();
  leaf.extensions.insert(leaf.extensions.end(), amd.begin(), amd.end());
  return leaf.der();
}

Parsed<Vek> parse(const Bytes& bytes) {
  const auto certificate = x509::parse_certificate(bytes, "vek");
  EXPECT_TRUE(certificate);
  return certificate ? parse_vek(*certificate) : std::unexpected(certificate.error());
}

Parsed<Vek> parse(const chains::Snp& chain) { return parse(certificate_of(chain)); }

// "BAD_CERTIFICATE:vek", or nothing where it is a VEK.
std::string reason(const chains::Snp& chain) {
  const auto vek = parse(chain);
  return vek ? std::string() : vek.error().text();
}

constexpr const char* bad = "BAD_CERTIFICATE:vek";

// Replaces the value of an extension below 1.3.6.1.4.1.3704.1, or takes it away.
void change(chains::Snp& chain, const std::string& below, std::optional<Bytes> value) {
  chain.vek_extensions.edit = [=](std::vector<chains::Extension>& all) {
    const std::string oid = "1.3.6.1.4.1.3704.1." + below;
    std::erase_if(all, [&](const chains::Extension& each) { return each.oid == oid; });
    if (value) {
      all.push_back({oid, false, *value});
    }
  };
}

chains::Snp milan() { return chains::snp(Product::milan); }
chains::Snp turin() { return chains::snp(Product::turin); }

TEST(SnpVek, OfEachProductAndKindIsRead) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    for (const SnpKey kind : {SnpKey::vcek, SnpKey::vlek}) {
      const chains::Snp chain = chains::snp(product, kind);
      const auto vek = parse(chain);
      ASSERT_TRUE(vek) << vek.error().text();
      EXPECT_EQ(vek->kind, kind == SnpKey::vcek ? KeyKind::vcek : KeyKind::vlek);
      EXPECT_EQ(vek->product, product);
      EXPECT_EQ(vek->struct_version, chain.vek_extensions.struct_version);
      EXPECT_EQ(vek->tcb.fmc.has_value(), product == Product::turin);
      EXPECT_EQ(vek->tcb.fmc.value_or(0), chain.vek_extensions.fmc.value_or(0));
      EXPECT_EQ(vek->tcb.bootloader, chain.vek_extensions.bootloader);
      EXPECT_EQ(vek->tcb.tee, chain.vek_extensions.tee);
      EXPECT_EQ(vek->tcb.snp, chain.vek_extensions.snp);
      EXPECT_EQ(vek->tcb.microcode, chain.vek_extensions.microcode);
      EXPECT_EQ(vek->hardware_id, chain.vek_extensions.hardware_id);
      EXPECT_EQ(vek->csp_id, chain.vek_extensions.csp_id);
    }
  }
}

TEST(SnpVek, HasAKeyOnP384AndIsNoAuthority) {
  chains::Snp chain = milan();
  chain.vek.key = chains::Key::generate(chains::Curve::p256);
  EXPECT_EQ(reason(chain), bad);
  chain.vek.key = chains::Key::rsa("stranger");
  EXPECT_EQ(reason(chain), bad);
  chain = milan();
  chain.vek.basic_constraints = chains::BasicConstraints{true, {}};
  EXPECT_EQ(reason(chain), bad);
}

TEST(SnpVek, IsNamedByItsKind) {
  for (const char* name : {"SEV-VEK", "sev-vcek", "SEV-VCEK ", "SEV-Milan", ""}) {
    chains::Snp chain = milan();
    chain.vek.subject = chains::amd_name(name);
    EXPECT_EQ(reason(chain), bad) << name;
  }
  // The name says what must be there.
  chains::Snp chain = milan();
  chain.vek.subject = chains::amd_name("SEV-VLEK");
  EXPECT_EQ(reason(chain), bad);
  chain = chains::snp(Product::milan, SnpKey::vlek);
  chain.vek.subject = chains::amd_name("SEV-VCEK");
  EXPECT_EQ(reason(chain), bad);
}

TEST(SnpVek, OfAKindHasNothingOfTheOther) {
  chains::Snp chain = milan();
  chain.vek_extensions.csp_id = "CN=somewhere";
  EXPECT_EQ(reason(chain), bad);
  chain = chains::snp(Product::genoa, SnpKey::vlek);
  chain.vek_extensions.hardware_id = Bytes(64, 1);
  EXPECT_EQ(reason(chain), bad);
}

TEST(SnpVek, HasAStructureThatIsKnown) {
  for (const int version : {0, 1}) {
    chains::Snp chain = milan();
    chain.vek_extensions.struct_version = version;
    EXPECT_EQ(reason(chain), "");
  }
  for (const int version : {-1, 2, 255}) {
    chains::Snp chain = milan();
    chain.vek_extensions.struct_version = version;
    EXPECT_EQ(reason(chain), bad) << version;
  }
  chains::Snp chain = milan();
  change(chain, "1", {});
  EXPECT_EQ(reason(chain), bad);
}

TEST(SnpVek, HasAProductThatIsKnown) {
  const auto with = [](const std::string& name) {
    chains::Snp chain = milan();
    chain.vek_extensions.product = name;
    return reason(chain);
  };
  for (const char* name : {"Milan", "Milan-B0", "Milan-B1", "Genoa", "Genoa-B0"}) {
    EXPECT_EQ(with(name), "") << name;
  }
  for (const char* name : {"", "Mila", "Milano", "milan", "Naples", "Rome-B0", "-Milan", "Venice"}) {
    EXPECT_EQ(with(name), "PRODUCT_MISMATCH") << name;
  }
  chains::Snp chain = milan();
  for (const Bytes& value : {copy(as_bytes("Milan")), der::utf8_string("Milan"), Bytes(),
                             der::join({der::ia5_string("Milan"), der::null()}), der::ia5_string("Milan\n")}) {
    change(chain, "2", value);
    EXPECT_EQ(reason(chain), bad) << to_hex(value);
  }
  change(chain, "2", {});
  EXPECT_EQ(reason(chain), bad);
}

TEST(SnpVek, HasComponentsFrom0To255) {
  for (const int value : {0, 1, 127, 128, 255}) {
    chains::Snp chain = turin();
    auto& form = chain.vek_extensions;
    form.fmc = form.bootloader = form.tee = form.snp = form.microcode = value;
    const auto vek = parse(chain);
    ASSERT_TRUE(vek) << value;
    const auto byte = static_cast<std::uint8_t>(value);
    EXPECT_EQ(vek->tcb, (Tcb{.fmc = byte, .bootloader = byte, .tee = byte, .snp = byte, .microcode = byte}));
  }
  const std::vector<Bytes> wrong{der::integer(256),
                                 der::integer(-1),
                                 Bytes{0x02, 0x01, 0x80},
                                 Bytes{0x02, 0x00},
                                 Bytes{0x05},
                                 Bytes{},
                                 Bytes{0x02, 0x02, 0, 5},
                                 Bytes{0x02, 0x01, 5, 0},
                                 der::null(),
                                 der::boolean(true),
                                 Bytes{0x04, 0x01, 0x05}};
  for (const char* below : {"3.1", "3.2", "3.3", "3.8", "3.9"}) {
    chains::Snp chain = turin();
    for (const Bytes& value : wrong) {
      change(chain, below, value);
      EXPECT_EQ(reason(chain), bad) << below << " " << to_hex(value);
    }
    change(chain, below, {});
    EXPECT_EQ(reason(chain), bad) << below << " absent";
  }
}

TEST(SnpVek, HasNoComponentThatNothingCompares) {
  const auto with = [](chains::Snp chain, const char* below, const Bytes& value) {
    change(chain, below, value);
    return reason(chain);
  };
  for (const char* below : {"3.4", "3.5", "3.6", "3.7"}) {
    EXPECT_EQ(with(milan(), below, der::integer(0)), "");
    EXPECT_EQ(with(milan(), below, der::integer(1)), bad) << below;
    EXPECT_EQ(with(turin(), below, der::integer(0)), "");
    EXPECT_EQ(with(turin(), below, der::integer(1)), bad) << below;
    EXPECT_EQ(with(milan(), below, der::null()), bad) << below;
  }
  EXPECT_EQ(with(milan(), "3.9", der::integer(0)), "");
  EXPECT_EQ(with(milan(), "3.9", der::integer(1)), bad);
  EXPECT_EQ(with(milan(), "3.10", der::integer(0)), bad);
  EXPECT_EQ(with(milan(), "3.1.1", der::integer(0)), bad);
  EXPECT_EQ(with(milan(), "3", der::integer(0)), bad);
  // Outside of the components AMD may say more without a harm.
  EXPECT_EQ(with(milan(), "6", der::integer(1)), "");
}

TEST(SnpVek, HasAHardwareIdOfTheSizeOfItsProduct) {
  const auto with = [](chains::Snp chain, const std::optional<Bytes>& value) {
    change(chain, "4", value);
    return parse(chain);
  };
  Bytes id(64);
  for (const std::uint8_t first : Bytes{0x00, 0x02, 0x04, 0x30, 0xff}) {
    // Begins like DER that fills it exactly, and is raw all the same.
    id[0] = first;
    id[1] = 62;
    ASSERT_TRUE(with(milan(), id));
    EXPECT_EQ(with(milan(), id)->hardware_id, id);
    EXPECT_EQ(with(milan(), der::octet_string(id))->hardware_id, id);
  }
  const Bytes small{4, 6, 1, 2, 3, 4, 5, 6};
  EXPECT_EQ(with(turin(), small)->hardware_id, small);
  EXPECT_EQ(with(turin(), der::octet_string(small))->hardware_id, small);
  EXPECT_FALSE(with(milan(), small));
  EXPECT_FALSE(with(milan(), der::octet_string(small)));
  EXPECT_FALSE(with(turin(), id));
  EXPECT_FALSE(with(turin(), der::octet_string(id)));
  EXPECT_FALSE(with(milan(), Bytes(63)));
  EXPECT_FALSE(with(milan(), Bytes(65)));
  EXPECT_FALSE(with(milan(), der::element(0x16, id)));
  EXPECT_FALSE(with(milan(), der::join({der::octet_string(id), der::null()})));
  EXPECT_FALSE(with(milan(), Bytes()));
  EXPECT_FALSE(with(milan(), {}));
  EXPECT_EQ(with(milan(), {}).error().text(), bad);
}

TEST(SnpVek, OfAProviderNamesIt) {
  chains::Snp chain = chains::snp(Product::milan, SnpKey::vlek);
  change(chain, "5", {});
  EXPECT_EQ(reason(chain), bad);
  change(chain, "5", der::utf8_string("CN=somewhere"));
  EXPECT_EQ(reason(chain), bad);
  change(chain, "5", der::ia5_string("CN=some\x7fwhere"));
  EXPECT_EQ(reason(chain), bad);
}

// --- The certificates of the vectors.

std::int64_t number(const json::Value& extensions, std::string_view name) {
  const json::Value* value = extensions.find(name);
  const auto* integer = value == nullptr ? nullptr : value->as<std::int64_t>();
  return integer == nullptr ? -1 : *integer;
}

void expect_extensions(const json::Value& expected, const Vek& vek) {
  EXPECT_EQ(vek.struct_version, number(expected, "struct_version"));
  EXPECT_TRUE(expected.text("product")->starts_with(word(vek.product)));
  EXPECT_EQ(vek.tcb.fmc.has_value(), expected.find("fmc") != nullptr);
  EXPECT_EQ(vek.tcb.fmc ? *vek.tcb.fmc : -1, number(expected, "fmc"));
  EXPECT_EQ(vek.tcb.bootloader, number(expected, "bl"));
  EXPECT_EQ(vek.tcb.tee, number(expected, "tee"));
  EXPECT_EQ(vek.tcb.snp, number(expected, "snp"));
  EXPECT_EQ(vek.tcb.microcode, number(expected, "ucode"));
  if (const std::string* hardware_id = expected.text("hwid")) {
    ASSERT_TRUE(vek.hardware_id);
    // The case file gives the value of the extension, wrapped or not.
    EXPECT_TRUE(hardware_id->ends_with(to_hex(*vek.hardware_id)));
    EXPECT_LE(hardware_id->size() - 2 * vek.hardware_id->size(), 4U);
  }
  const std::string* csp_id = expected.text("csp_id");
  EXPECT_EQ(vek.csp_id.has_value(), csp_id != nullptr);
  EXPECT_EQ(vek.csp_id.value_or(""), csp_id == nullptr ? "" : *csp_id);
}

TEST(SnpVek, OfEachCaseReadsAsTheCaseSays) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t count = 0;
  for (const std::string& name : vectors::cases("snp")) {
    if (!vectors::has(name + "/vek.der")) {
      continue;
    }
    SCOPED_TRACE(name);
    const json::Value document = vectors::read_json(name + "/case.json");
    const auto vek = parse(vectors::read(name + "/vek.der"));
    ASSERT_TRUE(vek) << vek.error().text();
    const json::Value* expected = vectors::at(document, {"vek", "extensions"});
    expect_extensions(expected == nullptr ? *vectors::at(document, {"expected", "extensions"}) : *expected, *vek);
    ++count;
  }
  EXPECT_GE(count, 10U);
}

}  // namespace
}  // namespace blindai::evidence::snp
