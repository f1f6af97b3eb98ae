// What apps' servers are asked: the table.
#include "im/domain/before_callback.h"

#include <catch2/catch.hpp>
#include <set>
#include <string_view>

using namespace nightpost::im;

TEST_CASE("before-callbacks: the table", "[im][domain][callbacks]") {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < kBefores; ++i) {
    const auto what = static_cast<Before>(i);
    const BeforeTraits& traits = traits_of(what);
    CAPTURE(traits.command);
    CHECK(seen.insert(traits.command).second);
    CHECK(before_from(traits.command) == what);
    CHECK_FALSE(traits.when.empty());
    CHECK_FALSE(traits.fields.empty());
  }
  CHECK_FALSE(before_from("C2C.CallbackAfterSendMsg"));
  CHECK_FALSE(before_from(""));
  CHECK_FALSE(before_from("c2c.callbackbeforesendmsg"));
}

TEST_CASE("before-callbacks: which codes are an app's own", "[im][domain][callbacks]") {
  CHECK(is_apps_code(120'001));
  CHECK(is_apps_code(130'000));
  for (const std::int64_t code : {0LL, 1LL, 2LL, 20'006LL, 120'000LL, 130'001LL, -120'001LL, 4'294'967'296LL + 120'001})
    CHECK_FALSE(is_apps_code(code));
}

TEST_CASE("before-callbacks: a set holds what was added", "[im][domain][callbacks]") {
  BeforeSet set;
  CHECK(set.empty());
  set.add(Before::GroupJoin);
  CHECK(set.contains(Before::GroupJoin));
  CHECK_FALSE(set.contains(Before::GroupInvite));
  CHECK_FALSE(set.empty());
}
