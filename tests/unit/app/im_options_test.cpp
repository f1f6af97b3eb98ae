#include "app/im_options.h"

#include <catch2/catch.hpp>

#include "app/config.h"

namespace nightpost::app {
namespace {

std::string errors_of(const std::string& section) {
  const auto config = parse_config("{\"im\": " + section + "}");
  if (config) return "";
  std::string all;
  for (const std::string& line : config.error().lines) all += line + "\n";
  return all;
}

TEST_CASE("im options: what is set arrives", "[app][im]") {
  const auto config = parse_config(
      R"({"im": {"listen": "[::]:0", "http_listen": "0.0.0.0:91", "tls_certificate_file": "a.pem", "tls_key_file": "b.pem",
    "key_files": {"1400000001": "one.key", "7": "seven.key"}, "next_key_files": {"7": "next.key"},
    "rest": {"listen": "h:1", "administrators": {"7": "root, ops"}, "message_calls_per_second": 8},
    "return_wait_ms": 5, "recall_window_ms": 6, "words_max": 5, "words_of_app": false, "words_in_names": true, "words_ignore_spacing": true,
    "friends_only": true, "auto_read": true, "app_rules_poll_ms": 200, "ack_timeout_ms": 70, "trusted_proxies": "10.0.0.0/8,::1",
    "callbacks": {"urls": {"7": "http://127.0.0.1:1/im"}, "secret_files": {"7": "s.key"}, "private_addresses": "127.0.0.1",
    "commands": "C2C.CallbackAfterSendMsg, State.StateChange", "queued_max": 9, "posts_open_max": 3, "posts_per_second": 30, "timeout_ms": 400,
    "before_commands": {"7": "C2C.CallbackBeforeSendMsg, Group.CallbackBeforeSendMsg"}, "before_without_answer": {"7": "refuse"},
    "before_timeout_ms": 300, "before_open_max": 5, "before_parked_max": 50, "before_line_max": 4},
    "mass_push": {"tasks_max": 0, "users_per_second": 20, "chunk_users_max": 100, "stored_chunk_users_max": 10, "chunks_open_max": 2},
    "node_name": "pod-3", "node_lease_ms": 9000, "node_rows_max": 70, "peer_wait_ms": 0, "peer_check_ms": 400, "commits_logged_max": 500, "peer_held_bytes_max": 70000,
    "follow_up_wait_ms": 8, "follow_ups_held_max": 900}})");
  REQUIRE(config);
  const ImOptions& im = config->im;
  CHECK(im.host == "::");
  CHECK(im.port == 0);
  CHECK(im.http_host == "0.0.0.0");
  CHECK(im.http_port == 91);
  CHECK(im.tls.certificate == "a.pem");
  CHECK(im.tls.key == "b.pem");
  CHECK(im.key_files == std::map<AppId, std::string>{{AppId{7}, "seven.key"}, {AppId{1400000001}, "one.key"}});
  CHECK(im.next_key_files == std::map<AppId, std::string>{{AppId{7}, "next.key"}});
  CHECK(im.relay.return_wait == milliseconds(5));
  CHECK(im.relay.follow_up_wait == milliseconds(8));
  CHECK(im.relay.follow_ups_max == 900);
  CHECK(im.service.recall_window == milliseconds(6));
  CHECK(im.service.words_max == 5);
  CHECK_FALSE(im.service.words_of_app);
  CHECK(im.service.words_in_names);
  CHECK(im.service.words_ignore_spacing);
  CHECK(im.service.friends_only);
  CHECK(im.service.auto_read);
  CHECK(im.service.rules_looked_at == milliseconds(200));
  CHECK(im.service.node_name == "pod-3");
  CHECK(im.service.node_lease == milliseconds(9'000));
  CHECK(im.service.taken_over_max == 70);
  CHECK(im.service.peer_wait == milliseconds(0));
  CHECK(im.service.peer_check == milliseconds(400));
  CHECK(im.service.commits_logged == 500);
  CHECK(im.service.peer_held_bytes_max == 70'000);
  CHECK(im.gateway.ack_timeout == milliseconds(70));
  CHECK(im.gateway.trusted_proxies.size() == 2);
  CHECK(im.rest_host == "h");
  CHECK(im.rest_port == 1);
  CHECK(im.rest.administrators == std::map<AppId, std::vector<std::string>>{{AppId{7}, {"root", "ops"}}});
  CHECK(im.rest.message_calls_per_second == 8);
  CHECK(im.callback_urls == std::map<AppId, std::string>{{AppId{7}, "http://127.0.0.1:1/im"}});
  CHECK(im.callback_secret_files == std::map<AppId, std::string>{{AppId{7}, "s.key"}});
  REQUIRE(im.service.callbacks.wanted.size() == 1);
  const im::CallbackSet wanted = im.service.callbacks.wanted.at(AppId{7});
  CHECK(wanted.contains(im::Callback::Sent));
  CHECK(wanted.contains(im::Callback::StateChanged));
  CHECK_FALSE(wanted.contains(im::Callback::Read));
  CHECK(im.service.callbacks.queued_max == 9);
  CHECK(im.callbacks.open_max == 3);
  CHECK(im.callbacks.per_second == 30);
  CHECK(im.callback_client.timeout == milliseconds(400));
  REQUIRE(im.service.before.wanted.size() == 1);
  const im::BeforeSet asked = im.service.before.wanted.at(AppId{7});
  CHECK(asked.contains(im::Before::Send));
  CHECK(asked.contains(im::Before::GroupSend));
  CHECK_FALSE(asked.contains(im::Before::GroupJoin));
  CHECK(im.before_closed == std::set<AppId>{AppId{7}});
  CHECK(im.before.timeout == milliseconds(300));
  CHECK(im.before.open_max == 5);
  CHECK(im.service.before.parked_max == 50);
  CHECK(im.service.before.line_max == 4);
  CHECK(im.service.mass_push.tasks_max == 0);
  CHECK(im.mass_relay.users_per_second == 20);
  CHECK(im.service.mass_push.chunk_users == 100);
  CHECK(im.service.mass_push.stored_chunk == 10);
  CHECK(im.mass_relay.chunks_open_max == 2);
}

TEST_CASE("im options: nobody is asked before unless it says so", "[app][im]") {
  const auto config = parse_config(
      R"({"im": {"key_files": {"7": "k"}, "callbacks": {"urls": {"7": "https://a.example/"},
    "before_commands": {"7": "C2C.CallbackBeforeSendMsg"}, "before_without_answer": {"7": "allow"}}}})");
  REQUIRE(config);
  CHECK(config->im.before_closed.empty());
  const auto plain =
      parse_config(R"({"im": {"key_files": {"7": "k"}, "callbacks": {"urls": {"7": "https://a.example/"}}}})");
  REQUIRE(plain);
  CHECK(plain->im.service.before.wanted.empty());
}

TEST_CASE("im options: what is refused, and with which words", "[app][im]") {
  struct Row {
    const char* name;
    std::string section, error;
  };
  const Row row = GENERATE(values<Row>({
      {"no port", R"({"listen": "localhost"})", "im.listen: \"localhost\" is not HOST:PORT"},
      {"a certificate without key", R"({"tls_certificate_file": "a"})", "im.tls_key_file: goes with"},
      {"an app that is no number", R"({"key_files": {"one": "a"}})", "im.key_files: \"one\" is no app id"},
      {"an app below 1", R"({"key_files": {"0": "a"}})", "im.key_files: \"0\" is no app id"},
      {"a number and more", R"({"key_files": {"1x": "a"}})", "im.key_files: \"1x\" is no app id"},
      {"an app without a file", R"({"key_files": {"1": ""}})", "im.key_files: app 1 has no file"},
      {"a next key alone", R"({"next_key_files": {"1": "a"}})", "im.next_key_files: app 1 is not in key_files"},
      {"no time to acknowledge", R"({"ack_timeout_ms": 0})", "im.ack_timeout_ms: 0 is not in"},
      {"no room for follow-ups", R"({"follow_ups_held_max": 99})", "im.follow_ups_held_max: 99 is not in"},
      {"a node's name with a space", R"({"node_name": "a b"})", "im.node_name: is longer than 64 bytes, or holds"},
      {"a node's name that is too long", R"({"node_name": ")" + std::string(65, 'a') + R"("})",
       "im.node_name: is longer than 64 bytes"},
      {"no lease", R"({"node_lease_ms": 0})", "im.node_lease_ms: 0 is not in"},
      {"no rows to take over", R"({"node_rows_max": 0})", "im.node_rows_max: 0 is not in"},
      {"peers never looked for", R"({"peer_check_ms": 0})", "im.peer_check_ms: 0 is not in"},
      {"a range that is none", R"({"trusted_proxies": "10.0.0.0/99"})", "im.trusted_proxies: "},
      {"an unknown key", R"({"port": 1})", "im.port: unknown key"},
      {"an administrator of an app without a key", R"({"rest": {"administrators": {"1": "root"}}})",
       "im.rest.administrators: app 1 is not in im.key_files"},
      {"an administrator of no app", R"({"rest": {"administrators": {"x": "root"}}})",
       "im.rest.administrators: \"x\" is no app id"},
      {"a comma without a name", R"({"key_files": {"1": "a"}, "rest": {"administrators": {"1": "root,,a"}}})",
       "im.rest.administrators: app 1: empty"},
      {"an administrator that is no user", R"({"key_files": {"1": "a"}, "rest": {"administrators": {"1": "@TIM#x"}}})",
       "im.rest.administrators: app 1: begins with @TIM#"},
      {"the API's certificate without key", R"({"rest": {"tls_certificate_file": "a"}})",
       "im.rest.tls_key_file: goes with"},
      {"no calls", R"({"rest": {"calls_open_max": 0}})", "im.rest.calls_open_max: 0 is not in"},
      {"a callback URL of an app without a key", R"({"callbacks": {"urls": {"1": "https://a.example/"}}})",
       "im.callbacks.urls: app 1 is not in im.key_files"},
      {"a callback URL that is none", R"({"key_files": {"1": "a"}, "callbacks": {"urls": {"1": "a.example"}}})",
       "im.callbacks.urls: app 1: is no https:// or http:// URL"},
      {"an app without a URL", R"({"key_files": {"1": "a"}, "callbacks": {"urls": {"1": ""}}})",
       "im.callbacks.urls: app 1 has no URL"},
      {"a private address", R"({"key_files": {"1": "a"}, "callbacks": {"urls": {"1": "https://10.0.0.1/"}}})",
       "im.callbacks.urls: app 1: has an address that is not public"},
      {"plain HTTP", R"({"key_files": {"1": "a"}, "callbacks": {"urls": {"1": "http://a.example/"}}})", "plain_http"},
      {"a secret of an app without a URL", R"({"callbacks": {"secret_files": {"1": "s"}}})",
       "im.callbacks.secret_files: app 1 is not in urls"},
      {"a callback that is none", R"({"callbacks": {"commands": "C2C.CallbackAfterSendMsg,C2C.Nothing"}})",
       "im.callbacks.commands: \"C2C.Nothing\" is no callback"},
      {"a before-callback of an app without a URL",
       R"({"callbacks": {"before_commands": {"1": "C2C.CallbackBeforeSendMsg"}}})",
       "im.callbacks.before_commands: app 1 is not in urls"},
      {"a before-callback that is none", R"({"callbacks": {"before_commands": {"1": "C2C.CallbackAfterSendMsg"}}})",
       "im.callbacks.before_commands: \"C2C.CallbackAfterSendMsg\" is no callback"},
      {"no before-callback", R"({"callbacks": {"before_commands": {"1": ""}}})",
       "im.callbacks.before_commands: app 1 has no callback"},
      {"a choice without before-callbacks", R"({"callbacks": {"before_without_answer": {"1": "allow"}}})",
       "im.callbacks.before_without_answer: app 1 is not in before_commands"},
      {"a choice that is none", R"({"callbacks": {"before_without_answer": {"1": "maybe"}}})",
       "im.callbacks.before_without_answer: app 1: \"maybe\" is neither allow nor refuse"},
      {"a long wait for an answer", R"({"callbacks": {"before_timeout_ms": 10001}})",
       "im.callbacks.before_timeout_ms: 10001 is not in"},
      {"chunks that no event holds", R"({"mass_push": {"chunk_users_max": 1001}})",
       "im.mass_push.chunk_users_max: 1001 is not in"},
      {"no users a second", R"({"mass_push": {"users_per_second": 0}})", "im.mass_push.users_per_second: 0 is not in"},
      {"an address that is none", R"({"callbacks": {"private_addresses": "here"}})",
       "im.callbacks.private_addresses: "},
      {"waits upside down", R"({"callbacks": {"retry_first_ms": 9000, "retry_max_ms": 8000}})",
       "im.callbacks.retry_first_ms: is above retry_max_ms"},
      {"no object", "[]", "im: [] is not an object"},
  }));
  CAPTURE(row.name);
  CHECK(errors_of(row.section).contains(row.error));
}

}  // namespace
}  // namespace nightpost::app
