// Every certificate and list of the reference data, against OpenSSL's reading of it; and what becomes of them when they are
// changed at random.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "evidence/openssl_judge.h"
#include "evidence/vectors.h"
#include "evidence/x509/chain.h"
#include "evidence/x509/pem.h"

namespace blindai::evidence::x509 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view begin_line = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view end_line = "-----END CERTIFICATE-----\n";

Bytes bytes_of(const fs::path& path) { return vectors::read(fs::relative(path, vectors::folder()).string()); }

// The PEM chain that a quote carries.
std::optional<Bytes> chain_of_quote(const Bytes& quote) {
  const std::string_view text = as_text(quote);
  const std::size_t from = text.find(begin_line);
  const std::size_t last = text.rfind(end_line);
  if (from == std::string_view::npos || last == std::string_view::npos) {
    return std::nullopt;
  }
  return copy(as_bytes(text.substr(from, last + end_line.size() - from)));
}

std::vector<Bytes> read_pem(const Bytes& text, const std::string& name) {
  auto ders = certificates_of_pem(text, "chain");
  EXPECT_TRUE(ders) << name;
  return ders ? *std::move(ders) : std::vector<Bytes>();
}

struct Found {
  std::map<Bytes, std::string> certificates;  // and where each was seen first
  std::map<Bytes, std::string> crls;
};

void add(std::map<Bytes, std::string>& to, std::vector<Bytes> ders, const std::string& name) {
  for (Bytes& der : ders) {
    to.try_emplace(std::move(der), name);
  }
}

Found find_all() {
  Found found;
  for (const auto& entry : fs::recursive_directory_iterator(vectors::folder())) {
    const fs::path& path = entry.path();
    const std::string file = path.filename().string();
    const std::string name = fs::relative(path, vectors::folder()).string();
    const bool is_crl = file.ends_with("crl.der") || file.ends_with("Crl.der") || file.starts_with("ark_crl_");
    if (is_crl) {
      add(found.crls, {bytes_of(path)}, name);
    } else if (file.ends_with(".der")) {
      add(found.certificates, {bytes_of(path)}, name);
    } else if (file.ends_with(".pem") && !file.ends_with("_public.pem")) {
      add(found.certificates, read_pem(bytes_of(path), name), name);
    } else if (file == "quote.bin") {
      if (const auto chain = chain_of_quote(bytes_of(path))) {
        add(found.certificates, read_pem(*chain, name), name);
      }
    }
  }
  return found;
}

TEST(RealCertificates, AreReadAsOpenSslReadsThem) {
  BLINDAI_NEEDS_VECTORS();
  const Found found = find_all();
  EXPECT_GE(found.certificates.size(), 55U);
  for (const auto& [der, name] : found.certificates) {
    const auto certificate = parse_certificate(der, "item");
    ASSERT_TRUE(certificate) << name << ": " << certificate.error().text();
    EXPECT_EQ(judge::difference(*certificate), "") << name;
    EXPECT_TRUE(VerifyingKey::of(*certificate)) << name;
    EXPECT_TRUE(common_name(certificate->subject)) << name;
  }
}

// The judge is worth what it notices.
TEST(TheJudge, NoticesEveryFieldOfACertificate) {
  BLINDAI_NEEDS_VECTORS();
  const auto ders = read_pem(vectors::read("roots/intel_sgx_root_ca.pem"), "root");
  const Certificate right = *parse_certificate(ders.at(0), "root");
  EXPECT_EQ(judge::difference(right), "");
  const auto notices = [&](auto change) {
    Certificate wrong = right;
    change(wrong);
    return judge::difference(wrong) != "";
  };
  EXPECT_TRUE(notices([](Certificate& c) { c.whole = c.whole.first(c.whole.size() - 1); }));
  EXPECT_TRUE(notices([](Certificate& c) { c.tbs = c.tbs.subspan(1); }));
  EXPECT_TRUE(notices([](Certificate& c) { c.serial = c.serial.subspan(1); }));
  EXPECT_TRUE(notices([](Certificate& c) { c.issuer = c.issuer.subspan(1); }));
  EXPECT_TRUE(notices([](Certificate& c) { c.subject = c.subject.subspan(1); }));
  EXPECT_TRUE(notices([](Certificate& c) { ++c.not_before; }));
  EXPECT_TRUE(notices([](Certificate& c) { ++c.not_after; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.public_key_info = c.public_key_info.subspan(1); }));
  EXPECT_TRUE(notices([](Certificate& c) { std::get<EcPoint>(c.key).xy = c.whole.first(64); }));
  EXPECT_TRUE(notices([](Certificate& c) { c.key = RsaNumbers{c.whole, c.whole.first(1)}; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.algorithm = SignatureAlgorithm::ecdsa_sha384; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.algorithm = SignatureAlgorithm::rsa_pss_sha384; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.signature = c.signature.subspan(1); }));
  EXPECT_TRUE(notices([](Certificate& c) { c.ca = false; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.path_length.reset(); }));
  EXPECT_TRUE(notices([](Certificate& c) { c.path_length = 2; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.key_usage = 0x0604; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.key_usage.reset(); }));
  EXPECT_TRUE(notices([](Certificate& c) { --c.extension_count; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.extensions[1].critical = true; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.extensions[1].value = c.serial; }));
  EXPECT_TRUE(notices([](Certificate& c) { c.extensions[1].oid = c.serial; }));
}

TEST(TheJudge, NoticesEveryFieldOfAList) {
  BLINDAI_NEEDS_VECTORS();
  const Bytes der = vectors::read("tdx/dcapqvl-v4-uptodate/pck_crl.der");
  const Crl right = *parse_crl(der, "pck_crl");
  EXPECT_EQ(judge::difference(right), "");
  const auto notices = [&](auto change) {
    Crl wrong = right;
    change(wrong);
    return judge::difference(wrong) != "";
  };
  EXPECT_TRUE(notices([](Crl& c) { c.whole = c.whole.first(c.whole.size() - 1); }));
  EXPECT_TRUE(notices([](Crl& c) { c.tbs = c.tbs.subspan(1); }));
  EXPECT_TRUE(notices([](Crl& c) { c.issuer = c.issuer.subspan(1); }));
  EXPECT_TRUE(notices([](Crl& c) { ++c.this_update; }));
  EXPECT_TRUE(notices([](Crl& c) { ++c.next_update; }));
  EXPECT_TRUE(notices([](Crl& c) { c.algorithm = SignatureAlgorithm::ecdsa_sha384; }));
  EXPECT_TRUE(notices([](Crl& c) { c.signature = c.signature.subspan(1); }));
  EXPECT_TRUE(notices([](Crl& c) { ++c.entry_count; }));
  EXPECT_TRUE(notices([](Crl& c) { c.entries = {}; }));
  EXPECT_TRUE(notices([](Crl& c) { c.number = c.authority_key; }));
  EXPECT_TRUE(notices([](Crl& c) { c.authority_key = c.number; }));
}

TEST(RealLists, AreReadAsOpenSslReadsThem) {
  BLINDAI_NEEDS_VECTORS();
  const Found found = find_all();
  EXPECT_GE(found.crls.size(), 20U);
  for (const auto& [der, name] : found.crls) {
    const auto crl = parse_crl(der, "item");
    ASSERT_TRUE(crl) << name << ": " << crl.error().text();
    EXPECT_EQ(judge::difference(*crl), "") << name;
  }
}

// A certificate with the bytes that it is a view of.
struct Held {
  explicit Held(Bytes bytes) : der(std::move(bytes)), certificate(*parse_certificate(der, "item")) {}
  Bytes der;
  Certificate certificate;
};

void expect_issued(const Held& child, const Held& issuer, std::int64_t below, const std::string& name) {
  Effort effort;
  const auto key = VerifyingKey::of(issuer.certificate);
  ASSERT_TRUE(key) << name;
  EXPECT_TRUE(require_issued(child.certificate, issuer.certificate, *key, below, {}, effort)) << name;
  Bytes changed = child.der;
  changed[changed.size() - 1] ^= 1;  // the end of the signature
  const Held mutilated(std::move(changed));
  EXPECT_FALSE(require_issued(mutilated.certificate, issuer.certificate, *key, below, {}, effort)) << name;
}

void expect_signed(const Bytes& der, const Held& issuer, const std::string& name) {
  const auto crl = parse_crl(der, "crl");
  ASSERT_TRUE(crl) << name;
  Effort effort;
  EXPECT_TRUE(require_signed(*crl, issuer.certificate, *VerifyingKey::of(issuer.certificate), "crl", effort)) << name;
}

TEST(RealChains, HoldForSgxAndTdx) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t count = 0;
  for (const char* kind : {"sgx", "tdx"}) {
    for (const std::string& name : vectors::cases(kind)) {
      const auto text = chain_of_quote(vectors::read(name + "/quote.bin"));
      if (!text) {
        continue;  // certification data without a chain
      }
      const auto ders = read_pem(*text, name);
      ASSERT_EQ(ders.size(), 3U) << name;
      const Held leaf(ders[0]);
      const Held intermediate(ders[1]);
      const Held root(ders[2]);
      EXPECT_EQ(common_name(leaf.certificate.subject), "Intel SGX PCK Certificate") << name;
      EXPECT_EQ(describe_name(root.certificate.subject),
                "CN=Intel SGX Root CA, O=Intel Corporation, L=Santa Clara, ST=CA, C=US");
      expect_issued(leaf, intermediate, 0, name);
      expect_issued(intermediate, root, 1, name);
      expect_issued(root, root, 1, name);
      if (vectors::has(name + "/root_ca_crl.der")) {
        expect_signed(vectors::read(name + "/root_ca_crl.der"), root, name);
      }
      if (vectors::has(name + "/pck_crl.der")) {
        const Bytes crl = vectors::read(name + "/pck_crl.der");
        expect_signed(crl, intermediate, name);
        EXPECT_FALSE(parse_crl(crl, "pck_crl")->lists(leaf.certificate.serial)) << name;
      }
      ++count;
    }
  }
  EXPECT_GE(count, 18U);
}

TEST(RealChains, HoldForSnp) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t count = 0;
  for (const std::string& name : vectors::cases("snp")) {
    if (!vectors::has(name + "/vek.der")) {
      continue;
    }
    const std::string middle = vectors::has(name + "/ask.pem") ? "/ask.pem" : "/asvk.pem";
    const Held vek(vectors::read(name + "/vek.der"));
    const Held intermediate(read_pem(vectors::read(name + middle), name).at(0));
    const Held ark(read_pem(vectors::read(name + "/ark.pem"), name).at(0));
    if (name ==
        "snp/trustee-milan-vcek-der-hwid-bad-signature") {  // a certificate of the shape of AMD's, made by another
      Effort effort;
      const auto key = VerifyingKey::of(intermediate.certificate);
      EXPECT_FALSE(require_issued(vek.certificate, intermediate.certificate, *key, 0, {}, effort));
    } else {
      expect_issued(vek, intermediate, 0, name);
    }
    expect_issued(intermediate, ark, 1, name);
    expect_issued(ark, ark, 1, name);
    if (vectors::has(name + "/ark_crl.der")) {
      expect_signed(vectors::read(name + "/ark_crl.der"), ark, name);
    }
    ++count;
  }
  EXPECT_GE(count, 9U);
}

TEST(RealLists, RevokeTheOldIntermediateOfGenoa) {
  BLINDAI_NEEDS_VECTORS();
  const std::string name = "snp/amd-crl-genoa-revokes-old-ask";
  const Bytes der = vectors::read(name + "/ark_crl_genoa.der");
  const auto crl = parse_crl(der, "ark_crl");
  ASSERT_TRUE(crl);
  expect_signed(der, Held(read_pem(vectors::read(name + "/ark_genoa.pem"), name).at(0)), name);
  EXPECT_EQ(crl->entry_count, 1U);
  EXPECT_EQ(crl_number(*crl), 2);
  EXPECT_TRUE(crl->lists(*from_hex("020001")));
  EXPECT_FALSE(crl->lists(*from_hex("020002")));
}

class Changer {
 public:
  // One to three changes of a byte, of a bit, of a length: inserted, removed, repeated.
  Bytes change(const Bytes& der) {
    Bytes out = der;
    for (std::size_t i = 1 + pick(3); i > 0 && !out.empty(); --i) {
      const std::size_t at = pick(out.size());
      const auto place = out.begin() + static_cast<std::ptrdiff_t>(at);
      switch (pick(6)) {
        case 0:
          out[at] = static_cast<std::uint8_t>(out[at] ^ 1U << pick(8));
          break;
        case 1:
          out[at] = static_cast<std::uint8_t>(pick(256));
          break;
        case 2:
          out[at] = static_cast<std::uint8_t>(out[at] + (pick(2) == 0 ? 1 : 255));
          break;
        case 3:
          out.insert(place, static_cast<std::uint8_t>(pick(256)));
          break;
        case 4:
          out.erase(place);
          break;
        default:
          out[at] = der[pick(der.size())];
          break;
      }
    }
    return out;
  }

 private:
  std::size_t pick(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }
  std::mt19937 random_{20180521};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same changes each time
};

constexpr std::size_t changes_each = 300;

TEST(ChangedCertificates, AreRefusedOrReadAsOpenSslReadsThem) {
  BLINDAI_NEEDS_VECTORS();
  const Found found = find_all();
  Changer changer;
  std::size_t read = 0;
  for (const auto& [der, name] : found.certificates) {
    for (std::size_t i = 0; i < changes_each; ++i) {
      const Bytes changed = changer.change(der);
      if (const auto certificate = parse_certificate(changed, "item")) {
        ++read;
        ASSERT_EQ(judge::difference(*certificate), "") << name << " " << to_hex(changed);
      }
    }
  }
  EXPECT_GT(read, 1000U);
}

TEST(ChangedLists, AreRefusedOrReadAsOpenSslReadsThem) {
  BLINDAI_NEEDS_VECTORS();
  const Found found = find_all();
  Changer changer;
  std::size_t read = 0;
  for (const auto& [der, name] : found.crls) {
    for (std::size_t i = 0; i < changes_each; ++i) {
      const Bytes changed = changer.change(der);
      if (const auto crl = parse_crl(changed, "item")) {
        ++read;
        ASSERT_EQ(judge::difference(*crl), "") << name << " " << to_hex(changed);
      }
    }
  }
  EXPECT_GT(read, 500U);
}

}  // namespace
}  // namespace blindai::evidence::x509
