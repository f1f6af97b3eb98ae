// Frames as text: what clients say and what they hear, against PROTOCOL.md and its schema.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "im/gateway/client_frame.h"
#include "im/gateway/server_frame.h"
#include "support/json_schema.h"

namespace nightpost::im {
namespace {

using nlohmann::json;

const testing::JsonSchema& schema() {
  static const auto all = testing::JsonSchema::from_file(NIGHTPOST_SOURCE_DIR "/config/schemas/im-frames.schema.json");
  return all;
}
std::string joined(const std::vector<std::string>& mistakes) {
  std::string all;
  for (const std::string& each : mistakes) all += each + "\n";
  return all;
}
/// A frame as the schema has it.
json valid(const std::string& frame) {
  CAPTURE(frame);
  const json value = json::parse(frame);
  CHECK(joined(schema().mistakes(value)) == "");
  return value;
}

std::vector<std::string> examples() {
  std::ifstream file(NIGHTPOST_SOURCE_DIR "/src/im/PROTOCOL.md");
  std::vector<std::string> all;
  std::string line;
  while (std::getline(file, line)) {
    if (line != "```json") continue;
    std::string example;
    while (std::getline(file, line) && line != "```") example += line;
    all.push_back(example);
  }
  return all;
}

TEST_CASE("frames: each example of the protocol is as the schema says and is read", "[im][frames]") {
  FrameParser parser;
  std::set<std::string> types;
  for (const std::string& example : examples()) {
    CAPTURE(example);
    const json value = valid(example);
    const std::string type = value["type"];
    types.insert(type);
    if (type != "hello" && type != "req" && type != "ack" && type != "ping") continue;
    const auto parsed = parser.parse(example);
    if (!parsed) FAIL(parsed.error().refusal.why);
    const std::array<std::string, 4> names = {"hello", "req", "ack", "ping"};
    CHECK(names.at(parsed->index()) == type);
  }
  CHECK(types.size() == 10);  // every type has an example
}

TEST_CASE("frames: a schema's mistakes are found", "[im][frames]") {
  for (const char* frame : {
           R"({"type":"frob"})",
           R"({"type":"hello","versions":[1],"app":1,"user":"a","sig":"","device":"d"})",
           R"({"type":"welcome","code":70001})",
           R"({"type":"req","id":0,"op":"blacks","body":{}})",
           R"({"type":"req","id":1,"op":"send","body":{"to":"b","client_id":"c","elements":{}}})",
           R"({"type":"res","id":1,"code":0})",
           R"({"type":"res","id":1,"code":0,"body":{"messages":[{"id":"7-0"}]}})",
           R"({"type":"deliver","pos":1,"unread_total":0,"items":[{"kind":"recall","peer":"b"}]})",
           R"({"type":"bye","reason":"slow","reconnect":true,"delay_ms":0,"why":""})",
       }) {
    CAPTURE(frame);
    CHECK_FALSE(schema().mistakes(json::parse(frame)).empty());
  }
}

TEST_CASE("frames: what is refused, with the place", "[im][frames]") {
  struct Row {
    const char* frame;
    std::int64_t id;
    const char* why;
    Code code = Code::Malformed;
  };
  const Row row = GENERATE(values<Row>({
      {"", 0, "not JSON: "},
      {"{", 0, "not JSON: "},
      {"nonsense", 0, "not JSON: "},
      {R"({"type":"ping"}x)", 0, "not JSON: "},
      {"{\"type\":\"\xff\"}", 0, "not JSON: "},
      {"[]", 0, "not an object"},
      {"null", 0, "not an object"},
      {"{}", 0, "type: missing"},
      {R"({"type":7})", 0, "type: not a string"},
      {R"({"type":"welcome"})", 0, "type: unknown"},
      {R"({"type":"req"})", 0, "id: missing"},
      {R"({"type":"req","id":"1"})", 0, "id: not a whole number"},
      {R"({"type":"req","id":0})", 0, "id: 0 is not in [1, 9007199254740991]"},
      {R"({"type":"req","id":1.5})", 0, "id: not a whole number"},
      {R"({"type":"req","id":9007199254740992})", 0, "id: 9007199254740992 is not in [1, 9007199254740991]"},
      {R"({"type":"req","id":18446744073709551615})", 0, "id: not a whole number"},
      {R"({"type":"req","id":3})", 3, "op: missing"},
      {R"({"type":"req","id":3,"op":"send"})", 3, "body: missing"},
      {R"({"type":"req","id":3,"op":"send","body":[]})", 3, "body: not an object"},
      {R"({"type":"req","id":3,"op":"fly","body":{}})", 3, "op: unknown", Code::UnknownOp},
      {R"({"type":"req","id":3,"op":"send","body":{}})", 3, "body.to: missing"},
      {R"({"type":"req","id":3,"op":"send","body":{"to":null}})", 3, "body.to: missing"},
      {R"({"type":"req","id":3,"op":"send","body":{"to":5}})", 3, "body.to: not a string"},
      {R"({"type":"req","id":3,"op":"send","body":{"to":"b","client_id":"c","elements":"x"}})", 3,
       "body.elements: not an array"},
      {R"({"type":"req","id":3,"op":"send","body":{"to":"b","client_id":"c","elements":[],"push":[]}})", 3,
       "body.push: not an object"},
      {R"({"type":"req","id":3,"op":"send","body":{"to":"b","client_id":"c","elements":[],"priority":"top"}})", 3,
       "body.priority: an unknown word"},
      {R"({"type":"req","id":3,"op":"send","body":{"to":"b","client_id":"c","elements":[],"no_last":1}})", 3,
       "body.no_last: not true or false"},
      {R"({"type":"req","id":3,"op":"recall","body":{"id":"7"}})", 3, "body.id: not the id of a message"},
      {R"({"type":"req","id":3,"op":"remove","body":{"ids":[]}})", 3, "body.ids: has 0 entries, 1 to 30 are allowed"},
      {R"({"type":"req","id":3,"op":"remove","body":{"ids":["7-1","x"]}})", 3, "body.ids[1]: not the id of a message"},
      {R"({"type":"req","id":3,"op":"read","body":{"peer":"b","seq":1,"until":2}})", 3,
       "body.until: stands beside seq"},
      {R"({"type":"req","id":3,"op":"read","body":{"peer":"b","seq":-1}})", 3,
       "body.seq: -1 is not in [0, 9007199254740991]"},
      {R"({"type":"req","id":3,"op":"pull","body":{"peer":"b","after":1,"before":2}})", 3,
       "body.before: stands beside after"},
      {R"({"type":"req","id":3,"op":"pull","body":{"peer":"b","limit":101}})", 3, "body.limit: 101 is not in [1, 100]"},
      {R"({"type":"req","id":3,"op":"sync","body":{"ver":"1"}})", 3, "body.ver: not a whole number"},
      {R"({"type":"req","id":3,"op":"token","body":{"certificate":1}})", 3, "body.token: missing"},
      {R"({"type":"req","id":3,"op":"state","body":{}})", 3, "body.foreground: missing"},
      {R"({"type":"req","id":3,"op":"state","body":{"foreground":true,"unread":2147483648}})", 3,
       "body.unread: 2147483648 is not in [0, 2147483647]"},
      {R"({"type":"req","id":3,"op":"mute","body":{"kind":"peer"}})", 3, "body.target: missing"},
      {R"({"type":"req","id":3,"op":"mute","body":{"kind":"us"}})", 3, "body.kind: an unknown word"},
      {R"({"type":"req","id":3,"op":"profiles","body":{"users":[1]}})", 3, "body.users[0]: not a string"},
      {R"({"type":"req","id":3,"op":"black","body":{}})", 3, "body.user: missing"},
      {R"({"type":"ack"})", 0, "pos: missing, and so is ver"},
      {R"({"type":"ack","pos":-1})", 0, "pos: -1 is not in [0, 9007199254740991]"},
      {R"({"type":"ack","ver":true})", 0, "ver: not a whole number"},
      {R"({"type":"hello"})", 0, "versions: missing"},
      {R"({"type":"hello","versions":[2,3],"app":1,"user":"a","sig":"s","device":"d","platform":"ios"})", 0,
       "versions: only 1 is spoken here"},
      {R"({"type":"hello","versions":["1"],"app":1,"user":"a","sig":"s","device":"d","platform":"ios"})", 0,
       "versions[0]: not a whole number"},
      {R"({"type":"hello","versions":[1],"app":"1","user":"a","sig":"s","device":"d","platform":"ios"})", 0,
       "app: not a whole number"},
      {R"({"type":"hello","versions":[1],"app":1,"user":"a","sig":"s","device":"d","platform":"amiga"})", 0,
       "platform: an unknown word"},
  }));
  CAPTURE(row.frame);
  FrameParser parser;
  const auto parsed = parser.parse(row.frame);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().id == row.id);
  CHECK(parsed.error().refusal.code == row.code);
  CHECK(parsed.error().refusal.why.starts_with(row.why));
}

TEST_CASE("frames: nesting is bounded", "[im][frames]") {
  FrameParser parser;
  const auto nested = [](std::size_t arrays) {
    return R"({"type":"req","id":1,"op":"send","body":{"to":"b","client_id":"c","elements":)" +
           std::string(arrays, '[') + std::string(arrays, ']') + "}}";
  };
  CHECK(parser.parse(nested(10)));
  const auto deep = parser.parse(nested(15));
  REQUIRE_FALSE(deep);
  CHECK(deep.error().refusal.why == "nested deeper than 16");
  CHECK_FALSE(parser.parse(nested(50'000)));
  CHECK(parser.parse(R"({"type":"ping"})"));  // and it goes on
  // Also once the parser has grown its buffers.
  CHECK(parser.parse(R"({"type":"ping","x":")" + std::string(200'000, 'x') + "\"}"));
  CHECK_FALSE(parser.parse(nested(15)));
}

TEST_CASE("frames: a request's members arrive", "[im][frames]") {
  FrameParser parser;
  const auto parse = [&](const std::string& text) {
    auto parsed = parser.parse(text);
    if (!parsed) FAIL(parsed.error().refusal.why);
    return *std::move(parsed);
  };
  {
    const auto frame = parse(
        R"({"new":{"a":[1]},"type":"hello","versions":[1,2],"app":1400000001,"user":"denny","sig":"s","device":"d","platform":"mini_program","language":"zh","force":true,"auto_read":true})");
    const LoginRequest& login = std::get<HelloFrame>(frame).login;
    CHECK(login.app == AppId{1400000001});
    CHECK(login.user == "denny");
    CHECK(login.signature == "s");
    CHECK(login.platform == Platform::MiniProgram);
    CHECK((login.language == "zh" && login.force && login.auto_read));
  }
  const auto request = [&]<class Body>(const std::string& op, const std::string& body, const Body*) {
    const auto frame = parse(R"({"type":"req","id":9,"op":")" + op + R"(","body":)" + body + "}");
    return std::get<Body>(std::get<RequestFrame>(frame).body);
  };
  const auto send = request(
      "send",
      R"({"to":"b","client_id":"c","elements":[ {"type":"text","text":"\u20ac\n"} ],"push":{"a": 1},"cloud_data":"x","priority":"lowest","online_only":true,"no_unread":true,"no_last":true})",
      static_cast<SendRequest*>(nullptr));
  CHECK(send.to == "b");
  CHECK(json::parse(send.elements) == json::parse(R"([{"type":"text","text":"€\n"}])"));
  CHECK(send.push == R"({"a":1})");
  CHECK(send.cloud_data == "x");
  CHECK(send.priority == Priority::Lowest);
  CHECK((send.online_only && send.no_unread && send.no_last));
  CHECK(request("recall", R"({"id":"7-2"})", static_cast<request::Recall*>(nullptr)).id ==
        MessageId{ConvId{7}, Seq{2}});
  CHECK(request("remove", R"({"ids":["7-2","7-3"]})", static_cast<request::Remove*>(nullptr)).ids.size() == 2);
  const auto read = request("read", R"({"peer":"b","until":1000})", static_cast<ReadRequest*>(nullptr));
  CHECK((read.until == wall_from_ms(1000) && !read.seq));
  const auto chat = request("chat", R"({"peer":"b","pinned":false,"mark":""})", static_cast<ChatChange*>(nullptr));
  CHECK((chat.pinned == false && chat.mark == "" && !chat.remove));
  const auto sync = request("sync", R"({})", static_cast<SyncRequest*>(nullptr));
  CHECK((sync.ver == Ver{0} && sync.limit == 100));
  const auto pull =
      request("pull", R"({"peer":"b","after":0,"changes":4,"limit":7})", static_cast<PullRequest*>(nullptr));
  CHECK((pull.after == Seq{0} && !pull.before && pull.changes == 4 && pull.limit == 7));
  const auto token =
      request("token", R"({"certificate":12,"token":"t","kind":"fid"})", static_cast<TokenReport*>(nullptr));
  CHECK((token.certificate == CertificateId{12} && token.token == DeviceToken("t", TokenKind::Fid)));
  const auto state = request("state", R"({"foreground":false,"unread":3})", static_cast<AppState*>(nullptr));
  CHECK((!state.foreground && state.unread == 3));
  const auto settings =
      request("settings", R"({"enabled":false,"sound_c2c":"d"})", static_cast<PushSettings*>(nullptr));
  CHECK((!settings.enabled && settings.sound_c2c == "d" && settings.badge));
  const auto mute = request("mute", R"({"kind":"all","until":5,"on":false})", static_cast<request::SetMute*>(nullptr));
  CHECK((mute.mute.kind == Mute::Kind::All && mute.mute.until == wall_from_ms(5) && !mute.on));
  CHECK(request("mute", R"({"kind":"all"})", static_cast<request::SetMute*>(nullptr)).mute.until == WallTime::max());
  const auto profile = request("profile", R"({"nick":""})", static_cast<Profile*>(nullptr));
  CHECK((profile.nick == "" && !profile.face));
  CHECK(request("black", R"({"user":"m"})", static_cast<BlacklistChange*>(nullptr)).on);
  request("blacks", "{}", static_cast<request::Blacks*>(nullptr));
  request("logout", "{}", static_cast<request::Logout*>(nullptr));
  const auto ack = std::get<AckFrame>(parse(R"({"type":"ack","pos":0,"ver":7})"));
  CHECK((ack.pos == 0 && ack.ver == Ver{7}));
}

TEST_CASE("frames: the names of a request that is cut off", "[im][frames]") {
  struct Row {
    const char* text;
    std::int64_t id;
    const char* client_id;
  };
  const Row row = GENERATE(values<Row>({
      {R"({"type":"req","id":17,"op":"send","body":{"to":"b","client_id":"c-1","elements":[{"text":"aaa)", 17, "c-1"},
      {R"( { "id" : 17 , "body" : { "client_id" : "c-1" , )", 17, "c-1"},
      {R"({"body":{"elements":[{"client_id":"no","id":4}],"client_id":"c-1","x":"},"id":5)", 0, "c-1"},
      {R"({"body":{"elements":[[],{"a":{}}],"client_id":"c-1"},"id":5,)", 5, "c-1"},
      {R"({"elements":{"client_id":"no"},"client_id":"no","id":5,)", 5, ""},
      {R"({"body":[{"client_id":"no"}],"id":5,)", 5, ""},
      {R"({"x":"id\":7,","id":8,)", 8, ""},
      {R"({"id":"7","body":{"client_id":7,)", 0, ""},
      {R"({"id":12)", 0, ""},  // more digits may follow
      {R"({"id":99999999999999999999,)", 0, ""},
      {R"({"id":1.5,)", 0, ""},
      {R"({"id":-4,)", 0, ""},
      {R"({"id":1,"body":{"client_id":"cut)", 1, ""},
      {R"({"id":1,"body":{"client_id":"a\u0062",)", 1, ""},
      {"{\"id\":1,\"body\":{\"client_id\":\"\xff\",", 1, ""},
      {R"([[[[[[[[[[[[[[[[[[[[[[[[)", 0, ""},
      {R"(}}}}{"id":1,)", 0, ""},
      {R"("\)", 0, ""},
      {"", 0, ""},
  }));
  CAPTURE(row.text);
  const RequestNames names = names_of_cut_request(row.text);
  CHECK(names.id == row.id);
  CHECK(names.client_id == row.client_id);
}

Message a_message(std::int64_t seq) {
  Message message;
  message.id = {ConvId{144115188075855873}, Seq{seq}};
  message.at = wall_from_ms(1'795'225'887'405);
  message.from = "denny";
  message.to = "vin\"son";
  message.client_id = "c-1";
  message.elements = R"([{"type":"text","text":"€"}])";
  return message;
}

TEST_CASE("frames: what the server says, golden and by the schema", "[im][frames]") {
  Message full = a_message(7);
  full.nick = "D\n";
  full.face = "https://f";
  full.priority = Priority::High;
  full.flags = {.no_unread = true, .no_last = true, .recalled = false, .hidden_from_receiver = true};
  full.push = R"({"title":"t"})";
  full.cloud_data = "\"x\"";
  full.expires = wall_from_ms(1'795'225'999'000);
  const auto shared = std::make_shared<const std::string>(message_json(full));
  // That a message is hidden from its receiver is nobody's to read.
  CHECK(
      *shared ==
      R"({"id":"144115188075855873-7","time":1795225887405,"from":"denny","to":"vin\"son","nick":"D\n","face":"https://f","client_id":"c-1","priority":"high","elements":[{"type":"text","text":"€"}],"push":{"title":"t"},"cloud_data":"\"x\"","no_unread":true,"no_last":true,"expires":1795225999000})");
  const auto text = [](const DeliverFrame& frame) {
    return frame.head + (frame.shared ? *frame.shared : "") + std::string(frame.tail);
  };
  Delivery delivery;
  delivery.ver = Ver{9};
  delivery.unread_total = 4;
  delivery.item = NewMessage{.message = std::make_shared<const Message>(full), .unread = 2};
  CHECK(text(deliver_frame(3, delivery, shared)) ==
        R"({"type":"deliver","pos":3,"ver":9,"unread_total":4,"items":[{"kind":"message","unread":2,"message":)" +
            *shared + "}]}");
  valid(text(deliver_frame(3, delivery, shared)));
  delivery.item = ReadMark{"b", Seq{3}, 1};
  CHECK(valid(text(deliver_frame(4, delivery, nullptr)))["items"][0] ==
        json::parse(R"({"kind":"read","peer":"b","read":3,"unread":1})"));
  delivery.item = PeerRead{"b", Seq{3}};
  CHECK(valid(text(deliver_frame(5, delivery, nullptr)))["items"][0]["kind"] == "peer_read");
  delivery.item = Recalled{"b", {full.id, "denny", full.at}};
  CHECK(valid(text(deliver_frame(6, delivery, nullptr)))["items"][0]["id"] == "144115188075855873-7");
  Message changed = full;
  changed.flags.edited = true;
  delivery.item = MessageEdited{std::make_shared<const Message>(changed)};
  const auto as_edited = std::make_shared<const std::string>(message_json(changed));
  CHECK(valid(text(deliver_frame(6, delivery, as_edited)))["items"][0]["message"]["edited"] == true);
  changed.flags.recalled = true;  // a tombstone has nothing that could be edited
  CHECK_FALSE(message_json(changed).contains("edited"));
  delivery.item = ChatChanged{"b"};
  delivery.ver = {};
  CHECK(text(deliver_frame(7, delivery, nullptr)) ==
        R"({"type":"deliver","pos":7,"unread_total":4,"items":[{"kind":"chat","peer":"b"}]})");
  delivery.item = Removed{.peer = "b", .group = "", .ids = {full.id, a_message(1).id}};
  CHECK(valid(text(deliver_frame(7, delivery, nullptr)))["items"][0] ==
        json::parse(R"({"kind":"chat","peer":"b","removes":["144115188075855873-7","144115188075855873-1"]})"));
  delivery.item = Removed{.peer = "", .group = "g", .ids = {full.id}};
  CHECK(valid(text(deliver_frame(7, delivery, nullptr)))["items"][0] ==
        json::parse(R"({"kind":"group","group":"g","removes":["144115188075855873-7"]})"));

  LoginReply login;
  login.terminal = {{AppId{1}, "denny"}, "d", Epoch{1}, Platform::Ios};
  login.ver = Ver{9};
  CHECK(valid(welcome_frame(login, full.at, {}))["limits"]["frame_bytes"] == 65'536);
  CHECK(valid(welcome_refused_frame({Code::SigExpired, "over"}, seconds(1)))["retry_after_ms"] == 1000);
  CHECK(valid(res_refused_frame(0, {Code::Malformed, "bad \xff"}))["why"] == "bad \xef\xbf\xbd");
  CHECK(
      res_too_long_frame(18, "c-81", 70'213, 65'536) ==
      R"({"type":"res","id":18,"code":80002,"why":"the frame has 70213 bytes, 65536 are allowed","limit_bytes":65536,"client_id":"c-81"})");
  CHECK(behind_frame(Ver{9}) == R"({"type":"behind","ver":9})");
  valid(pong_frame(full.at));
  for (std::size_t reason = 0; reason < std::size_t(Bye::Count); ++reason)
    valid(bye_frame(Bye(reason), true, seconds(1), "w"));

  CHECK(valid(res_frame(1, send_body({full.id, full.at, Ver{9}, true})))["body"]["repeated"] == true);
  valid(res_frame(1, ver_body(Ver{1})));
  valid(res_frame(1, read_body({Seq{1}, 0, 2, Ver{3}})));
  CHECK(valid(res_frame(1, profiles_body({{"a", {"A", std::nullopt}}, {"b", {}}})))["body"]["profiles"].size() == 2);
  CHECK(valid(res_frame(1, users_body({"a", "b\""})))["body"]["users"][1] == "b\"");
  CHECK(users_body({}) == R"({"users":[]})");
  SyncReply sync;
  sync.chats.resize(2);
  sync.chats[0] = {.conv = ConvId{7}, .peer = "b", .ver = Ver{3}};
  sync.chats[1] = {
      .conv = ConvId{8}, .peer = "c", .head = Seq{7}, .pinned = true, .mark = "m", .ver = Ver{4}, .last = full};
  sync.ver = Ver{4};
  sync.reset = true;
  const json synced = valid(res_frame(1, sync_body(sync)))["body"];
  CHECK(synced["chats"][0] == json::parse(R"({"peer":"b","conv":"7","ver":3})"));
  CHECK(synced["chats"][1]["last"]["id"] == "144115188075855873-7");
  CHECK((synced["more"] == false && synced["reset"] == true));
  PullReply pull;
  pull.conv = ConvId{7};
  pull.messages = {a_message(1), a_message(2)};
  pull.from = Seq{1};
  pull.to = pull.head = Seq{2};
  pull.recalls = {{full.id, "denny", full.at}};
  pull.edits = {full.id, a_message(1).id};
  CHECK_FALSE(pull_body(pull, true).contains("removes"));
  pull.removes = {a_message(2).id};
  CHECK(valid(res_frame(1, pull_body(pull, true)))["body"]["removes"] == json::array({"144115188075855873-2"}));
  CHECK(valid(res_frame(1, pull_body(pull, true)))["body"]["edits"].size() == 2);
  CHECK(valid(res_frame(1, pull_body(pull, true)))["body"]["messages"][1]["id"] == "144115188075855873-2");
}

TEST_CASE("frames: an answer that would be too long has fewer rows, and joins on", "[im][frames]") {
  const std::string large = R"([{"type":"text","text":")" + std::string(60'000, 'x') + "\"}]";
  const auto pull = [&](std::int64_t first, std::int64_t last) {
    PullReply reply;
    reply.conv = ConvId{7};
    for (std::int64_t seq = first; seq <= last; ++seq) {
      reply.messages.push_back(a_message(seq));
      reply.messages.back().elements = large;
    }
    reply.from = Seq{first - 1};  // holes at both ends belong to the range
    reply.to = Seq{last + 1};
    reply.head = Seq{20};
    return reply;
  };
  {
    PullReply reply = pull(2, 9);
    const std::string text = res_frame(1, pull_body(reply, false));
    CHECK(text.size() <= kServerFrameBytesMax);
    const json body = valid(text)["body"];
    CHECK(body["messages"].size() == 4);
    CHECK(body["messages"][0]["id"] == "144115188075855873-2");
    CHECK((body["from"] == 1 && body["to"] == 5 && body["more"] == true));
  }
  {
    PullReply reply = pull(2, 9);
    const json body = valid(res_frame(1, pull_body(reply, true)))["body"];
    CHECK(body["messages"].size() == 4);
    CHECK(body["messages"][0]["id"] == "144115188075855873-6");
    CHECK(body["messages"][3]["id"] == "144115188075855873-9");
    CHECK((body["from"] == 6 && body["to"] == 10 && body["more"] == true));
  }
  SyncReply sync;
  for (std::int64_t i = 1; i <= 8; ++i) {
    Chat chat{.conv = ConvId{i}, .peer = "b", .ver = Ver{i * 10}};
    chat.last = a_message(1);
    chat.last->elements = large;
    sync.chats.push_back(chat);
  }
  sync.ver = Ver{80};
  const std::string text = res_frame(1, sync_body(sync));
  CHECK(text.size() <= kServerFrameBytesMax);
  const json body = valid(text)["body"];
  CHECK(body["chats"].size() == 4);
  CHECK((body["ver"] == 40 && body["more"] == true));
  CHECK((sync.ver == Ver{40} && sync.more));
}

}  // namespace
}  // namespace nightpost::im
