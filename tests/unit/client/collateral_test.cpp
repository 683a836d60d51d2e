// Collateral between connections: evidence of an SGX platform under roots of the test's own, through the whole client.
#include <gtest/gtest.h>

#include "chains/dcap.h"
#include "client/fake_service.h"
#include "client/session.h"
#include "evidence/roots.h"

namespace blindai::evidence {
namespace {
const Roots no_roots{};
const Roots* own_roots = &no_roots;
}  // namespace

// The linker puts this in the place of vendor_roots() for this test program alone (--wrap in CMakeLists.txt).
const Roots& roots_of_the_test() asm("__wrap__ZN7blindai8evidence12vendor_rootsEv");
const Roots& roots_of_the_test() { return *own_roots; }

}  // namespace blindai::evidence

namespace blindai::client {
namespace {

evidence::Collateral collateral_of(const chains::Case& made) {
  evidence::Collateral out;
  for (const auto& [name, bytes] : made.collateral) {
    EXPECT_TRUE(out.set(name, bytes)) << name;
  }
  return out;
}

enum class Sends : std::uint8_t { what_is_not_known, always, never };

class CollateralTest : public testing::Test {
 protected:
  CollateralTest() {
    // A platform has its certificates for long; sealing would sign them anew, with other bytes.
    chain_.edit_pck_chain = [this](std::vector<Bytes>& chain) {
      pck_chain_ = pck_chain_.empty() ? chain : pck_chain_;
      chain = pck_chain_;
    };
    publish();
  }
  ~CollateralTest() override { evidence::own_roots = &evidence::no_roots; }

  FakeService::Setup setup(Sends sends = Sends::what_is_not_known) {
    return {.tamper =
                [this](channel::AttestAnswer& answer) {
                  if (spoil_) {
                    answer.session_signature[0] ^= 1;
                  }
                },
            .tee = "sgx",
            .prove =
                [this, sends](const channel::AttestRequest& request, const auto& report_data, auto& answer) {
                  chain_.quote.sgx.report_data.assign(report_data.begin(), report_data.end());
                  const chains::Case made = chain_.seal();
                  answer.evidence = {{made.type, made.evidence, {}}};
                  if (sends == Sends::always ||
                      (sends == Sends::what_is_not_known && request.have != published_.digest())) {
                    answer.collateral = published_;
                    ++sent_;
                  }
                },
            .accept =
                "[accept.sgx]\nmrenclave = \"any\"\nmrsigner = \"any\"\ntcb_status = [\"UpToDate\"]\n"
                "allowed_advisories = []\nplatform_ids = \"any\"\n",
            .now = chains::noon};
  }
  // What the vendor publishes from now on: signatures of other bytes, each time.
  void publish() {
    const chains::Case made = chain_.seal();
    published_ = collateral_of(made);
    roots_ = made.roots;
    evidence::own_roots = &roots_;
  }
  Outcome<std::unique_ptr<VerifiedSession>> open(const FakeService& service) {
    policy_ = service.policy();
    const SessionSettings settings{
        .endpoint = *parse_url(service.url()), .policy = policy_, .clock = clock_, .collateral = known_};
    const std::function<bool()> never;
    return VerifiedSession::open(settings,
                                 {.deadline = Steady::now() + std::chrono::seconds(20), .interrupted = never});
  }
  static std::optional<Digest> asked(const FakeService& service) {
    return channel::AttestRequest::parse(as_text(service.attests().back().body))->have;
  }
  static std::string failed(const Outcome<std::unique_ptr<VerifiedSession>>& session) {
    const auto* check = session || !session.error().report ? nullptr : session.error().report->first_failed();
    return check == nullptr ? "none" : check->name;
  }

  chains::Dcap chain_ = chains::sgx();
  std::vector<Bytes> pck_chain_;
  evidence::Collateral published_;
  evidence::Roots roots_;
  bool spoil_ = false;
  int sent_ = 0;
  evidence::Policy policy_;
  KnownCollateral known_;
  ManualClock clock_{chains::noon};
};

TEST_F(CollateralTest, IsSentOnceAndKeptForLaterConnections) {
  FakeService service(setup());
  const auto first = open(service);
  ASSERT_TRUE(first) << failed(first);
  EXPECT_EQ(asked(service), std::nullopt);
  const auto second = open(service);
  ASSERT_TRUE(second) << failed(second);
  EXPECT_EQ(asked(service), published_.digest());
  EXPECT_EQ(sent_, 1);
  EXPECT_EQ((*second)->report().facts.count("keyset_id"), 1U);
  // The signatures over it were checked once.
  EXPECT_LT((*second)->report().effort.signature_checks, (*first)->report().effort.signature_checks);
}

TEST_F(CollateralTest, ThatIsLeftOutThoughNothingIsHeldIsAnErrorThatSaysSo) {
  FakeService service(setup(Sends::never));
  const auto session = open(service);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().error.code, Code::attestation_failed);
  EXPECT_EQ(failed(session), "collateral");
  EXPECT_EQ(session.error().report->first_failed()->found, "left out, and this client holds none");
}

TEST_F(CollateralTest, ThatChangedIsSentAnewAndTakesThePlaceOfTheOld) {
  FakeService service(setup());
  ASSERT_TRUE(open(service));
  publish();
  const auto second = open(service);
  ASSERT_TRUE(second) << failed(second);
  EXPECT_EQ(sent_, 2);
  ASSERT_TRUE(open(service));
  EXPECT_EQ(asked(service), published_.digest());
  EXPECT_EQ(sent_, 2);
}

TEST_F(CollateralTest, OfAnAttestThatFailedIsNotKept) {
  FakeService service(setup());
  spoil_ = true;
  EXPECT_EQ(failed(open(service)), "session_signature");
  spoil_ = false;
  ASSERT_TRUE(open(service));
  EXPECT_EQ(asked(service), std::nullopt);
}

TEST_F(CollateralTest, IsForgottenWhereAnAttestUnderItFailed) {
  FakeService service(setup());
  ASSERT_TRUE(open(service));
  spoil_ = true;
  EXPECT_EQ(failed(open(service)), "session_signature");
  EXPECT_NE(asked(service), std::nullopt);
  spoil_ = false;
  ASSERT_TRUE(open(service));
  EXPECT_EQ(asked(service), std::nullopt);
}

TEST_F(CollateralTest, ThatIsHeldIsJudgedByItsDatesEachTime) {
  FakeService::Setup made = setup();
  made.not_after_from_now = 24 * 3600 - 300;
  FakeService service(std::move(made));
  chain_.tcb_info.next_update = chains::noon + 3600;
  publish();
  ASSERT_TRUE(open(service));
  clock_.advance(2 * 3600);
  const auto late = open(service);
  ASSERT_FALSE(late) << "the TCB info that is held has ended";
  EXPECT_EQ(failed(late), "tcb_info_not_ended");
}

TEST_F(CollateralTest, IsNeitherAskedForNorKeptWhereEvidenceIsSimulated) {
  FakeService service({.now = chains::noon});
  ASSERT_TRUE(open(service));
  ASSERT_TRUE(open(service));
  EXPECT_EQ(asked(service), std::nullopt);
}

}  // namespace
}  // namespace blindai::client
