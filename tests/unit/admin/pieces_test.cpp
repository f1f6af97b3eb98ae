// The pure parts: targets, members, limits, secrets, the page's files.
#include <set>

#include "admin/api.h"
#include "admin/limits.h"
#include "admin/members.h"
#include "admin/role.h"
#include "admin/secrets.h"
#include "admin/static_files.h"
#include "admin/target.h"
#include "core/text.h"
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

using Is = Member::Is;

TEST_CASE("admin: a target is read strictly", "[admin][target]") {
  struct Row {
    const char* name;
    std::string target;
    std::vector<std::string> segments;
    std::map<std::string, std::string> query;
    bool good = true;
  };
  const Row row = GENERATE(values<Row>({
      {"a path", "/v1/me", {"v1", "me"}, {}},
      {"an escaped slash stays in its segment", "/v1/a%2Fb", {"v1", "a/b"}, {}},
      {"the root", "/", {""}, {}},
      {"a trailing slash is a segment", "/v1/", {"v1", ""}, {}},
      {"a query", "/v1?a=1&b=x+y%20z&c", {"v1"}, {{"a", "1"}, {"b", "x y z"}, {"c", ""}}},
      {"empty pairs", "/v1?&a=1&", {"v1"}, {{"a", "1"}}},
      {"an equals sign in a value", "/v1?a=b=c", {"v1"}, {{"a", "b=c"}}},
      {"a blank is no plus in a path", "/a+b", {"a+b"}, {}},
      {"no slash", "v1", {}, {}, false},
      {"nothing", "", {}, {}, false},
      {"half an escape", "/v1/%4", {}, {}, false},
      {"no digits", "/v1/%zz", {}, {}, false},
      {"a zero", "/v1/%00", {}, {}, false},
      {"no UTF-8", "/v1/%ff", {}, {}, false},
      {"a zero in the query", "/v1?a=%00", {}, {}, false},
      {"half an escape at the end of the query", "/v1?a=%", {}, {}, false},
      {"a name twice", "/v1?a=1&a=2", {}, {}, false},
  }));
  CAPTURE(row.name);
  const auto read = read_target(row.target);
  REQUIRE(read.has_value() == row.good);
  if (!read) {
    CHECK(read.error().status == 400);
    return;
  }
  CHECK(read->segments == row.segments);
  CHECK(read->query == row.query);
}

TEST_CASE("admin: a path matches its pattern alone", "[admin][target]") {
  const auto matches = [](std::string_view pattern, const std::string& path) {
    return match_path(pattern, read_target(path)->segments);
  };
  CHECK(matches("/v1/certificates/{id}", "/v1/certificates/3") == std::vector<std::string>{"3"});
  CHECK(matches("/v1/certificates/{id}/disable", "/v1/certificates/3/disable") == std::vector<std::string>{"3"});
  CHECK(matches("/v1/me", "/v1/me") == std::vector<std::string>{});
  for (const char* other : {"/v1/certificates", "/v1/certificates/", "/v1/certificates/3/", "/v1/certificates/3/x",
                            "/v1//certificates/3", "/V1/certificates/3", "/", "/v1"})
    CHECK_FALSE(matches("/v1/certificates/{id}", other));
}

constexpr Member kTable[] = {
    {"text", Is::Text, "", true, false, 0, 4},
    {"word", Is::Text, "", false, true, 0, 16, "open|all"},
    {"number", Is::Integer, "", false, true, 1, 10},
    {"flag", Is::Flag, ""},
    {"time", Is::Time, "", false, true},
    {"texts", Is::Texts, "", false, false, 0, 2},
    {"apps", Is::Apps, "", false, false, 0, 2},
    {"options", Is::Options, "", false, false, 0, 2},
};

TEST_CASE("admin: a body is read by its table, and each mistake has a place", "[admin][members]") {
  struct Row {
    const char* name;
    std::string body, path, says;
  };
  const Row row = GENERATE(values<Row>({
      {"the least", R"({"text":"a"})", "", ""},
      {"all of it",
       R"({"text":"","word":"all","number":10,"flag":false,"time":0,"texts":["a"],"apps":[1],"options":{"a":"b","c":null}})",
       "", ""},
      {"nulls that are good", R"({"text":"a","word":null,"number":null,"time":null})", "", ""},
      {"missing", R"({})", "text", "missing"},
      {"null where a text must be", R"({"text":null})", "text", "not a text"},
      {"unknown", R"({"text":"a","txet":1})", "txet", "unknown"},
      {"too long", R"({"text":"abcde"})", "text", "5 bytes, at most 4"},
      {"a zero", R"({"text":"a\u0000"})", "text", "zero"},
      {"another type", R"({"text":1})", "text", "not a text"},
      {"none of the words", R"({"text":"a","word":"ope"})", "word", "none of open, all"},
      {"no word", R"({"text":"a","word":""})", "word", "none of open, all"},
      {"two words", R"({"text":"a","word":"open|all"})", "word", "none of open, all"},
      {"too small", R"({"text":"a","number":0})", "number", "not in [1, 10]"},
      {"too large", R"({"text":"a","number":11})", "number", "not in [1, 10]"},
      {"far too large", R"({"text":"a","number":18446744073709551615})", "number", "not in [1, 10]"},
      {"a fraction", R"({"text":"a","number":1.5})", "number", "not a whole number"},
      {"a number as a text", R"({"text":"a","number":"1"})", "number", "not a whole number"},
      {"a flag as a number", R"({"text":"a","flag":1})", "flag", "not true or false"},
      {"a null that is not good", R"({"text":"a","flag":null})", "flag", "not true or false"},
      {"a time before 1970", R"({"text":"a","time":-1})", "time", "not in [0, "},
      {"a time beyond all", R"({"text":"a","time":253402300800000})", "time", "not in [0, "},
      {"no array", R"({"text":"a","texts":"b"})", "texts", "not an array"},
      {"too many", R"({"text":"a","texts":["a","b","c"]})", "texts", "3 items, at most 2"},
      {"one is no text", R"({"text":"a","texts":["a",2]})", "texts[1]", "not a text"},
      {"one is no app", R"({"text":"a","apps":[0]})", "apps[0]", "not in [1, "},
      {"no object", R"({"text":"a","options":[]})", "options", "not an object"},
      {"too many options", R"({"text":"a","options":{"a":"","b":"","c":""}})", "options", "3 members, at most 2"},
      {"one is no option", R"({"text":"a","options":{"a":1}})", "options.a", "not a text"},
  }));
  CAPTURE(row.name);
  auto body = nlohmann::json::parse(row.body);
  const auto mistake = check_members(body, kTable, "");
  REQUIRE(mistake.has_value() == !row.says.empty());
  if (!mistake) return;
  CHECK(mistake->status == 400);
  CHECK(mistake->path == row.path);
  CHECK(mistake->message.contains(row.says));
}

TEST_CASE("admin: a query is typed by its table", "[admin][members]") {
  const auto good = typed_query({{"text", "12"}, {"number", "3"}, {"flag", "true"}}, kTable);
  REQUIRE(good);
  CHECK(*good == nlohmann::json{{"text", "12"}, {"number", 3}, {"flag", true}});
  struct Row {
    std::map<std::string, std::string> query;
    std::string path;
  };
  const std::vector<Row> rows = {{{}, "query.text"},
                                 {{{"text", "a"}, {"number", "3x"}}, "query.number"},
                                 {{{"text", "a"}, {"number", ""}}, "query.number"},
                                 {{{"text", "a"}, {"number", "99999999999999999999"}}, "query.number"},
                                 {{{"text", "a"}, {"flag", "yes"}}, "query.flag"},
                                 {{{"text", "a"}, {"other", "1"}}, "query.other"}};
  for (const Row& row : rows) {
    const auto refused = typed_query(row.query, kTable);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().path == row.path);
  }
}

TEST_CASE("admin: a bucket empties and fills by time", "[admin][limits]") {
  Buckets buckets(3, seconds(30), 2);
  MonoTime now = MonoTime(std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(buckets.wait("a", now));
    buckets.take("a", now);
  }
  CHECK(buckets.wait("a", now) == seconds(10));
  CHECK_FALSE(buckets.wait("b", now));  // another's
  CHECK(buckets.wait("a", now + seconds(9)) == seconds(1));
  CHECK_FALSE(buckets.wait("a", now + seconds(10)));
  buckets.take("a", now + seconds(10));
  CHECK(buckets.wait("a", now + seconds(10)) == seconds(10));
  CHECK_FALSE(buckets.wait("a", now + seconds(1'000)));
  buckets.take("b", now);
  buckets.take("c", now);  // two names are remembered
  CHECK_FALSE(buckets.wait("a", now));
}

TEST_CASE("admin: secrets are long, differ, and are known by their hash", "[admin][secrets]") {
  std::set<std::string> all;
  for (int i = 0; i < 50; ++i) all.insert(*new_secret(kTokenPrefix));
  CHECK(all.size() == 50);
  for (const std::string& secret : all) {
    CHECK(secret.size() == 47);
    CHECK(secret.starts_with("npt_"));
    CHECK(from_base64url(secret.substr(4))->size() == 32);
  }
  CHECK(hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4's example
  CHECK(hash_of("").empty());
  CHECK(hash_of(std::string(129, 'a')).empty());
  CHECK(csrf_of("one") != csrf_of("two"));
  CHECK_FALSE(csrf_of("one").contains("one"));
  CHECK(same_secret("abc", "abc"));
  for (const char* other : {"", "ab", "abd", "abcd"}) CHECK_FALSE(same_secret("abc", other));
  CHECK_FALSE(same_secret("", ""));
}

TEST_CASE("admin: roles by name", "[admin]") {
  for (const std::string_view name : kRoleNames) CHECK(name_of(*role_from(name)) == name);
  for (const char* other : {"", "Admin", "root", "viewer "}) CHECK_FALSE(role_from(other));
}

TEST_CASE("admin: the page's files are a map, with headers that keep others out", "[admin][page]") {
  const auto get = [](const std::string& target, const std::string& etag = "", const std::string& method = "GET") {
    HttpCall call{.method = method, .target = target};
    if (!etag.empty()) call.headers.emplace_back("if-none-match", etag);
    return page_answer(call);
  };
  const auto header = [](const HttpAnswer& answer, const std::string& name) {
    for (const auto& [field, value] : answer.headers)
      if (field == name) return value;
    return std::string();
  };
  const HttpAnswer index = get("/index.html");
  REQUIRE(index.status == 200);
  CHECK(index.body.contains("<!doctype html>"));
  CHECK(header(index, "content-type") == "text/html; charset=utf-8");
  CHECK(header(index, "content-security-policy").starts_with("default-src 'self';"));
  CHECK(header(index, "x-content-type-options") == "nosniff");
  CHECK(header(index, "referrer-policy") == "no-referrer");
  for (const char* page : {"/", "/certificates", "/devices/vinson", "/?lang=zh", "/../etc/passwd"})
    CHECK(get(page).body == index.body);
  const std::string etag = header(index, "etag");
  CHECK(etag.starts_with('"'));
  CHECK(get("/index.html", etag).status == 304);
  CHECK(get("/index.html", etag).body.empty());
  CHECK(get("/index.html", "\"other\"").status == 200);
  CHECK(get("/index.html", "", "HEAD").body.empty());
  for (const StaticFile& file : static_files()) {
    CHECK(get(std::string(file.path)).body == file.bytes);
    CHECK_FALSE(file.bytes.empty());
  }
  for (const char* none :
       {"/..%2fetc%2fpasswd.txt", "/app.jsx", "/.git/config.lock", "//index.html.x", "/static_files.cmake", "/v2.json"})
    CHECK(get(none).status == 404);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"})
    CHECK(get("/index.html", "", method).status == 405);
}

}  // namespace
}  // namespace nightpost::admin
