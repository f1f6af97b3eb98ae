#include "dispatch/decode.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;
using nlohmann::json;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

/// Every member of the contract is there and set.
json full_event() {
  return json::parse(R"({
    "event_id": "01JDEVENT", "app_id": 1400000001, "occurred_at": 1795225887405, "expires_at": 1795312287405,
    "kind": "group",
    "from": {"user_id": "denny", "nick": "Denny", "name_card": "Den"},
    "group": {"group_id": "g1", "name": "Climbing"},
    "message": {"id": "144115-1-7", "seq": 7, "sent_at": 1795225887300, "priority": "high", "online_only": true,
                "elements": [{"type": "text", "text": "tonight?", "desc": "unused"}]},
    "push": {"disabled": true, "title": "T", "desc": "D", "ext": "{\"conv\":\"c2c_denny\"}",
             "android": {"title": "AT", "desc": "AD", "channel": {"fcm": "f", "huawei": "IM", "honor": "h", "xiaomi": "118",
                         "oppo": "tuikit", "vivo": "v", "meizu": "m"}},
             "apns": {"title": "IT", "desc": "ID", "sound": "bell.caf", "badge": "ignore", "mutable_content": true,
                      "category": "REPLY", "interruption_level": "time-sensitive"},
             "subtitle": "ST", "image": "https://e.com/a.png",
             "loc": {"title_key": "T_FROM", "title_args": ["Denny"], "body_key": "B_TEXT", "body_args": ["Denny", "hi"]}},
    "to": [{"user_id": "vinson", "unread": 3, "mentioned": true, "devices": ["phone", "pad"]}],
    "cancel": {"reason": "read"}
  })");
}

json least_event() {
  return json::parse(R"({
    "event_id": "e", "app_id": 1, "occurred_at": 1795225887405, "expires_at": 1795312287405, "kind": "c2c",
    "from": {"user_id": "a"}, "message": {"id": "m", "elements": []}, "to": [{"user_id": "b"}]})");
}

Result<void> decode(const std::string& text, OfflineEvent& event) {
  Decoder decoder(1'000'000, 1000);
  return decoder.decode(text, event);
}

/// What decoding complains of; "" if nothing.
std::string fault_of(const std::string& text) {
  OfflineEvent event;
  const Result<void> done = decode(text, event);
  if (done) return "";
  CHECK(done.error().code == Errc::Malformed);
  CHECK(event.buffer.bytes() == text);
  return done.error().detail;
}
std::string fault_of(const json& event) { return fault_of(event.dump()); }

json event_schema() {
  std::ifstream file(NIGHTPOST_SCHEMAS "/offline-event.schema.json");
  REQUIRE(file.good());
  return json::parse(file);
}

bool required(const json& node, const std::string& name) {
  const json list = node.value("required", json::array());
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool allows(const json& node, const std::string& type) {
  const json& types = node.at("type");
  return types.is_string() ? types == type : std::find(types.begin(), types.end(), type) != types.end();
}

/// Calls visit(schema of the member, whether it must be there, JSON pointer, JSON path) for every member described.
template <class Visit>
void each_member(const json& node, const std::string& pointer, const std::string& path, Visit visit) {
  const json members = node.value("properties", json::object());
  for (const auto& [name, member] : members.items()) {
    visit(member, required(node, name), pointer + "/" + name, path + "." + name);
    each_member(member, pointer + "/" + name, path + "." + name, visit);
    if (member.contains("items"))
      each_member(member["items"], pointer + "/" + name + "/0", path + "." + name + "[0]", visit);
  }
}

}  // namespace

TEST_CASE("decode: every member arrives", "[dispatch][decode]") {
  OfflineEvent e;
  REQUIRE(decode(full_event().dump(), e));
  CHECK(e.event_id == "01JDEVENT");
  CHECK(e.app.value == 1400000001);
  CHECK(to_ms(e.occurred_at) == 1795225887405);
  CHECK(to_ms(e.expires_at) == 1795312287405);
  CHECK(e.kind == EventKind::Group);
  CHECK(e.from_user == "denny");
  CHECK(e.from_nick == "Denny");
  CHECK(e.from_name_card == "Den");
  CHECK(e.group_id == "g1");
  CHECK(e.group_name == "Climbing");
  CHECK(e.message_id == "144115-1-7");
  CHECK(e.message_seq == 7);
  CHECK(to_ms(e.message_sent_at) == 1795225887300);
  CHECK(e.priority == Priority::High);
  CHECK(e.online_only);
  REQUIRE(e.elements.size() == 1);
  CHECK(e.elements[0].type == ElementType::Text);
  CHECK(e.elements[0].text == "tonight?");
  CHECK(e.push_disabled);
  CHECK(e.common.title == "T");
  CHECK(e.common.desc == "D");
  CHECK(e.ext == R"({"conv":"c2c_denny"})");
  CHECK(e.android.title == "AT");
  CHECK(e.android.desc == "AD");
  CHECK(e.apns.title == "IT");
  CHECK(e.apns.desc == "ID");
  CHECK(e.apns_sound == "bell.caf");
  CHECK_FALSE(e.apns_badge);
  CHECK(e.apns_mutable_content);
  CHECK(e.apns_category == "REPLY");
  CHECK(e.apns_level == "time-sensitive");
  CHECK(e.subtitle == "ST");
  CHECK(e.image == "https://e.com/a.png");
  CHECK(e.loc_title_key == "T_FROM");
  CHECK(std::ranges::equal(e.loc_title_args, std::array{"Denny"sv}));
  CHECK(e.loc_body_key == "B_TEXT");
  CHECK(std::ranges::equal(e.loc_body_args, std::array{"Denny"sv, "hi"sv}));
  REQUIRE(e.to.size() == 1);
  CHECK(e.to[0].user_id == "vinson");
  CHECK(e.to[0].unread == 3);
  CHECK(e.to[0].mentioned);
  CHECK(std::ranges::equal(e.due_of(e.to[0]), std::array{"phone"sv, "pad"sv}));
}

TEST_CASE("decode: what is not said has its default, and nothing stays from the event before", "[dispatch][decode]") {
  Decoder decoder(1'000'000, 1000);
  OfflineEvent e;
  REQUIRE(decoder.decode(full_event().dump(), e));
  REQUIRE(decoder.decode(least_event().dump(), e));
  CHECK(e.message_sent_at == e.occurred_at);
  CHECK(e.priority == Priority::Normal);
  CHECK(e.apns_badge);
  CHECK(e.elements.empty());
  CHECK(e.to.size() == 1);
  CHECK(e.to[0].unread == -1);
  CHECK_FALSE(e.to[0].mentioned);
  CHECK(e.due_of(e.to[0]).empty());
  CHECK_FALSE(e.push_disabled);
  CHECK_FALSE(e.online_only);
  CHECK(e.group_id.empty());
  CHECK(e.loc_title_key.empty());
  CHECK(e.loc_body_args.empty());
  CHECK(e.ext.empty());
  CHECK(e.common.title.empty());
}

TEST_CASE("decode: each receiver has the devices named for it, once", "[dispatch][decode]") {
  json event = least_event();
  event["to"] = json::array({{{"user_id", "a"}, {"devices", {"1", "2", "1"}}},
                             {{"user_id", "b"}},
                             {{"user_id", "a"}, {"devices", {"9"}}},
                             {{"user_id", "c"}, {"devices", {"1"}}}});
  OfflineEvent e;
  REQUIRE(decode(event.dump(), e));
  REQUIRE(e.to.size() == 3);
  CHECK(std::ranges::equal(e.due_of(e.to[0]), std::array{"1"sv, "2"sv}));
  CHECK(e.due_of(e.to[1]).empty());
  CHECK(std::ranges::equal(e.due_of(e.to[2]), std::array{"1"sv}));

  const auto fault = [&](json devices) {
    json wrong = least_event();
    wrong["to"][0]["devices"] = std::move(devices);
    return fault_of(wrong);
  };
  CHECK(fault(nullptr).empty());
  CHECK(fault(json::array()) == "$.to[0].devices: empty");
  CHECK(fault({"a", ""}) == "$.to[0].devices[1]: empty");
  CHECK(fault({"a", 1}).starts_with("$.to[0].devices[1]: expected a string"));
  CHECK(fault({std::string(256, 'x')}).starts_with("$.to[0].devices[0]: "));
  json many = json::array();
  for (int i = 0; i < 101; ++i) many.push_back(std::to_string(i));
  CHECK(fault(many).starts_with("$.to[0].devices: "));
}

TEST_CASE("decode: the schema says what decode does", "[dispatch][decode]") {
  int members = 0;
  each_member(event_schema(), "", "$",
              [&](const json& member, bool must, const std::string& pointer, const std::string& path) {
                CAPTURE(path);
                ++members;
                const json::json_pointer at(pointer);
                json event = full_event();
                REQUIRE(event.contains(at));  // full_event() has every member the schema describes
                REQUIRE(fault_of(event).empty());

                // Missing. What only some kinds need is checked in a case of its own.
                const bool conditional = path == "$.from" || path == "$.group" || path == "$.message" ||
                                         path == "$.message.elements" || path == "$.message.elements[0].text" ||
                                         path.starts_with("$.push.loc.");
                json without = event;
                without.at(at.parent_pointer()).erase(at.back());
                if (must) CHECK(fault_of(without) == path + ": missing");
                if (!must && !conditional) CHECK(fault_of(without).empty());

                // Null: allowed where it says so, and only there.
                event[at] = nullptr;
                CHECK(allows(member, "null") == !must);
                if (must) CHECK(fault_of(event).starts_with(path + ": expected "));
                if (!must && !conditional) CHECK(fault_of(event).empty());

                const std::map<std::string, json> samples = {{"string", "x"},
                                                             {"integer", 1795225887405},
                                                             {"boolean", true},
                                                             {"object", json::object()},
                                                             {"array", json::array()}};
                for (const auto& [type, sample] : samples) {
                  CAPTURE(type);
                  event[at] = sample;
                  if (!allows(member, type)) CHECK(fault_of(event).starts_with(path + ": expected "));
                }
                if (allows(member, "integer")) {
                  event[at] = 1.5;
                  CHECK(fault_of(event).starts_with(path + ": 1.5 is no 64-bit integer"));
                  event[at] = member["minimum"].get<std::int64_t>() - 1;
                  CHECK(fault_of(event).starts_with(path + ": "));
                  event[at] = member["minimum"];
                  CHECK(fault_of(event).empty());
                  event[at] = member["maximum"];
                  CHECK(fault_of(event).empty());
                  if (member["maximum"] < std::numeric_limits<std::int64_t>::max()) {
                    event[at] = member["maximum"].get<std::int64_t>() + 1;
                    CHECK(fault_of(event).starts_with(path + ": "));
                  }
                }
                if (member.contains("maxLength")) {
                  const auto longest = member["maxLength"].get<std::size_t>();
                  event[at] = std::string(longest, 'x');
                  CHECK(fault_of(event).empty());
                  event[at] = std::string(longest + 1, 'x');
                  CHECK(fault_of(event) == path + ": longer than " + std::to_string(longest) + " bytes");
                  event[at] = "";
                  CHECK(fault_of(event) == path + ": empty");
                  event[at] = "a\nb";
                  CHECK(fault_of(event) == (path == "$.message.id" ? "" : path + ": has a control character"));
                  // Bytes of UTF-8, whatever the characters.
                  std::string wide;
                  while (wide.size() + 3 <= longest) wide += "文";
                  event[at] = wide;
                  CHECK(fault_of(event).empty());
                  event[at] = wide + "文";
                  CHECK(fault_of(event) == path + ": longer than " + std::to_string(longest) + " bytes");
                }
                if (member.contains("enum")) {
                  for (const json& word : member["enum"]) {
                    event[at] = word;
                    CHECK(fault_of(event).empty());
                  }
                  event[at] = "none of these";
                  CHECK(fault_of(event).starts_with(path + ": none of "));
                }
              });
  CHECK(members == 60);
}

TEST_CASE("decode: integers in whatever form, exactly", "[dispatch][decode]") {
  struct Row {
    const char* written;
    std::int64_t want;
  };
  const Row row = GENERATE(values<Row>({{"1795225887405", 1795225887405},
                                        {"1795225887405.0", 1795225887405},
                                        {"1795225887405.000", 1795225887405},
                                        {"1.795e12", 1795000000000},
                                        {"1.795225887405E+12", 1795225887405},
                                        {"17952258874050e-1", 1795225887405},
                                        {"1795225887405000e-3", 1795225887405},
                                        {"0.1795225887405e13", 1795225887405}}));
  CAPTURE(row.written);
  std::string text = least_event().dump();
  const std::string name = "\"occurred_at\":";
  const std::size_t at = text.find(name) + name.size();
  text.replace(at, text.find_first_of(",}", at) - at, row.written);
  OfflineEvent e;
  REQUIRE(decode(text, e));
  CHECK(to_ms(e.occurred_at) == row.want);
  CHECK(e.to.size() == 1);
}

TEST_CASE("decode: a byte order mark before the event is passed over", "[dispatch][decode]") {
  const std::string good = full_event().dump();
  CHECK(fault_of("\xef\xbb\xbf" + good).empty());
  CHECK(fault_of("\xef\xbb\xbf"s) == "$: empty");
  CHECK_FALSE(fault_of("\xef\xbb\xbf\xef\xbb\xbf" + good).empty());
  CHECK_FALSE(fault_of("\xef\xbb" + good).empty());
}

TEST_CASE("decode: of a message's priority the lowest is low", "[dispatch][decode]") {
  json event = least_event();
  event["message"]["priority"] = "lowest";
  OfflineEvent e;
  REQUIRE(decode(event.dump(), e));
  CHECK(e.priority == Priority::Low);
}

TEST_CASE("decode: what some kinds need", "[dispatch][decode]") {
  struct Row {
    const char *kind, *without, *want;
  };
  const Row row = GENERATE(values<Row>({{"c2c", "from", "$.from: missing"},
                                        {"group", "from", "$.from: missing"},
                                        {"group", "group", "$.group: missing"},
                                        {"c2c", "group", ""},
                                        {"group", "message", "$.message: missing"},
                                        {"system", "from", ""},
                                        {"system", "group", ""},
                                        {"system", "message", "$.message: missing"},
                                        {"cancel", "from", ""},
                                        {"cancel", "group", ""},
                                        {"cancel", "cancel", ""},
                                        {"cancel", "push", ""},
                                        {"cancel", "message", "$.message: missing"},
                                        {"badge", "from", ""},
                                        {"badge", "group", ""},
                                        {"badge", "message", ""},
                                        {"badge", "to", "$.to: missing"},
                                        {"call", "from", "$.from: missing"},
                                        {"call", "group", ""},
                                        {"call", "push", ""},
                                        {"call", "message", "$.message: missing"}}));
  CAPTURE(row.kind, row.without);
  json event = full_event();
  event["kind"] = row.kind;
  event.erase(row.without);
  CHECK(fault_of(event) == row.want);
}

TEST_CASE("decode: what a cancel, a badge and a call need of the message, the conversation and the number",
          "[dispatch][decode]") {
  struct Row {
    const char* name;
    void (*change)(json& event);
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {"a recall names its message alone", [](json& e) { e["message"] = {{"id", "m"}}, e.erase("cancel"); }, ""},
      {"without its id", [](json& e) { e["message"].erase("id"); }, "$.message.id: missing"},
      {"null is none", [](json& e) { e["message"] = nullptr; }, "$.message: missing"},
      {"read up to nothing", [](json& e) { e["message"].erase("seq"); },
       "$.message.seq: missing: read up to which message?"},
      {"read up to 0", [](json& e) { e["message"]["seq"] = 0; }, "$.message.seq: missing: read up to which message?"},
      {"read in a group alone", [](json& e) { e.erase("from"); }, ""},
      {"read from a user alone", [](json& e) { e.erase("group"); }, ""},
      {"read nowhere", [](json& e) { e.erase("from"), e.erase("group"); },
       "$.from: missing, and so is group: in which conversation?"},
      {"a recall nowhere", [](json& e) { e.erase("from"), e.erase("group"), e["cancel"]["reason"] = "recalled"; }, ""},
      {"a call's end nowhere", [](json& e) { e.erase("from"), e.erase("group"), e["cancel"]["reason"] = "call_ended"; },
       ""},
      {"a call without elements", [](json& e) { e["kind"] = "call", e["message"] = {{"id", "c"}}; }, ""},
      {"a call without an id", [](json& e) { e["kind"] = "call", e["message"].erase("id"); }, "$.message.id: missing"},
      {"a call of nobody", [](json& e) { e["kind"] = "call", e["from"] = nullptr; }, "$.from: missing"},
      {"a number that is 0", [](json& e) { e["kind"] = "badge", e["to"][0]["unread"] = 0; }, ""},
      {"no number", [](json& e) { e["kind"] = "badge", e["to"][0].erase("unread"); },
       "$.to[0].unread: missing: it is the badge's number"},
      {"one without a number",
       [](json& e) { e["kind"] = "badge", e["to"].push_back({{"user_id", "x"}, {"unread", nullptr}}); },
       "$.to[1].unread: missing: it is the badge's number"},
  }));
  CAPTURE(row.name);
  json event = full_event();
  event["kind"] = "cancel";
  row.change(event);
  CHECK(fault_of(event) == row.want);
}

TEST_CASE("decode: the schema's examples of its other kinds", "[dispatch][decode]") {
  const json examples = event_schema()["examples"];
  REQUIRE(examples.size() == 5);
  OfflineEvent e;
  REQUIRE(decode(examples[0].dump(), e));
  CHECK(e.kind == EventKind::Cancel);
  CHECK(e.cancel == CancelReason::Recalled);
  CHECK(e.message_id == "144115-7");
  REQUIRE(decode(examples[1].dump(), e));
  CHECK(e.kind == EventKind::Cancel);
  CHECK(e.cancel == CancelReason::Read);
  CHECK(e.message_seq == 9);
  REQUIRE(decode(examples[2].dump(), e));
  CHECK(e.kind == EventKind::Badge);
  CHECK(e.to.at(0).unread == 0);
  CHECK(e.message_id == "badge-only");
  REQUIRE(decode(examples[3].dump(), e));
  CHECK(e.is_call());
  CHECK_FALSE(e.in_group());
  CHECK(e.message_id == "call-8841");
  REQUIRE(decode(examples[4].dump(), e));
  CHECK(e.kind == EventKind::Cancel);
  CHECK(e.cancel == CancelReason::CallEnded);
}

TEST_CASE("decode: element types", "[dispatch][decode]") {
  json event = least_event();
  event["message"]["elements"] = json::parse(R"([
    {"type": "text", "text": "hi"}, {"type": "voice"}, {"type": "file"}, {"type": "image"}, {"type": "video"},
    {"type": "location", "desc": "home"}, {"type": "face"}, {"type": "merged"}, {"type": "card"},
    {"type": "custom", "desc": "a poll"}, {"type": "custom"}, {"type": "hologram", "desc": "soon"}])");
  OfflineEvent e;
  REQUIRE(decode(event.dump(), e));
  REQUIRE(e.elements.size() == 12);
  for (std::size_t i = 0; i < 10; ++i) CHECK(static_cast<std::size_t>(e.elements[i].type) == i);
  CHECK(e.elements[5].text.empty());
  CHECK(e.elements[9].text == "a poll");
  CHECK(e.elements[10].text.empty());
  CHECK(e.elements[11].type == ElementType::Other);
  CHECK(e.elements[11].text == "soon");

  event["message"]["elements"] = json::parse(R"([{"type": "face"}, {"type": "text"}])");
  CHECK(fault_of(event) == "$.message.elements[1].text: missing");
}

TEST_CASE("decode: paths name the place", "[dispatch][decode]") {
  struct Row {
    const char *text, *want;
  };
  const Row row = GENERATE(values<Row>({
      {R"([1])", "$: expected an object, found an array"},
      {R"("event")", "$: expected an object"},
      {"null", "$: expected an object"},
      {"7", "$: expected an object"},
      {R"({"event_id":"a","event_id":"b"})", "$.event_id: there twice"},
      {R"({"event_id":"a","event\u005fid":"b"})", "$.event_id: there twice"},
      {R"({"app_id":"1"})", "$.app_id: expected an integer, found a string"},
      {R"({"app_id":0})", "$.app_id: 0 is not in [1, 9223372036854775807]"},
      {R"({"app_id":9223372036854775808})", "$.app_id: 9223372036854775808 is no 64-bit integer"},
      {R"({"app_id":1e-3})", "$.app_id: 1e-3 is no 64-bit integer"},
      {R"({"app_id":1e20})", "$.app_id: 1e20 is no 64-bit integer"},
      {R"({"app_id":1e99999999999})", "$.app_id: 1e99999999999 is no 64-bit integer"},
      {R"({"app_id":1.e3})", "$.app_id: 1.e3 is no 64-bit integer"},
      {R"({"push":{"image":"http://e.com/a.png"}})", "$.push.image: not an https URL"},
      {R"({"push":{"image":"https://e.com/a b"}})", "$.push.image: not an https URL"},
      {R"({"push":{"apns":{"interruption_level":"loud"}}})",
       "$.push.apns.interruption_level: none of passive, active, time-sensitive, critical"},
      {R"({"app_id":007})", "$.app_id: 007 is no 64-bit integer"},
      {R"({"app_id":-})", "$.app_id: - is no 64-bit integer"},
      {R"({"expires_at":"soon"})", "$.expires_at: expected an integer, found a string"},
      {R"({"expires_at":1795312287})", "$.expires_at: 1795312287 is before 2000: milliseconds are expected"},
      {R"({"kind":"room"})", "$.kind: none of c2c, group, system, cancel, badge, call"},
      {R"({"cancel":{}})", "$.cancel.reason: missing"},
      {R"({"cancel":{"reason":"bored"}})", "$.cancel.reason: none of recalled, read, call_ended"},
      {R"({"cancel":"recalled"})", "$.cancel: expected an object, found a string"},
      {R"({"to":[]})", "$.to: empty"},
      {R"({"to":{}})", "$.to: expected an array, found an object"},
      {R"({"to":[{"user_id":"a"},{"user_id":"b"},7]})", "$.to[2]: expected an object, found a number"},
      {R"({"to":[{"user_id":"a"},{"unread":1}]})", "$.to[1].user_id: missing"},
      {R"({"push":{"disabled":"yes"}})", "$.push.disabled: expected a boolean, found a string"},
      {R"({"push":{"disabled":truely}})", "$.push.disabled: expected a boolean, found a boolean"},
      {R"({"push":{"apns":{"badge":"maybe"}}})", "$.push.apns.badge: none of ignore, count"},
      {R"({"push":{"ext":"\q"}})", "$.push.ext: a bad escape"},
      {R"({"push":{"ext":"\u12"}})", "$.push.ext: a bad escape"},
  }));
  CAPTURE(row.text);
  CHECK(fault_of(std::string(row.text)) == row.want);
}

TEST_CASE("decode: what is no JSON at all", "[dispatch][decode]") {
  const std::string good = full_event().dump();
  CHECK(fault_of(""s) == "$: empty");
  CHECK(fault_of("   "s) == "$: empty");
  CHECK(fault_of(good + "x") == "$: text after the event");
  CHECK(fault_of(good + good) == "$: text after the event");
  CHECK(fault_of(good + "}") == "$: text after the event");
  CHECK(fault_of(good + " \n").empty());
  CHECK(fault_of("\xff"s + good).starts_with("$: "));
  for (std::size_t length = 1; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(fault_of(good.substr(0, length)).empty());
  }
  std::string bytes = good;
  bytes[bytes.find("Denny")] = '\xc3';
  CHECK(fault_of(bytes) == "$: not UTF-8");
  bytes = good;
  bytes[bytes.find("Denny")] = '\x01';
  CHECK_FALSE(fault_of(bytes).empty());
}

TEST_CASE("decode: unknown members are skipped, whatever they hold", "[dispatch][decode]") {
  json event = least_event();
  event["future"] = {{"to", {1, 2, {{"deep", nullptr}}}}};
  event["from"]["avatar"] = "https://example.com/a.png";
  event["to"][0]["platforms"] = {"ios"};
  CHECK(fault_of(event).empty());
  const std::string deep(100'000, '[');
  const std::string closed(100'000, ']');
  std::string text = least_event().dump();
  text.back() = ',';
  CHECK_FALSE(fault_of(text + "\"x\":" + deep).empty());
  CHECK(fault_of(text + "\"x\":" + deep + closed + "}").empty());
}

TEST_CASE("decode: text is unescaped; half an emoji becomes U+FFFD", "[dispatch][decode]") {
  struct Row {
    const char *escaped, *want;
  };
  const Row row = GENERATE(values<Row>({
      {R"(plain 文字)", "plain 文字"},
      {R"(a\"b\\c\/d\n)", "a\"b\\c/d\n"},
      {R"(\u6587\u5b57)", "文字"},
      {R"(\ud83d\ude00)", "😀"},
      {R"(\uD83D\uDE00!)", "😀!"},
      {R"(\ud83d)", "\uFFFD"},
      {R"(\ud83d rest)", "\uFFFD rest"},
      {R"(\ude00\ud83d)", "\uFFFD\uFFFD"},
      {R"(\ud83d\ud83d\ude00)", "\uFFFD😀"},
      {R"(\\ud83d)", "\\ud83d"},
      {R"(\\\ud83d)", "\\\uFFFD"},
      {R"(\ud83d\n)", "\uFFFD\n"},
  }));
  CAPTURE(row.escaped);
  std::string text = least_event().dump();
  text.back() = ',';
  OfflineEvent e;
  const std::string event = text + R"("push":{"desc":")" + row.escaped + R"(","title":"\t","ext":"\\"}})";
  REQUIRE(decode(event, e));
  CHECK(e.common.desc == row.want);
  CHECK(e.common.title == "\t");  // what was unescaped before stays
  CHECK(e.ext == "\\");
  CHECK(e.buffer.bytes() == event);
}

TEST_CASE("decode: bounds on receivers, elements and bytes", "[dispatch][decode]") {
  json event = least_event();
  for (int i = 1; i < 1000; ++i) event["to"].push_back({{"user_id", "user-" + std::to_string(i)}});
  CHECK(fault_of(event).empty());
  event["to"].push_back({{"user_id", "one too many"}});
  CHECK(fault_of(event) == "$.to: more than 1000");

  event = least_event();
  for (int i = 0; i < 1001; ++i) event["message"]["elements"].push_back({{"type", "face"}});
  CHECK(fault_of(event) == "$.message.elements: more than 1000");

  const std::string text = least_event().dump();
  Decoder tight(text.size(), 1000);
  OfflineEvent e;
  CHECK(tight.decode(text, e));
  const Result<void> larger = tight.decode(text + " ", e);
  REQUIRE_FALSE(larger);
  CHECK(larger.error().detail ==
        "$: " + std::to_string(text.size() + 1) + " bytes, at most " + std::to_string(text.size()) + " are taken");
  CHECK(e.buffer.bytes() == text + " ");
}

TEST_CASE("decode: a user named twice counts once, the first time", "[dispatch][decode]") {
  json event = least_event();
  event["to"] = json::array();
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 400; ++i) event["to"].push_back({{"user_id", "u" + std::to_string(i)}, {"unread", round}});
  OfflineEvent e;
  REQUIRE(decode(event.dump(), e));
  REQUIRE(e.to.size() == 400);
  for (int i = 0; i < 400; ++i) {
    CHECK(e.to[static_cast<std::size_t>(i)].user_id == "u" + std::to_string(i));
    CHECK(e.to[static_cast<std::size_t>(i)].unread == 0);
  }
}

TEST_CASE("decode: the event id is known wherever it was read before the fault", "[dispatch][decode]") {
  OfflineEvent e;
  CHECK_FALSE(decode(R"({"event_id":"e1","app_id":"x"})", e));
  CHECK(e.event_id == "e1");
  CHECK_FALSE(decode(R"({"app_id":"x","event_id":"e1"})", e));
  CHECK(e.event_id.empty());
}
