// The documents of Intel's services: the signature holds over the bytes that are taken for it, and every value that is
// read is the one that another walk over the JSON finds.
#include <gmock/gmock.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/public_key.h"
#include "evidence/dcap/documents.h"
#include "unit/evidence/cases.h"

namespace blindai::evidence::dcap {
namespace {

using vectors::at;

struct DocumentFile {
  std::string path;
  bool tcb_info;
};

// Made by Intel with random numbers for components, which a byte cannot hold.
const std::string out_of_range = "tdx/intel-qvl-sample-test-root/tcbInfo.json";

// Every document of the SGX and TDX cases.
std::vector<DocumentFile> files() {
  std::vector<DocumentFile> found;
  for (const char* kind : {"sgx", "tdx"}) {
    for (const std::string& name : vectors::cases(kind)) {
      for (const char* file : {"tcb_info.json", "tcb_info.pretty.json", "tcbInfo.json"}) {
        found.push_back({name + "/" + file, true});
      }
      for (const char* file : {"qe_identity.json", "qeIdentity.json"}) {
        found.push_back({name + "/" + file, false});
      }
    }
  }
  std::erase_if(found, [](const DocumentFile& file) { return file.path == out_of_range || !vectors::has(file.path); });
  return found;
}

Parsed<SignedText> read(const DocumentFile& file, ByteView bytes) {
  Effort effort;
  return file.tcb_info ? read_signed(bytes, "tcbInfo", "tcb_info", effort)
                       : read_signed(bytes, "enclaveIdentity", "qe_identity", effort);
}

std::int64_t integer(const json::Value& value, std::string_view name) { return *value.find(name)->as<std::int64_t>(); }

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

json::Array advisories(const std::vector<std::string>& ids) { return {ids.begin(), ids.end()}; }

void expect_standing(const json::Value& level, TcbStatus status, UnixSeconds date,
                     const std::vector<std::string>& ids) {
  EXPECT_EQ(word(status), *level.text("tcbStatus"));
  EXPECT_EQ(to_iso8601(date), *level.text("tcbDate"));
  const json::Value* listed = level.find("advisoryIDs");
  EXPECT_EQ(json::Value(advisories(ids)), listed == nullptr ? json::Value(json::Array{}) : *listed);
}

void expect_components(const json::Value& tcb, const char* list, const Components& components) {
  for (std::size_t i = 0; i < components.size(); ++i) {
    const json::Value* all = tcb.find(list);
    EXPECT_EQ(components.at(i), all == nullptr ? integer(tcb, fmt::format("sgxtcbcomp{:02}svn", i + 1))
                                               : integer(all->as<json::Array>()->at(i), "svn"));
  }
}

// The real documents list their levels from high to low.
void expect_svn_levels(const json::Value& holder, const std::vector<SvnLevel>& levels) {
  const auto& list = *holder.find("tcbLevels")->as<json::Array>();
  ASSERT_EQ(levels.size(), list.size());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    EXPECT_EQ(levels[i].isv_svn, integer(*list[i].find("tcb"), "isvsvn"));
    expect_standing(list[i], levels[i].status, levels[i].date, levels[i].advisories);
  }
}

void expect_module(const json::Value& module, const TdxModule& found) {
  EXPECT_EQ(to_hex(found.mr_signer), lower(*module.text("mrsigner")));
  // Palindromes in every real document; the order of the bytes is tested with made ones.
  EXPECT_EQ(fmt::format("{:016x}", found.attributes), lower(*module.text("attributes")));
  EXPECT_EQ(fmt::format("{:016x}", found.attributes_mask), lower(*module.text("attributesMask")));
}

void expect_equal(const json::Value& inner, const TcbInfo& info) {
  const json::Value* id = inner.find("id");
  EXPECT_EQ(info.tee == Tee::tdx, id != nullptr && *id == json::Value("TDX"));
  EXPECT_EQ(info.version, integer(inner, "version"));
  EXPECT_EQ(to_iso8601(info.issue_date), *inner.text("issueDate"));
  EXPECT_EQ(to_iso8601(info.next_update), *inner.text("nextUpdate"));
  EXPECT_EQ(to_hex(info.fmspc), lower(*inner.text("fmspc")));
  EXPECT_EQ(to_hex(info.pce_id), lower(*inner.text("pceId")));
  EXPECT_EQ(info.evaluation_number, integer(inner, "tcbEvaluationDataNumber"));
  ASSERT_EQ(info.tdx_module.has_value(), inner.find("tdxModule") != nullptr);
  if (info.tdx_module) {
    expect_module(*inner.find("tdxModule"), *info.tdx_module);
  }
  const json::Value* identities = inner.find("tdxModuleIdentities");
  ASSERT_EQ(info.module_identities.size(), identities == nullptr ? 0 : identities->as<json::Array>()->size());
  for (std::size_t i = 0; i < info.module_identities.size(); ++i) {
    const json::Value& identity = identities->as<json::Array>()->at(i);
    EXPECT_EQ(fmt::format("TDX_{:02x}", info.module_identities[i].version), *identity.text("id"));
    expect_module(identity, info.module_identities[i].module);
    expect_svn_levels(identity, info.module_identities[i].levels);
  }
  const auto& levels = *inner.find("tcbLevels")->as<json::Array>();
  ASSERT_EQ(info.levels.size(), levels.size());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const json::Value& tcb = *levels[i].find("tcb");
    expect_components(tcb, "sgxtcbcomponents", info.levels[i].sgx);
    EXPECT_EQ(info.levels[i].pce_svn, integer(tcb, "pcesvn"));
    ASSERT_EQ(info.levels[i].tdx.has_value(), info.tee == Tee::tdx);
    if (info.levels[i].tdx) {
      expect_components(tcb, "tdxtcbcomponents", *info.levels[i].tdx);
    }
    expect_standing(levels[i], info.levels[i].status, info.levels[i].date, info.levels[i].advisories);
  }
}

void expect_equal(const json::Value& inner, const QeIdentity& identity) {
  EXPECT_EQ(identity.id, *inner.text("id") == "QE" ? EnclaveId::qe : EnclaveId::td_qe);
  EXPECT_EQ(to_iso8601(identity.issue_date), *inner.text("issueDate"));
  EXPECT_EQ(to_iso8601(identity.next_update), *inner.text("nextUpdate"));
  EXPECT_EQ(identity.evaluation_number, integer(inner, "tcbEvaluationDataNumber"));
  EXPECT_EQ(fmt::format("{:08x}", __builtin_bswap32(identity.misc_select)), lower(*inner.text("miscselect")));
  EXPECT_EQ(fmt::format("{:08x}", __builtin_bswap32(identity.misc_select_mask)), lower(*inner.text("miscselectMask")));
  EXPECT_EQ(to_hex(identity.attributes), lower(*inner.text("attributes")));
  EXPECT_EQ(to_hex(identity.attributes_mask), lower(*inner.text("attributesMask")));
  EXPECT_EQ(to_hex(identity.mr_signer), lower(*inner.text("mrsigner")));
  EXPECT_EQ(identity.isv_prod_id, integer(inner, "isvprodid"));
  expect_svn_levels(inner, identity.levels);
}

TEST(DocumentOfIntel, ReadsAsItIsWritten) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t count = 0;
  for (const DocumentFile& file : files()) {
    SCOPED_TRACE(file.path);
    const Bytes bytes = vectors::read(file.path);
    const auto signed_text = read(file, bytes);
    ASSERT_TRUE(signed_text);
    const auto whole = json::parse(as_text(bytes));
    ASSERT_TRUE(whole);
    const json::Value* inner = whole->find(file.tcb_info ? "tcbInfo" : "enclaveIdentity");
    EXPECT_EQ(json::parse(signed_text->text), *inner);
    EXPECT_EQ(to_hex(signed_text->signature), *whole->text("signature"));
    if (file.tcb_info) {
      const auto info = parse_tcb_info(*signed_text);
      ASSERT_TRUE(info);
      expect_equal(*inner, *info);
    } else {
      const auto identity = parse_qe_identity(*signed_text);
      ASSERT_TRUE(identity);
      expect_equal(*inner, *identity);
    }
    ++count;
  }
  EXPECT_GE(count, 40U);
}

TEST(DocumentOfIntel, WithComponentsThatNoByteHoldsIsRefused) {
  BLINDAI_NEEDS_VECTORS();
  const auto signed_text = read({out_of_range, true}, vectors::read(out_of_range));
  ASSERT_TRUE(signed_text);
  EXPECT_FALSE(parse_tcb_info(*signed_text));
  std::string mended = signed_text->text;
  for (std::size_t at = 0; (at = mended.find("\"svn\":65", at)) != std::string::npos;) {
    mended.replace(at, 11, "\"svn\":255");
  }
  EXPECT_TRUE(parse_tcb_info({mended, signed_text->signature}));
}

// The key of the first certificate in a PEM file, as OpenSSL reads it.
std::optional<crypto::EcPublicKey> leaf_key(const std::string& path) {
  const Bytes pem = vectors::read(path);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                      BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr),
                                                         X509_free);
  std::array<std::uint8_t, 65> point{};
  std::size_t size = 0;
  if (!leaf || EVP_PKEY_get_octet_string_param(X509_get0_pubkey(leaf.get()), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                               point.size(), &size) != 1) {
    return std::nullopt;
  }
  return crypto::EcPublicKey::from_point(crypto::Curve::p256, ByteView(point).subspan(1));
}

TEST(DocumentOfIntel, IsSignedOverTheBytesThatAreTaken) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t count = 0;
  for (const DocumentFile& file : files()) {
    SCOPED_TRACE(file.path);
    const std::string folder = file.path.substr(0, file.path.rfind('/') + 1);
    const std::string chain = folder + (!file.tcb_info                         ? "qe_identity_signing_chain.pem"
                                        : file.path.ends_with("/tcbInfo.json") ? "tcbSignChain.pem"
                                                                               : "tcb_signing_chain.pem");
    if (!vectors::has(chain)) {
      continue;
    }
    auto key = leaf_key(chain);
    ASSERT_TRUE(key);
    const Bytes bytes = vectors::read(file.path);
    const auto signed_text = read(file, bytes);
    ASSERT_TRUE(signed_text);
    // Printed anew, a document is another text, whatever it says.
    const bool as_received = !file.path.ends_with(".pretty.json");
    EXPECT_EQ(key->verify(as_bytes(signed_text->text), signed_text->signature), as_received);
    ++count;
  }
  EXPECT_GE(count, 35U);
}

TEST(DocumentOfIntel, SaysWhatTheCaseFileSays) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t count = 0;
  for (const DocumentFile& file : files()) {
    const std::string name = file.path.substr(0, file.path.rfind('/'));
    const json::Value c = vectors::read_json(name + "/case.json");
    const json::Value* window = at(c, {"validity", file.tcb_info ? "tcb_info" : "qe_identity"});
    if (window == nullptr || window->is_null()) {
      continue;
    }
    SCOPED_TRACE(file.path);
    const auto signed_text = read(file, vectors::read(file.path));
    ASSERT_TRUE(signed_text);
    json::Array dates;
    if (file.tcb_info) {
      const auto info = parse_tcb_info(*signed_text);
      ASSERT_TRUE(info);
      dates = {to_iso8601(info->issue_date), to_iso8601(info->next_update)};
      EXPECT_EQ(to_hex(info->fmspc), *at(c, {"quote", "pck", "fmspc"})->as<std::string>());
      EXPECT_EQ(to_hex(info->pce_id), *at(c, {"quote", "pck", "pceid"})->as<std::string>());
    } else {
      const auto identity = parse_qe_identity(*signed_text);
      ASSERT_TRUE(identity);
      dates = {to_iso8601(identity->issue_date), to_iso8601(identity->next_update)};
    }
    EXPECT_EQ(json::Value(dates), *window);
    ++count;
  }
  EXPECT_GE(count, 30U);
}

// Every length near both ends, and some between.
std::vector<std::size_t> lengths_below(std::size_t whole) {
  std::vector<std::size_t> lengths;
  for (std::size_t size = 0; size < whole; size += size < 100 || size + 200 > whole ? 1U : 37U) {
    lengths.push_back(size);
  }
  return lengths;
}

TEST(DocumentOfIntel, CutAnywhereIsRefused) {
  BLINDAI_NEEDS_VECTORS();
  for (const DocumentFile& file : files()) {
    const Bytes bytes = vectors::read(file.path);
    const auto whole = read(file, bytes);
    ASSERT_TRUE(whole) << file.path;
    for (const std::size_t size : lengths_below(as_text(bytes).rfind('}'))) {
      ASSERT_FALSE(read(file, ByteView(bytes).first(size))) << file.path << " cut to " << size;
    }
    for (const std::size_t size : lengths_below(whole->text.size())) {
      const SignedText cut{whole->text.substr(0, size), whole->signature};
      ASSERT_FALSE(file.tcb_info ? parse_tcb_info(cut).has_value() : parse_qe_identity(cut).has_value())
          << file.path << " cut to " << size;
    }
  }
}

// What a changed document is refused for here; nothing where it is accepted or was not changed.
std::optional<Refusal> refusal_of(const vectors::Case& changed, const DocumentFile& file) {
  const auto bytes = changed.files.find(file.path);
  if (bytes == changed.files.end()) {
    return std::nullopt;
  }
  const auto signed_text = read(file, bytes->second);
  if (!signed_text) {
    return signed_text.error();
  }
  if (file.tcb_info) {
    const auto info = parse_tcb_info(*signed_text);
    return info ? std::nullopt : std::optional(info.error());
  }
  const auto identity = parse_qe_identity(*signed_text);
  return identity ? std::nullopt : std::optional(identity.error());
}

// None is refused for a word that is not fair, and each that is wrong in its form alone is refused.
TEST(DocumentOfIntel, ChangedInItsFormIsRefused) {
  BLINDAI_NEEDS_VECTORS();
  const std::vector<std::string> of_form{"BAD_COLLATERAL_FORMAT"};
  std::size_t refused = 0;
  for (const vectors::Mutation& mutation : vectors::mutations("mutations-dcap.json")) {
    SCOPED_TRACE(mutation.id);
    const vectors::Case changed = vectors::apply(vectors::load_case(mutation.base), mutation);
    bool any = false;
    for (const DocumentFile& file : {DocumentFile{"tcb_info.json", true}, DocumentFile{"qe_identity.json", false}}) {
      if (const auto refusal = refusal_of(changed, file)) {
        any = true;
        EXPECT_THAT(mutation.fair, testing::Contains(word(refusal->reason)));
        EXPECT_EQ(refusal->detail, file.tcb_info ? "tcb_info" : "qe_identity");
      }
    }
    EXPECT_TRUE(any || mutation.fair != of_form);
    refused += any ? 1U : 0U;
  }
  EXPECT_GE(refused, 24U);
}

}  // namespace
}  // namespace blindai::evidence::dcap
