#include "evidence/dcap/pck.h"

#include <gtest/gtest.h>

#include "chains/der.h"
#include "chains/pck.h"
#include "evidence/dcap/quote.h"
#include "evidence/vectors.h"
#include "evidence/x509/pem.h"

namespace blindai::evidence::dcap {
namespace {

namespace der = chains::der;
using vectors::at;

const Bytes extension_oid = der::oid(chains::sgx_extension_oid);

// What is read of a certificate that has this extension and nothing else.
Parsed<PckExtension> parse(const Bytes& value) {
  x509::Certificate certificate;
  certificate.extensions[0] = {ByteView(extension_oid).subspan(2), false, value};
  certificate.extension_count = 1;
  return parse_pck_extension(certificate);
}

void expect_refused(const Bytes& value, const std::string& what) {
  const auto found = parse(value);
  ASSERT_FALSE(found) << what;
  EXPECT_EQ(found.error().text(), "BAD_CERTIFICATE:pck") << what;
}

chains::PckExtension sample() {
  chains::PckExtension form;
  for (std::size_t i = 0; i < 16; ++i) {
    form.components.at(i) = static_cast<int>(250 - i);
  }
  form.pce_svn = 0x1234;
  form.cpu_svn = Bytes(16, 0x44);
  form.pce_id = {0x12, 0xab};
  form.fmspc = {0x90, 0xc0, 0x6f, 0, 0, 1};
  form.configuration = {true, false, true};
  return form;
}

// An entry of the extension: ".2.17" and its value.
Bytes entry(const std::string& below, const Bytes& value) {
  return der::sequence(der::oid(std::string(chains::sgx_extension_oid) + below), value);
}

using Entries = std::vector<Bytes>;

Bytes with(const std::function<void(Entries&)>& edit) {
  chains::PckExtension form = sample();
  form.edit_entries = edit;
  return form.der();
}
Bytes with_tcb(const std::function<void(Entries&)>& edit) {
  chains::PckExtension form = sample();
  form.edit_tcb_entries = edit;
  return form.der();
}
Bytes with_entry(std::size_t number, const Bytes& value) {
  return with([&](Entries& entries) { entries.at(number - 1) = entry(fmt::format(".{}", number), value); });
}
Bytes with_tcb_entry(std::size_t number, const Bytes& value) {
  return with_tcb([&](Entries& entries) { entries.at(number - 1) = entry(fmt::format(".2.{}", number), value); });
}

TEST(PckExtension, IsRead) {
  const auto found = parse(sample().der());
  ASSERT_TRUE(found);
  EXPECT_EQ(copy(found->ppid), Bytes(16, 0x50));
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(found->components.at(i), 250 - i);
  }
  EXPECT_EQ(found->pce_svn, 0x1234);
  EXPECT_EQ(copy(found->cpu_svn), Bytes(16, 0x44));
  EXPECT_EQ(to_hex(found->pce_id), "12ab");
  EXPECT_EQ(to_hex(found->fmspc), "90c06f000001");
  EXPECT_EQ(found->sgx_type, SgxType::scalable);
  EXPECT_EQ(copy(found->platform_instance.value()), Bytes(16, 0x1d));
  EXPECT_EQ(found->dynamic_platform, true);
  EXPECT_EQ(found->cached_keys, false);
  EXPECT_EQ(found->smt_enabled, true);
}

TEST(PckExtension, OfTheProcessorCaSaysNothingOfAPlatform) {
  chains::PckExtension form = sample();
  form.platform_instance.reset();
  form.configuration.reset();
  const auto found = parse(form.der());
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->platform_instance);
  EXPECT_FALSE(found->dynamic_platform || found->cached_keys || found->smt_enabled);
  const auto some = parse(with_entry(7, der::sequence(entry(".7.2", der::boolean(true)))));
  ASSERT_TRUE(some);
  EXPECT_FALSE(some->dynamic_platform);
  EXPECT_EQ(some->cached_keys, true);
}

TEST(PckExtension, MayHaveItsEntriesInAnyOrder) {
  const auto found = parse(with([](Entries& entries) { std::ranges::reverse(entries); }));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->pce_svn, 0x1234);
  EXPECT_EQ(parse(with_tcb([](Entries& entries) { std::ranges::reverse(entries); }))->components.front(), 250);
}

TEST(PckExtension, IsOfACertificateThatHasIt) {
  x509::Certificate certificate;
  const auto found = parse_pck_extension(certificate);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().text(), "BAD_CERTIFICATE:pck");
}

TEST(PckExtension, HasEachEntryOnce) {
  for (std::size_t i = 0; i < 7; ++i) {
    expect_refused(with([i](Entries& entries) { entries.push_back(Bytes(entries.at(i))); }),
                   fmt::format("two of {}", i));
    if (i < 5) {
      expect_refused(with([i](Entries& entries) { entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i)); }),
                     fmt::format("none of {}", i));
    }
  }
  for (std::size_t i = 0; i < 18; ++i) {
    expect_refused(with_tcb([i](Entries& entries) { entries.push_back(Bytes(entries.at(i))); }),
                   fmt::format("two of {}", i));
    expect_refused(with_tcb([i](Entries& entries) { entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i)); }),
                   fmt::format("none of {}", i));
  }
  const Bytes flag = entry(".7.1", der::boolean(true));
  expect_refused(with_entry(7, der::sequence(flag, flag)), "two flags");
}

TEST(PckExtension, HasNoEntryThatIsNotKnown) {
  const Bytes value = der::octet_string(Bytes(16));
  for (const char* oid : {".0", ".8", ".20", ".127", ".128", ".1.1", ""}) {
    expect_refused(with([&](Entries& entries) { entries.push_back(entry(oid, value)); }), oid);
  }
  for (const char* oid : {".2.0", ".2.19", ".2", ".2.1.1", ".3.1"}) {
    expect_refused(with_tcb([&](Entries& entries) { entries.push_back(entry(oid, der::integer(1))); }), oid);
  }
  for (const char* oid : {".7.0", ".7.4", ".7", ".2.1"}) {
    expect_refused(with_entry(7, der::sequence(entry(oid, der::boolean(true)))), oid);
  }
  // In the place of one that is known, and with its last number.
  expect_refused(with([&](Entries& entries) { entries.at(0) = entry(".1.1", value); }), "a longer OID");
  expect_refused(with_tcb([](Entries& entries) { entries.at(1) = entry(".2", der::integer(1)); }), "a shorter OID");
  const Bytes foreign = der::sequence(der::oid("1.2.840.113741.1.13.2.6"), value);
  expect_refused(with([&](Entries& entries) { entries.at(5) = foreign; }), "another arc");
}

TEST(PckExtension, HasOctetsOfTheirSize) {
  const std::map<std::size_t, std::size_t> sizes{{1, 16}, {3, 2}, {4, 6}, {6, 16}};
  for (const auto& [number, size] : sizes) {
    for (const std::size_t wrong : {std::size_t{0}, size - 1, size + 1}) {
      expect_refused(with_entry(number, der::octet_string(Bytes(wrong))), fmt::format(".{} of {}", number, wrong));
    }
    expect_refused(with_entry(number, der::utf8_string(std::string(size, 'a'))), "another type");
  }
  for (const std::size_t wrong : {0U, 15U, 17U}) {
    expect_refused(with_tcb_entry(18, der::octet_string(Bytes(wrong))), "CPUSVN");
  }
}

TEST(PckExtension, HasNumbersInTheirRange) {
  for (std::size_t i = 1; i <= 16; ++i) {
    EXPECT_EQ(parse(with_tcb_entry(i, der::integer(255)))->components.at(i - 1), 255);
    EXPECT_EQ(parse(with_tcb_entry(i, der::integer(0)))->components.at(i - 1), 0);
    expect_refused(with_tcb_entry(i, der::integer(256)), "256");
    expect_refused(with_tcb_entry(i, der::integer(-1)), "-1");
    expect_refused(with_tcb_entry(i, der::integer(Bytes(9, 0x7f))), "nine bytes");
    expect_refused(with_tcb_entry(i, der::element(0x02, Bytes{0, 1})), "not the shortest form");
    expect_refused(with_tcb_entry(i, der::element(0x02, Bytes{})), "no byte");
    expect_refused(with_tcb_entry(i, der::enumerated(1)), "another type");
  }
  EXPECT_EQ(parse(with_tcb_entry(17, der::integer(65535)))->pce_svn, 65535);
  expect_refused(with_tcb_entry(17, der::integer(65536)), "PCESVN");
  expect_refused(with_tcb_entry(17, der::integer(-1)), "PCESVN");
  EXPECT_EQ(parse(with_entry(5, der::enumerated(0)))->sgx_type, SgxType::standard);
  EXPECT_EQ(parse(with_entry(5, der::enumerated(2)))->sgx_type, SgxType::scalable_with_integrity);
  expect_refused(with_entry(5, der::enumerated(3)), "SGX type");
  expect_refused(with_entry(5, der::integer(1)), "SGX type");
}

TEST(PckExtension, HasFlagsThatAreBooleans) {
  for (const char* flag : {".7.1", ".7.2", ".7.3"}) {
    EXPECT_TRUE(parse(with_entry(7, der::sequence(entry(flag, der::boolean(false))))));
    expect_refused(with_entry(7, der::sequence(entry(flag, der::element(0x01, Bytes{1})))), "not DER");
    expect_refused(with_entry(7, der::sequence(entry(flag, der::integer(1)))), "another type");
  }
  expect_refused(with_entry(7, der::boolean(true)), "no sequence");
  expect_refused(with_entry(2, der::set(entry(".2.1", der::integer(1)))), "no sequence");
}

TEST(PckExtension, HasNothingBesides) {
  Bytes trailing = sample().der();
  trailing.push_back(0);
  expect_refused(trailing, "after the extension");
  const Bytes ppid = der::octet_string(Bytes(16));
  const Bytes oid = der::oid(std::string(chains::sgx_extension_oid) + ".1");
  expect_refused(with([&](Entries& entries) { entries.at(0) = der::sequence(oid, ppid, der::null()); }), "three parts");
  expect_refused(with([&](Entries& entries) { entries.at(0) = der::sequence(oid); }), "one part");
  expect_refused(with([&](Entries& entries) { entries.at(0) = der::sequence(ppid, oid); }), "another order");
  expect_refused(with([&](Entries& entries) { entries.at(0) = der::set(oid, ppid); }), "no sequence");
  expect_refused(der::set(), "no sequence");
  expect_refused({}, "nothing");
}

TEST(PckExtension, CutAtAnyByteIsRefused) {
  const Bytes whole = sample().der();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    expect_refused(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), std::to_string(size));
  }
}

json::Object fields_of(const PckExtension& pck) {
  json::Array components(pck.components.begin(), pck.components.end());
  json::Object fields{{"ppid", to_hex(pck.ppid)},
                      {"pcesvn", pck.pce_svn},
                      {"cpusvn", to_hex(pck.cpu_svn)},
                      {"pceid", to_hex(pck.pce_id)},
                      {"fmspc", to_hex(pck.fmspc)},
                      {"sgx_type", static_cast<int>(pck.sgx_type)},
                      {"cpusvn_components", std::move(components)}};
  if (pck.platform_instance) {
    fields.emplace("platform_instance_id", to_hex(*pck.platform_instance));
  }
  if (pck.dynamic_platform && pck.cached_keys && pck.smt_enabled) {
    fields.emplace("config", json::Object{{"dynamic_platform", *pck.dynamic_platform},
                                          {"cached_keys", *pck.cached_keys},
                                          {"smt_enabled", *pck.smt_enabled}});
  }
  return fields;
}

TEST(PckExtensionOfAPlatform, ReadsAsItsCaseFileSays) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t count = 0;
  for (const char* kind : {"sgx", "tdx"}) {
    for (const std::string& name : vectors::cases(kind)) {
      SCOPED_TRACE(name);
      const json::Value c = vectors::read_json(name + "/case.json");
      const json::Value* listed = at(c, {"quote", "pck"});
      if (listed == nullptr) {
        continue;
      }
      const Bytes bytes = vectors::read(name + "/quote.bin");
      Effort effort;
      const auto quote = parse_quote(bytes, effort);
      ASSERT_TRUE(quote);
      const auto chain = x509::certificates_of_pem(quote->pck_chain, "pck_chain");
      ASSERT_TRUE(chain);
      const auto leaf = x509::parse_certificate(chain->front(), "pck");
      ASSERT_TRUE(leaf);
      const auto pck = parse_pck_extension(*leaf);
      ASSERT_TRUE(pck);
      json::Object wanted = *listed->as<json::Object>();
      for (const char* of_the_certificate : {"issuer", "not_before", "not_after"}) {
        wanted.erase(of_the_certificate);
      }
      EXPECT_EQ(json::write(fields_of(*pck)), json::write(wanted));
      ++count;
    }
  }
  EXPECT_GE(count, 20U);
}

}  // namespace
}  // namespace blindai::evidence::dcap
