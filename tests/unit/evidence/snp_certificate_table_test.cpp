#include "evidence/snp/certificate_table.h"

#include <gtest/gtest.h>

#include "evidence/appraise.h"
#include "evidence/cases.h"
#include "evidence/x509/pem.h"

namespace blindai::evidence::snp {
namespace {

constexpr std::string_view vcek = "63da758de6644564adc5f4b93be8accd";
constexpr std::string_view vlek = "a8074bc2a25a483eaae639c045a0b8a1";
constexpr std::string_view ask = "4ab7b379bbac4fe4a02f05aef327c782";
constexpr std::string_view ark = "c0b406a4a803495297433fb6014cd0ae";
constexpr std::string_view crl = "92f81bc358114d3d97ffd19f88dc67ea";

struct Row {
  std::string guid;
  std::uint32_t offset;
  std::uint32_t length;
};

void put(Bytes& out, std::uint32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<std::uint8_t>(number >> shift));
  }
}

Bytes table(const std::vector<Row>& rows, const Bytes& content, bool closed = true) {
  Bytes out;
  for (const Row& row : rows) {
    append(out, from_hex(row.guid).value());
    put(out, row.offset);
    put(out, row.length);
  }
  if (closed) {
    out.resize(out.size() + 24);
  }
  append(out, content);
  return out;
}

std::string outcome(const Bytes& bytes, KeyKind kind = KeyKind::vcek) {
  Effort effort;
  const auto read = read_certificate_table(bytes, kind, effort);
  return read ? "read" : read.error().text();
}

constexpr const char* bad = "BAD_COLLATERAL_FORMAT:certificate_table";

TEST(CertificateTable, GivesEachCertificateUnderItsName) {
  const Bytes bytes =
      table({{std::string(vcek), 96, 2}, {std::string(ask), 98, 1}, {std::string(crl), 99, 3}}, {1, 2, 3, 4, 5, 6});
  Effort effort;
  const auto read = read_certificate_table(bytes, KeyKind::vcek, effort);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read->find("vek"), (Bytes{1, 2}));
  EXPECT_EQ(*read->find("ark_crl"), (Bytes{4, 5, 6}));
  const auto pem = x509::certificates_of_pem(*read->find("ask"), "ask");
  ASSERT_TRUE(pem);
  EXPECT_EQ(pem->at(0), (Bytes{3}));
  EXPECT_EQ(read->items().size(), 3U);
  EXPECT_EQ(effort.bytes_read, bytes.size());
}

TEST(CertificateTable, TakesTheKeyThatTheReportIsSignedWith) {
  const Bytes bytes =
      table({{std::string(vcek), 96, 1}, {std::string(vlek), 97, 1}, {std::string(ask), 98, 1}}, {1, 2, 3});
  Effort effort;
  const auto read = read_certificate_table(bytes, KeyKind::vlek, effort);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read->find("vek"), (Bytes{2}));
  EXPECT_NE(read->find("asvk"), nullptr);
  EXPECT_EQ(read->find("ask"), nullptr);
}

TEST(CertificateTable, PassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(outcome(table({{std::string(32, 'e'), 48, 1}}, {1})), "read");
  EXPECT_EQ(outcome(table({}, {})), "read");
  EXPECT_EQ(outcome(table({}, {1, 2, 3})), "read");
}

TEST(CertificateTable, WithoutAnEndIsRefused) {
  EXPECT_EQ(outcome({}), bad);
  EXPECT_EQ(outcome(table({{std::string(vcek), 24, 0}}, {}, false)), bad);
  const Bytes whole = table({{std::string(vcek), 48, 1}}, {1});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(outcome(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), bad) << size;
  }
}

TEST(CertificateTable, WithAnEntryOutsideItIsRefused) {
  EXPECT_EQ(outcome(table({{std::string(vcek), 48, 2}}, {1})), bad);
  EXPECT_EQ(outcome(table({{std::string(vcek), 50, 0}}, {1})), bad);
  EXPECT_EQ(outcome(table({{std::string(vcek), 0xffffffff, 2}}, {1})), bad);
  EXPECT_EQ(outcome(table({{std::string(vcek), 48, 0xffffffff}}, {1})), bad);
}

TEST(CertificateTable, WithEntriesOverOneAnotherOrItsHeadIsRefused) {
  EXPECT_EQ(outcome(table({{std::string(vcek), 47, 1}}, {1})), bad);
  EXPECT_EQ(outcome(table({{std::string(vcek), 72, 2}, {std::string(ask), 73, 1}}, {1, 2})), bad);
  EXPECT_EQ(outcome(table({{std::string(ask), 73, 1}, {std::string(vcek), 72, 2}}, {1, 2})), bad);
  EXPECT_EQ(outcome(table({{std::string(ask), 73, 1}, {std::string(vcek), 72, 1}}, {1, 2})), "read");
}

TEST(CertificateTable, WithAGuidTwiceIsRefused) {
  EXPECT_EQ(outcome(table({{std::string(vcek), 72, 1}, {std::string(vcek), 73, 1}}, {1, 2})), bad);
}

TEST(CertificateTable, OverALimitIsRefused) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < max_certificate_table_entries; ++i) {
    rows.push_back({std::string(30, 'a') + to_hex(Bytes{static_cast<std::uint8_t>(i)}), 0, 0});
  }
  const auto placed = [](std::vector<Row> list) {
    for (Row& row : list) {
      row.offset = static_cast<std::uint32_t>((list.size() + 1) * 24);
    }
    return table(list, {});
  };
  EXPECT_EQ(outcome(placed(rows)), "read");
  rows.push_back({std::string(32, 'b'), 0, 0});
  EXPECT_EQ(outcome(placed(rows)), bad);
  EXPECT_EQ(outcome(table({}, Bytes(max_certificate_table_bytes - 24))), "read");
  EXPECT_EQ(outcome(table({}, Bytes(max_certificate_table_bytes - 23))), bad);
}

TEST(CertificateTable, OfARealReportVerifiesIt) {
  BLINDAI_NEEDS_VECTORS();
  vectors::Case of = vectors::load_case("snp/tav-genoa-v3");
  const Collateral given = of.collateral();
  Bytes content = *given.find("vek");
  std::vector<Row> rows{{std::string(vcek), 96, static_cast<std::uint32_t>(content.size())}};
  for (const auto& [name, guid] : {std::pair("ask", ask), std::pair("ark", ark)}) {
    const auto ders = x509::certificates_of_pem(*given.find(name), name);
    ASSERT_TRUE(ders);
    rows.push_back({std::string(guid), static_cast<std::uint32_t>(96 + content.size()),
                    static_cast<std::uint32_t>(ders->at(0).size())});
    append(content, ders->at(0));
  }
  Effort effort;
  const auto read = read_certificate_table(table(rows, content), KeyKind::vcek, effort);
  ASSERT_TRUE(read) << read.error().text();
  evidence::Report report;
  EXPECT_TRUE(evidence::appraise(of.item(), *read, vectors::strict_policy(of), of.at, report))
      << ::testing::PrintToString(report.reasons());
}

}  // namespace
}  // namespace blindai::evidence::snp
