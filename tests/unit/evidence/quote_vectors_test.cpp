// Quotes of real platforms: what is read of them against what their case files say.
#include <gmock/gmock.h>

#include <set>

#include "evidence/dcap/quote.h"
#include "unit/evidence/cases.h"

namespace blindai::evidence::dcap {
namespace {

using vectors::at;

std::vector<std::string> dcap_cases() {
  std::vector<std::string> names = vectors::cases("sgx");
  std::ranges::copy(vectors::cases("tdx"), std::back_inserter(names));
  return names;
}

Parsed<Quote> parse(ByteView bytes) {
  Effort effort;
  return parse_quote(bytes, effort);
}

json::Value hex(ByteView bytes) { return to_hex(bytes); }

// The eight bytes of a number as they stand in the quote.
json::Value hex(std::uint64_t number) {
  Bytes bytes;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    bytes.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  return to_hex(bytes);
}

json::Value number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

json::Object fields_of(const SgxReport& report) {
  return {{"mrenclave", hex(report.mrenclave)},
          {"mrsigner", hex(report.mrsigner)},
          {"isv_prod_id", number(report.isv_prod_id)},
          {"isv_svn", number(report.isv_svn)},
          {"cpu_svn", hex(report.cpu_svn)},
          {"misc_select", number(report.misc_select)},
          {"attributes", *hex(report.flags).as<std::string>() + *hex(report.xfrm).as<std::string>()},
          {"debug", (report.flags & sgx_debug) != 0},
          {"init", (report.flags & sgx_init) != 0},
          {"mode64", (report.flags & sgx_mode64) != 0},
          {"provision_key", (report.flags & sgx_provision_key) != 0},
          {"kss", (report.flags & sgx_kss) != 0},
          {"report_data", hex(report.report_data)}};
}

json::Object fields_of(const TdReport& report) {
  const auto bit = [&](unsigned number) { return (report.td_attributes >> number & 1U) != 0; };
  json::Object fields{{"tee_tcb_svn", hex(report.tee_tcb_svn)},
                      {"mr_seam", hex(report.mr_seam)},
                      {"mr_signer_seam", hex(report.mr_signer_seam)},
                      {"seam_attributes", hex(report.seam_attributes)},
                      {"td_attributes", hex(report.td_attributes)},
                      {"xfam", hex(report.xfam)},
                      {"mr_td", hex(report.mr_td)},
                      {"mr_config_id", hex(report.mr_config_id)},
                      {"mr_owner", hex(report.mr_owner)},
                      {"mr_owner_config", hex(report.mr_owner_config)},
                      {"rtmr0", hex(report.rtmr[0])},
                      {"rtmr1", hex(report.rtmr[1])},
                      {"rtmr2", hex(report.rtmr[2])},
                      {"rtmr3", hex(report.rtmr[3])},
                      {"report_data", hex(report.report_data)},
                      {"debug", bit(0)},
                      {"sept_ve_disable", bit(28)},
                      {"migratable", bit(29)},
                      {"pks", bit(30)},
                      {"kl", bit(31)},
                      {"perfmon", bit(63)}};
  if (report.td15) {
    fields.emplace("tee_tcb_svn2", hex(report.td15->tee_tcb_svn2));
    fields.emplace("mr_service_td", hex(report.td15->mr_service_td));
  }
  return fields;
}

json::Object fields_of(const Quote& quote, std::size_t size) {
  const auto* td = std::get_if<TdReport>(&quote.body);
  json::Object fields{{"size", number(size)},
                      {"version", number(quote.version)},
                      {"att_key_type", 2},
                      {"tee_type", quote.tee == Tee::tdx ? 0x81 : 0},
                      {"body_type", td == nullptr ? "sgx"
                                    : td->td15    ? "td15"
                                                  : "td10"},
                      {"signed_bytes", number(quote.signed_bytes.size())},
                      {"auth_data_size", number(size - quote.signed_bytes.size() - 4 - quote.trailing_bytes)},
                      {"trailing_bytes", number(quote.trailing_bytes)},
                      {"certification_data_type", 5},
                      {"header_user_data", hex(quote.user_data)},
                      {"qe_svn_header", number(quote.qe_svn)},
                      {"pce_svn_header", number(quote.pce_svn)}};
  const json::Object qe = fields_of(quote.qe_report);
  json::Object qe_report;
  for (const char* name : {"mrsigner", "isv_prod_id", "isv_svn", "attributes"}) {
    qe_report.emplace(name, qe.at(name));
  }
  fields.emplace("qe_report", std::move(qe_report));
  return fields;
}

void expect_equal(const json::Object& found, const json::Value* expected) {
  ASSERT_NE(expected, nullptr);
  for (const auto& [name, value] : found) {
    const json::Value* wanted = expected->find(name);
    ASSERT_NE(wanted, nullptr) << name;
    EXPECT_EQ(json::write(value), json::write(*wanted)) << name;
  }
}

// What the case file lists and a quote's form does not hold.
const std::set<std::string> elsewhere{"pck", "trailing_all_zero"};

TEST(QuoteOfAPlatform, ReadsAsItsCaseFileSays) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t count = 0;
  for (const std::string& name : dcap_cases()) {
    SCOPED_TRACE(name);
    const json::Value c = vectors::read_json(name + "/case.json");
    const Bytes bytes = vectors::read(name + "/quote.bin");
    const auto quote = parse(bytes);
    if (at(c, {"quote", "certification_data_type"})->as<std::int64_t>()[0] != 5) {
      ASSERT_FALSE(quote);
      EXPECT_EQ(quote.error().reason, Reason::unsupported_certification_data);
      EXPECT_EQ(quote.error().detail, json::write(*at(c, {"quote", "certification_data_type"})));
      continue;
    }
    ASSERT_TRUE(quote) << quote.error().detail;
    ++count;
    const json::Object body = std::visit([](const auto& report) { return fields_of(report); }, quote->body);
    const json::Value* measurements = at(c, {"expected", "measurements"});
    expect_equal(body, measurements);
    EXPECT_EQ(body.size(), measurements->as<json::Object>()->size());
    if (at(c, {"quote", "pck"}) == nullptr) {
      continue;  // a made quote, of which the case file says less
    }
    const json::Object fields = fields_of(*quote, bytes.size());
    const auto& listed = *at(c, {"quote"})->as<json::Object>();
    expect_equal(fields, &c.as<json::Object>()->at("quote"));
    for (const auto& [member, value] : listed) {
      EXPECT_TRUE(fields.contains(member) || elsewhere.contains(member)) << member;
    }
    const bool padded = *at(c, {"quote", "trailing_all_zero"}) == json::Value(true);
    const bool zero = std::ranges::all_of(ByteView(bytes).last(quote->trailing_bytes), [](auto b) { return b == 0; });
    EXPECT_TRUE(!padded || zero);
  }
  EXPECT_GE(count, 20U);
}

TEST(QuoteOfAPlatform, CutAtAnyByteIsRefusedOrMissesOnlyPadding) {
  BLINDAI_NEEDS_VECTORS();
  for (const std::string& name : dcap_cases()) {
    const Bytes bytes = vectors::read(name + "/quote.bin");
    const auto whole = parse(bytes);
    const std::size_t needed = whole ? bytes.size() - whole->trailing_bytes : bytes.size();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = parse(ByteView(bytes).first(size));
      ASSERT_EQ(cut.has_value(), size >= needed) << name << " cut to " << size;
      if (cut) {
        ASSERT_EQ(cut->trailing_bytes, size - needed);
        ASSERT_EQ(cut->pck_chain.size(), whole->pck_chain.size());
      }
    }
  }
}

// Where the lengths of a quote stand, and how wide they are.
std::vector<std::pair<std::size_t, std::size_t>> lengths_of(const Quote& quote) {
  const std::size_t start = quote.signed_bytes.size();
  const std::size_t report = start + 4 + 128 + (quote.version >= 4 ? 6 : 0);
  const std::size_t auth = report + sgx_report_bytes + 64;
  std::vector<std::pair<std::size_t, std::size_t>> lengths{
      {start, 4}, {auth, 2}, {auth + 2 + quote.qe_auth_data.size() + 2, 4}};
  if (quote.version >= 4) {
    lengths.emplace_back(report - 4, 4);
  }
  if (quote.version == 5) {
    lengths.emplace_back(50, 4);
  }
  return lengths;
}

TEST(QuoteOfAPlatform, WithAWrongLengthIsRefused) {
  BLINDAI_NEEDS_VECTORS();
  for (const std::string& name : dcap_cases()) {
    const Bytes bytes = vectors::read(name + "/quote.bin");
    const auto whole = parse(bytes);
    if (!whole) {
      continue;
    }
    for (const auto& [place, width] : lengths_of(*whole)) {
      std::uint64_t right = 0;
      for (std::size_t i = width; i-- > 0;) {
        right = right << 8U | bytes.at(place + i);
      }
      for (const std::uint64_t wrong : {std::uint64_t{0}, right - 1, right + 1, 0x7fffffffUL, 0xffffffffUL}) {
        Bytes changed = bytes;
        for (std::size_t i = 0; i < width; ++i) {
          changed.at(place + i) = static_cast<std::uint8_t>(wrong >> (8 * i));
        }
        EXPECT_EQ(parse(changed).has_value(), wrong == right) << name << " at " << place << ": " << wrong;
      }
    }
  }
}

bool is_of_form(const std::string& word) { return word.starts_with("UNSUPPORTED") || word == "BAD_QUOTE_FORMAT"; }

// Each changed quote that is wrong in its form alone is refused here, and none is refused for a word that is not fair.
TEST(QuoteOfAPlatform, ChangedInItsFormIsRefusedWithAFairWord) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t refused = 0;
  for (const vectors::Mutation& mutation : vectors::mutations("mutations-dcap.json")) {
    SCOPED_TRACE(mutation.id);
    const vectors::Case changed = vectors::apply(vectors::load_case(mutation.base), mutation);
    const auto quote = parse(changed.files.at("quote.bin"));
    if (!quote) {
      ++refused;
      EXPECT_THAT(mutation.fair, testing::Contains(word(quote.error().reason)));
    } else if (mutation.must == "reject") {
      EXPECT_FALSE(!mutation.fair.empty() && std::ranges::all_of(mutation.fair, is_of_form));
    }
  }
  EXPECT_GE(refused, 150U);
}

}  // namespace
}  // namespace blindai::evidence::dcap
