// An app's server that is told what happened: by `nightpost all` with the simulator as the phone, and by `nightpost im`
// that reads what workers say.
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <mutex>
#include <thread>

#include "e2e/all_bed.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using support::ImClient;
namespace asio = boost::asio;
namespace beast = boost::beast;

struct Told {
  std::string target, id;
  json body;
};

/// One connection at a time is enough for what is asked here.
class AppServer {
 public:
  AppServer() : acceptor_(loop_, {asio::ip::make_address("127.0.0.1"), 0}), port_(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~AppServer() {
    loop_.stop();
    thread_.join();
  }
  json section() const {
    return {{"urls", {{std::to_string(support::kFleetApp), "http://127.0.0.1:" + std::to_string(port_) + "/im"}}},
            {"private_addresses", "127.0.0.1"},
            {"retry_first_ms", 50},
            {"retry_max_ms", 200}};
  }
  void answer_with(int status) { status_ = status; }
  /// To all that comes from now on; a before-callback goes by it.
  void say(const json& body) {
    const std::scoped_lock lock(mutex_);
    words_ = body.dump();
  }
  /// What it took; what it refused likewise, with its status.
  std::vector<Told> told(const std::string& command, int status = 200) {
    const std::scoped_lock lock(mutex_);
    std::vector<Told> out;
    for (const auto& [answered, one] : all_)
      if (answered == status && one.body.at("CallbackCommand") == command) out.push_back(one);
    return out;
  }

 private:
  struct Connection {
    explicit Connection(asio::ip::tcp::socket on) : stream(std::move(on)) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    beast::http::request<beast::http::string_body> request;
    beast::http::response<beast::http::string_body> response;
  };
  void accept() {
    acceptor_.async_accept([this](beast::error_code error, asio::ip::tcp::socket socket) {
      if (error) return;
      read(std::make_shared<Connection>(std::move(socket)));
      accept();
    });
  }
  void read(const std::shared_ptr<Connection>& from) {
    from->request = {};
    beast::http::async_read(from->stream, from->buffer, from->request, [this, from](beast::error_code error, auto) {
      if (error) return;
      const int status = status_;
      {
        const std::scoped_lock lock(mutex_);
        all_.emplace_back(
            status, Told{std::string(from->request.target()), std::string(from->request["x-nightpost-callback-id"]),
                         json::parse(from->request.body())});
      }
      from->response = {};
      from->response.result(static_cast<unsigned>(status));
      from->response.keep_alive(from->request.keep_alive());
      {
        const std::scoped_lock lock(mutex_);
        from->response.body() = words_;
      }
      from->response.prepare_payload();
      beast::http::async_write(from->stream, from->response, [this, from](beast::error_code failed, auto) {
        if (!failed) read(from);
      });
    });
  }

  asio::io_context loop_{1};
  asio::ip::tcp::acceptor acceptor_;
  const std::uint16_t port_;
  std::atomic<int> status_{200};
  std::mutex mutex_;
  std::vector<std::pair<int, Told>> all_;  // by the mutex, as what follows
  std::string words_ = R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0})";
  std::thread thread_;
};

TEST_CASE("im callbacks: a message to a phone that is away, its push, and what the vendor says of it",
          "[e2e][im][callbacks]") {
  AppServer app;
  AllBed bed({{"im", {{"callbacks", app.section()}}}});
  const std::string token = support::user_token(1);
  ImProcess server = bed.server();
  {
    ImClient vinson = bed.party.join(server, "vinson", "vinson-phone");
    vinson.done("token", {{"certificate", bed.certificate}, {"token", token}});
  }
  REQUIRE(support::eventually(10s, [&] { return app.told("State.StateChange").size() == 2; }, 50ms));
  CHECK(app.told("State.StateChange").back().body.at("Info").at("Action") == "Disconnect");
  ImClient denny = bed.party.join(server, "denny", "denny-phone");
  const json sent = AllBed::send(denny, "vinson", "lunch?", "d-1");
  REQUIRE(support::eventually(20s, [&] { return !app.told("Push.OfflinePush").empty(); }, 50ms));
  CHECK(bed.shown(token) == std::set<std::string>{sent.at("id")});

  const auto after = app.told("C2C.CallbackAfterSendMsg");
  REQUIRE(after.size() == 1);
  CHECK(after[0].target.starts_with("/im?SdkAppid=" + std::to_string(support::kFleetApp) +
                                    "&CallbackCommand=C2C.CallbackAfterSendMsg&contenttype=json&ClientIP=127.0.0.1&"
                                    "OptPlatform=iOS"));
  CHECK(after[0].body.at("MsgBody") ==
        json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "lunch?"}}}}}));
  CHECK(after[0].body.at("MsgId") == sent.at("id"));
  const json push = app.told("Push.OfflinePush").at(0).body.at("Events").at(0);
  CHECK(push.at("From_Account") == "denny");
  CHECK(push.at("To_Account") == "vinson");
  CHECK(push.at("PushPlatform") == 1);
  CHECK(push.at("PushStage") == 1);
  CHECK(push.at("ErrCode") == 0);
  CHECK(push.at("MsgKey") == after[0].body.at("MsgKey"));
  CHECK(push.at("PushID") == bed.came(token).at(0).push_id);
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

TEST_CASE("im callbacks: a server that is asked before, and a push to all with what became of it",
          "[e2e][im][callbacks]") {
  AppServer app;
  const std::string app_id = std::to_string(support::kFleetApp);
  json callbacks = app.section();
  callbacks["before_commands"] = {{app_id, "C2C.CallbackBeforeSendMsg"}};
  AllBed bed({{"im",
               {{"callbacks", callbacks},
                {"rest", {{"listen", "127.0.0.1:0"}, {"administrators", {{app_id, "administrator"}}}}}}}});
  const std::string token = support::user_token(1);
  ImProcess server = bed.server();
  {
    ImClient vinson = bed.party.join(server, "vinson", "vinson-phone");
    vinson.done("token", {{"certificate", bed.certificate}, {"token", token}});
  }
  ImClient denny = bed.party.join(server, "denny", "denny-phone");
  app.say({{"ErrorCode", 120'777}, {"ErrorInfo", "not at night"}});
  const json refused = denny.ask("send", ImParty::message("vinson", "lunch?", "d-1"));
  CHECK(refused.at("code") == 120'777);
  CHECK(refused.at("why") == "not at night");
  app.say({{"ErrorCode", 0},
           {"MsgBody", json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "l***h?"}}}}})}});
  const json sent = AllBed::send(denny, "vinson", "lunch?", "d-2");
  REQUIRE(support::eventually(20s, [&] { return bed.came(token).size() == 1; }, 50ms));
  CHECK(bed.came(token)[0].message == sent.at("id").get<std::string>());
  CHECK(bed.came(token)[0].words == "l***h?");
  const auto asked = app.told("C2C.CallbackBeforeSendMsg");
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].body.at("MsgBody") ==
        json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "lunch?"}}}}}));

  std::string sig = bed.party.signature("administrator");
  for (std::size_t at; (at = sig.find('*')) != sig.npos;) sig.replace(at, 1, "%2A");
  const json push = {{"MsgRandom", 1},
                     {"MsgBody", json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "a sale"}}}}})}};
  const support::Ran ran = support::run_command(
      {"curl", "--silent", "--show-error", "--data", push.dump(),
       server.rest() + "/v4/all_member_push/im_push?sdkappid=" + app_id + "&identifier=administrator&usersig=" + sig},
      10s);
  REQUIRE(ran.exit_code == 0);
  const json begun = json::parse(ran.out);
  REQUIRE(begun.at("ErrorCode") == 0);
  REQUIRE(support::eventually(20s, [&] { return !app.told("Push.AllMemberPush").empty(); }, 50ms));
  CHECK(bed.shown(token) == std::set<std::string>{sent.at("id"), begun.at("TaskId")});
  const json told = app.told("Push.AllMemberPush").at(0).body.at("Events").at(0);
  CHECK(told.at("TaskId") == begun.at("TaskId"));
  CHECK(told.at("To_Account") == "vinson");
  CHECK(told.at("PushPlatform") == 1);
  CHECK(told.at("ErrCode") == 0);
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

TEST_CASE("im callbacks: a server that refuses, and a kill: each is told, under the id that it had",
          "[e2e][im][callbacks]") {
  AppServer app;
  ImBed bed({{"callbacks", app.section()}});
  app.answer_with(500);
  const std::string command = "C2C.CallbackAfterSendMsg";
  {
    ImProcess server = bed.server();
    {
      ImClient vinson = bed.join(server, "vinson", "vinson-phone");
    }
    ImClient denny = bed.join(server, "denny", "denny-phone");
    for (int i = 1; i <= 5; ++i)
      denny.done("send", ImBed::message("vinson", "n" + std::to_string(i), "d-" + std::to_string(i)));
    REQUIRE(support::eventually(10s, [&] { return !app.told(command, 500).empty(); }, 50ms));
    server.process().signal(SIGKILL);
    CHECK(server.process().wait(10s) == 128 + SIGKILL);
  }
  app.answer_with(200);
  ImProcess server = bed.server();
  std::set<std::string> ids, words;
  REQUIRE(support::eventually(
      20s,
      [&] {
        for (const Told& one : app.told(command)) {
          ids.insert(one.id);
          words.insert(one.body.at("MsgBody").at(0).at("MsgContent").at("Text"));
        }
        return words.size() == 5;
      },
      50ms));
  CHECK(ids.size() == 5);
  for (const Told& refused : app.told(command, 500)) CHECK(ids.contains(refused.id));
  CHECK(server.metric("nightpost_im_callbacks_ended_total{why=\"dropped\"}") == 0);
}

TEST_CASE("im callbacks: what workers say of pushes is read back from the results topic", "[e2e][im][callbacks]") {
  AppServer app;
  ImBed bed({{"callbacks", app.section()}});
  ImProcess server = bed.server();
  {
    ImClient vinson = bed.join(server, "vinson", "vinson-phone");
  }
  ImClient denny = bed.join(server, "denny", "denny-phone");
  const json sent = denny.done("send", ImBed::message("vinson", "hello", "d-1"));
  const auto outcome = [&](const std::string& kind, const json& more) {
    json all = {{"v", 1},
                {"event_id", sent.at("id")},
                {"app_id", support::kFleetApp},
                {"user_id", "vinson"},
                {"outcome", kind},
                {"rule", "receipt"},
                {"reason", "because"},
                {"attempt", 1},
                {"at", 1'700'000'000'000},
                {"latency_ms", 1},
                {"device_id", "vinson-phone"},
                {"vendor", "huawei"}};
    all.update(more);
    bed.topics.produce(bed.names.results, "k", all.dump());
    bed.topics.flush(10s);
  };
  // The group begins with what comes once it has its partitions.
  REQUIRE(support::eventually(
      30s,
      [&] {
        outcome("rejected", {{"code", "80300007"}});
        return !app.told("Push.OfflinePush").empty();
      },
      500ms));
  const json failed = app.told("Push.OfflinePush").at(0).body.at("Events").at(0);
  CHECK(failed.at("PushPlatform") == 3);
  CHECK(failed.at("ErrCode") == 80300007);
  CHECK(failed.at("ErrInfo") == "80300007: because");
  outcome("delivered", json::object());
  outcome("clicked", json::object());
  outcome("retrying", json::object());
  std::set<int> stages;
  REQUIRE(support::eventually(
      20s,
      [&] {
        for (const Told& one : app.told("Push.OfflinePush"))
          for (const json& event : one.body.at("Events")) stages.insert(event.at("PushStage").get<int>());
        return stages == std::set<int>{1, 2, 3};
      },
      50ms));
  // What is told is committed, so a restart does not tell it again.
  REQUIRE(support::eventually(
      20s,
      [&] {
        return bed.topics.committed("nightpost-im", bed.names.results) > 0 &&
               server.metric("nightpost_im_push_results_lag") == 0;
      },
      100ms));
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e
