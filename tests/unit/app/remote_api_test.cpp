// --server: addresses, tokens and refusals; and commands through a console, as on the store itself.
#include "app/remote_api.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/console_server.h"
#include "app/output.h"
#include "store/sealer.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

TEST_CASE("remote: a token goes to https, or to this machine", "[app][remote]") {
  struct Row {
    const char *server, *origin;  // empty: refused
  };
  for (const Row& row : std::vector<Row>{{"https://console.example.com", "https://console.example.com"},
                                         {"https://console.example.com/", "https://console.example.com"},
                                         {"https://10.0.0.7:9468", "https://10.0.0.7:9468"},
                                         {"http://127.0.0.1:9468", "http://127.0.0.1:9468"},
                                         {"http://localhost:9468/", "http://localhost:9468"},
                                         {"http://[::1]:9468", "http://[::1]:9468"},
                                         {"http://console.example.com", ""},
                                         {"http://10.0.0.7:9468", ""},
                                         {"http://127.0.0.1.example.com", ""},
                                         {"http://localhost.example.com", ""},
                                         {"console.example.com", ""},
                                         {"https://user:word@console.example.com", ""},
                                         {"https://console.example.com/v1", ""},
                                         {"file:///etc/passwd", ""},
                                         {"", ""}}) {
    CAPTURE(row.server);
    const auto origin = check_server(row.server);
    CHECK(origin.has_value() == (*row.origin != '\0'));
    if (origin) CHECK(*origin == row.origin);
  }
}

TEST_CASE("remote: a token is one word, out of a file of one's own or the environment", "[app][remote]") {
  std::string folder = "/tmp/nightpost-remote-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string file = folder + "/token";
  const auto write = [&](const std::string& text, mode_t mode) {
    std::ofstream(file, std::ios::trunc) << text;
    REQUIRE(::chmod(file.c_str(), mode) == 0);
  };
  write("npt_file\n", 0600);
  CHECK(token_text({.token_file = file}, nullptr).value() == "npt_file");
  CHECK(token_text({.token_file = file}, "npt_other").value() == "npt_file");
  CHECK(token_text({}, " npt_environment\n").value() == "npt_environment");
  CHECK_FALSE(token_text({}, nullptr));
  CHECK_FALSE(token_text({}, ""));
  CHECK_FALSE(token_text({}, "two words"));
  CHECK_FALSE(token_text({}, "npt_a\r\nx-header: b"));
  CHECK_FALSE(token_text({}, "npt_ä"));
  CHECK_FALSE(token_text({.token_file = file + "-none"}, "npt_environment"));
  write("npt_file\n", 0644);
  const auto open = token_text({.token_file = file}, nullptr);
  REQUIRE_FALSE(open);
  CHECK(open.error().code == Errc::Malformed);
  CHECK_FALSE(open.error().detail.contains("npt_file"));
  write("", 0600);
  CHECK_FALSE(token_text({.token_file = file}, "npt_environment"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("remote: targets", "[app][remote]") {
  CHECK(target_of("/v1/users") == "/v1/users");
  CHECK(target_of("/v1/users", {{"app", "7"}, {"user", "a/b c&d=ä"}, {"device", ""}}) ==
        "/v1/users?app=7&user=a%2Fb%20c%26d%3D%C3%A4");
  CHECK(target_of("/v1/users", {{"app", ""}}) == "/v1/users");
  CHECK(path_text("0:4711") == "0%3A4711");
  CHECK(path_text("..") == "%2E%2E");
  CHECK(path_text(".") == "%2E");
  CHECK(path_text("a.b") == "a.b");
}

TEST_CASE("remote: a refusal ends as the same mistake on the store", "[app][remote]") {
  struct Row {
    int status;
    const char *body, *line;
    int exit_code;
  };
  for (const Row& row : std::vector<Row>{
           {404, R"({"error":{"code":"not_found","message":"no certificate 9"}})", "no certificate 9", kNotAllWell},
           {422, R"({"error":{"code":"invalid","message":"not Base64","path":"file"}})", "file: not Base64", kBadUsage},
           {422, R"({"error":{"code":"refused_by_vendor","message":"no"}})", "no", kNotAllWell},
           {409, R"({"error":{"code":"conflict","message":"taken"}})", "taken", kBadUsage},
           {401, R"({"error":{"code":"unauthorized","message":"the token is unknown"}})", "the token is unknown",
            kBadUsage},
           {403, R"({"error":{"code":"forbidden","message":"m"}})", "m", kBadUsage},
           {429, R"({"error":{"code":"too_many","message":"m"}})", "m", kUnreachable},
           {503, R"({"error":{"code":"unavailable","message":"m"}})", "m", kUnreachable},
           {503, R"({"error":{"code":"not_recorded","message":"m"}})", "m", kNotAllWell},
           {404, "<html>nginx</html>", "the server answered 404; is it a console?", kUnreachable},
           {404, R"({"error":{"code":"not_found","message":"nothing\nbecause"}})", "nothing; because", kNotAllWell},
           {302, "", "the server answered 302; is it a console?", kUnreachable},
           {400, R"({"error":"text"})", "the server answered 400; is it a console?", kUnreachable},
           {400, R"({"error":{"code":7,"message":["x"]}})", "", kBadUsage},
           {400, "{\"error\":{\"code\":\"x\",\"message\":\"a\\u001b[2Jb\"}}", "", kBadUsage},
       }) {
    CAPTURE(row.status, row.body);
    const RemoteRefusal refusal = refusal_in(row.status, row.body);
    CHECK(refusal.exit_code == row.exit_code);
    if (*row.line != '\0') CHECK(refusal.line == row.line);
    CHECK_FALSE(refusal.line.contains('\x1b'));
  }
}

/// A console that runs, a store, and tokens for it.
class RemoteOffice {
 public:
  RemoteOffice() {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    write("master.key", store::Sealer::new_key_text() + "\n");
    write("mi.secret", "abcdefghijklmnopqrstuv==\n");
    Json config = {{"store", {{"url", "sqlite:" + file("store.db")}, {"master_key_file", file("master.key")}}},
                   {"console", {{"listen", "127.0.0.1:0"}, {"kafka_wait_ms", 100}}}};
    config["kafka"]["brokers"] = "127.0.0.1:1";  // nobody
    write("config.json", config.dump());
    config_ = *load_config(file("config.json"));
    auto started = Console::start(loop_, config_, clock_, log_, metrics_);
    if (!started) FAIL(started.error().detail);
    console_ = *std::move(started);
    thread_ = std::thread([this] { loop_.run(); });
    write("token", locally({"token", "add", "--name", "root", "--role", "admin"}).out);
  }
  RemoteOffice(const RemoteOffice&) = delete;
  RemoteOffice& operator=(const RemoteOffice&) = delete;
  ~RemoteOffice() {
    console_->drain(clock_.mono() + seconds(10));
    loop_.stop();
    thread_.join();
    console_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
    REQUIRE(::chmod(file(name).c_str(), 0600) == 0);
  }
  support::CliRan locally(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--config", file("config.json")});
    return support::run_cli(folder_, std::move(arguments));
  }
  support::CliRan remotely(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--server", console_->url(), "--token-file", file("token")});
    return support::run_cli(folder_, std::move(arguments));
  }

 private:
  std::string folder_ = "/tmp/nightpost-remote-XXXXXX";
  Config config_;
  SystemClock clock_;
  observe::Log log_{observe::Level::Off};
  ConsoleMetrics metrics_;
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_{loop_.get_executor()};
  std::unique_ptr<Console> console_;
  std::thread thread_;
};

std::vector<std::string> with(std::vector<std::string> all, const std::vector<std::string>& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST_CASE("remote: commands change and show through a console what they do on the store", "[app][remote]") {
  const RemoteOffice office;
  const auto added =
      office.remotely({"cert", "add", "--vendor", "xiaomi", "--app", "7", "--name", "shop", "--package",
                       "com.example.shop", "--set", "app_id=100000001", "--secret-file", office.file("mi.secret")});
  REQUIRE(added.code == kDone);
  CHECK(added.out == "1\n");
  CHECK(added.err.contains("warning"));
  const std::vector<std::string> who = {"--app", "7", "--user", "vin son/ä"};
  CHECK(office.remotely({"cert", "update", "1", "--package", "com.other"}).out == "1\n");
  CHECK(
      office
          .remotely(with({"device", "set", "--device", "mi", "--certificate", "1", "--token", "regid-0123456789"}, who))
          .out == "mi\n");
  CHECK(office.remotely(with({"user", "set", "--badge", "off", "--language", "zh"}, who)).code == kDone);
  CHECK(office.remotely(with({"user", "mute", "--group", "team"}, who)).code == kDone);
  const auto made = office.remotely({"token", "add", "--name", "ci", "--role", "viewer", "--days", "3"});
  REQUIRE(made.code == kDone);
  CHECK(made.out.starts_with("npt_"));

  // The same table, from here and from there.
  for (const std::vector<std::string>& look :
       std::vector<std::vector<std::string>>{{"cert", "list"},
                                             {"cert", "list", "--app", "8"},
                                             {"cert", "show", "1"},
                                             {"cert", "show", "1", "--receipt-key"},
                                             {"cert", "versions", "1"},
                                             {"cert", "removed"},
                                             {"cert", "held"},
                                             {"device", "list", "--app", "7"},
                                             {"device", "list", "--app", "8"},
                                             with({"user", "show"}, who),
                                             with({"user", "why", "--group", "team", "--mentioned"}, who),
                                             {"session", "list"}}) {
    CAPTURE(look);
    const auto here = office.locally(look), there = office.remotely(look);
    CHECK(there.code == here.code);
    CHECK(there.out == here.out);
    CHECK_FALSE(there.out.empty());
  }
  // `last used` moves on between the two.
  CHECK(office.remotely({"token", "list"}).out.contains("ci"));
  for (const std::vector<std::string>& look :
       std::vector<std::vector<std::string>>{{"device", "list", "--app", "7", "--json"}, {"cert", "list", "--json"}}) {
    CAPTURE(look);
    CHECK(Json::parse(office.remotely(look).out) == Json::parse(office.locally(look).out));
  }
  CHECK(office.remotely(with({"send", "--desc", "hello", "--dry-run"}, who)).out.contains("https://"));
  const auto audit = office.remotely({"audit", "list", "--what", "certificate."});
  CHECK(audit.out.contains("certificate.add"));
  CHECK(audit.out.contains("127.0.0.1"));
  CHECK(office.remotely({"audit", "list", "--limit", "1"}).err.contains("only the latest 1"));

  CHECK(office.remotely({"cert", "disable", "1"}).code == kDone);
  CHECK(office.remotely({"cert", "enable", "1"}).code == kDone);
  CHECK(office.remotely({"cert", "rollback", "1", "--to", "1"}).out ==
        "version 5 of certificate 1 is as version 1 was\n");
  CHECK(office.remotely({"cert", "remove", "1"}).code == kBadUsage);  // a device uses it
  CHECK(office.remotely(with({"user", "unmute", "--group", "team"}, who)).out.contains("nothing muted"));
  CHECK(office.remotely(with({"device", "remove", "--device", "mi"}, who)).code == kDone);
  CHECK(office.remotely(with({"device", "remove", "--device", "mi"}, who)).code == kNotAllWell);
  CHECK(office.remotely({"cert", "remove", "1"}).code == kDone);
  CHECK(office.remotely({"cert", "restore", "1"}).out == "version 6 of certificate 1 is as version 5 was\n");
  CHECK(office.remotely({"cert", "approve-removals", "1", "--for", "2h"}).out.contains("removed 0 devices of 0 held"));
  const Json tokens = Json::parse(office.remotely({"token", "list", "--json"}).out);
  const auto reader = office.remotely({"token", "add", "--name", "legal", "--role", "viewer", "--reader"});
  CHECK(reader.code == kBadUsage);
  CHECK(reader.err.contains("nobody gives more than they have"));  // the office's token is no reader's
  CHECK(office.remotely({"token", "revoke", tokens[1]["id"].dump()}).code == kDone);
  CHECK(office.remotely({"token", "revoke", tokens[1]["id"].dump()}).code == kNotAllWell);
  CHECK(office.remotely({"session", "end", "0123456789abcdef"}).code == kNotAllWell);
}

TEST_CASE("remote: rows go in and come out through a console", "[app][remote]") {
  const RemoteOffice office;
  REQUIRE(office
              .remotely({"cert", "add", "--vendor", "xiaomi", "--app", "7", "--name", "shop", "--package", "com.x",
                         "--set", "app_id=100000001", "--secret-file", office.file("mi.secret")})
              .code == kDone);
  const auto line = [](int app, const std::string& user, const std::string& token) {
    return Json{{"app_id", app},       {"user_id", user},     {"device_id", "mi"}, {"platform", "android"},
                {"registered_at", 17}, {"certificate_id", 1}, {"token", token}}
               .dump() +
           "\n";
  };
  std::string many = line(7, "first", "regid-0") + "\nno line\n" + line(8, "other", "regid-x");
  for (int i = 0; i < 2'500; ++i) many += line(7, "user" + std::to_string(i), "regid-" + std::to_string(i + 1));
  office.write("devices.ndjson", many + line(7, "last", "regid-last"));

  const auto dry = office.remotely({"device", "import", "--dry-run", office.file("devices.ndjson")});
  CHECK(dry.out == "      2502  devices would be written, 2 lines left out\n");
  CHECK(office.locally({"device", "list", "--app", "7"}).out.contains("no devices"));
  const auto written = office.remotely({"device", "import", office.file("devices.ndjson"), "--json"});
  CHECK(written.code == kNotAllWell);
  CHECK(written.err.contains("devices.ndjson:3: "));
  CHECK(written.err.contains("devices.ndjson:4: $.certificate_id: app 8 has no such certificate"));
  const Json told = Json::parse(written.out);
  CHECK(told["written"] == 2'502);
  CHECK(told["left_out"] == 2);
  CHECK(told["error"].is_null());

  CHECK(office.remotely({"device", "export", office.file("there.ndjson")}).code == kDone);
  CHECK(office.locally({"device", "export", office.file("here.ndjson")}).code == kDone);
  const auto text = [&](const std::string& name) {
    std::ifstream in(office.file(name));
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  CHECK(std::ranges::count(text("here.ndjson"), '\n') == 2'502);
  CHECK(text("there.ndjson") == text("here.ndjson"));

  office.write("users.ndjson",
               R"({"app_id":7,"user_id":"first","push":false,"mutes":[{"kind":"group","target":"g","until":null}]})");
  CHECK(office.remotely({"user", "import", office.file("users.ndjson")}).code == kDone);
  CHECK(office.remotely({"user", "export", "-"}).out == office.locally({"user", "export", "-"}).out);
  CHECK(office.remotely({"user", "export", "-"}).out.contains("\"push\":false"));

  // A token for one app.
  office.write("token", office.locally({"token", "add", "--name", "eight", "--role", "admin", "--app", "8"}).out);
  const auto other = office.remotely({"device", "import", office.file("devices.ndjson")});
  CHECK(other.out.starts_with("         0  devices written, 2504 lines left out"));
  CHECK(other.err.contains("$.app_id: app 7 is none of this token's"));
  CHECK(other.err.contains("and 2404 more bad lines"));
  CHECK(office.remotely({"device", "export", "-"}).code == kBadUsage);
  CHECK(office.remotely({"device", "export", "--app", "7", "-"}).err.contains("not for app 7"));
  CHECK(office.remotely({"device", "export", "--app", "8", "-"}).out.empty());
}

TEST_CASE("remote: what a server refuses, or cannot do, is said in one line", "[app][remote]") {
  const RemoteOffice office;
  struct Row {
    std::vector<std::string> arguments;
    int code;
    std::string says;
  };
  for (const Row& row : std::vector<Row>{
           {{"cert", "show", "9"}, kNotAllWell, "no certificate 9"},
           {{"cert", "update", "9"}, kNotAllWell, "no certificate 9"},
           {{"cert", "purge", "1"}, kBadUsage, "no route"},
           {{"cert", "rekey"}, kBadUsage, "no route"},
           {{"cert", "copy", "--from", "x"}, kBadUsage, "x"},
           {{"cert", "add", "--vendor", "xiaomi", "--app", "7", "--name", "a b", "--package", "p", "--set", "app_id=1",
             "--secret-file", office.file("mi.secret")},
            kBadUsage,
            "name"},
           {{"cert", "add", "--vendor", "xiaomi", "--app", "7", "--name", "ab"}, kBadUsage, "no secret"},
           {{"device", "set", "--app", "7", "--user", "u", "--device", "d", "--certificate", "9", "--token", "t"},
            kBadUsage,
            "certificate_id"},
           {{"device", "set", "--app", "7", "--user", "u", "--device", "d", "--certificate", "9", "--token", "t",
             "--registered-at", "1"},
            kBadUsage,
            "--registered-at"},
           {{"user", "set", "--app", "7", "--user", "u", "--push", "maybe"}, kBadUsage, "neither on nor off"},
           {{"user", "set", "--app", "7", "--user", "u"}, kBadUsage, "nothing is named"},
           {{"trace", "e1"}, kNotAllWell, "trace file"},
           {{"trace", "e1", "--from-results"}, kBadUsage, "--from-results"},
           {{"dlq", "list"}, kUnreachable, ""},
           {{"dlq", "list", "--rule", "a", "--rule", "b"}, kBadUsage, "once"},
           {{"dlq", "show", "msg-1"}, kBadUsage, "PARTITION:OFFSET"},
           {{"dlq", "drop", "--everything"}, kUnreachable, ""},
           {{"dlq", "replay", "--rule", "a", "--rate", "5"}, kBadUsage, "--rate"},
           {{"audit", "list", "--app", "7", "--app", "8"}, kBadUsage, "--app"},
           {{"token", "add", "--name", "root", "--role", "viewer"}, kBadUsage, "taken"},
       }) {
    CAPTURE(row.arguments);
    const auto ran = office.remotely(row.arguments);
    CAPTURE(ran.err);
    CHECK(ran.code == row.code);
    CHECK(ran.err.contains(row.says));
    CHECK(ran.out.empty());
  }
  CHECK(office.locally({"cert", "list", "--server", ""}).code == kBadUsage);
  office.write("other", "npt_unknown");
  const auto unknown = support::run_cli(
      office.file(""), {"cert", "list", "--server", "https://127.0.0.1:1", "--token-file", office.file("other")});
  CHECK(unknown.code == kUnreachable);
  CHECK_FALSE(unknown.err.contains("npt_unknown"));
}

}  // namespace
}  // namespace nightpost::app
