#include "server/keysets.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "server/config.h"

namespace blindai::server {
namespace {

constexpr UnixSeconds start = 1'800'000'000;

Keysets::Template form(UnixSeconds life) {
  Keysets::Template form;
  form.tee = "simulated";
  form.config = security_configuration({}, {});
  form.code = {{"blindai-server", Digest{}}};
  form.build = "test";
  form.server_names = {"localhost"};
  form.life = life;
  return form;
}

TEST(Keysets, AreReplacedBeforeTheyEndAndTwoLiveAtMost) {
  ManualClock clock(start);
  const auto keysets = *Keysets::make(form(6 * 3600), clock);
  const auto first = keysets->current();
  EXPECT_EQ(first->keyset.not_before, start - 300);
  EXPECT_EQ(first->keyset.not_after, start + 6 * 3600);
  clock.advance(6 * 3600 - 1800 - 1);
  EXPECT_EQ(keysets->current()->id, first->id);
  clock.advance(1);
  const auto second = keysets->current();
  EXPECT_NE(second->id, first->id);
  EXPECT_EQ(keysets->live_ids(), (std::vector{first->id, second->id}));
  clock.advance(1801);
  EXPECT_EQ(keysets->live_ids(), std::vector{second->id});
  EXPECT_EQ(second->keyset.tls, first->keyset.tls);
}

TEST(Keysets, HaveKeysOfTheirOwn) {
  ManualClock clock(start);
  const auto keysets = *Keysets::make(form(3600), clock);
  const auto first = keysets->current();
  clock.advance(3600);
  const auto second = keysets->current();
  EXPECT_NE(first->session.public_key(), second->session.public_key());
  EXPECT_NE(first->session.public_key(), first->receipt.public_key());
}

TEST(TheCertificate, LivesSevenDaysAtMost) {
  ManualClock clock(start);
  const auto keysets = *Keysets::make(form(3600), clock);
  const Digest first = keysets->current()->keyset.tls;
  clock.advance(6 * 24 * 3600);
  EXPECT_EQ(keysets->current()->keyset.tls, first);
  clock.advance(3600);
  EXPECT_NE(keysets->current()->keyset.tls, first);
}

}  // namespace
}  // namespace blindai::server
