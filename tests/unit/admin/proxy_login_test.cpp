// Whom a proxy names: only one that is trusted, once, and with a role.
#include "admin/proxy_login.h"

#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

ProxyLogin a_login() {
  return {.header = "x-forwarded-email",
          .groups_header = "x-forwarded-groups",
          .secret = {},
          .roles = {{"ops", Role::Operator}, {"push-admins", Role::Admin}, {"support", Role::Viewer}},
          .other_role = std::nullopt};
}

HttpCall from_proxy(HttpFields headers, bool trusted = true) {
  HttpCall call = ApiBed::a_call("GET", "/v1/me");
  call.from_proxy = trusted;
  call.headers = std::move(headers);
  return call;
}

TEST_CASE("proxy login: readers are of the group that the config names", "[admin][proxy]") {
  struct Row {
    const char *name, *groups, *reader_group;
    bool want;
  };
  for (const Row& row : std::vector<Row>{{"one of it", "ops, legal", "legal", true},
                                         {"none of it", "ops", "legal", false},
                                         {"a part of its name", "ops,lega,legally,LEGAL", "legal", false},
                                         {"no group is named", "ops,", "", false},
                                         {"an empty group", ",ops", "", false}}) {
    CAPTURE(row.name);
    ProxyLogin login = a_login();
    login.reader_group = row.reader_group;
    const auto person = person_by_proxy(
        from_proxy({{"x-forwarded-email", "vinson@example.com"}, {"x-forwarded-groups", row.groups}}), login);
    REQUIRE(person);
    REQUIRE(*person);
    CHECK((*person)->reader == row.want);
  }
}

TEST_CASE("proxy login: a person has the highest role of their groups", "[admin][proxy]") {
  struct Row {
    const char *name, *groups;
    std::optional<Role> other, want;
  };
  for (const Row& row : std::vector<Row>{{"one", "ops", {}, Role::Operator},
                                         {"the highest", "support,push-admins,ops", {}, Role::Admin},
                                         {"blanks", " staff , ops ", {}, Role::Operator},
                                         {"unknown ones", "staff,devs", {}, std::nullopt},
                                         {"none", "", {}, std::nullopt},
                                         {"a part of one", "op,opss,OPS", {}, std::nullopt},
                                         {"all others", "staff", Role::Viewer, Role::Viewer},
                                         {"others and a group", "ops", Role::Viewer, Role::Operator},
                                         {"a group below others", "support", Role::Operator, Role::Operator}}) {
    CAPTURE(row.name);
    ProxyLogin login = a_login();
    login.other_role = row.other;
    const auto person = person_by_proxy(
        from_proxy({{"x-forwarded-email", "vinson@example.com"}, {"x-forwarded-groups", row.groups}}), login);
    CHECK(person.has_value() == row.want.has_value());
    if (!person) {
      CHECK(person.error().status == 403);
      continue;
    }
    REQUIRE(*person);
    CHECK((*person)->name == "vinson@example.com");
    CHECK((*person)->role == *row.want);
  }
}

TEST_CASE("proxy login: what names nobody", "[admin][proxy]") {
  const HttpFields good = {{"x-forwarded-email", "vinson@example.com"}, {"x-forwarded-groups", "ops"}};
  const auto nobody = [](const HttpCall& call, const ProxyLogin& login) {
    const auto person = person_by_proxy(call, login);
    return person.has_value() && !person->has_value();
  };
  CHECK_FALSE(nobody(from_proxy(good), a_login()));
  CHECK(nobody(from_proxy(good, false), a_login()));  // anybody can write a header
  CHECK(nobody(from_proxy({{"x-forwarded-groups", "ops"}}), a_login()));
  CHECK(nobody(from_proxy({{"x-forwarded-user", "vinson"}}), a_login()));
  CHECK(nobody(from_proxy(good), ProxyLogin()));
  ProxyLogin secret = a_login();
  secret.secret = "word";
  CHECK(nobody(from_proxy(good), secret));
  for (const char* wrong : {"", "wor", "words", "Word"}) {
    HttpFields more = good;
    more.emplace_back("x-nightpost-proxy-secret", wrong);
    CHECK(nobody(from_proxy(more), secret));
  }
  HttpFields right = good;
  right.emplace_back("x-nightpost-proxy-secret", "word");
  CHECK_FALSE(nobody(from_proxy(right), secret));

  const auto status = [](HttpFields headers) {
    return person_by_proxy(from_proxy(std::move(headers)), a_login()).error().status;
  };
  CHECK(status({{"x-forwarded-email", "a"}, {"x-forwarded-email", "b"}, {"x-forwarded-groups", "ops"}}) == 401);
  CHECK(status({{"x-forwarded-email", "a"}, {"x-forwarded-groups", "ops"}, {"x-forwarded-groups", "push-admins"}}) ==
        401);
  for (const std::string& name : {std::string(), std::string("  "), std::string(65, 'a'), std::string("a b"),
                                  std::string("a\nb"), std::string("<script>"), std::string("ä"), std::string("a,b")})
    CHECK(status({{"x-forwarded-email", name}, {"x-forwarded-groups", "ops"}}) == 401);
}

TEST_CASE("proxy login: a person by the proxy works with their role, and forged changes do not", "[admin][proxy]") {
  ApiBed bed;
  bed.options.access.proxy = a_login();
  bed.options.access.origin = "https://console.example.com";
  const auto call = [&](const std::string& method, const std::string& target, const std::string& groups,
                        const std::string& csrf = "", const std::string& origin = "") {
    HttpCall sent = ApiBed::a_call(method, target);
    sent.from_proxy = true;
    sent.headers = {{"x-forwarded-email", "vinson@example.com"}, {"x-forwarded-groups", groups}};
    if (!csrf.empty()) sent.headers.emplace_back("x-nightpost-csrf", csrf);
    if (!origin.empty()) sent.headers.emplace_back("origin", origin);
    return bed.send(sent);
  };
  const Heard me = call("GET", "/v1/me", "ops");
  REQUIRE(me.status == 200);
  CHECK(me.body["name"] == "vinson@example.com");
  CHECK(me.body["role"] == "operator");
  CHECK(me.body["apps"].is_null());
  CHECK(me.body["by_proxy"] == true);
  CHECK(me.body["session"] == false);
  const std::string csrf = me.body["csrf"];
  const std::string target = "/v1/certificates/" + std::to_string(bed.a_certificate()) + "/disable";
  CHECK(call("POST", target, "ops").code() == "csrf");
  CHECK(call("POST", target, "ops", "other").code() == "csrf");
  CHECK(call("POST", target, "ops", csrf, "https://evil.example").code() == "origin");
  CHECK(call("POST", target, "support", csrf).code() == "forbidden");
  CHECK(call("POST", target, "ops", csrf, "https://console.example.com").status == 200);
  CHECK(bed.audit().front().who == "vinson@example.com");
  CHECK(bed.audit().front().token_id == 0);
  CHECK(call("GET", "/v1/tokens", "ops").status == 403);
  CHECK(call("GET", "/v1/tokens", "push-admins").status == 200);
  CHECK(call("GET", "/v1/me", "staff").code() == "forbidden");
  CHECK(call("POST", "/v1/logout", "ops", csrf).message().contains("log out there"));

  // A program's token is looked at first, whoever passes it on; without the proxy the header is nobody's.
  HttpCall program = from_proxy({{"x-forwarded-email", "vinson@example.com"},
                                 {"x-forwarded-groups", "push-admins"},
                                 {"authorization", "Bearer " + bed.token(Role::Viewer)}});
  CHECK(bed.send(program).body["role"] == "viewer");
  program.headers.back().second = "Bearer npt_unknown";
  CHECK(bed.send(program).status == 401);
  CHECK(
      bed.send(from_proxy({{"x-forwarded-email", "vinson@example.com"}, {"x-forwarded-groups", "push-admins"}}, false))
          .status == 401);
}

TEST_CASE("proxy login: each person has a rate of their own", "[admin][proxy]") {
  ApiBed bed;
  bed.options.access.proxy = a_login();
  Gate gate(GateOptions{.requests_burst_max = 1, .requests_per_second_max = 1});
  const auto status = [&](const std::string& who) {
    const Tools tools = bed.tools_at(gate);
    return answer(from_proxy({{"x-forwarded-email", who}, {"x-forwarded-groups", "ops"}}), tools, nullptr).http.status;
  };
  CHECK(status("a@example.com") == 200);
  CHECK(status("a@example.com") == 429);
  CHECK(status("b@example.com") == 200);
}

}  // namespace
}  // namespace nightpost::admin
