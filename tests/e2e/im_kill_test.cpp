// `nightpost im` killed while a business server sends: what it repeats is there once, in the history and as a push.
#include <csignal>
#include <map>
#include <set>

#include "e2e/im_business.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::ImClient;

struct Stream : Business {
  std::unique_ptr<ImProcess> process = std::make_unique<ImProcess>(server());
  int kills = 0, repeats = 0;

  void kill() {
    process->process().signal(SIGKILL);
    CHECK(process->process().wait(10s) == 128 + SIGKILL);
    ++kills;
    process = std::make_unique<ImProcess>(server());
  }
  /// Asks as server SDKs do: the same call again, until it is answered. `kill_after`: the server is killed so long
  /// after the first try began.
  json insist(const std::string& command, const json& body, std::optional<support::milliseconds> kill_after) {
    for (;;) {
      const std::string out = Bed::folder.file("answer.json");
      std::vector<std::string> argv = curl(*process, command, body);
      argv.insert(argv.end(), {"--max-time", "5", "--output", out});
      support::Process asked(argv, {.environment = {}, .folder = {}, .log_file = Bed::folder.file("curl.log")});
      if (kill_after) {
        support::pause_for(*kill_after);
        kill();
        kill_after.reset();
      }
      if (asked.wait(10s) == 0) {
        const json reply = json::parse(support::read_file(out));
        INFO(command << " " << reply.dump());
        REQUIRE(reply.at("ErrorCode") == 0);
        return reply;
      }
      ++repeats;
    }
  }
};

TEST_CASE("im rest: killed under a stream of sends, what is repeated is there once", "[e2e][im][rest][kill]") {
  constexpr int kMessages = 40, kKills = 5;
  Stream stream;
  const auto ask = [&](const std::string& command, const json& body) {
    return stream.done(*stream.process, command, body);
  };
  ask("im_open_login_svc/account_import", {{"UserID", "denny"}});
  {
    ImClient vinson = stream.join(*stream.process, "vinson", "vinson-phone");
    vinson.done("token", {{"certificate", 1}, {"token", support::user_token(1)}});
  }
  ask("group_open_http_svc/create_group", {{"Owner_Account", "denny"},
                                           {"Type", "Public"},
                                           {"GroupId", "g"},
                                           {"Name", "G"},
                                           {"MemberList", {{{"Member_Account", "vinson"}}}}});
  std::map<std::string, std::string> keys;  // words → MsgKey
  for (int i = 0; i < kMessages; ++i) {
    const std::string words = "m" + std::to_string(i);
    // From before the request is read to after it is answered.
    const bool dies = i % (kMessages / kKills) == 1;
    const bool group_dies = i / (kMessages / kKills) % 2 == 0;
    const auto when = dies ? std::optional(support::milliseconds(3 * (i / (kMessages / kKills)))) : std::nullopt;
    const json sent = stream.insist("openim/sendmsg",
                                    {{"From_Account", "denny"},
                                     {"To_Account", "vinson"},
                                     {"MsgSeq", i + 1},
                                     {"MsgRandom", 1'000 + i},
                                     {"MsgBody", Business::text(words)}},
                                    group_dies ? std::nullopt : when);
    keys[words] = sent.at("MsgKey");
    stream.insist(
        "group_open_http_svc/send_group_msg",
        {{"GroupId", "g"}, {"From_Account", "denny"}, {"Random", 1'000 + i}, {"MsgBody", Business::text(words)}},
        group_dies ? when : std::nullopt);
  }
  CHECK(stream.kills == kKills);
  CHECK(stream.repeats > 0);

  // Once in both histories, in order, under the key that was answered.
  std::vector<std::string> words;
  std::set<std::string> ids;
  for (json page = {{"LastMsgKey", ""}, {"Complete", 0}}; page.at("Complete") == 0;) {
    page = ask("openim/admin_getroammsg", {{"Operator_Account", "vinson"},
                                           {"Peer_Account", "denny"},
                                           {"MaxCnt", 20},
                                           {"MinTime", 0},
                                           {"MaxTime", 4'000'000'000},
                                           {"LastMsgKey", page.at("LastMsgKey")}});
    std::vector<std::string> part;
    for (const json& row : page.at("MsgList")) {
      part.push_back(row.at("MsgBody").at(0).at("MsgContent").at("Text"));
      CHECK(row.at("MsgKey") == keys.at(part.back()));
    }
    words.insert(words.begin(), part.begin(), part.end());
  }
  std::vector<std::string> wanted;
  for (int i = 0; i < kMessages; ++i) wanted.push_back("m" + std::to_string(i));
  CHECK(words == wanted);
  std::vector<std::string> in_group;
  for (std::int64_t newest = 0;;) {
    const json page = ask("group_open_http_svc/group_msg_get_simple",
                          {{"GroupId", "g"}, {"ReqMsgNumber", 20}, {"ReqMsgSeq", newest}});
    for (const json& row : page.at("RspMsgList")) {
      in_group.insert(in_group.begin(), row.at("MsgBody").at(0).at("MsgContent").at("Text").get<std::string>());
      newest = row.at("MsgSeq").get<std::int64_t>() - 1;
    }
    if (page.at("IsFinished") != 0 || newest < 1) break;
  }
  CHECK(in_group == wanted);

  // A push event each, and no second id for any of them: a repeat of an event is the same push.
  REQUIRE(support::eventually(30s, [&] { return stream.process->metric("nightpost_im_intents_held") == 0; }, 100ms));
  std::map<std::string, std::set<std::string>> events;  // kind and words → ids
  std::map<std::string, int> times;                     // of an id
  const auto read = [&] {
    events.clear();
    times.clear();
    stream.topics.read(stream.names.offline, [&](const support::ReadRecord& record) {
      const json event = json::parse(record.value);
      const std::string kind = event.at("kind");
      if (kind != "c2c" && kind != "group") return;  // a total that fell, and the like
      const std::string said = event.at("message").at("elements").at(0).at("text");
      events[kind + " " + said].insert(event.at("event_id").get<std::string>());
      ++times[event.at("event_id").get<std::string>()];
    });
    return events.size() >= 2 * kMessages;
  };
  CHECK(support::eventually(20s, read, 200ms));
  CHECK(events.size() == 2 * kMessages);
  CHECK(times.size() == 2 * kMessages);
  for (const auto& [id, count] : times) {
    CAPTURE(id);
    CHECK(count <= 1 + stream.kills);
  }
}

}  // namespace
}  // namespace nightpost::e2e
