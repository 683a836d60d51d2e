// How long a connection lives, whatever has been proven on it.
#include <gtest/gtest.h>

#include "service.h"

namespace blindai::server {
namespace {

constexpr UnixSeconds life = 3600;
constexpr UnixSeconds grace = 30 * 60;

TEST(AConnection, IsClosedHalfAnHourAfterItsKeysetEnded) {
  Service service(life);
  const UnixSeconds end = service.keysets->current()->keyset.not_after;
  Service::Caller proven(service);
  Service::Caller silent(service);
  ASSERT_EQ(proven.ask_with_proof("GET", "/blindai/v1/models"), 200);
  ASSERT_EQ(silent.ask("GET", "/v2/health/live"), 200);
  service.clock.set(end + grace - 1);
  EXPECT_EQ(proven.ask_with_proof("GET", "/blindai/v1/models"), 200);
  EXPECT_EQ(silent.ask("GET", "/v2/health/live"), 200);
  service.clock.set(end + grace);
  EXPECT_TRUE(proven.is_closed());
  EXPECT_TRUE(silent.is_closed());
  EXPECT_EQ(proven.ask_with_proof("GET", "/blindai/v1/models"), 0);
}

TEST(AConnection, ThatAttestsAnewLivesByTheNewKeyset) {
  Service service(life);
  const UnixSeconds end = service.keysets->current()->keyset.not_after;
  Service::Caller caller(service);
  ASSERT_EQ(caller.attest(), 200);
  service.clock.set(end - 1);
  ASSERT_EQ(caller.attest(), 200);
  const UnixSeconds next_end = service.keysets->current()->keyset.not_after;
  ASSERT_GT(next_end, end);
  service.clock.set(end + grace);
  EXPECT_EQ(caller.ask("GET", "/v2/health/live"), 200);
  service.clock.set(next_end + grace);
  EXPECT_TRUE(caller.is_closed());
}

// A proof alone names a keyset, but the caller has not verified that this service still is what it was.
TEST(AConnection, ThatProvesItselfAnewLivesNoLonger) {
  Service service(life);
  const UnixSeconds end = service.keysets->current()->keyset.not_after;
  Service::Caller caller(service);
  ASSERT_EQ(caller.ask("GET", "/v2/health/live"), 200);
  service.clock.set(end - 1);
  ASSERT_EQ(caller.ask_with_proof("GET", "/blindai/v1/models"), 200);
  service.clock.set(end + grace);
  EXPECT_TRUE(caller.is_closed());
}

// Its caller could not verify an answer that names the new certificate, and would take the service for an impostor.
TEST(AConnection, FromBeforeTheCertificateWasReplacedIsToldToOpenAnother) {
  Service service(life);
  const Digest leaf = service.keysets->current()->keyset.tls;
  std::optional<Service::Caller> caller;
  while (service.keysets->current()->keyset.tls == leaf) {
    caller.emplace(service);
    ASSERT_EQ(caller->attest(), 200);
    service.clock.advance(life / 2);
    ASSERT_LT(service.clock.now(), 1'800'000'000 + 8 * 24 * 3600);
  }
  EXPECT_EQ(caller->attest(), 503);
  Service::Caller another(service);
  EXPECT_EQ(another.attest(), 200);
}

TEST(AConnection, AttestsSixteenTimes) {
  Service service(life);
  Service::Caller caller(service);
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(caller.attest(), 200) << i;
  }
  EXPECT_EQ(caller.attest(), 429);
  Service::Caller another(service);
  EXPECT_EQ(another.attest(), 200);
}

}  // namespace
}  // namespace blindai::server
