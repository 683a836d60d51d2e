#include "evidence/dcap/quote.h"

#include <gtest/gtest.h>

#include "evidence/quote_bytes.h"

namespace blindai::evidence::dcap {
namespace {

struct Form {
  std::uint16_t version;
  std::uint16_t body_type;
};
constexpr std::array all_forms{Form{3, 1}, Form{4, 1}, Form{4, 2}, Form{5, 1}, Form{5, 2}, Form{5, 3}, Form{5, 4}};

using Shorts = std::initializer_list<std::uint16_t>;

Parsed<Quote> parse(const Bytes& bytes) {
  Effort effort;
  return parse_quote(bytes, effort);
}

void expect_refused(const Bytes& bytes, Reason reason, const std::string& what) {
  const auto quote = parse(bytes);
  ASSERT_FALSE(quote) << what;
  EXPECT_EQ(quote.error().reason, reason) << what;
}

std::uint64_t number(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8U | bytes[i];
  }
  return value;
}

void expect_sgx_report(const SgxReport& report, ByteView body) {
  EXPECT_EQ(copy(report.cpu_svn), copy(body.first(16)));
  EXPECT_EQ(report.misc_select, number(body.subspan(16, 4)));
  EXPECT_EQ(copy(report.isv_ext_prod_id), copy(body.subspan(32, 16)));
  EXPECT_EQ(report.flags, number(body.subspan(48, 8)));
  EXPECT_EQ(report.xfrm, number(body.subspan(56, 8)));
  EXPECT_EQ(copy(report.mrenclave), copy(body.subspan(64, 32)));
  EXPECT_EQ(copy(report.mrsigner), copy(body.subspan(128, 32)));
  EXPECT_EQ(copy(report.config_id), copy(body.subspan(192, 64)));
  EXPECT_EQ(report.isv_prod_id, number(body.subspan(256, 2)));
  EXPECT_EQ(report.isv_svn, number(body.subspan(258, 2)));
  EXPECT_EQ(report.config_svn, number(body.subspan(260, 2)));
  EXPECT_EQ(copy(report.isv_family_id), copy(body.subspan(304, 16)));
  EXPECT_EQ(copy(report.report_data), copy(body.subspan(320, 64)));
  EXPECT_TRUE(report.reserved_zero);
}

void expect_td_report(const TdReport& report, ByteView body) {
  EXPECT_EQ(copy(report.tee_tcb_svn), copy(body.first(16)));
  EXPECT_EQ(copy(report.mr_seam), copy(body.subspan(16, 48)));
  EXPECT_EQ(copy(report.mr_signer_seam), copy(body.subspan(64, 48)));
  EXPECT_EQ(report.seam_attributes, number(body.subspan(112, 8)));
  EXPECT_EQ(report.td_attributes, number(body.subspan(120, 8)));
  EXPECT_EQ(report.xfam, number(body.subspan(128, 8)));
  EXPECT_EQ(copy(report.mr_td), copy(body.subspan(136, 48)));
  EXPECT_EQ(copy(report.mr_config_id), copy(body.subspan(184, 48)));
  EXPECT_EQ(copy(report.mr_owner), copy(body.subspan(232, 48)));
  EXPECT_EQ(copy(report.mr_owner_config), copy(body.subspan(280, 48)));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(copy(report.rtmr.at(i)), copy(body.subspan(328 + 48 * i, 48)));
  }
  EXPECT_EQ(copy(report.report_data), copy(body.subspan(520, 64)));
  ASSERT_EQ(report.td15.has_value(), body.size() > 584);
  if (report.td15) {
    EXPECT_EQ(copy(report.td15->tee_tcb_svn2), copy(body.subspan(584, 16)));
    EXPECT_EQ(copy(report.td15->mr_service_td), copy(body.subspan(600, 48)));
  }
}

TEST(Quote, IsTakenApartInEveryForm) {
  for (const auto [version, body_type] : all_forms) {
    SCOPED_TRACE(testing::Message() << "version " << version << ", body " << body_type);
    QuoteBytes made = QuoteBytes::of(version, body_type);
    made.trailing = filler(39, 8);
    const Bytes bytes = made.build();
    Effort effort;
    const auto quote = parse_quote(bytes, effort);
    ASSERT_TRUE(quote) << quote.error().detail;
    EXPECT_EQ(quote->version, version);
    EXPECT_EQ(quote->tee, body_type == 1 ? Tee::sgx : Tee::tdx);
    EXPECT_EQ(quote->body_type, version == 5 ? body_type : 0);
    EXPECT_EQ(quote->qe_svn, 0x0a09);
    EXPECT_EQ(quote->pce_svn, 0x0c0b);
    EXPECT_EQ(copy(quote->user_data), made.user_data);
    EXPECT_EQ(quote->signed_bytes.size(), (version == 5 ? 54U : 48U) + made.body.size());
    EXPECT_EQ(quote->signed_bytes.data(), bytes.data());
    EXPECT_EQ(copy(quote->signature), made.signature);
    EXPECT_EQ(copy(quote->attestation_key), made.key);
    EXPECT_EQ(copy(quote->qe_report_bytes), made.qe_report);
    expect_sgx_report(quote->qe_report, made.qe_report);
    EXPECT_EQ(copy(quote->qe_report_signature), made.qe_signature);
    EXPECT_EQ(copy(quote->qe_auth_data), made.auth_data);
    EXPECT_EQ(copy(quote->pck_chain), made.chain);
    EXPECT_EQ(quote->trailing_bytes, 39U);
    EXPECT_EQ(effort.bytes_read, bytes.size());
    if (const auto* td = std::get_if<TdReport>(&quote->body)) {
      expect_td_report(*td, made.body);
    } else {
      expect_sgx_report(std::get<SgxReport>(quote->body), made.body);
    }
    EXPECT_EQ(copy(quote->partitioning), body_type == 4 ? copy(ByteView(made.body).subspan(648)) : Bytes{});
  }
}

TEST(Quote, TellsWhetherAnyReservedByteOfAnSgxReportIsSet) {
  for (const Range range : sgx_reserved) {
    for (std::size_t i = range.from; i < range.from + range.bytes; ++i) {
      QuoteBytes made;
      made.body[i] = 1;
      const Bytes in_body = made.build();
      EXPECT_FALSE(std::get<SgxReport>(parse(in_body)->body).reserved_zero) << i;
      EXPECT_TRUE(parse(in_body)->qe_report.reserved_zero) << i;
      made = QuoteBytes();
      made.qe_report[i] = 0x80;
      const Bytes in_qe = made.build();
      EXPECT_TRUE(std::get<SgxReport>(parse(in_qe)->body).reserved_zero) << i;
      EXPECT_FALSE(parse(in_qe)->qe_report.reserved_zero) << i;
    }
  }
}

TEST(Quote, OfAnotherVersionIsRefused) {
  for (const auto version : Shorts{0, 1, 2, 6, 0x0103, 0xffff}) {
    QuoteBytes made;
    Bytes bytes = made.build();
    set_le(bytes, 0, version, 2);
    expect_refused(bytes, Reason::unsupported_quote_version, std::to_string(version));
  }
}

TEST(Quote, WithAnotherKindOfKeyIsRefused) {
  for (const auto type : Shorts{0, 1, 3, 4, 0x0102}) {
    for (const auto [version, body_type] : all_forms) {
      QuoteBytes made = QuoteBytes::of(version, body_type);
      made.key_type = type;
      expect_refused(made.build(), Reason::unsupported_attestation_key_type, std::to_string(type));
    }
  }
}

TEST(Quote, OfAnotherTeeIsRefused) {
  for (const std::uint32_t type : {1U, 2U, 0x80U, 0x82U, 0x80000081U, 0x8100U}) {
    for (const Form form : {Form{4, 1}, Form{4, 2}, Form{5, 1}, Form{5, 3}}) {
      QuoteBytes made = QuoteBytes::of(form.version, form.body_type);
      made.tee_type = type;
      expect_refused(made.build(), Reason::unsupported_tee_type, std::to_string(type));
    }
  }
}

TEST(Quote, OfVersionThreeHasNoTeeType) {
  for (const std::uint32_t reserved : {1U, 0x81U, 0x80000000U}) {
    QuoteBytes made;
    made.tee_type = reserved;
    expect_refused(made.build(), Reason::bad_quote_format, std::to_string(reserved));
  }
}

TEST(Quote, OfAnotherVendorsEnclaveIsRefused) {
  for (std::size_t i = 0; i < 16; ++i) {
    QuoteBytes made = QuoteBytes::of(4, 2);
    made.vendor[i] ^= 1U;
    expect_refused(made.build(), Reason::unknown_qe_vendor, std::to_string(i));
  }
}

TEST(Quote, WhoseBodyDoesNotFitItsTypeOrTeeIsRefused) {
  for (const auto body_type : Shorts{1, 2, 3, 4}) {
    for (const auto said : Shorts{0, 1, 2, 3, 4, 5, 0x0101}) {
      QuoteBytes made = QuoteBytes::of(5, body_type);
      made.body_type = said;
      if (said != body_type) {
        expect_refused(made.build(), Reason::bad_quote_format, "type " + std::to_string(said));
      }
    }
    for (const std::uint32_t size : {0U, 383U, 385U, 583U, 647U, 649U, 884U, 0x7fffffffU, 0xffffffffU}) {
      QuoteBytes made = QuoteBytes::of(5, body_type);
      made.body_size = size;
      expect_refused(made.build(), Reason::bad_quote_format, "size " + std::to_string(size));
    }
    QuoteBytes made = QuoteBytes::of(5, body_type);
    made.tee_type ^= 0x81U;
    expect_refused(made.build(), Reason::bad_quote_format, "the other TEE");
  }
}

TEST(Quote, WithOtherCertificationDataIsRefusedByItsNumber) {
  for (const auto [version, body_type] : all_forms) {
    for (const auto type : Shorts{0, 1, 2, 3, 4, 6, 7, 0x0105, 65535}) {
      QuoteBytes made = QuoteBytes::of(version, body_type);
      made.certification_type = type;
      const Bytes bytes = made.build();
      expect_refused(bytes, Reason::unsupported_certification_data, std::to_string(type));
      EXPECT_EQ(parse(bytes).error().detail, std::to_string(type));
    }
  }
}

TEST(Quote, WithOtherOuterCertificationDataIsRefusedByItsNumber) {
  for (const auto version : Shorts{4, 5}) {
    for (const auto type : Shorts{0, 1, 5, 7, 0x0106, 65535}) {
      QuoteBytes made = QuoteBytes::of(version, 2);
      made.outer_type = type;
      const Bytes bytes = made.build();
      expect_refused(bytes, Reason::unsupported_certification_data, std::to_string(type));
      EXPECT_EQ(parse(bytes).error().detail, std::to_string(type));
    }
  }
}

// The length of the QE's authentication data is left out: what follows it is then read elsewhere, and is refused for
// whatever stands there.
TEST(Quote, WithAWrongLengthIsRefused) {
  for (const auto [version, body_type] : all_forms) {
    for (const std::size_t trailing : {0U, 70U}) {
      QuoteBytes made = QuoteBytes::of(version, body_type);
      made.trailing = Bytes(trailing, 0);
      const Bytes bytes = made.build();
      for (const auto [at, width] : made.lengths) {
        const std::uint64_t right = number(ByteView(bytes).subspan(at, width));
        for (const std::uint64_t wrong : {std::uint64_t{0}, right - 1, right + 1, 0x7fffffffUL, 0xffffffffUL}) {
          Bytes changed = bytes;
          set_le(changed, at, wrong, width);
          const auto quote = parse(changed);
          ASSERT_FALSE(quote) << version << " at " << at << ": " << wrong;
          if (width == 4) {
            EXPECT_EQ(quote.error().reason, Reason::bad_quote_format) << version << " at " << at << ": " << wrong;
          }
        }
      }
    }
  }
}

TEST(Quote, CutAtAnyByteIsRefused) {
  for (const auto [version, body_type] : all_forms) {
    QuoteBytes made = QuoteBytes::of(version, body_type);
    const Bytes whole = made.build();
    for (std::size_t size = 0; size < whole.size(); ++size) {
      expect_refused(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), Reason::bad_quote_format,
                     std::to_string(version) + " cut to " + std::to_string(size));
    }
  }
}

TEST(Quote, WhoseSignatureDataIsCutIsRefused) {
  for (const auto [version, body_type] : all_forms) {
    QuoteBytes made = QuoteBytes::of(version, body_type);
    const Bytes whole = made.build();
    const std::size_t start = (version == 5 ? 54U : 48U) + made.body.size();
    for (std::size_t size = 0; start + 4 + size < whole.size(); ++size) {
      Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(start + 4 + size));
      set_le(cut, start, size, 4);
      if (version >= 4 && size >= 134) {
        set_le(cut, start + 4 + 128 + 2, size - 134, 4);
      }
      expect_refused(cut, Reason::bad_quote_format, std::to_string(version) + " cut to " + std::to_string(size));
    }
  }
}

TEST(Quote, IsAtMostOfTheStatedSize) {
  QuoteBytes made = QuoteBytes::of(4, 2);
  const std::size_t bare = made.build().size();
  made.trailing = Bytes(max_quote_bytes - bare, 0);
  EXPECT_TRUE(parse(made.build()));
  made.trailing.push_back(0);
  expect_refused(made.build(), Reason::bad_quote_format, "one more");
  expect_refused(Bytes(16UL << 20U, 0), Reason::bad_quote_format, "zeros");
}

TEST(Quote, MayHaveNoAuthenticationDataAndNoChain) {
  QuoteBytes made;
  made.auth_data.clear();
  made.chain.clear();
  const Bytes bytes = made.build();
  const auto quote = parse(bytes);
  ASSERT_TRUE(quote);
  EXPECT_TRUE(quote->qe_auth_data.empty());
  EXPECT_TRUE(quote->pck_chain.empty());
}

}  // namespace
}  // namespace blindai::evidence::dcap
