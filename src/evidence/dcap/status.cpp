#include <algorithm>

#include "evidence/dcap/documents.h"

namespace blindai::evidence::dcap {
namespace {

struct Word {
  TcbStatus status;
  std::string_view text;
  bool in_documents;
};
constexpr Word words[] = {
    {TcbStatus::up_to_date, "UpToDate", true},
    {TcbStatus::sw_hardening_needed, "SWHardeningNeeded", true},
    {TcbStatus::configuration_needed, "ConfigurationNeeded", true},
    {TcbStatus::configuration_and_sw_hardening_needed, "ConfigurationAndSWHardeningNeeded", true},
    {TcbStatus::td_relaunch_advised, "TdRelaunchAdvised", false},
    {TcbStatus::td_relaunch_advised_configuration_needed, "TdRelaunchAdvisedConfigurationNeeded", false},
    {TcbStatus::out_of_date, "OutOfDate", true},
    {TcbStatus::out_of_date_configuration_needed, "OutOfDateConfigurationNeeded", true},
    {TcbStatus::revoked, "Revoked", true},
    {TcbStatus::not_supported, "TcbNotSupported", false},
};

}  // namespace

std::string_view word(TcbStatus status) { return std::ranges::find(words, status, &Word::status)->text; }

std::optional<TcbStatus> status_in_document(std::string_view text) {
  const auto* const found =
      std::ranges::find_if(words, [&](const Word& entry) { return entry.in_documents && entry.text == text; });
  return found == std::end(words) ? std::nullopt : std::optional(found->status);
}

}  // namespace blindai::evidence::dcap
