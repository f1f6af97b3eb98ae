// nightpost im-words and im-settings: what they change, print, refuse, and leave in the audit log.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/output.h"
#include "im/store/rule_editor.h"
#include "store/admin_store.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

/// A folder with a store and a config that knows the app 7.
class RuleShop {
 public:
  RuleShop() {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    write("config.json", Json{{"store", {{"url", "sqlite:" + file("store.db")}}},
                              {"im", {{"key_files", {{"7", file("app.key")}}}, {"words_max", 3}, {"friends_max", 100}}}}
                             .dump());
  }
  RuleShop(const RuleShop&) = delete;
  RuleShop& operator=(const RuleShop&) = delete;
  ~RuleShop() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(file(name)) << text; }
  support::CliRan run(std::vector<std::string> arguments, const std::string& app = "7") const {
    arguments.insert(arguments.end(), {"--config", file("config.json"), "--app", app});
    return support::run_cli(folder_, std::move(arguments));
  }
  Json json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const auto ran = run(std::move(arguments));
    REQUIRE(ran.code == kDone);
    return Json::parse(ran.out);
  }
  /// "im_word.add bad", the latest first.
  std::vector<std::string> deeds() const {
    const auto tables = store::open_sqlite_admin(file("store.db"));
    REQUIRE(tables);
    std::vector<std::string> out;
    for (const store::AuditEntry& entry : (*tables)->audit({}, 100).value()) {
      CHECK(entry.app == AppId{7});
      CHECK(entry.origin == "cli");
      out.push_back(entry.what + (entry.object.empty() ? "" : " " + entry.object));
    }
    return out;
  }

 private:
  std::string folder_ = "/tmp/nightpost-rules-XXXXXX";
};
using Deeds = std::vector<std::string>;

TEST_CASE("im-words: added, changed, listed, removed, each with its entry", "[app][im][words]") {
  const RuleShop shop;
  CHECK(shop.run({"im-words", "list"}).out.contains("no words"));
  CHECK(shop.run({"im-words", "add", "Bad", "坏词"}).out == "2 added, 0 changed, 0 as before\n");
  CHECK(shop.json({"im-words", "add", "--action", "mask", "bad"}) ==
        Json({{"added", 0}, {"changed", 1}, {"unchanged", 0}}));
  CHECK(shop.json({"im-words", "list"}) ==
        Json::parse(R"([{"word": "bad", "action": "mask"}, {"word": "坏词", "action": "refuse"}])"));
  CHECK(shop.run({"im-words", "list"}).out.contains("ACTION"));
  CHECK(shop.run({"im-words", "remove", "ＢＡＤ"}).code == kDone);
  CHECK(shop.json({"im-words", "list"}).size() == 1);
  CHECK(shop.deeds() == Deeds{"im_word.remove ＢＡＤ", "im_word.add bad", "im_word.add 坏词", "im_word.add Bad"});
}

TEST_CASE("im-words: a file of them, all or none", "[app][im][words]") {
  const RuleShop shop;
  shop.write("words.txt", "# list\none\ntwo\tmask\n\nthree\n");
  CHECK(shop.run({"im-words", "import", shop.file("words.txt")}).out == "3 added, 0 changed, 0 as before\n");
  CHECK(shop.run({"im-words", "import", shop.file("words.txt")}).out == "0 added, 0 changed, 3 as before\n");
  shop.write("more.txt", "one\tmask\nfour\n");
  const auto full = shop.run({"im-words", "import", shop.file("more.txt")});
  CHECK(full.code == kBadUsage);
  CHECK(full.err.contains("\"four\""));
  CHECK(full.err.contains("im.words_max"));
  CHECK(shop.json({"im-words", "list"}).at(0) == Json({{"word", "one"}, {"action", "refuse"}}));  // as it was
  shop.write("bad.txt", "ok\n...\n");
  const auto bad = shop.run({"im-words", "import", shop.file("bad.txt")});
  CHECK(bad.code == kBadUsage);
  CHECK(bad.err.contains("bad.txt: line 2: word: "));
  CHECK(shop.run({"im-words", "import", shop.file("nowhere.txt")}).code != kDone);
  CHECK(shop.deeds() == Deeds{"im_word.import", "im_word.import"});
}

TEST_CASE("im-words: what is refused changes nothing", "[app][im][words]") {
  const RuleShop shop;
  REQUIRE(shop.run({"im-words", "add", "bad"}).code == kDone);
  const auto missing = shop.run({"im-words", "remove", "bad", "other"});
  CHECK(missing.code == kNotAllWell);
  CHECK(missing.err.contains("\"other\": not in the list"));
  CHECK(shop.run({"im-words", "add", "fine", "..."}).code == kBadUsage);
  CHECK(shop.run({"im-words", "add", "--action", "drop", "fine"}).code == kBadUsage);
  CHECK(shop.run({"im-words", "add"}).code == kBadUsage);
  const auto unknown = shop.run({"im-words", "add", "fine"}, "8");
  CHECK(unknown.code == kBadUsage);
  CHECK(unknown.err.contains("im.key_files"));
  CHECK(shop.json({"im-words", "list"}).size() == 1);
  CHECK(shop.deeds() == Deeds{"im_word.add bad"});
}

TEST_CASE("im-settings: set, shown beside the config's, left to it again", "[app][im][settings]") {
  const RuleShop shop;
  const Json all = shop.json({"im-settings", "list"});
  CHECK(all.size() > 10);
  for (const Json& each : all) CHECK(each.at("from") == "config");
  Json now = shop.json({"im-settings", "set", "recall_window_ms", "300000"});
  CHECK(now.at("value") == 300'000);
  CHECK(now.at("from") == "app");
  now = shop.json({"im-settings", "set", "friends_max", "5000"});
  CHECK(now.at("value") == 100);  // the config's is the most
  CHECK(shop.run({"im-settings", "get", "recall_window_ms"}).out.contains("300000"));
  now = shop.json({"im-settings", "unset", "recall_window_ms"});
  CHECK(now.at("value") == 120'000);
  CHECK(now.at("from") == "config");
  CHECK(shop.deeds() ==
        Deeds{"im_setting.unset recall_window_ms", "im_setting.set friends_max", "im_setting.set recall_window_ms"});
}

TEST_CASE("im-settings: what is no setting, or no value of one", "[app][im][settings]") {
  const RuleShop shop;
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"im-settings", "set", "elements_max", "5"},
                                             {"im-settings", "set", "auto_read", "yes"},
                                             {"im-settings", "set", "web_slots", "0"},
                                             {"im-settings", "set", "web_slots"},
                                             {"im-settings", "get", "elements_max"},
                                             {"im-settings", "unset", "elements_max"},
                                             {"im-settings"}}) {
    const auto ran = shop.run(wrong);
    CAPTURE(wrong, ran.err);
    CHECK(ran.code == kBadUsage);
  }
  CHECK(shop.run({"im-settings", "set", "web_slots", "0"}).err.contains("web_slots: not 1 … 100"));
  CHECK(shop.run({"im-settings", "list"}, "8").code == kBadUsage);
  CHECK(shop.deeds().empty());
}

}  // namespace
}  // namespace nightpost::app
