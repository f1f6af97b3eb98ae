// Words and settings of the companion's apps in the admin API: what the commands write, by admins of the app alone.
#include "im/store/tables.h"
#include "support/companion_rows.h"
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

using nlohmann::json;

struct RulesBed : ApiBed {
  RulesBed() { support::write_companion(place); }
  std::string boss = token(Role::Admin, {kShop});
  std::string looker = token(Role::Viewer);

  Heard put_word(const json& word, const json& action = nullptr) {
    return call("PUT", "/v1/im/words", boss, {{"app_id", kShop.value}, {"word", word}, {"action", action}});
  }
  Heard put_setting(const json& name, const json& value) {
    return call("PUT", "/v1/im/settings", boss, {{"app_id", kShop.value}, {"name", name}, {"value", value}});
  }
  Heard import(const std::string& text, const json& action = nullptr) {
    return call("POST", "/v1/im/words/import", boss, {{"app_id", kShop.value}, {"text", text}, {"action", action}});
  }
  /// "Darn mask", … and "… KEY" where more follow.
  std::vector<std::string> words(const std::string& more = "") {
    const Heard heard = call("GET", "/v1/im/words?app=1400000001" + more, looker);
    REQUIRE(heard.status == 200);
    std::vector<std::string> out;
    for (const json& each : heard.body["items"])
      out.push_back(each["word"].get<std::string>() + " " + each["action"].get<std::string>());
    if (!heard.body["next"].is_null()) out.push_back("… " + heard.body["next"].get<std::string>());
    return out;
  }
  json setting(const std::string& name) {
    const Heard heard = call("GET", "/v1/im/settings?app=1400000001", looker);
    REQUIRE(heard.status == 200);
    for (const json& each : heard.body["items"])
      if (each["name"] == name) return each;
    FAIL(name);
    return {};
  }
  /// What IM servers look at to see that something changed.
  std::int64_t rules_version() {
    auto tables = im::Tables::open(place, {}, im::Tables::Use::Read);
    REQUIRE(tables);
    const auto versions = tables->rule_versions();
    return versions.empty() ? 0 : versions.front().second;
  }
};

using Texts = std::vector<std::string>;

TEST_CASE("admin words: come, change and go, and servers are told", "[admin][rules]") {
  RulesBed bed;
  CHECK(bed.words() == Texts{"Darn mask"});
  CHECK(bed.rules_version() == 0);
  const Heard added = bed.put_word("Bad");
  CHECK(added.status == 200);
  CHECK(added.body == json{{"word", "Bad"}, {"action", "refuse"}});
  CHECK(bed.rules_version() == 1);
  CHECK(bed.audit().front().what == "im_word.add");
  CHECK(bed.audit().front().object == "Bad");
  CHECK(bed.audit().front().app == kShop);
  CHECK(bed.audit().front().before.empty());
  CHECK(json::parse(bed.audit().front().after) == added.body);

  REQUIRE(bed.put_word("ＢＡＤ", "mask").status == 200);  // the same word
  CHECK(bed.words() == Texts{"ＢＡＤ mask", "Darn mask"});
  CHECK(json::parse(bed.audit().front().before) == added.body);
  const std::size_t entries = bed.audit().size();
  CHECK(bed.put_word("ＢＡＤ", "mask").status == 200);  // nothing changes
  CHECK(bed.audit().size() == entries);
  CHECK(bed.rules_version() == 2);

  CHECK(bed.call("DELETE", "/v1/im/words?app=1400000001&word=bad", bed.boss).status == 204);
  CHECK(bed.audit().front().what == "im_word.remove");
  CHECK(json::parse(bed.audit().front().before)["word"] == "ＢＡＤ");
  CHECK(bed.words() == Texts{"Darn mask"});
  CHECK(bed.rules_version() == 3);
}

TEST_CASE("admin words: a word has each of the actions that there are", "[admin][rules]") {
  RulesBed bed;
  for (const im::WordAction action : {im::WordAction::Refuse, im::WordAction::Mask, im::WordAction::Mark}) {
    const std::string name(im::name_of(action));
    const Heard put = bed.put_word("odd", name);
    CHECK(put.status == 200);
    CHECK(put.body["action"] == name);
  }
  const Heard other = bed.put_word("odd", "shout");
  CHECK(other.status == 400);
  CHECK(other.path() == "action");
}

TEST_CASE("admin words: a list is imported whole, or not at all", "[admin][rules]") {
  RulesBed bed;
  const Heard done = bed.import("# ours\nworse\n\ndarn\tmask\nDARN\trefuse\nworst\tmask\r\n");
  CHECK(done.status == 200);
  CHECK(done.body == json{{"added", 2}, {"changed", 2}, {"unchanged", 0}});
  CHECK(bed.words() == Texts{"DARN refuse", "worse refuse", "worst mask"});
  CHECK(json::parse(bed.audit().front().after) == json{{"words", 4}, {"added", 2}, {"changed", 2}});
  CHECK(bed.import("mild", "mask").body["added"] == 1);
  CHECK(bed.rules_version() == 2);  // one step an import

  const std::size_t entries = bed.audit().size();
  CHECK(bed.import("worse").body["unchanged"] == 1);
  CHECK(bed.import("").body["unchanged"] == 0);
  struct Row {
    const char *name, *text;
    std::string says;
  };
  for (const Row& row :
       std::vector<Row>{{"an action that is none", "fine\nodd\tshout", "line 2: action"},
                        {"punctuation alone", "fine\n\n ... ", "line 3: word: nothing but"},
                        {"too long", "x\n12345678901234567890123456789012345678901234567890123456789012345",
                         "line 2: word: not 1-64 bytes"}}) {
    CAPTURE(row.name);
    const Heard heard = bed.import(row.text);
    CHECK(heard.status == 422);
    CHECK(heard.path() == "text");
    CHECK(heard.message().contains(row.says));
  }
  bed.options.companion.words_max = 5;
  const Heard too_many = bed.import("five\nsix");
  CHECK(too_many.status == 422);
  CHECK(too_many.message() == "\"six\": word: the app has 5, as many as im.words_max allows");
  const Heard repeated = bed.import("worse\nworse\nworse\nworse\nworse\nworse");
  CHECK(repeated.status == 422);
  CHECK(repeated.message() == "6 words, more than the 5 of im.words_max");
  CHECK(bed.words().size() == 4);
  CHECK(bed.audit().size() == entries + 1);
  CHECK(bed.audit().front().what == "im_word.import");
  CHECK(bed.audit().front().outcome == "failed: " + too_many.message());
  CHECK(bed.rules_version() == 2);
}

TEST_CASE("admin words: are found by a part, a page at a time", "[admin][rules]") {
  RulesBed bed;
  REQUIRE(bed.import("Apple\nbanana\ncherry\n坏词").status == 200);
  CHECK(bed.words("&limit=2") == Texts{"Apple refuse", "banana refuse", "… banana"});
  CHECK(bed.words("&limit=2&after=cherry") == Texts{"Darn mask", "坏词 refuse", "… 坏词"});
  CHECK(bed.words("&after=%E5%9D%8F%E8%AF%8D").empty());
  CHECK(bed.words("&holds=AN") == Texts{"banana refuse"});
  CHECK(bed.words("&holds=%EF%BC%A1") == Texts{"Apple refuse", "banana refuse", "Darn mask"});  // a wide A
  CHECK(bed.words("&holds=%25").empty());
  const Heard heard = bed.call("GET", "/v1/im/words?app=1400000001&holds=x&limit=1", bed.looker);
  CHECK(heard.body["words"] == 5);
  CHECK(heard.body["words_max"] == 10'000);
  CHECK(bed.call("GET", "/v1/im/words?app=7", bed.looker).body["items"].empty());
}

TEST_CASE("admin settings: what holds, whose word it is, and what servers pass over", "[admin][rules]") {
  RulesBed bed;
  bed.options.companion.settings.recall_window = milliseconds(60'000);
  bed.options.companion.settings.friends_max = 500;
  const json slots = bed.setting("web_slots");
  CHECK(slots["value"] == 2);
  CHECK(slots["from"] == "app");
  CHECK(slots["config"] == 1);
  CHECK(slots["kind"] == "number");
  CHECK(slots["least"] == 1);
  CHECK(slots["most"] == 100);
  const json window = bed.setting("recall_window_ms");
  CHECK(window["value"] == 60'000);
  CHECK(window["from"] == "config");
  CHECK(window["kind"] == "ms");
  const json flag = bed.setting("auto_read");
  CHECK(flag["value"] == false);
  CHECK(flag["kind"] == "flag");
  CHECK_FALSE(flag.contains("least"));
  CHECK(bed.call("GET", "/v1/im/settings?app=1400000001", bed.looker).body["items"].size() ==
        im::app_settings().size());

  const Heard set = bed.put_setting("friends_max", "00900");
  CHECK(set.status == 200);
  CHECK(set.body["value"] == 500);  // the config's value is the most
  CHECK(bed.setting("friends_max")["value"] == 500);
  CHECK(bed.setting("friends_max")["from"] == "app");
  CHECK(bed.setting("friends_max")["capped"] == true);
  CHECK(bed.audit().front().what == "im_setting.set");
  CHECK(bed.audit().front().object == "friends_max");
  CHECK(bed.audit().front().before.empty());
  CHECK(bed.rules_version() == 1);
  REQUIRE(bed.put_setting("friends_max", "300").status == 200);
  CHECK(json::parse(bed.audit().front().before) == json::object({{"friends_max", "00900"}}));
  CHECK(json::parse(bed.audit().front().after) == json::object({{"friends_max", "300"}}));
  const std::size_t entries = bed.audit().size();
  CHECK(bed.put_setting("friends_max", "300").status == 200);
  CHECK(bed.audit().size() == entries);

  CHECK(bed.call("DELETE", "/v1/im/settings?app=1400000001&name=friends_max", bed.boss).status == 204);
  CHECK(bed.setting("friends_max")["from"] == "config");
  CHECK(bed.audit().front().what == "im_setting.unset");
  CHECK(bed.call("DELETE", "/v1/im/settings?app=1400000001&name=friends_max", bed.boss).status ==
        204);  // no more there
  CHECK(bed.audit().size() == entries + 1);

  // Of a later version, and one that somebody wrote by hand.
  {
    auto tables = im::Tables::open(bed.place, {}, im::Tables::Use::Write);
    REQUIRE(tables);
    tables->save_setting(kShop, "of_tomorrow", "1");
    tables->save_setting(kShop, "auto_read", "perhaps");
    REQUIRE_FALSE(tables->failure());
  }
  const json passed = bed.call("GET", "/v1/im/settings?app=1400000001", bed.looker).body["passed_over"];
  REQUIRE(passed.size() == 2);
  CHECK(passed[0] == json{{"name", "auto_read"}, {"why", "auto_read: not true or false"}});
  CHECK(passed[1]["name"] == "of_tomorrow");
  CHECK(bed.setting("auto_read")["from"] == "config");  // that value is nobody's
  CHECK(bed.setting("auto_read")["value"] == false);
  CHECK(bed.call("DELETE", "/v1/im/settings?app=1400000001&name=of_tomorrow", bed.boss).status == 204);
}

TEST_CASE("admin rules: what is refused changes nothing", "[admin][rules]") {
  RulesBed bed;
  struct Row {
    const char* name;
    Heard heard;
    int status;
    std::string path, says;
  };
  bed.options.companion.words_max = 1;
  const auto in_app = [](std::int64_t app, const char* word) { return json{{"app_id", app}, {"word", word}}; };
  const std::string all = bed.token(Role::Admin);
  const std::string settings = "/v1/im/settings?app=1400000001&name=";
  for (const Row& row : std::vector<Row>{
           {"a word too many", bed.put_word("bad"), 422, "word", "the app has 1, as many as im.words_max allows"},
           {"no word", bed.put_word(""), 422, "word", "not 1-64 bytes"},
           {"blanks", bed.put_word(" - "), 422, "word", "nothing but blanks"},
           {"a line end", bed.put_word("a\nb"), 422, "word", "control character"},
           {"too long", bed.put_word(std::string(65, 'x')), 400, "word", "at most 64"},
           {"a number", bed.put_word(7), 400, "word", "not a text"},
           {"another action", bed.put_word("darn", "shout"), 400, "action", "none of refuse, mask, mark"},
           {"a word that is not there", bed.call("DELETE", "/v1/im/words?app=1400000001&word=bad", bed.boss), 404, "",
            "no such word"},
           {"an empty one", bed.call("DELETE", "/v1/im/words?app=1400000001&word=", bed.boss), 422, "query.word",
            "not 1-64 bytes"},
           {"no such setting", bed.put_setting("recall", "1"), 422, "name", "recall: no such setting"},
           {"not its kind", bed.put_setting("auto_read", "1"), 422, "value", "auto_read: not true or false"},
           {"a number as a number", bed.put_setting("web_slots", 3), 400, "value", "not a text"},
           {"out of range", bed.put_setting("web_slots", "0"), 422, "value", "web_slots: not 1 … 100"},
           {"with a unit", bed.put_setting("recall_window_ms", "5s"), 422, "value", "recall_window_ms: not 0"},
           {"none of ours", bed.call("DELETE", settings + "recall", bed.boss), 422, "query.name", "no such setting"},
           {"another app", bed.call("PUT", "/v1/im/words", bed.boss, in_app(kGame.value, "bad")), 403, "app_id",
            "not for app"},
           {"an app without a server", bed.call("PUT", "/v1/im/words", all, in_app(kGame.value, "bad")), 404, "",
            "im.key_files"},
           {"an operator", bed.call("PUT", "/v1/im/words", bed.token(Role::Operator), in_app(kShop.value, "bad")), 403,
            "", "wants the role admin"}}) {
    CAPTURE(row.name);
    CHECK(row.heard.status == row.status);
    CHECK(row.heard.path() == row.path);
    CHECK(row.heard.message().contains(row.says));
  }
  CHECK(bed.words() == Texts{"Darn mask"});
  CHECK(bed.setting("web_slots")["value"] == 2);
  CHECK(bed.rules_version() == 0);
  for (const store::AuditEntry& each : bed.audit()) CHECK(each.outcome.starts_with("failed: "));
}

TEST_CASE("admin rules: without a companion, or with another version's, nothing is made or written", "[admin][rules]") {
  ApiBed bed;
  const std::string boss = bed.token(Role::Admin);
  const json word = {{"app_id", kShop.value}, {"word", "bad"}};
  const auto all = [&] {
    return std::vector<Heard>{
        bed.call("GET", "/v1/im/words?app=1400000001", boss),
        bed.call("PUT", "/v1/im/words", boss, word),
        bed.call("DELETE", "/v1/im/words?app=1400000001&word=bad", boss),
        bed.call("POST", "/v1/im/words/import", boss, {{"app_id", kShop.value}, {"text", "bad"}}),
        bed.call("GET", "/v1/im/settings?app=1400000001", boss),
        bed.call("PUT", "/v1/im/settings", boss, {{"app_id", kShop.value}, {"name", "auto_read"}, {"value", "true"}}),
        bed.call("DELETE", "/v1/im/settings?app=1400000001&name=auto_read", boss)};
  };
  for (const Heard& heard : all()) {
    CHECK(heard.status == 404);
    CHECK(heard.code() == "no_companion");
  }
  CHECK(bed.call("GET", "/v1/im/totals?app=1400000001", boss).code() == "no_companion");  // none was made
  support::write_companion(bed.place);
  REQUIRE(bed.call("PUT", "/v1/im/words", boss, word).status == 200);
  auto file = store::Connection::open(bed.place.place, {});
  REQUIRE(file);
  REQUIRE(file->run("UPDATE im_schema SET version = version + 1", "test"));
  for (const Heard& heard : all()) CHECK(heard.status == 503);
}

}  // namespace
}  // namespace nightpost::admin
