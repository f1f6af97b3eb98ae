// `nightpost chat` as a script runs it, against the gateway on a real TLS socket; behind it a service in memory.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "app/chat_wire.h"
#include "im/domain/user_sig.h"
#include "im/gateway/gateway.h"
#include "net/asio_loop.h"
#include "support/cli_run.h"
#include "support/test_identity.h"
#include "unit/im/gateway/fake_service.h"

namespace nightpost::app {
namespace {

using im::Answer;
using im::Reply;
using im::Terminal;
using nlohmann::json;

const std::string kKey = "000102030405060708090a0b0c0d0e0f";

struct Folder {
  Folder() {
    path = (std::filesystem::temp_directory_path() / "nightpost-chat-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name) << text;
    ::chmod((path + "/" + name).c_str(), 0600);
    return path + "/" + name;
  }
  std::string path;
};

/// What the process reads from its stdin meanwhile.
class TypedInput {
 public:
  explicit TypedInput(const std::string& text) : saved_(::dup(STDIN_FILENO)) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    REQUIRE(::write(ends[1], text.data(), text.size()) == ssize_t(text.size()));
    ::close(ends[1]);
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
  }
  ~TypedInput() {
    ::dup2(saved_, STDIN_FILENO);
    ::close(saved_);
  }
  TypedInput(const TypedInput&) = delete;
  TypedInput& operator=(const TypedInput&) = delete;

 private:
  int saved_;
};

/// One conversation, 7, of denny and vinson; and what a test wants to happen at a send and once the client is in sync.
struct World final : im::fake::ScriptedService {
  std::vector<im::Message> messages;
  std::vector<std::string> sent_ids;  // client ids, as they came
  std::function<bool()> at_send;      // true: it is not answered
  std::function<void(const Terminal&)> at_ack;
  std::int64_t ver = 10, epoch = 0;

  void login(im::LoginRequest request, Reply<im::LoginReply> reply) override {
    const auto checked =
        im::verify_user_sig(request.signature, AppId{7}, request.user, std::vector{kKey}, SystemClock().wall());
    if (!checked) return reply(std::unexpected(checked.error()));
    im::LoginReply good;
    good.terminal = {{request.app, request.user}, request.device, im::Epoch{++epoch}, request.platform};
    good.ver = im::Ver{ver};
    good.signature_ends = checked->ends;
    good.nick = "Denny";
    reply(std::move(good));
  }
  void send(const Terminal& who, im::SendRequest request, Reply<im::SendReply> reply) override {
    sent_ids.push_back(request.client_id);
    for (const im::Message& each : messages)
      if (each.client_id == request.client_id) {
        answer(each, true, std::move(reply));
        return;
      }
    im::Message message;
    message.id = {im::ConvId{7}, im::Seq{std::int64_t(messages.size()) + 1}};
    message.at = wall_from_ms(1'795'225'887'405);
    message.from = who.user.user;
    message.to = request.to;
    message.client_id = request.client_id;
    message.elements = request.elements;
    messages.push_back(message);
    ++ver;
    if (at_send && at_send()) return;
    answer(message, false, std::move(reply));
  }
  void answer(const im::Message& message, bool repeated, Reply<im::SendReply> reply) {
    reply(im::SendReply{.id = message.id, .at = message.at, .ver = im::Ver{ver}, .repeated = repeated});
  }
  void sync(const Terminal&, im::SyncRequest, Reply<im::SyncReply> reply) override {
    im::SyncReply all;
    all.ver = im::Ver{ver};
    if (!messages.empty()) {
      im::Chat chat;
      chat.conv = im::ConvId{7};
      chat.peer = "vinson";
      chat.head = messages.back().id.seq;
      chat.ver = all.ver;
      chat.last = messages.back();
      all.chats.push_back(std::move(chat));
    }
    reply(std::move(all));
  }
  void pull(const Terminal&, im::PullRequest, Reply<im::PullReply> reply) override {
    im::PullReply all;
    all.conv = im::ConvId{7};
    all.messages = messages;
    all.from = im::Seq{1};
    all.to = all.head = im::Seq{std::int64_t(messages.size())};
    reply(std::move(all));
  }
  void read(const Terminal&, im::ReadRequest, Reply<im::ReadReply> reply) override {
    reply(im::ReadReply{.read = im::Seq{std::int64_t(messages.size())}, .ver = im::Ver{ver}});
  }
  void recall(const Terminal&, im::MessageId id, Reply<im::Ver> reply) override {
    for (const im::Message& each : messages)
      if (each.id == id) return reply(im::Ver{ver});
    reply(im::refuse(im::Code::MessageUnknown, "no such message"));
  }
  void report_token(const Terminal&, im::TokenReport, Reply<void> reply) override { reply({}); }
  void report_state(const Terminal&, im::AppState, Reply<void> reply) override { reply({}); }
  void logout(const Terminal&, Reply<void> reply) override { reply({}); }
  void acknowledged(const Terminal& who, im::Ver to) override {
    ScriptedService::acknowledged(who, to);
    if (at_ack) at_ack(who);
  }
};

/// The server on a thread of its own. What `world` does is set before start().
class Server {
 public:
  World world;

  void start() {
    open();
    thread_ = std::thread([this] { loop_.run(); });
  }
  /// On the loop: ends without a word and listens anew at the same port.
  void restart() {
    boost::asio::post(loop_, [this] {
      tls_.reset();
      gateway_.reset();
      open();
    });
  }
  ~Server() {
    boost::asio::post(loop_, [this] {
      tls_.reset();
      gateway_.reset();
      loop_.stop();
    });
    if (thread_.joinable()) thread_.join();
  }
  void post(std::function<void(im::Gateway&)> work) {
    boost::asio::post(loop_, [this, work = std::move(work)] { work(*gateway_); });
  }
  std::string url(const std::string& path = "") const { return "wss://localhost:" + std::to_string(port_) + path; }
  const std::string& ca_pem() const { return identity_.certificate_pem; }

 private:
  void open() {
    gateway_.emplace(
        im::Gateway::Parts{
            .loop = turns_, .clock = clock_, .service = world, .groups = world, .calls = world, .metrics = metrics_},
        im::GatewayOptions{});
    auto started = server::TlsServer::start(
        loop_, {.port = port_},
        {.certificate_pem = identity_.certificate_pem, .private_key_pem = identity_.private_key_pem},
        gateway_->handler());
    if (!started) throw std::runtime_error(started.error().detail);
    tls_ = *std::move(started);
    port_ = tls_->port();
  }

  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop_.get_executor()};
  net::AsioLoop turns_{loop_};
  SystemClock clock_;
  im::GatewayMetrics metrics_;
  probe::Identity identity_ = probe::server_identity();
  std::optional<im::Gateway> gateway_;
  std::unique_ptr<server::TlsServer> tls_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

struct Ran {
  int code = -1;
  std::vector<json> events;
  std::string out, err;

  std::string kinds() const {
    std::string all;
    for (const json& each : events) all += each["event"].get<std::string>() + " ";
    return all;
  }
  json first(std::string_view kind) const {
    for (const json& each : events)
      if (each["event"] == kind) return each;
    return {};
  }
};

/// `more` stands instead of the usual options of that name.
Ran chat(const Folder& folder, const Server& server, const std::string& input, std::vector<std::string> more = {},
         bool as_json = true) {
  const std::vector<std::pair<std::string, std::string>> usual = {{"--server", server.url()},
                                                                  {"--ca-file", folder.file("ca.pem", server.ca_pem())},
                                                                  {"--app", "7"},
                                                                  {"--user", "denny"},
                                                                  {"--to", "vinson"},
                                                                  {"--key-file", folder.file("app.key", kKey + "\n")},
                                                                  {"--retry-s", "20"}};
  std::vector<std::string> arguments = {"chat"};
  for (const auto& [name, value] : usual)
    if (std::ranges::find(more, name) == more.end()) arguments.insert(arguments.end(), {name, value});
  if (as_json) arguments.push_back("--json");
  for (std::string& each : more) arguments.push_back(std::move(each));
  const TypedInput typed(input);
  const support::CliRan ran = support::run_cli(folder.path, std::move(arguments));
  Ran out{.code = ran.code, .events = {}, .out = ran.out, .err = ran.err};
  std::istringstream lines(ran.out);
  if (as_json)
    for (std::string line; std::getline(lines, line);) out.events.push_back(json::parse(line));
  return out;
}

TEST_CASE("chat: a script sends, looks, takes back and logs out", "[app][chat]") {
  const Folder folder;
  Server server;
  server.start();
  const Ran ran =
      chat(folder, server, "Dinner at 7?\n/history\n/read\n/recall 7-1\n/token 5 9d3c0f\n/background\n/list\n/logout\n",
           {"--platform", "ios"});
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.first("online")["nick"] == "Denny");
  CHECK(ran.first("chats")["chats"][0]["last"] == "Dinner at 7?");
  CHECK(ran.first("sent")["id"] == "7-1");
  CHECK(ran.first("history")["messages"][0]["text"] == "Dinner at 7?");
  CHECK(ran.events.back()["op"] == "logout");
  std::string done;
  for (const json& each : ran.events)
    if (each["event"] == "done") done += each["op"].get<std::string>() + " ";
  CHECK(done == "read recall token state logout ");
  CHECK(ran.first("failed").is_null());
}

TEST_CASE("chat: a script that is longer than what may wait is sent whole", "[app][chat]") {
  constexpr int kLines = 300;
  const Folder folder;
  Server server;
  server.start();
  std::string script;
  for (int i = 0; i < kLines; ++i) script += "line " + std::to_string(i) + "\n";
  const Ran ran = chat(folder, server, script);
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.first("failed").is_null());
  CHECK(std::ranges::count_if(ran.events, [](const json& each) { return each["event"] == "sent"; }) == kLines);
}

TEST_CASE("chat: what is refused is told, and is the exit code", "[app][chat]") {
  const Folder folder;
  Server server;
  server.start();
  const Ran ran = chat(folder, server, "/recall 7-99\n/nothing\nhello");
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 1);
  CHECK(ran.kinds().find("sent") != std::string::npos);
  json refusal;
  for (const json& each : ran.events)
    if (each["event"] == "failed" && each["op"] == "recall") refusal = each;
  CHECK(refusal["code"] == 20026);
  CHECK(refusal["name"] == "message_unknown");
}

TEST_CASE("chat: a message whose answer is lost is sent again, and is there once", "[app][chat]") {
  const Folder folder;
  Server server;
  bool dropped = false;
  server.world.at_send = [&] {
    if (std::exchange(dropped, true)) return false;
    server.restart();
    return true;
  };
  server.start();
  const Ran ran = chat(folder, server, "Dinner at 7?\nOr at 8?\n");
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 0);
  CHECK_FALSE(ran.first("offline").is_null());
  CHECK(ran.first("sent")["repeated"] == true);
  CHECK(ran.first("sent")["id"] == "7-1");
  CHECK(ran.first("message").is_null());  // its own is not news
  REQUIRE(server.world.sent_ids.size() == 3);
  CHECK(server.world.sent_ids[0] == server.world.sent_ids[1]);
  CHECK(server.world.messages.size() == 2);
}

TEST_CASE("chat: stays for what comes, acknowledges it, and ends when another device takes over", "[app][chat]") {
  const Folder folder;
  Server server;
  int acks = 0;
  server.world.at_ack = [&](const Terminal& who) {
    ++acks;
    server.post([who, acks](im::Gateway& gateway) {
      im::Committed all;
      if (acks == 1) {
        im::Delivery delivery = im::fake::new_message("denny", 11, R"([{"type":"text","text":"Where?"}])");
        delivery.to = {AppId{7}, "denny"};
        all.deliveries.push_back(std::move(delivery));
      } else {
        all.ended.push_back({who, im::Ended::Why::Displaced});
      }
      gateway.committed(all);
    });
  };
  server.start();
  const Ran ran = chat(folder, server, "", {"--stay"});
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 1);
  CHECK(ran.first("message")["text"] == "Where?");
  CHECK(ran.first("message")["peer"] == "peer");
  CHECK(ran.first("bye")["reason"] == "kicked_device");
  CHECK(server.world.acks == std::vector{im::Ver{10}, im::Ver{11}});
}

TEST_CASE("chat: a person reads lines", "[app][chat]") {
  const Folder folder;
  Server server;
  server.start();
  const Ran ran = chat(folder, server, "Dinner?\n/quit\n", {}, false);
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.out.find("-- online as denny (Denny)\n") != std::string::npos);
  CHECK(ran.out.find(" to vinson, sent   (7-1)\n") != std::string::npos);
}

TEST_CASE("chat: what keeps it from logging in", "[app][chat]") {
  const Folder folder;
  Server server;
  server.start();
  const auto run = [&](std::vector<std::string> more) { return chat(folder, server, "hello\n", std::move(more)); };
  SECTION("a key that is not the app's") {
    const Ran ran = run({"--key-file", folder.file("other.key", "another key")});
    CAPTURE(ran.out, ran.err);
    CHECK(ran.code == 2);
  }
  SECTION("a server of an unknown authority") {
    const Ran ran =
        run({"--ca-file", folder.file("other.pem", probe::server_identity().certificate_pem), "--retry-s", "0"});
    CAPTURE(ran.out, ran.err);
    CHECK(ran.code == 3);
    CHECK(ran.first("offline")["why"].get<std::string>().find("TLS") != std::string::npos);
  }
  SECTION("a page that is no WebSocket") {
    const Ran ran = run({"--server", server.url("/elsewhere"), "--retry-s", "0"});
    CAPTURE(ran.out, ran.err);
    CHECK(ran.code == 3);
    CHECK(ran.first("offline")["why"].get<std::string>().find("HTTP 404") != std::string::npos);
  }
  SECTION("bad options") {
    CHECK(run({"--server", "https://localhost"}).code == 2);
    CHECK(run({"--user", "@TIM#x"}).code == 2);
    CHECK(run({"--to", std::string(33, 'a')}).code == 2);
    CHECK(run({"--platform", "toaster"}).code == 2);
    CHECK(run({"--signature", "x"}).code == 2);  // beside the key file
    CHECK(run({"--ca-file", folder.path + "/none"}).code == 2);
    CHECK(run({"--retry-s", "-1"}).code == 2);
  }
}

TEST_CASE("account sig: prints what a server takes", "[app][account]") {
  const Folder folder;
  const std::string key = folder.file("app.key", kKey + "\n");
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"account", "sig"};
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"--app", "7"}, {"--user", "denny"}, {"--key-file", key}})
      if (std::ranges::find(more, name) == more.end()) arguments.insert(arguments.end(), {name, value});
    for (std::string& each : more) arguments.push_back(std::move(each));
    return support::run_cli(folder.path, std::move(arguments));
  };
  const support::CliRan plain = run({"--expire", "60"});
  REQUIRE(plain.code == 0);
  REQUIRE(plain.out.ends_with('\n'));
  const std::string sig = plain.out.substr(0, plain.out.size() - 1);
  const WallTime now = SystemClock().wall();
  const auto checked = im::verify_user_sig(sig, AppId{7}, "denny", std::vector{kKey}, now);
  REQUIRE(checked);
  CHECK(checked->ends - checked->issued == seconds(60));
  const json told = json::parse(run({"--json"}).out);
  CHECK(im::verify_user_sig(told["sig"].get<std::string>(), AppId{7}, "denny", std::vector{kKey}, now)->ends ==
        wall_from_ms(told["ends"]));
  CHECK(run({"--expire", "0"}).code == 2);
  CHECK(run({"--user", std::string(33, 'a')}).code == 2);
  CHECK(run({"--app", "0"}).code == 2);
  CHECK(run({"--key-file", folder.path + "/none"}).code == 1);
  CHECK(run({"--key-file", folder.file("empty", "\n")}).code == 2);
  ::chmod(key.c_str(), 0644);
  CHECK(run({}).code == 2);
}

TEST_CASE("chat: where the server is", "[app][chat]") {
  const auto url = parse_chat_url("wss://im.example.com");
  REQUIRE(url);
  CHECK(url->host == "im.example.com");
  CHECK(url->port == 443);
  CHECK(url->path == "/ws");
  CHECK(parse_chat_url("wss://[::1]:8444/im/ws?x=1")->path == "/im/ws?x=1");
  CHECK(parse_chat_url("wss://[::1]:8444")->host == "::1");
  for (const char* bad : {"", "im.example.com", "ws://im.example.com", "https://im.example.com", "wss://", "wss:///ws",
                          "wss://a:0", "wss://a:65536", "wss://u@a", "wss://a/b c", "wss://a/\r\nx", "wss://a/#x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_chat_url(bad));
  }
}

}  // namespace
}  // namespace nightpost::app
