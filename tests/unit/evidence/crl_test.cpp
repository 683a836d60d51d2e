#include "evidence/x509/crl.h"

#include <gtest/gtest.h>

#include <limits>

#include "evidence/der_build.h"
#include "evidence/x509/der.h"

namespace blindai::evidence::x509 {
namespace {

using build::CrlParts;
using build::element;
using build::extension;
using build::hex;
using build::join;
using build::sequence;

constexpr const char* accepted = "";
constexpr const char* bad = "BAD_CRL:pck_crl";

const build::Signer& signer() {
  static const build::Signer key = build::Signer::p256();
  return key;
}

std::string refusal_of(ByteView der) {
  const auto crl = parse_crl(der, "pck_crl");
  return crl ? accepted : crl.error().text();
}

std::string with(Bytes CrlParts::* part, Bytes value) {
  CrlParts parts;
  parts.*part = std::move(value);
  return refusal_of(parts.signed_by(signer()));
}

std::string with_extensions(std::vector<Bytes> extensions) {
  CrlParts parts;
  parts.extensions = std::move(extensions);
  return refusal_of(parts.signed_by(signer()));
}

const Bytes number = extension(build::crl_number, false, hex("020107"));
const Bytes key_id = extension(build::authority_key, false, hex("300680040a0b0c0d"));
const Bytes revoked_on = build::utc("220101000000Z");

Bytes entry(std::string_view serial, const Bytes& more = {}) { return sequence({hex(serial), revoked_on, more}); }
std::string with_entry(const Bytes& one) { return with(&CrlParts::entries, sequence({one})); }

TEST(ARevocationList, IsReadWhole) {
  CrlParts parts;
  parts.entries = sequence({entry("020105"), entry("020200f0", sequence({extension("551d15", false, hex("0a0101"))}))});
  const Bytes der = parts.signed_by(signer());
  const auto crl = parse_crl(der, "pck_crl");
  ASSERT_TRUE(crl) << crl.error().text();
  EXPECT_EQ(to_hex(crl->whole), to_hex(der));
  EXPECT_EQ(to_hex(crl->issuer), to_hex(parts.issuer));
  EXPECT_EQ(crl->this_update, 1640995200);
  EXPECT_EQ(crl->next_update, 1643673600);
  EXPECT_EQ(crl->algorithm, SignatureAlgorithm::ecdsa_sha256);
  EXPECT_EQ(to_hex(crl->entries), to_hex(Der(parts.entries).next()->content));
  EXPECT_EQ(crl->entry_count, 2U);
  EXPECT_EQ(to_hex(crl->number), "07");
  EXPECT_EQ(crl_number(*crl), 7);
  EXPECT_EQ(to_hex(crl->authority_key), "0a0b0c0d");
  EXPECT_TRUE(crl->lists(hex("05")));
  EXPECT_TRUE(crl->lists(hex("00f0")));
  EXPECT_FALSE(crl->lists(hex("f0")));
  EXPECT_FALSE(crl->lists(hex("06")));
  EXPECT_FALSE(crl->lists({}));
}

TEST(ARevocationList, MayRevokeNothing) {
  for (const Bytes& none : {Bytes(), hex("3000")}) {
    CrlParts parts;
    parts.entries = none;
    const Bytes der = parts.signed_by(signer());
    const auto crl = parse_crl(der, "pck_crl");
    ASSERT_TRUE(crl);
    EXPECT_EQ(crl->entry_count, 0U);
    EXPECT_FALSE(crl->lists(hex("05")));
  }
}

TEST(ARevocationList, EndsWhereItEnds) {
  EXPECT_EQ(with(&CrlParts::after_all, hex("00")), bad);
  EXPECT_EQ(with(&CrlParts::after_signature, hex("0500")), bad);
  EXPECT_EQ(with(&CrlParts::after_extensions, hex("0500")), bad);
  EXPECT_EQ(refusal_of({}), bad);
  EXPECT_EQ(refusal_of(Bytes(1024, 0)), bad);
  const Bytes der = CrlParts().signed_by(signer());
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_EQ(refusal_of(ByteView(der).first(size)), bad) << size;
  }
}

TEST(ARevocationList, IsOfVersionTwo) {
  EXPECT_EQ(with(&CrlParts::version, {}), bad);
  EXPECT_EQ(with(&CrlParts::version, hex("020100")), bad);
  EXPECT_EQ(with(&CrlParts::version, hex("020102")), bad);
}

TEST(ARevocationList, NamesAKnownAlgorithmTwice) {
  EXPECT_EQ(with(&CrlParts::inner_algorithm, build::ecdsa_sha384), bad);
  EXPECT_EQ(with(&CrlParts::outer_algorithm, build::ecdsa_sha384), bad);
  CrlParts parts;
  parts.inner_algorithm = parts.outer_algorithm = build::pss_sha384;
  EXPECT_EQ(refusal_of(parts.signed_by(signer())), accepted);
  parts.inner_algorithm = parts.outer_algorithm = hex("300906072a8648ce3d0401");
  EXPECT_EQ(refusal_of(parts.signed_by(signer())), bad) << "SHA-1";
}

TEST(ARevocationList, HasAnIssuerAndTwoDates) {
  EXPECT_EQ(with(&CrlParts::issuer, sequence({})), bad);
  EXPECT_EQ(with(&CrlParts::issuer, sequence({build::attribute(0x1e, "ab")})), bad);
  EXPECT_EQ(with(&CrlParts::dates, build::utc("220101000000Z")), bad) << "no next update";
  EXPECT_EQ(with(&CrlParts::dates, join({build::utc("221301000000Z"), revoked_on})), bad);
  EXPECT_EQ(with(&CrlParts::dates, join({revoked_on, build::utc("221301000000Z")})), bad);
  EXPECT_EQ(with(&CrlParts::dates, join({revoked_on, element(tag::generalized_time, as_bytes("20500101000000Z"))})),
            accepted);
}

TEST(ARevocationList, HasEntriesOfTheRightForm) {
  EXPECT_EQ(with_entry(entry("020105")), accepted);
  EXPECT_EQ(with_entry(hex("020105")), bad);
  EXPECT_EQ(with_entry(sequence({hex("020105")})), bad) << "no date";
  EXPECT_EQ(with_entry(sequence({hex("020105"), build::utc("221301000000Z")})), bad);
  EXPECT_EQ(with_entry(sequence({revoked_on, hex("020105")})), bad);
  EXPECT_EQ(with_entry(entry("0201ff")), bad) << "negative";
  EXPECT_EQ(with_entry(entry("02020005")), bad) << "not its shortest form";
  EXPECT_EQ(with_entry(entry("020105", hex("0500"))), bad);
  EXPECT_EQ(with_entry(entry("020105", hex("30000500"))), bad);
  EXPECT_EQ(with_entry(entry("020105", sequence({hex("0500")}))), bad);
  EXPECT_EQ(with(&CrlParts::entries, hex("3001")), bad);
}

TEST(ARevocationList, RefusesEntriesThatMeanMore) {
  const auto with_entry_extension = [](std::string_view oid, bool critical) {
    return with_entry(entry("020105", sequence({extension(oid, critical, hex("0a0101"))})));
  };
  EXPECT_EQ(with_entry_extension("551d15", false), accepted) << "reasonCode";
  EXPECT_EQ(with_entry_extension("551d15", true), bad);
  EXPECT_EQ(with_entry_extension("551d1d", false), bad) << "certificateIssuer, of indirect lists";
}

TEST(ARevocationList, RefusesExtensionsThatChangeItsMeaning) {
  EXPECT_EQ(with_extensions({number, key_id, extension("2a03", false, hex("ab"))}), accepted);
  EXPECT_EQ(with_extensions({number, key_id, extension("2a03", true, hex("ab"))}), bad);
  EXPECT_EQ(with_extensions({number, key_id, extension("551d1b", false, hex("020101"))}), bad) << "a delta list";
  EXPECT_EQ(with_extensions({number, key_id, extension("551d1c", false, hex("3000"))}), bad) << "a partial list";
  EXPECT_EQ(with_extensions({extension(build::crl_number, true, hex("020107")), key_id}), bad);
}

TEST(ARevocationList, HasExtensionsOfTheRightForm) {
  EXPECT_EQ(with(&CrlParts::raw_extensions, join({element(tag::context(0), sequence({number, key_id}))})), accepted);
  EXPECT_EQ(with(&CrlParts::raw_extensions, element(tag::context(0), join({sequence({number, key_id}), hex("0500")}))),
            bad);
  EXPECT_EQ(with(&CrlParts::raw_extensions, element(tag::context(1), sequence({number, key_id}))), bad);
  EXPECT_EQ(with(&CrlParts::raw_extensions, element(tag::context(0), hex("3000"))), bad);
  EXPECT_EQ(with_extensions({number, number, key_id}), bad);
}

TEST(ARevocationList, HasANumber) {
  const auto with_number = [](const Bytes& value) {
    return with_extensions({extension(build::crl_number, false, value), key_id});
  };
  EXPECT_EQ(with_extensions({key_id}), bad);
  EXPECT_EQ(with_number(hex("020100")), accepted);
  EXPECT_EQ(with_number(hex("0201ff")), bad) << "negative";
  EXPECT_EQ(with_number(hex("02020001")), bad);
  EXPECT_EQ(with_number(hex("0201010500")), bad);
  EXPECT_EQ(with_number(hex("040101")), bad);
  EXPECT_EQ(with_number({}), bad);
  EXPECT_EQ(with_number(element(tag::integer, Bytes(20, 0x7f))), accepted);
  EXPECT_EQ(with_number(element(tag::integer, Bytes(21, 0x7f))), bad);
}

TEST(ARevocationList, NumbersAreCutToSixtyThreeBits) {
  const auto value = [](const Bytes& content) {
    CrlParts parts;
    parts.extensions = {extension(build::crl_number, false, element(tag::integer, content)), key_id};
    const Bytes der = parts.signed_by(signer());
    return crl_number(*parse_crl(der, "pck_crl"));
  };
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(value(hex("00")), 0);
  EXPECT_EQ(value(hex("0102")), 258);
  EXPECT_EQ(value(hex("7fffffffffffffff")), largest);
  EXPECT_EQ(value(hex("7ffffffffffffffe")), largest - 1);
  EXPECT_EQ(value(hex("008000000000000000")), largest);
  EXPECT_EQ(value(hex("010000000000000000")), largest);
}

TEST(ARevocationList, HasTheIdentifierOfItsKey) {
  const auto with_key = [](const Bytes& value) {
    return with_extensions({number, extension(build::authority_key, false, value)});
  };
  EXPECT_EQ(with_extensions({number}), bad);
  EXPECT_EQ(with_key(hex("3003800101")), accepted);
  EXPECT_EQ(with_key(hex("3000")), bad);
  EXPECT_EQ(with_key(hex("3003820101")), bad) << "the serial of an issuer alone";
  EXPECT_EQ(with_key(hex("3006800101820101")), bad);
  EXPECT_EQ(with_key(hex("30038001010500")), bad);
  EXPECT_EQ(with_key(hex("800101")), bad);
}

}  // namespace
}  // namespace blindai::evidence::x509
