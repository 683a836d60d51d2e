#include "client/session.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "client/fake_service.h"

namespace blindai::client {
namespace {

static_assert(
    !std::is_default_constructible_v<VerifiedSession> && !std::is_copy_constructible_v<VerifiedSession> &&
        !std::is_constructible_v<VerifiedSession, const SessionSettings&, std::unique_ptr<channel::ClientStream>,
                                 channel::VerifiedKeyset, evidence::Report>,
    "open() is the only way to a session");
static_assert(!std::is_default_constructible_v<channel::VerifiedKeyset>);

TEST(VerifiedSession, SendsNothingAfterItFailedToProveItselfAgain) {
  int made = 0;
  FakeService service({.tamper = [&](channel::AttestAnswer& answer) {
    if (++made > 1) {
      answer.session_signature[0] ^= 1;
    }
  }});
  const auto policy = service.policy();
  const auto key = auth::ApiKey::generate();
  ManualClock clock(system_clock().now());
  const std::function<bool()> never;
  KnownCollateral collateral;
  const Bounds bounds{.deadline = Steady::now() + std::chrono::seconds(20), .interrupted = never};
  const SessionSettings settings{
      .endpoint = *parse_url(service.url()), .policy = policy, .key = &key, .clock = clock, .collateral = collateral};
  auto session = VerifiedSession::open(settings, bounds);
  ASSERT_TRUE(session);
  clock.advance(2 * 3600);
  ASSERT_FALSE((*session)->begin(bounds));
  http::ClientRequest request{
      .method = "GET", .target = "/x", .headers = {}, .body = {}, .streamed_body_bytes = 0, .more = {}};
  EXPECT_FALSE((*session)->send(request, 1000));
  EXPECT_FALSE((*session)->alive());
  EXPECT_TRUE(service.seen().empty());
}

TEST(VerifiedSession, ProvesItselfEveryHourUntilTheKeysetEnds) {
  FakeService service({});
  const auto policy = service.policy();
  const auto key = auth::ApiKey::generate();
  ManualClock clock(system_clock().now());
  const std::function<bool()> never;
  KnownCollateral collateral;
  const Bounds bounds{.deadline = Steady::now() + std::chrono::seconds(20), .interrupted = never};
  const SessionSettings settings{
      .endpoint = *parse_url(service.url()), .policy = policy, .key = &key, .clock = clock, .collateral = collateral};
  auto session = VerifiedSession::open(settings, bounds);
  ASSERT_TRUE(session);
  // recheck_seconds is an hour, the keyset lives for six: the sixth time it is the keyset that ends.
  for (int hour = 1; hour <= 5; ++hour) {
    clock.advance(3600);
    ASSERT_TRUE((*session)->alive());
    ASSERT_TRUE((*session)->begin(bounds)) << hour;
  }
  EXPECT_EQ(service.attests().size(), 6U);
  clock.advance(2 * 3600);
  ASSERT_FALSE((*session)->begin(bounds));
}

}  // namespace
}  // namespace blindai::client
