// Who may call, how a call is named, and what every answer looks like.
#include "im/rest/rest_api.h"

#include <zlib.h>

#include <array>
#include <catch2/catch.hpp>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "core/text.h"
#include "im/rest/tim_push.h"
#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

constexpr const char* kVectorKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

struct Vectors : RestBed {
  Vectors() {
    service->set_keys({{kApp, {kVectorKey}}});
    clock.pass(wall_from_ms(1'700'000'000'000) - clock.wall());  // the vectors' time of issue
  }
  int code_of(const std::string& identifier, const std::string& sig, const std::string& app = "1400000001") {
    loop.pass(milliseconds(1'000));
    const auto response = ask_raw("/v4/im_open_login_svc/account_check?sdkappid=" + app + "&identifier=" + identifier +
                                      "&usersig=" + sig + "&random=1&contenttype=json",
                                  R"({"CheckItem":[{"UserID":"u"}]})");
    CHECK(response.status == 200);
    return Json::parse(response.body).at("ErrorCode");
  }
};

const std::string kVectorA =
    "eJwtjMsKwjAURP-"
    "lrqUkEqoGXFQEER9Q0rpwF0gsl9g2JrEI4r8bmsxuzhnmC81ZFJN2wGFZEFjMHZUeAj5wxlL1OKAPTobR5YFXRlqLCjhlJIUmoz8"
    "WnQa*LqNIKGAfAV3lYaYeu3hOduLqR1THtpKsEeZUC3Ev27d9SVEbGbpNdTmY5366sS38-sW1NFI_";

TEST_CASE("rest: the published vectors of a userSig", "[im][rest][auth]") {
  Vectors bed;
  const std::vector<std::string> five = {
      kVectorA,
      "eAGrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwokpuZl5mcUlRYkl*"
      "UVQBcUp2YkFBZkpSlaGJgYQYAjRmlpRkFmUqmRlYQaUgAiVZOYCBQzNoQqh"
      "osWZ6UA7DZyC-YrzM1M8Qx0TTUKCs70Dg4OjzEJLCwoTgwOzE0vSLR193bNzXMrCTGyVagHFtTRS",
      "eAEBrgBR-"
      "3siVExTLnZlciI6IjIuMCIsIlRMUy5pZGVudGlmaWVyIjoiYWRtaW5pc3RyYXRvciIsIlRMUy5zZGthcHBpZCI6MTQwMDAwMDAwMSwiVExT"
      "LmV4cGlyZSI6ODY0MDAsIlRMUy50aW1lIjoxNzAwMDAwMDAwLCJUTFMuc2lnIjoiMEJTTnNvaWRJVUFhNFRTa0tRU1NaNlV1cHFhU1FrYXRnOUFN"
      "R2ts"
      "RHZWND0ifcW1NFI_",
      "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-"
      "Myi0uKEkvyi2BKilOyEwsKMlOACgxNDCDAECqXWlGQWZQKlLEwA0pBBUsyc0FChuZQ"
      "xTDx4sx0kCUGTsF*xfmZKZ6hjokmIcHZ3oHBwVFmoaUFhYnBgdmJJemWjr7u2TkuZWEmtkq1AEdCNbI_",
      "eJwtjlsLwiAYhv-Ldx1DQ1YJXSyCiA4w3LroTtCND9tmaiOI-ntivpfviecDzVkU*m3RaeDrkhGySBYqPQbsUDvgINWAI-rgZJgc-"
      "AteGWktKuA0jpJo"
      "TrCPG7ITVz*hOraVZI0wp1qIe9m*7FOK2sjQb6rLwTz2841t82XAIULQVb7LJHNCWBYEvj*MrjRS"};
  for (std::string sig : five) {
    CAPTURE(sig.substr(0, 20));
    CHECK(bed.code_of("administrator", sig) == 0);
    for (std::size_t at; (at = sig.find('*')) != sig.npos;) sig.replace(at, 1, "%2A");
    CHECK(bed.code_of("administrator", sig) == 0);
  }
  CHECK(
      bed.code_of("user_01",
                  "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwqXFqUXxBoZQqeKU7MSCgswUJStDEwMIMITIpFYUZBalKllZmAElIEIlmblA"
                  "AUNzqEKoaHFmOtDYTEcT7xQjw4KqHA8P44Ci8JQcZ5PAcIP8iowKT8tsZwsn18qS7KCAioyUZFulWgDqNzFO") == 60010);
  CHECK(bed.code_of("administrator", kVectorA, "1400000002") == 60006);  // an app without a key
  CHECK(bed.code_of("user_01", kVectorA) == 70013);
  CHECK(bed.code_of("administrator", kVectorA.substr(0, 60)) == 70003);
  CHECK(bed.code_of("administrator", "") == 70002);
  bed.service->set_keys({{kApp, {kVectorKey}}, {AppId{1400000002}, {"another"}}});
  CHECK(bed.code_of("administrator", kVectorA, "1400000002") == 70014);
  bed.clock.pass(milliseconds(86'400'000));
  CHECK(bed.code_of("administrator", kVectorA) == 0);
  bed.clock.pass(milliseconds(1'000));
  CHECK(bed.code_of("administrator", kVectorA) == 70001);
}

/// The signature with another lifetime under the mac that it has.
std::string with_lifetime(std::string sig, int lifetime) {
  for (char& c : sig) c = c == '*' ? '+' : c == '-' ? '/' : c == '_' ? '=' : c;
  const std::string bytes = from_base64(sig).value();
  std::string json(4'096, '\0');
  uLongf size = json.size();
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(json.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                     bytes.size()) == Z_OK);
  Json claims = Json::parse(json.substr(0, size));
  claims.at("TLS.expire") = lifetime;
  const std::string text = claims.dump();
  std::string packed(compressBound(text.size()), '\0');
  size = packed.size();
  REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
                   text.size()) == Z_OK);
  sig = base64(packed.substr(0, size));
  for (char& c : sig) c = c == '+' ? '*' : c == '/' ? '-' : c == '=' ? '_' : c;
  return sig;
}

TEST_CASE("rest: every command asks who calls", "[im][rest][auth]") {
  const bool with_groups = GENERATE(false, true);
  RestBed bed;
  if (with_groups) bed.open_api(bed.service.get());
  bed.service->set_keys({{kApp, {kKey}}, {AppId{7}, {"seven"}}});
  const std::string good = bed.signature();
  const std::string expired =
      make_user_sig(kApp, "administrator", kKey, bed.clock.wall() - std::chrono::hours(2), std::chrono::seconds(3'600));
  // The same claims, a second longer, under the same mac.
  const std::string tampered = with_lifetime(good, 86'401);
  const auto query = [](const std::string& app, const std::string& user, const std::string& sig) {
    return "?sdkappid=" + app + "&identifier=" + user + "&usersig=" + sig;
  };
  for (const RestCommand& command : rest_commands()) {
    bed.loop.pass(milliseconds(1'000));
    const std::string path = "/v4/" + std::string(command.service) + "/" + std::string(command.name);
    CAPTURE(path);
    const auto code = [&](const std::string& rest) {
      const auto response = bed.ask_raw(path + rest, "{}");
      CHECK(response.status == 200);
      const Json reply = Json::parse(response.body);
      CHECK(reply.at("ActionStatus") == (reply.at("ErrorCode") == 0 ? "OK" : "FAIL"));
      return reply.at("ErrorCode").get<int>();
    };
    const int answered = code(query("1400000001", "administrator", good));
    if (command.handler == nullptr)
      CHECK(answered == command.code);
    else if (command.family == Family::Group && !with_groups)
      CHECK(answered == unknown_command_code(command.service));
    else if (command.name == "get_appid_group_list" || command.handler == &im_get_attr_name)
      CHECK(answered == 0);  // these take {}
    else
      CHECK((answered == 10004 || answered > 20'000));  // names what is missing
    CHECK(code(query("1400000001", "user", bed.signature("user"))) == 60010);
    CHECK(code(query("7", "administrator", good)) == 70014);
    CHECK(code(query("8", "administrator", good)) == 60006);
    CHECK(code(query("1400000001", "administrator", expired)) == 70001);
    CHECK(code(query("1400000001", "administrator",
                     make_user_sig(kApp, "administrator", "x", bed.clock.wall(), std::chrono::hours(1)))) == 70009);
    CHECK(code(query("1400000001", "administrator", tampered)) == 70009);
    CHECK(code(query("1400000001", "administrator", good.substr(0, good.size() / 2))) == 70003);
    CHECK(code(query("7", "administrator",
                     make_user_sig(AppId{7}, "administrator", "seven", bed.clock.wall(),
                                   std::chrono::hours(1)))) == 60010);  // administers another
    CHECK(code(query("1400000001", "administrator", "")) == 70002);
    CHECK(code("?sdkappid=1400000001&identifier=administrator") == 70002);
  }
}

/// The published commands, a service each; a minus: answered by its code alone.
struct Published {
  std::string_view service, names;
};
constexpr Published kPublished[] = {
    {"im_open_login_svc", "account_import multiaccount_import account_delete account_check kick querystate"},
    {"openim",
     "sendmsg batchsendmsg importmsg admin_getroammsg admin_msgwithdraw admin_set_msg_read get_c2c_unread_msg_num "
     "query_online_status querystate modify_c2c_msg modify_group_msg -delete_c2c_msg_ramble -c2c_msg_read_receipt "
     "im_push im_get_push_report im_set_attr im_get_attr im_set_attr_name im_get_attr_name im_remove_attr im_add_tag "
     "im_get_tag im_remove_tag im_remove_all_tags"},
    {"openim_msg_ext_http_svc", "-get_key_values -set_key_values -group_get_key_values -group_set_key_values"},
    {"group_open_http_svc",
     "get_appid_group_list create_group get_group_info get_group_member_info modify_group_base_info add_group_member "
     "delete_group_member modify_group_member_info destroy_group get_joined_group_list get_role_in_group "
     "forbid_send_msg get_group_muted_account get_group_shutted_uin send_group_msg send_group_system_notification "
     "change_group_owner group_msg_recall import_group import_group_msg import_group_member set_unread_msg_num "
     "delete_group_msg_by_sender group_msg_get_simple get_online_member_num get_specified_group_member_info "
     "get_group_msg_receipt get_group_msg_receipt_detail -group_msg_receipt -clear_group_msg -send_broadcast_msg "
     "ban_group_member unban_group_member get_group_ban_member get_group_counter update_group_counter "
     "delete_group_counter set_group_attr modify_group_attr clear_group_attr -import_topic"},
    {"group_open_attr_http_svc", "get_group_attr"},
    {"group_open_avchatroom_http_svc", "-get_members -check_members -get_admin_list -modify_admin -modify_user_info"},
    {"million_group_open_http_svc", "-create_topic -get_topic -modify_topic -destroy_topic"},
    {"sns",
     "friend_add friend_import friend_update friend_delete friend_delete_all friend_check friend_get friend_get_list "
     "black_list_add black_list_delete black_list_get black_list_check group_add group_delete group_get"},
    {"profile", "portrait_set portrait_get"},
    {"openconfigsvr", "setnospeaking getnospeaking -getappinfo"},
    {"open_msg_svc", "-get_history"},
    {"ConfigSvc", "-GetIPList"},
    {"recentcontact",
     "get_list delete -create_contact_group -update_contact_group -del_contact_group -get_contact_group "
     "-search_contact_group -mark_contact"},
    {"all_member_push",
     "im_push im_set_attr_name im_get_attr_name im_set_attr im_get_attr im_remove_attr im_add_tag im_get_tag "
     "im_remove_tag im_remove_all_tags im_get_push_report im_cancel_push"},  // the last two are not published here
    {"timpush", "push batch"},
    {"follow", "-follow_add -follow_delete -follow_get -follow_check -follow_get_info"},
};

TEST_CASE("rest: every published command is answered, offered or by its code", "[im][rest][commands]") {
  std::size_t known = 0;
  for (const Published& service : kPublished) {
    std::string_view rest = service.names;
    while (!rest.empty()) {
      std::string_view name = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      const bool offered = !name.starts_with('-');
      if (!offered) name.remove_prefix(1);
      CAPTURE(service.service, name);
      const RestCommand* const command = find_command(service.service, name);
      REQUIRE(command != nullptr);
      CHECK((command->handler != nullptr) == offered);
      if (!offered) CHECK(command->code == (command->family == Family::Group ? 10003 : 60009));
      ++known;
    }
  }
  CHECK(known == rest_commands().size());
}

TEST_CASE("rest: the table of commands", "[im][rest][commands]") {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  CHECK(rest_commands().size() <= RestMetrics::kCommandsMax);
  for (const RestCommand& command : rest_commands()) {
    CAPTURE(command.service, command.name);
    CHECK(seen.emplace(command.service, command.name).second);
    CHECK(find_command(command.service, command.name) == &command);
    CHECK((command.handler == nullptr) == (command.code != 0));
    CHECK((command.handler == nullptr) == command.since.empty());
    if (command.old_of.empty()) continue;
    const std::size_t slash = command.old_of.find('/');
    const RestCommand* const now = find_command(command.old_of.substr(0, slash), command.old_of.substr(slash + 1));
    REQUIRE(now != nullptr);
    CHECK(now->handler == command.handler);
  }
  CHECK(find_command("openim", "SendMsg") == nullptr);
  CHECK(find_command("", "") == nullptr);
  CHECK(unknown_command_code("group_open_http_svc") == 10003);
  CHECK(unknown_command_code("openim") == 60009);
  CHECK(unknown_command_code("nothing") == 60009);
}

/// "1.20.3"; nullopt: no such version.
std::optional<std::array<int, 3>> version_of(std::string_view text) {
  std::array<int, 3> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string_view part = text.substr(0, text.find('.'));
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out[i]);
    if (error != std::errc{} || end != part.data() + part.size() || out[i] < 0) return std::nullopt;
    text.remove_prefix(part.size());
    if (text.empty() != (i + 1 == out.size())) return std::nullopt;
    if (!text.empty()) text.remove_prefix(1);
  }
  return out;
}

TEST_CASE("rest: since when a command is there is a version, none that is yet to come", "[im][rest][commands]") {
  for (const char* const none : {"", "1", "1.2", "1.2.3.4", "1.2.x", "v1.2.3", "1..3", "1.2.3 ", "-1.2.3"}) {
    CAPTURE(none);
    CHECK_FALSE(version_of(none));
  }
  std::ifstream file(NIGHTPOST_SOURCE_DIR "/CMakeLists.txt");
  const std::string build{std::istreambuf_iterator<char>(file), {}};
  constexpr std::string_view kProject = "project(nightpost VERSION ";
  const std::size_t at = build.find(kProject) + kProject.size();
  const auto now = version_of(std::string_view(build).substr(at, build.find(' ', at) - at));
  const auto first = version_of(kRestSince);
  REQUIRE((now && first));
  for (const RestCommand& command : rest_commands()) {
    if (command.handler == nullptr) continue;
    CAPTURE(command.service, command.name, command.since);
    const auto since = version_of(command.since);
    REQUIRE(since);
    CHECK((*first <= *since && *since <= *now));
  }
}

TEST_CASE("rest: the list for people has every command that is offered, once, and no other", "[im][rest][commands]") {
  std::set<std::string> listed;
  std::istringstream lines(command_list(rest_commands()));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string service, name;
    words >> service;
    REQUIRE(service.ends_with(':'));
    service.back() = '/';
    while (words >> name) CHECK(listed.insert(service + name).second);
  }
  std::set<std::string> offered;
  for (const RestCommand& command : rest_commands())
    if (command.handler != nullptr) offered.insert(std::string(command.service) + "/" + std::string(command.name));
  CHECK(listed == offered);

  RestCommand made[] = {*find_command("openim", "sendmsg"), *find_command("openim", "c2c_msg_read_receipt"),
                        *find_command("openim", "batchsendmsg"), *find_command("sns", "friend_add")};
  made[2].since = "0.2.0";
  CHECK(command_list(made) == "  openim: sendmsg batchsendmsg (since 0.2.0)\n  sns: friend_add");
  CHECK(command_list({made + 1, 1}) == "");
  CHECK(command_list({}) == "");
}

TEST_CASE("rest: the page names every command that is offered, and every field of a push", "[im][rest][commands]") {
  std::ifstream file(NIGHTPOST_SOURCE_DIR "/src/im/README.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const RestCommand& command : rest_commands()) {
    if (command.handler == nullptr) continue;
    CAPTURE(command.service, command.name);
    const std::size_t row = page.find("| `" + std::string(command.service) + "` |");
    REQUIRE(row != page.npos);
    const std::string line = page.substr(row, page.find('\n', row) - row);
    CHECK(line.contains("`" + std::string(command.name) + "`"));
    if (command.since != kRestSince) CHECK(line.contains("(since " + std::string(command.since) + ")"));
  }
  CHECK(page.contains("called by an " + std::string(RestCommand::kWho) + " of the app"));
  CHECK(page.contains("since " + std::string(kRestSince) + " where nothing else is said"));
  for (const PushField& field : push_fields()) {
    CAPTURE(field.name);
    const std::string name(field.name);
    CHECK((page.contains("`" + name) || page.contains("." + name + "`")));
  }
}

/// The cells of a row of a table, without blanks around them.
std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> out;
  std::istringstream cells(row.substr(1));
  for (std::string cell; std::getline(cells, cell, '|');) {
    const std::size_t first = cell.find_first_not_of(' '), last = cell.find_last_not_of(' ');
    out.push_back(first == cell.npos ? "" : cell.substr(first, last - first + 1));
  }
  return out;
}
/// "`a`, `b`" as a and b.
std::vector<std::string> quoted_of(const std::string& cell) {
  std::vector<std::string> out;
  for (std::size_t at = cell.find('`'); at != cell.npos; at = cell.find('`', at)) {
    const std::size_t end = cell.find('`', at + 1);
    REQUIRE(end != cell.npos);
    out.push_back(cell.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return out;
}

TEST_CASE("rest: the page says of every command that is not offered why, with its code", "[im][rest][commands]") {
  std::ifstream file(NIGHTPOST_SOURCE_DIR "/src/im/README.md");
  std::set<std::pair<std::string, std::string>> on_page;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| Known, not offered |")) {
      inside = true;
      std::getline(file, line);  // the line below a table's head
      continue;
    }
    inside = inside && line.starts_with('|');
    if (!inside) continue;
    CAPTURE(line);
    const std::vector<std::string> cells = cells_of(line);
    REQUIRE(cells.size() == 4);
    CHECK_FALSE(cells[3].empty());
    const std::vector<std::string> service = quoted_of(cells[0]), names = quoted_of(cells[1]);
    REQUIRE(service.size() == 1);
    CHECK_FALSE(names.empty());
    for (const std::string& name : names) {
      CAPTURE(name);
      const RestCommand* const command = find_command(service[0], name);
      REQUIRE(command != nullptr);
      CHECK(command->handler == nullptr);
      CHECK(cells[2] == std::to_string(command->code));
      CHECK(on_page.emplace(service[0], name).second);
    }
  }
  std::set<std::pair<std::string, std::string>> not_offered;
  for (const RestCommand& command : rest_commands())
    if (command.handler == nullptr) not_offered.emplace(command.service, command.name);
  CHECK(on_page == not_offered);
}

TEST_CASE("rest: what is wrong with a request line or a body", "[im][rest][envelope]") {
  RestBed bed;
  struct Row {
    const char* name;
    std::string method, target, body;
    int status, code;
  };
  const std::string sig = "&usersig=" + bed.signature();
  const std::string good = "?sdkappid=1400000001&identifier=administrator" + sig;
  for (const Row& row : std::vector<Row>{
           {"a GET", "GET", "/v4/openim/sendmsg" + good, "", 405, 60002},
           {"another path", "POST", "/metrics", "", 404, 60009},
           {"an unknown service", "POST", "/v4/nothing/sendmsg" + good, "{}", 200, 60009},
           {"an unknown command", "POST", "/v4/openim/nothing" + good, "{}", 200, 60009},
           {"an unknown group command", "POST", "/v4/group_open_http_svc/nothing" + good, "{}", 200, 10003},
           {"no app", "POST", "/v4/openim/sendmsg?identifier=administrator" + sig, "{}", 200, 60012},
           {"an app that is no number", "POST", "/v4/openim/sendmsg?sdkappid=x&identifier=administrator" + sig, "{}",
            200, 60006},
           {"an app below 1", "POST", "/v4/openim/sendmsg?sdkappid=0&identifier=administrator" + sig, "{}", 200, 60006},
           {"no identifier", "POST", "/v4/openim/sendmsg?sdkappid=1400000001" + sig, "{}", 200, 60004},
           {"no JSON for messages", "POST", "/v4/openim/sendmsg" + good, "{", 200, 90001},
           {"no JSON for accounts", "POST", "/v4/im_open_login_svc/kick" + good, "", 200, 60003},
           {"a list", "POST", "/v4/openim/sendmsg" + good, "[]", 200, 90001},
       }) {
    CAPTURE(row.name);
    bed.loop.pass(milliseconds(1'000));
    const auto response = bed.ask_raw(row.target, row.body, row.method);
    const Json reply = Json::parse(response.body);
    CHECK(response.status == row.status);
    CHECK(reply.at("ErrorCode") == row.code);
    CHECK(reply.at("ActionStatus") == "FAIL");
    CHECK_FALSE(reply.at("ErrorInfo").get<std::string>().empty());
  }
}

TEST_CASE("rest: parameters in any order and form", "[im][rest][envelope]") {
  RestBed bed;
  std::string escaped;
  for (const char c : bed.signature()) escaped += c == '*' ? "%2A" : c == '-' ? "%2d" : std::string(1, c);
  for (const std::string& query :
       {"?contenttype=json&identifier=administrator&random=1&sdkappid=1400000001&usersig=" + escaped,
        "?usersig=" + bed.signature() + "&sdkappid=1400000001&identifier=administr%61tor",
        "?sdkappid=1400000001&identifier=administrator&usersig=" + bed.signature() +
            "&random=0123456789abcdef0123456789abcdef&contenttype=json",
        "?sdkappid=1400000001&identifier=administrator&usersig=" + bed.signature() + "&random=&contenttype=xml"}) {
    CAPTURE(query);
    const auto response =
        bed.ask_raw("/v4/im_open_login_svc/account_import" + query, R"({"UserID":"a","more":{"x":[]}})");
    CHECK(Json::parse(response.body).at("ErrorCode") == 0);
  }
}

TEST_CASE("rest: a kick revokes the signatures from before it, the administrator's own, too", "[im][rest][auth]") {
  RestBed bed;
  bed.import_users({"alice"});
  const std::string before = bed.signature();
  const Json kick = {{"UserID", "administrator"}};
  const auto code = [&](const std::string& sig) {
    bed.loop.pass(milliseconds(1'000));
    return Json::parse(bed.ask_raw(bed.target("im_open_login_svc/kick", sig), R"({"UserID":"alice"})").body)
        .at("ErrorCode")
        .get<int>();
  };
  CHECK(code(before) == 0);
  CHECK(bed.code("im_open_login_svc/kick", kick) == 0);
  CHECK(code(before) == 70052);
  bed.clock.pass(milliseconds(1'000));
  CHECK(code(before) == 70052);
  CHECK(code(bed.signature()) == 0);
}

TEST_CASE("rest: a kick by another IM server of the store holds here within seconds", "[im][rest][auth]") {
  RestBed bed;
  bed.import_users({"alice"});
  const std::string before = bed.signature();
  const auto code = [&] {
    const std::string target = bed.target("openconfigsvr/getnospeaking", before);
    return Json::parse(bed.ask_raw(target, R"({"Get_Account":"alice"})").body).at("ErrorCode").get<int>();
  };
  CHECK(code() == 0);
  REQUIRE(bed.kick("administrator"));  // past this API
  bed.loop.pass(milliseconds(6'000));
  CHECK(code() == 70052);
}

TEST_CASE("rest: a command's rate and an app's", "[im][rest][rate]") {
  RestOptions options;
  options.manage_calls_per_second = 2;
  options.app_calls_per_second = 3;
  RestBed bed(options);
  bed.loop.pass(milliseconds(1'000));
  const auto code = [&](const std::string& command) {
    return Json::parse(bed.ask_raw(bed.target(command, bed.signature()), "{}").body).at("ErrorCode").get<int>();
  };
  CHECK(code("im_open_login_svc/kick") == 70402);
  CHECK(code("im_open_login_svc/kick") == 70402);
  CHECK(code("im_open_login_svc/kick") == 60007);
  CHECK(code("im_open_login_svc/account_check") == 70402);
  CHECK(code("im_open_login_svc/account_check") == 60011);
  bed.loop.pass(milliseconds(1'000));
  CHECK(code("im_open_login_svc/account_check") == 70402);
  CHECK(bed.metrics.refused[std::size_t(RestRefused::Rate)].read() == 2);
}

TEST_CASE("rest: too many calls at once, and a stop", "[im][rest][bounds]") {
  RestOptions options;
  options.calls_open_max = 1;
  RestBed bed(options);
  bed.done("im_open_login_svc/account_import", {{"UserID", "a"}});
  std::optional<RestApi::Response> first, second;
  const std::string target = bed.target("im_open_login_svc/account_import", bed.signature());
  bed.api->answer("POST", target, R"({"UserID":"b"})", [&](auto response) { first = std::move(response); });
  CHECK_FALSE(first);
  CHECK(bed.api->open() == 1);
  bed.api->answer("POST", target, R"({"UserID":"c"})", [&](auto response) { second = std::move(response); });
  REQUIRE(second);
  CHECK(second->status == 503);
  CHECK(Json::parse(second->body).at("ErrorCode") == 60018);
  REQUIRE(bed.loop.until([&] { return first.has_value(); }));
  CHECK(Json::parse(first->body).at("ErrorCode") == 0);
  CHECK(bed.api->open() == 0);
  bed.api->drain();
  CHECK(bed.ask_raw(target, R"({"UserID":"d"})").status == 503);

  // A call that the service's stop meets is answered.
  RestBed other;
  other.done("im_open_login_svc/account_import", {{"UserID", "a"}});
  std::optional<RestApi::Response> last;
  other.api->answer("POST", other.target("im_open_login_svc/kick", other.signature()), R"({"UserID":"a"})",
                    [&](auto response) { last = std::move(response); });
  other.service->stop();
  REQUIRE(other.loop.until([&] { return last.has_value(); }));
  CHECK(last->status == 200);
}

}  // namespace
}  // namespace nightpost::im
