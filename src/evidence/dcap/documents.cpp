#include "evidence/dcap/documents.h"

#include "evidence/dcap/levels.h"

namespace blindai::evidence::dcap {
namespace {

constexpr Reason bad = Reason::bad_collateral_format;
constexpr std::size_t signature_digits = 128;
constexpr std::size_t max_advisory_length = 32;

// The value of a member; empty where it is not there, which no value is.
std::string_view value_of(const std::vector<json::RawMember>& members, std::string_view name) {
  const auto found = std::ranges::find(members, name, &json::RawMember::name);
  return found == members.end() ? std::string_view() : found->value;
}

// The content of a string as it stands; empty where it is no string.
std::string_view unquoted(std::string_view value) {
  return value.starts_with('"') ? value.substr(1, value.size() - 2) : std::string_view();
}

bool is_of_an_advisory(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

Parsed<std::vector<std::string>> read_advisories(const Members& level) {
  std::vector<std::string> advisories;
  if (!level.has("advisoryIDs")) {
    return advisories;
  }
  BLINDAI_TRY(const json::Node list, level.list("advisoryIDs"));
  BLINDAI_REQUIRE(list.size() <= max_advisories, bad, std::string(level.item()));
  for (const json::Node value : list) {
    const auto id = value.text();
    if (!id) {
      return refuse(bad, std::string(level.item()));
    }
    BLINDAI_REQUIRE(!id->empty(), bad, std::string(level.item()));
    BLINDAI_REQUIRE(id->size() <= max_advisory_length, bad, std::string(level.item()));
    BLINDAI_REQUIRE(std::ranges::all_of(*id, is_of_an_advisory), bad, std::string(level.item()));
    advisories.emplace_back(*id);
  }
  return advisories;
}

}  // namespace

Parsed<SignedText> read_signed(ByteView document, std::string_view member, std::string_view item, Effort& effort) {
  BLINDAI_REQUIRE(document.size() <= max_document_bytes, bad, std::string(item));
  effort.bytes_read += document.size();
  const auto members = json::raw_members(as_text(document), 2);
  BLINDAI_REQUIRE(members.has_value(), bad, std::string(item));
  const std::string_view inner = value_of(*members, member);
  BLINDAI_REQUIRE(inner.starts_with('{'), bad, std::string(item));
  const std::string_view digits = unquoted(value_of(*members, "signature"));
  auto signature = from_hex(digits);
  BLINDAI_REQUIRE(digits.size() == signature_digits && signature, bad, std::string(item));
  return SignedText{std::string(inner), *std::move(signature)};
}

Parsed<Standing> read_standing(const Members& level, std::string_view part) {
  Standing standing;
  BLINDAI_TRY(const std::string_view status_word, level.text("tcbStatus"));
  const auto status = status_in_document(status_word);
  BLINDAI_REQUIRE(status.has_value(), Reason::tcb_status_unknown, std::string(part));
  standing.status = *status;
  BLINDAI_TRY(standing.date, level.date("tcbDate"));
  BLINDAI_TRY(standing.advisories, read_advisories(level));
  return standing;
}

Parsed<json::Node> level_list(const Members& holder) {
  BLINDAI_TRY(const json::Node list, holder.list("tcbLevels"));
  BLINDAI_REQUIRE(list.size() != 0, bad, std::string(holder.item()));
  BLINDAI_REQUIRE(list.size() <= max_levels, bad, std::string(holder.item()));
  return list;
}

Parsed<std::vector<SvnLevel>> read_svn_levels(const Members& holder, std::string_view part) {
  BLINDAI_TRY(const json::Node list, level_list(holder));
  std::vector<SvnLevel> levels;
  levels.reserve(list.size());
  for (const json::Node value : list) {
    BLINDAI_TRY(const Members level, Members::of(value, holder.item()));
    BLINDAI_TRY(const Members tcb, level.object("tcb"));
    BLINDAI_TRY(const auto isv_svn, tcb.number<std::uint16_t>("isvsvn"));
    BLINDAI_TRY(Standing standing, read_standing(level, part));
    levels.push_back({isv_svn, standing.status, standing.date, std::move(standing.advisories)});
  }
  const bool distinct = sort_from_high_to_low(levels, &SvnLevel::isv_svn);
  BLINDAI_REQUIRE(distinct, bad, std::string(holder.item()));
  return levels;
}

}  // namespace blindai::evidence::dcap
