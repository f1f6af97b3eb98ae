// `nightpost cert` and `nightpost device`, run as a user runs them, in this process.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/cert_fields.h"
#include "app/config.h"
#include "app/output.h"
#include "app/worker.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

/// A folder with a config, a master key and secrets.
class Office {
 public:
  Office() {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    write("config.json",
          Json{{"store", {{"url", "sqlite:" + file("store.db")}, {"master_key_file", file("master.key")}}}}.dump());
    write("app.secret", "abcdefghijklmnopqrstuv==\n");
    REQUIRE(run({"new-key", file("master.key")}, false).code == kDone);
  }
  Office(const Office&) = delete;
  Office& operator=(const Office&) = delete;
  ~Office() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(file(name)) << text; }

  using Ran = support::CliRan;
  /// `nightpost cert …`, with --config unless told otherwise.
  Ran run(std::vector<std::string> arguments, bool with_config = true, const char* command = "cert") const {
    arguments.insert(arguments.begin(), command);
    if (with_config) arguments.insert(arguments.end(), {"--config", file("config.json")});
    return support::run_cli(folder_, std::move(arguments));
  }
  Ran add_xiaomi(std::vector<std::string> more = {}) const {
    std::vector<std::string> all = {
        "add",   "--vendor",         "xiaomi", "--app", "1", "--name", "shop", "--package", "com.example.shop",
        "--set", "app_id=100000001", "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  }
  std::unique_ptr<store::Store> store() const {
    auto opened = open_store(*load_config(file("config.json")), true);
    REQUIRE(opened);
    return *std::move(opened);
  }

 private:
  std::string folder_ = "/tmp/nightpost-cert-XXXXXX";
};

TEST_CASE("worker: a store whose folder is not there is not made", "[app][worker]") {
  const Office office;
  const std::string folder = office.file("lost");
  office.write(
      "config.json",
      Json{{"store", {{"url", "sqlite:" + folder + "/store.db"}, {"master_key_file", office.file("master.key")}}}}
          .dump());
  const auto ran = office.run({}, true, "worker");
  CHECK(ran.code != kDone);
  CHECK(ran.err.contains("the folder " + folder + " is not there"));
  CHECK(ran.err.contains("nightpost cert add"));
  CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("cert: what the vendor would cap is said by add, list and show", "[app][cert]") {
  const Office office;
  const auto added = office.add_xiaomi({"--secret-file", office.file("app.secret")});
  REQUIRE(added.code == kDone);
  const Json json = Json::parse(added.out);
  REQUIRE(json["warnings"].size() == 1);
  const std::string warning = json["warnings"][0];
  CHECK(warning.starts_with("channel_id: not set"));
  CHECK(added.err.contains("warning: " + warning));
  const std::string id = std::to_string(json["id"].get<int>());
  CHECK(office.run({"list"}).out.contains(id + " shop: warning: " + warning));
  CHECK(Json::parse(office.run({"list", "--json"}).out)[0]["warnings"] == json["warnings"]);
  CHECK(office.run({"show", id}).out.contains(warning));
  CHECK(office.run({"update", id, "--set", "channel_id=7", "--set", "channel_kind=private", "--set", "template_id=T"})
            .err.empty());
  CHECK_FALSE(office.run({"list"}).out.contains("warning:"));
}

TEST_CASE("cert add: an Android vendor's secret, package and settings", "[app][cert]") {
  const Office office;
  const auto ran = office.add_xiaomi({"--secret-file", office.file("app.secret"), "--set", "channel_id=im"});
  CAPTURE(ran.err);
  REQUIRE(ran.code == kDone);
  const Json json = Json::parse(ran.out);
  CHECK(json["bundle_id"] == "com.example.shop");
  CHECK(json["settings"] == Json{{"app_id", "100000001"}, {"channel_id", "im"}});
  CHECK_FALSE(ran.out.contains("abcdefghijklmnopqrstuv=="));
  const auto secret = office.store()->secret({json["id"]});
  REQUIRE(secret);
  CHECK(secret->bytes == "abcdefghijklmnopqrstuv==");  // without the line end
  CHECK(secret->receipt_key.size() == 32);
  CHECK_FALSE(ran.out.contains(secret->receipt_key));

  const auto again = office.add_xiaomi({"--secret-file", office.file("app.secret")});
  CHECK(again.code == kBadUsage);
  CHECK(again.err.contains("named shop"));
}

TEST_CASE("cert add: what is refused, with the option or setting named, and nothing stored", "[app][cert]") {
  const Office office;
  office.write("empty", "\n");
  office.write("lines", "a\nb\n");
  struct Row {
    const char* name;
    std::vector<std::string> arguments;  // "@name": a file of the office
    std::string words;
  };
  const Row row = GENERATE(values<Row>({
      {"no secret", {}, "--secret-file"},
      {"both kinds of secret", {"--secret-file", "@app.secret", "--file", "@app.secret"}, "excludes"},
      {"no such file", {"--secret-file", "@absent"}, "absent: cannot be read"},
      {"an empty secret", {"--secret-file", "@empty"}, "is empty"},
      {"a secret of two lines", {"--secret-file", "@lines"}, "more than one line"},
      {"two files from stdin", {"--secret-file", "-", "--receipt-key-file", "-"}, "only one file can be -"},
      {"a setting without value",
       {"--secret-file", "@app.secret", "--set", "channel_id"},
       "--set channel_id: not NAME=VALUE"},
      {"a setting without name", {"--secret-file", "@app.secret", "--set", "=x"}, "--set =x: not NAME=VALUE"},
      {"an unknown setting", {"--secret-file", "@app.secret", "--set", "chanel=x"}, "chanel"},
      {"a missing setting", {"--secret-file", "@app.secret", "--set", "app_id="}, "app_id"},
      {"a bad setting", {"--secret-file", "@app.secret", "--set", "app_id=abc"}, "app_id"},
      {"an option of apns",
       {"--secret-file", "@app.secret", "--key-id", "ABC123DEFG"},
       "--key-id and --team-id are apns's"},
      {"no such environment", {"--secret-file", "@app.secret", "--environment", "test"}, "--environment test"},
      {"a package twice", {"--secret-file", "@app.secret", "--bundle-id", "com.example.b"}, "--bundle-id"},
      {"an empty receipt key", {"--secret-file", "@app.secret", "--receipt-key-file", "@empty"}, "is empty"},
      {"a host that is none", {"--secret-file", "@app.secret", "--host", "nowhere"}, "the host must be https://host"},
  }));
  CAPTURE(row.name);
  std::vector<std::string> arguments = row.arguments;
  for (std::string& argument : arguments)
    if (argument.starts_with('@')) argument = office.file(argument.substr(1));
  const auto ran = office.add_xiaomi(arguments);
  CAPTURE(ran.err);
  CHECK(ran.code == kBadUsage);
  CHECK(ran.err.contains(row.words));
  CHECK_FALSE(ran.err.contains("abcdefghijklmnopqrstuv=="));
  CHECK(office.store()->certificates(std::nullopt)->empty());
}

TEST_CASE("cert add: a vendor nobody knows", "[app][cert]") {
  const Office office;
  const auto ran = office.run({"add", "--vendor", "nokia", "--app", "1", "--name", "n", "--file", "x"});
  CHECK(ran.code == kBadUsage);
  CHECK(ran.err.contains("--vendor nokia: no such vendor; known: apns, "));
}

TEST_CASE("cert add: apns has no receipts, so no receipt key", "[app][cert]") {
  const Office office;
  const auto ran = office.run({"add", "--vendor", "apns", "--app", "1", "--name", "n", "--file",
                               office.file("app.secret"), "--receipt-key-file", office.file("app.secret")});
  CHECK(ran.code == kBadUsage);
  CHECK(ran.err.contains("apns sends no receipts"));
}

TEST_CASE("cert update: what is named changes, the rest stays", "[app][cert]") {
  const Office office;
  REQUIRE(office.add_xiaomi({"--secret-file", office.file("app.secret"), "--set", "channel_id=im"}).code == kDone);
  const std::string key = office.store()->secret({1})->receipt_key;
  office.write("new.secret", "vutsrqponmlkjihgfedcba==");
  const auto ran =
      office.run({"update", "1", "--secret-file", office.file("new.secret"), "--set", "channel_id=", "--set",
                  "receipt_url=https://push.example.com/receipts/xiaomi/1?key={key}", "--json"});
  CAPTURE(ran.err);
  REQUIRE(ran.code == kDone);
  const Json json = Json::parse(ran.out);
  CHECK(json["version"] == 2);
  CHECK(json["name"] == "shop");
  CHECK(json["settings"] ==
        Json{{"app_id", "100000001"}, {"receipt_url", "https://push.example.com/receipts/xiaomi/1?…"}});
  CHECK_FALSE(ran.out.contains(key));
  CHECK(office.store()->secret({1})->bytes == "vutsrqponmlkjihgfedcba==");
  CHECK(office.store()->secret({1})->receipt_key == key);
  CHECK(office.store()->certificate({1})->settings.at("receipt_url").ends_with("?key=" + key));

  REQUIRE(office.run({"update", "1", "--new-receipt-key"}).code == kDone);
  const std::string second = office.store()->secret({1})->receipt_key;
  CHECK(second.size() == 32);
  CHECK(second != key);
  CHECK(office.store()->certificate({1})->settings.at("receipt_url").ends_with("?key=" + second));
  office.write("key", "from-the-console\n");
  REQUIRE(office.run({"update", "1", "--receipt-key-file", office.file("key")}).code == kDone);
  CHECK(office.store()->secret({1})->receipt_key == "from-the-console");
}

TEST_CASE("cert update: a bad credential never replaces a good one", "[app][cert]") {
  const Office office;
  REQUIRE(office.add_xiaomi({"--secret-file", office.file("app.secret")}).code == kDone);
  office.write("digits", "12345678901234567890");
  const std::vector<std::vector<std::string>> bad = {{"--secret-file", office.file("digits")},
                                                     {"--secret-file", office.file("absent")},
                                                     {"--set", "app_id=x"},
                                                     {"--set", "app_id="},
                                                     {"--set", "unknown=1"},
                                                     {"--package", "no package"},
                                                     {"--host", "nowhere"},
                                                     {"--environment", "test"},
                                                     {"--name", "my shop"}};
  for (const auto& arguments : bad) {
    std::vector<std::string> all = {"update", "1"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    CAPTURE(arguments);
    const auto ran = office.run(all);
    CHECK(ran.code == kBadUsage);
    CHECK_FALSE(ran.err.empty());
  }
  CHECK(office.store()->certificate({1})->version == 1);
  CHECK(office.store()->secret({1})->bytes == "abcdefghijklmnopqrstuv==");
  CHECK(office.run({"update", "9", "--set", "app_id=1"}).code == kNotAllWell);
}

TEST_CASE("cert disable and enable: switch it, and keep the rest", "[app][cert]") {
  const Office office;
  REQUIRE(office.add_xiaomi({"--secret-file", office.file("app.secret")}).code == kDone);
  CHECK(office.run({"disable", "1"}).code == kDone);
  CHECK(office.store()->certificate({1})->status == CertificateStatus::Disabled);
  CHECK(office.run({"update", "1", "--set", "channel_id=im"}).code == kDone);
  CHECK(office.store()->certificate({1})->status == CertificateStatus::Disabled);
  CHECK(Json::parse(office.run({"enable", "1", "--json"}).out)["status"] == "active");
  CHECK(office.run({"disable", "2"}).code == kNotAllWell);
}

TEST_CASE("cert show: the receipt key only when asked for", "[app][cert]") {
  const Office office;
  REQUIRE(office.add_xiaomi({"--secret-file", office.file("app.secret")}).code == kDone);
  const std::string key = office.store()->secret({1})->receipt_key;
  const auto plain = office.run({"show", "1"});
  CHECK(plain.out.contains("/receipts/xiaomi/1"));
  CHECK_FALSE(plain.out.contains(key));
  CHECK_FALSE(office.run({"show", "1", "--json"}).out.contains(key));
  CHECK(office.run({"show", "1", "--receipt-key"}).out.contains("receipt key    " + key));
  const Json json = Json::parse(office.run({"show", "1", "--receipt-key", "--json"}).out);
  CHECK(json["receipt_key"] == key);
  CHECK(json["receipt_path"] == "/receipts/xiaomi/1");
}

TEST_CASE("cert fields: what each vendor wants", "[app][cert]") {
  const Office office;
  const Json all = Json::parse(office.run({"fields", "--json"}, false).out);
  REQUIRE(all.size() >= 5);
  for (const Json& one : all) {
    CAPTURE(one["vendor"]);
    CHECK(one["secret"].get<std::string>().starts_with("--"));
    CHECK_FALSE(one["package"].get<std::string>().empty());
    CHECK(one["receipts"] == (one["vendor"] != "apns" && one["vendor"] != "fcm"));
    CHECK(one["settings"].empty() == (one["vendor"] == "apns"));
  }
  const auto xiaomi = office.run({"fields", "--vendor", "xiaomi"}, false);
  CHECK(xiaomi.out.contains("--set app_id="));
  CHECK(xiaomi.out.contains("AppSecret"));
  CHECK_FALSE(xiaomi.out.contains("apns"));
  CHECK(office.run({"fields", "--vendor", "nokia"}, false).code == kBadUsage);
}

TEST_CASE("cert: a setting shown keeps a URL's query to itself", "[app][cert]") {
  CHECK(shown_setting("https://a/b?key=x") == "https://a/b?…");
  CHECK(shown_setting("https://a/b") == "https://a/b");
  CHECK(shown_setting("http://a?k") == "http://a?…");
  CHECK(shown_setting("why?") == "why?");
  CHECK(shown_setting("").empty());
}

TEST_CASE("device set: the platform follows the vendor, a fid is FCM's alone", "[app][device]") {
  const Office office;
  REQUIRE(office.add_xiaomi({"--secret-file", office.file("app.secret")}).code == kDone);
  const auto set = [&](std::vector<std::string> more) {
    std::vector<std::string> all = {"set",   "--app",         "1", "--user",  "vinson",      "--device",
                                    "phone", "--certificate", "1", "--token", "mi-reg-0001", "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return office.run(all, true, "device");
  };
  const auto plain = set({});
  CAPTURE(plain.err);
  REQUIRE(plain.code == kDone);
  CHECK(Json::parse(plain.out)["platform"] == "android");
  CHECK(Json::parse(plain.out)["token_kind"] == "token");
  CHECK(Json::parse(set({"--platform", "web"}).out)["platform"] == "web");
  CHECK(set({"--platform", "phone"}).err.contains("--platform phone"));
  CHECK(set({"--token-kind", "id"}).err.contains("--token-kind id: none of token, fid, voip"));
  CHECK(set({"--token-kind", "fid"}).err.contains("only fcm has such, not xiaomi"));
  CHECK(set({"--token-kind", "voip"}).err.contains("only apns has such, not xiaomi"));
}

}  // namespace
}  // namespace nightpost::app
