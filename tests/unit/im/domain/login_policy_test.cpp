#include "im/domain/login_policy.h"

#include <catch2/catch.hpp>

namespace nightpost::im {
namespace {

using State = TerminalState;

KnownTerminal known(const char* device, Platform platform, std::int64_t epoch, State state = State::LoggedIn) {
  return {device, platform, state, Epoch{epoch}};
}
using Places = std::vector<std::size_t>;

TEST_CASE("login policy: one slot a platform, and the same device displaces nobody", "[im][domain]") {
  struct Row {
    const char* name;
    std::vector<KnownTerminal> known;
    Platform platform;
    std::size_t web_slots;
    LoginPlan want;
  };
  const std::vector<Row> rows = {
      {"the first login", {}, Platform::Ios, 1, {}},
      {"the same device again", {known("new", Platform::Ios, 1)}, Platform::Ios, 1, {.replaces = true}},
      {"the same device after a logout", {known("new", Platform::Ios, 1, State::LoggedOut)}, Platform::Ios, 1, {}},
      {"another iPhone", {known("old", Platform::Ios, 1)}, Platform::Ios, 1, {.displaces = {0}}},
      {"an iPhone beside an Android phone", {known("old", Platform::Android, 1)}, Platform::Ios, 1, {}},
      {"a desktop beside a browser", {known("old", Platform::Web, 1)}, Platform::Desktop, 1, {}},
      {"a mini program in the browsers' only slot",
       {known("old", Platform::Web, 1)},
       Platform::MiniProgram,
       1,
       {.displaces = {0}}},
      {"two slots, one taken", {known("old", Platform::Web, 1)}, Platform::Web, 2, {}},
      {"two slots, both taken: the older goes",
       {known("b", Platform::Web, 5), known("a", Platform::MiniProgram, 3)},
       Platform::Web,
       2,
       {.displaces = {1}}},
      {"slots were made fewer",
       {known("b", Platform::Web, 5), known("a", Platform::Web, 3)},
       Platform::Web,
       1,
       {.displaces = {1, 0}}},
      {"no slot is one slot", {known("a", Platform::Web, 3)}, Platform::Web, 0, {.displaces = {0}}},
      {"who is logged out or displaced holds no slot",
       {known("a", Platform::Ios, 1, State::LoggedOut), known("b", Platform::Ios, 2, State::Displaced)},
       Platform::Ios,
       1,
       {}},
      {"a device that changes its platform",
       {known("new", Platform::Web, 1), known("old", Platform::Ios, 2)},
       Platform::Ios,
       1,
       {.replaces = true, .displaces = {1}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const LoginPlan plan = plan_login(row.known, "new", row.platform, false, {.web_slots = row.web_slots});
    CHECK(plan.refused == row.want.refused);
    CHECK(plan.replaces == row.want.replaces);
    CHECK(plan.displaces == row.want.displaces);
    CHECK(plan.forgets == row.want.forgets);
  }
}

TEST_CASE("login policy: a displaced device is refused, unless it insists", "[im][domain]") {
  const std::vector<KnownTerminal> all = {known("new", Platform::Ios, 1, State::Displaced),
                                          known("other", Platform::Ios, 2)};
  const LoginPlan first = plan_login(all, "new", Platform::Ios, false, {});
  CHECK(first.refused);
  CHECK(first.displaces.empty());
  const LoginPlan forced = plan_login(all, "new", Platform::Ios, true, {});
  CHECK_FALSE(forced.refused);
  CHECK_FALSE(forced.replaces);
  CHECK(forced.displaces == Places{1});
}

TEST_CASE("login policy: ended terminals beyond the limit are forgotten, the oldest first", "[im][domain]") {
  const std::vector<KnownTerminal> all = {known("c", Platform::Web, 3, State::Displaced),
                                          known("a", Platform::Web, 1, State::LoggedOut),
                                          known("b", Platform::Android, 2)};
  CHECK(plan_login(all, "new", Platform::Ios, false, {.terminals_kept = 4}).forgets.empty());
  CHECK(plan_login(all, "new", Platform::Ios, false, {.terminals_kept = 3}).forgets == Places{1});
  CHECK(plan_login(all, "new", Platform::Ios, false, {.terminals_kept = 1}).forgets == Places{1, 0});
  CHECK(plan_login(all, "c", Platform::Web, true, {.terminals_kept = 2}).forgets == Places{1});
}

TEST_CASE("login policy: states read back as they are written", "[im][domain]") {
  for (const State state : {State::LoggedIn, State::Displaced, State::LoggedOut})
    CHECK(terminal_state_from(name_of(state)) == state);
  for (const char* name : {"", "LoggedIn", "logged-in", "active"}) CHECK_FALSE(terminal_state_from(name));
}

}  // namespace
}  // namespace nightpost::im
