// What the console asks of the IM server, and what it makes of the answer.
#include "app/console_companion.h"

#include "im/domain/user_sig.h"
#include "im/rest/url.h"
#include "unit/app/console_bed.h"

namespace nightpost::app {
namespace {

const AppId kToldApp{1400000001};

struct Told {
  Told() {
    std::ofstream(office.file("app.key")) << key << '\n';
    std::filesystem::permissions(office.file("app.key"), std::filesystem::perms::owner_read);
    config.console.im_url = "http://127.0.0.1:9467";
    config.im.rest.administrators[kToldApp] = {"admin one", "admin two"};
    config.im.key_files[kToldApp] = office.file("app.key");
  }
  const std::string key = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
  const WallTime now = wall_from_ms(1'795'225'887'405);
  ConsoleOffice office;
  Config config;
};

TEST_CASE("console companion: the IM server is told in the name of the app's first administrator", "[app][console]") {
  const Told told;
  const auto url = companion_url(told.config, kToldApp, "im_open_login_svc/kick", told.now);
  REQUIRE(url);
  REQUIRE(url->starts_with("http://127.0.0.1:9467/v4/"));
  const auto read = im::rest_url(url->substr(told.config.console.im_url.size()));
  REQUIRE(read);
  CHECK(read->service == "im_open_login_svc");
  CHECK(read->command == "kick");
  CHECK(read->app == "1400000001");
  CHECK(read->identifier == "admin one");
  const std::vector<std::string> keys = {told.key};
  const auto verified = [&](WallTime when) {
    return im::verify_user_sig(read->signature.value_or(""), kToldApp, "admin one", keys, when).has_value();
  };
  CHECK(verified(told.now + std::chrono::seconds(30)));
  CHECK_FALSE(verified(told.now + std::chrono::seconds(90)));  // it is good for a minute
  CHECK_FALSE(url->contains(told.key));
}

TEST_CASE("console companion: what the config lacks is said", "[app][console]") {
  struct Row {
    const char* name;
    std::function<void(Config&)> without;
    const char* says;
  };
  for (const Row& row : std::vector<Row>{
           {"no IM server", [](Config& c) { c.console.im_url.clear(); }, "console.im_url"},
           {"no administrator", [](Config& c) { c.im.rest.administrators.clear(); }, "im.rest.administrators"},
           {"nobody", [](Config& c) { c.im.rest.administrators[kToldApp].clear(); }, "im.rest.administrators"},
           {"no key", [](Config& c) { c.im.key_files.clear(); }, "im.key_files"},
           {"no file", [](Config& c) { c.im.key_files[kToldApp] = "/nonexistent"; }, "im.key_files"},
           {"another app's", [](Config& c) { c.im.key_files = {{AppId{7}, c.im.key_files[kToldApp]}}; },
            "im.key_files"}}) {
    CAPTURE(row.name);
    Told told;
    row.without(told.config);
    const auto url = companion_url(told.config, kToldApp, "openconfigsvr/setnospeaking", told.now);
    REQUIRE_FALSE(url);
    CHECK(url.error().status == 503);
    CHECK(url.error().code == "no_im_server");
    CHECK(url.error().message.contains(row.says));
  }
}

TEST_CASE("console companion: in whose name an app's server asks is not kicked", "[app][console]") {
  Told told;
  told.config.console.im_url = "http://127.0.0.1:1";
  const SystemClock clock;
  ConsoleCompanion companion(told.config, clock);
  const auto refused = companion.kick({kToldApp, "admin two"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().status == 409);
  CHECK(refused.error().code == "im_administrator");
  CHECK(companion.kick({AppId{7}, "admin two"}).error().code == "no_im_server");  // another app's
  CHECK(companion.kick({kToldApp, "admin"}).error().code == "im_server");
}

TEST_CASE("console companion: an answer is done, or says why not", "[app][console]") {
  struct Row {
    const char* name;
    int status;
    const char* body;
    std::string says;  // empty: it is done
  };
  for (const Row& row : std::vector<Row>{
           {"done", 200, R"({"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""})", ""},
           {"refused", 200, R"({"ActionStatus":"FAIL","ErrorCode":70107,"ErrorInfo":"no such\naccount"})", "70107: no"},
           {"refused without a word", 200, R"({"ErrorCode":70107})", "70107"},
           {"words that are none", 200, R"({"ErrorCode":1,"ErrorInfo":7})", "1: "},
           {"a code that is none", 200, R"({"ErrorCode":"0"})", "it answered 200"},
           {"no code", 200, "{}", "it answered 200"},
           {"no object", 200, "[]", "it answered 200"},
           {"no JSON", 200, "<html>", "it answered 200"},
           {"nothing", 200, "", "it answered 200"},
           {"busy", 503, R"({"ErrorCode":0})", "it answered 503"},
           {"a redirect", 302, "", "it answered 302"}}) {
    CAPTURE(row.name);
    const auto done = companion_answer(row.status, row.body);
    CHECK(done.has_value() == row.says.empty());
    if (done) continue;
    CHECK(done.error().status == 502);
    CHECK(done.error().code == "im_server");
    CHECK(done.error().message.starts_with(row.says));
    CHECK_FALSE(done.error().message.contains('\n'));
  }
}

TEST_CASE("console companion: a server that is not there is said, and no signature with it", "[app][console]") {
  Told told;
  told.config.console.im_url = "http://127.0.0.1:1";
  const SystemClock clock;
  ConsoleCompanion companion(told.config, clock);
  for (const auto& done : {companion.kick({kToldApp, "anna"}),
                           companion.silence({kToldApp, "anna"}, {.chats = std::chrono::seconds(60)})}) {
    REQUIRE_FALSE(done);
    CHECK(done.error().code == "im_server");
    CHECK(done.error().message.starts_with("http://127.0.0.1:1: "));
    CHECK_FALSE(done.error().message.contains("usersig"));
  }
}

}  // namespace
}  // namespace nightpost::app
