// Certificates that are malformed and signed all the same (10, 18 in the list of attacks).
#include "chains/der.h"
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Algorithm;
using chains::Dcap;
namespace der = chains::der;

std::string refusal_of_pck(const std::function<void(Dcap&)>& change) {
  Dcap chain = chains::sgx();
  change(chain);
  const Verdict verdict = judge(chain.seal());
  return verdict.accepted ? "accepted" : testing::PrintToString(verdict.reasons);
}

TEST(OwnKeysCertificates, ACertificateThatIsNotDerIsRefused) {  // 10
  const std::string refused = R"({ "BAD_CERT_CHAIN:pck_chain" })";
  const auto whole = [](const chains::Edit& edit) {
    return refusal_of_pck([&](Dcap& chain) { chain.pck.edit_whole = edit; });
  };
  const auto inner = [](const chains::Edit& edit) {
    return refusal_of_pck([&](Dcap& chain) { chain.pck.edit_signed = edit; });
  };
  EXPECT_EQ(whole([](Bytes& bytes) { bytes.push_back(0); }), refused) << "trailing byte";
  EXPECT_EQ(whole([](Bytes& bytes) { bytes.pop_back(); }), refused) << "cut";
  EXPECT_EQ(whole([](Bytes& bytes) { bytes.clear(); }), refused) << "empty";
  EXPECT_EQ(whole([](Bytes& bytes) { bytes = Bytes(5000, 0x30); }), refused) << "deep nesting";
  EXPECT_EQ(whole([](Bytes& bytes) {
              bytes[1] = 0x80;  // indefinite length, closed as BER closes it
              bytes.erase(bytes.begin() + 2, bytes.begin() + 4);
              bytes.insert(bytes.end(), {0, 0});
            }),
            refused);
  EXPECT_EQ(whole([](Bytes& bytes) { bytes[1] = 0x88; }), refused) << "length of eight bytes";
  EXPECT_EQ(whole([](Bytes& bytes) {
              bytes[1] = 0x83;
              bytes.insert(bytes.begin() + 2, 0);
            }),
            refused)
      << "length with a leading zero";
  EXPECT_EQ(inner([](Bytes& bytes) { bytes[1] = 0x84; }), refused) << "length beyond the end";
  EXPECT_EQ(inner([](Bytes& bytes) { bytes.push_back(0x05); }), refused) << "something between the parts";
}

TEST(OwnKeysCertificates, AnExtensionOfSgxThatIsNotAsIntelDefinesItIsRefused) {  // 10
  const std::string refused = R"({ "BAD_CERTIFICATE:pck" })";
  const auto entries = [](const std::function<void(std::vector<Bytes>&)>& edit) {
    return refusal_of_pck([&](Dcap& chain) { chain.pck_extension.edit_entries = edit; });
  };
  const auto tcb = [](const std::function<void(std::vector<Bytes>&)>& edit) {
    return refusal_of_pck([&](Dcap& chain) { chain.pck_extension.edit_tcb_entries = edit; });
  };
  for (std::size_t i = 0; i < 5; ++i) {  // .6 and .7 may be absent
    EXPECT_EQ(entries([i](std::vector<Bytes>& list) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(i)); }),
              refused)
        << "without ." << i + 1;
  }
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(entries([i](std::vector<Bytes>& list) { list.push_back(list[i]); }), refused) << "twice ." << i + 1;
  }
  for (std::size_t i = 0; i < 18; ++i) {
    EXPECT_EQ(tcb([i](std::vector<Bytes>& list) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(i)); }),
              refused)
        << "without .2." << i + 1;
    EXPECT_EQ(tcb([i](std::vector<Bytes>& list) { list.push_back(list[i]); }), refused) << "twice .2." << i + 1;
  }
  EXPECT_EQ(entries([](std::vector<Bytes>& list) { list.clear(); }), refused);
  EXPECT_EQ(entries([](std::vector<Bytes>& list) { list.push_back({0x05, 0x00}); }), refused);
  const auto changed = [](const std::function<void(chains::PckExtension&)>& change) {
    return refusal_of_pck([&](Dcap& chain) { change(chain.pck_extension); });
  };
  EXPECT_EQ(changed([](auto& form) { form.components[3] = 256; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.components[3] = -1; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.pce_svn = 65536; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.pce_svn = -1; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.ppid.pop_back(); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.fmspc.push_back(0); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.pce_id.push_back(0); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.cpu_svn = Bytes(15, 5); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.sgx_type = 3; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.platform_instance = Bytes(15); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.components[3] = 200; }), "accepted");
  EXPECT_EQ(changed([](auto& form) { form.pce_svn = 65535; }), "accepted");
}

TEST(OwnKeysCertificates, TheExtensionOfSgxStandsThereOnce) {  // 10
  EXPECT_NE(refusal_of_pck([](Dcap& chain) { chain.pck.extensions.push_back(chain.pck_extension.extension()); }),
            "accepted");
  Dcap without = chains::sgx();
  without.pck_extension.edit_entries = {};
  without.pck.edit_signed = [](Bytes& bytes) {
    // Another OID in its place: the last byte of 1.2.840.113741.1.13.1.
    const Bytes oid = der::oid(chains::sgx_extension_oid);
    const auto at = std::search(bytes.begin(), bytes.end(), oid.begin(), oid.end());
    ASSERT_NE(at, bytes.end());
    *(at + static_cast<std::ptrdiff_t>(oid.size()) - 1) = 9;
  };
  EXPECT_THAT(judge(without.seal()), RejectedFor("BAD_CERTIFICATE:pck"));
}

TEST(OwnKeysCertificates, WhatProcessorCertificatesLackIsNotAskedFor) {
  Dcap chain = chains::sgx();
  chain.pck_ca.subject = chains::intel_name("Intel SGX PCK Processor CA");
  chain.pck.issuer = chain.pck_ca.subject;
  chain.pck_crl.issuer = chain.pck_ca.subject;
  chain.pck_extension.platform_instance.reset();
  chain.pck_extension.configuration.reset();
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysCertificates, AnEntryOfTheExtensionThatIsNotAsItsOidSaysIsRefused) {  // 10
  const std::string refused = R"({ "BAD_CERTIFICATE:pck" })";
  const std::string prefix(chains::sgx_extension_oid);
  const auto with = [](const Bytes& entry) {
    return refusal_of_pck(
        [&](Dcap& chain) { chain.pck_extension.edit_entries = [&](std::vector<Bytes>& list) { list[3] = entry; }; });
  };
  const Bytes fmspc = der::octet_string(chains::sgx().pck_extension.fmspc);
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".4"), fmspc)), "accepted");
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".4"), fmspc, der::null())), refused);
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".4.1"), fmspc)), refused);
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".4.9"), fmspc)), refused);
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".9.4"), fmspc)), refused);
  EXPECT_EQ(with(der::sequence(der::oid("1.2.840.113741.1.13.2.4"), fmspc)), refused);
  EXPECT_EQ(with(der::sequence(der::oid(prefix), fmspc)), refused);
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".8"), fmspc)), refused);
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".0"), fmspc)), refused);
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".4"), der::utf8_string("123456"))), refused);
  EXPECT_EQ(with(der::sequence(der::oid(prefix + ".4"))), refused);
  const auto tcb_with = [](const Bytes& entry) {
    return refusal_of_pck([&](Dcap& chain) {
      chain.pck_extension.edit_tcb_entries = [&](std::vector<Bytes>& list) { list[0] = entry; };
    });
  };
  EXPECT_EQ(tcb_with(der::sequence(der::oid(prefix + ".2.1"), der::integer(5))), "accepted");
  EXPECT_EQ(tcb_with(der::sequence(der::oid(prefix + ".2.19"), der::integer(5))), refused);
  EXPECT_EQ(tcb_with(der::sequence(der::oid(prefix + ".2.1"), der::octet_string(Bytes{5}))), refused);
  EXPECT_EQ(tcb_with(der::sequence(der::oid(prefix + ".2.1"), Bytes{0x02, 0x02, 0x00, 0x05})), refused);
}

TEST(OwnKeysCertificates, BytesAfterTheExtensionOfSgxAreRefused) {  // 10
  EXPECT_EQ(refusal_of_pck(
                [](Dcap& chain) { chain.pck_extension.edit_whole = [](Bytes& bytes) { append(bytes, der::null()); }; }),
            R"({ "BAD_CERTIFICATE:pck" })");
}

// A point of SEC 1 as a P-256 SubjectPublicKeyInfo.
Bytes info_of_point(ByteView encoded) {
  return der::sequence(der::sequence(der::oid("1.2.840.10045.2.1"), der::oid("1.2.840.10045.3.1.7")),
                       der::bit_string(encoded));
}

TEST(OwnKeysCertificates, AKeyThatIsNoPointOfTheCurveIsRefused) {
  const auto with = [](const std::function<Bytes(Bytes)>& encode) {
    return refusal_of_pck(
        [&](Dcap& chain) { chain.pck.public_key_info = info_of_point(encode(chain.pck.key.point())); });
  };
  const auto after = [](std::uint8_t prefix) {
    return [prefix](Bytes point) {
      point.insert(point.begin(), prefix);
      return point;
    };
  };
  const std::string refused = R"({ "BAD_CERT_CHAIN:pck_chain" })";
  EXPECT_EQ(with(after(0x04)), "accepted");
  for (const std::uint8_t prefix : U8{0x00, 0x02, 0x03, 0x05, 0x06, 0x07}) {  // compressed, hybrid, none
    EXPECT_EQ(with(after(prefix)), refused) << int{prefix};
  }
  EXPECT_EQ(with([](Bytes point) { return point; }), refused) << "without the 04";
  EXPECT_EQ(with([&](Bytes point) { return der::join({after(0x04)(std::move(point)), Bytes{0}}); }), refused);
  EXPECT_EQ(with([](const Bytes&) { return Bytes{0x00}; }), refused) << "infinity";
  EXPECT_EQ(with([&](const Bytes&) { return after(0x04)(Bytes(64)); }), refused) << "off the curve";
  EXPECT_EQ(with([&](const Bytes&) { return after(0x04)(Bytes(64, 0xff)); }), refused) << "out of the field";
  EXPECT_EQ(with([](const Bytes& point) {
              Bytes compressed(point.begin(), point.begin() + 32);
              compressed.insert(compressed.begin(), static_cast<std::uint8_t>(0x02U + (point.back() & 1U)));
              return compressed;
            }),
            refused);
}

TEST(OwnKeysCertificates, AnAuthoritysKeyOffTheCurveIsRefused) {
  Bytes nowhere(65, 0x01);
  nowhere[0] = 0x04;
  Dcap between = chains::sgx();
  between.pck_ca.public_key_info = info_of_point(nowhere);
  EXPECT_THAT(judge(between.seal()), RejectedFor("BAD_CERT_CHAIN:pck_chain"));
  Dcap signer = chains::sgx();
  signer.tcb_signing.public_key_info = info_of_point(nowhere);
  EXPECT_THAT(judge(signer.seal()),
              RejectedForAll(Words{"BAD_CERT_CHAIN:tcb_signing_chain", "BAD_CERT_CHAIN:qe_identity_signing_chain"}));
}

TEST(OwnKeysCertificates, ASignatureUnderTheNameOfAnotherAlgorithmIsRefused) {  // 18
  for (const Algorithm named : {Algorithm::ecdsa_sha384, Algorithm::ecdsa_sha1, Algorithm::rsa_pss_sha384}) {
    EXPECT_EQ(refusal_of_pck([&](Dcap& chain) {
                chain.pck.algorithm = named;
                chain.pck.signed_with = Algorithm::ecdsa_sha256;
              }),
              R"({ "BAD_CERT_CHAIN:pck_chain" })");
    Dcap list = chains::sgx();
    list.pck_crl.algorithm = named;
    list.pck_crl.signed_with = Algorithm::ecdsa_sha256;
    EXPECT_THAT(judge(list.seal()), RejectedFor("BAD_CRL:pck_crl"));
  }
  for (const Algorithm named : {Algorithm::ecdsa_sha384, Algorithm::rsa_pss_sha256}) {
    chains::Snp chain = chains::snp(Product::milan);
    chain.vek.algorithm = named;
    chain.vek.signed_with = Algorithm::rsa_pss_sha384;
    EXPECT_FALSE(judge(chain.seal()).accepted);
  }
}

TEST(OwnKeysCertificates, AVekOrAuthorityWhoseKeyCannotBeUsedIsRefused) {
  Bytes nowhere(97, 0x01);
  nowhere[0] = 0x04;
  chains::Snp vek = chains::snp(Product::milan);
  vek.vek.public_key_info =
      der::sequence(der::sequence(der::oid("1.2.840.10045.2.1"), der::oid("1.3.132.0.34")), der::bit_string(nowhere));
  EXPECT_THAT(judge(vek.seal()), RejectedForAny(Words{"BAD_CERTIFICATE:vek", "BAD_VEK_CHAIN:vek"}));
  const auto rsa = [](const Bytes& modulus, std::int64_t exponent) {
    return der::sequence(der::sequence(der::oid("1.2.840.113549.1.1.1"), der::null()),
                         der::bit_string(der::sequence(der::integer(ByteView(modulus)), der::integer(exponent))));
  };
  for (const Bytes& info : {rsa(Bytes(512, 0xfe), 65537), rsa(Bytes(128, 0xff), 65537), rsa(Bytes(2048, 0xff), 65537),
                            rsa(Bytes(512, 0xff), 1), rsa(Bytes(512, 0xff), 65536), rsa(Bytes(512, 0xff), -3)}) {
    chains::Snp between = chains::snp(Product::milan);
    between.intermediate.public_key_info = info;
    EXPECT_THAT(judge(between.seal()), RejectedForAny(Words{"BAD_CERTIFICATE:ask", "BAD_VEK_CHAIN:ask"}));
  }
}

TEST(OwnKeysCertificates, ComponentsThatAProductDoesNotHaveAreZero) {
  const auto refusal = [](Product product, std::string_view arc) {
    chains::Snp chain = chains::snp(product);
    chain.vek_extensions.edit = [arc](std::vector<chains::Extension>& list) {
      const std::string oid = "1.3.6.1.4.1.3704.1." + std::string(arc);
      std::erase_if(list, [&](const auto& extension) { return extension.oid == oid; });
      list.push_back({oid, false, der::integer(1)});
    };
    return judge(chain.seal());
  };
  for (const char* arc : {"3.4", "3.5", "3.6", "3.7", "3.9", "3.10", "3.1.1"}) {
    EXPECT_THAT(refusal(Product::genoa, arc), RejectedFor("BAD_CERTIFICATE:vek")) << arc;
  }
  for (const char* arc : {"3.4", "3.5", "3.6", "3.7", "3.10"}) {
    EXPECT_THAT(refusal(Product::turin, arc), RejectedFor("BAD_CERTIFICATE:vek")) << arc;
  }
}

TEST(OwnKeysCertificates, AProductThatNobodyKnowsIsRefused) {
  for (const char* name : {"Rome", "", "milan", "Milan ", "Milano", "MilanB0"}) {
    chains::Snp chain = chains::snp(Product::milan);
    chain.vek_extensions.product = name;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("PRODUCT_MISMATCH")) << name;
  }
  for (const Bytes& value :
       {der::utf8_string("Milan"), der::ia5_string("Milan\x01"), Bytes{}, Bytes{0x16, 0x06, 'M'}}) {
    chains::Snp chain = chains::snp(Product::milan);
    chain.vek_extensions.edit = [&](std::vector<chains::Extension>& list) { list[1].value = value; };
    EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CERTIFICATE:vek"));
  }
}

TEST(OwnKeysCertificates, AnotherVersionOfTheVeksStructureIsRefused) {
  for (const int version : {-1, 2, 255}) {
    chains::Snp chain = chains::snp(Product::genoa);
    chain.vek_extensions.struct_version = version;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CERTIFICATE:vek")) << version;
  }
}

}  // namespace
}  // namespace blindai::evidence
