// Groups over sockets, in one process with the dispatcher: live, pushed, killed, and who may what.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <set>
#include <string>

#include "e2e/all_bed.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;

json words_to(const std::string& group, const std::string& words, const std::string& client_id) {
  json body = ImParty::message("", words, client_id);
  body.erase("to");
  body["group"] = group;
  return body;
}

/// The next deliver frame whose item is of this kind, acknowledged; those before it are, too.
json next_item(ImClient& client, const std::string& kind) {
  for (;;) {
    const json frame = client.delivered();
    client.say({{"type", "ack"}, {"pos", frame.at("pos")}});
    if (frame.at("items").at(0).at("kind") == kind) return frame.at("items").at(0);
  }
}

TEST_CASE("im: a group over sockets: made, joined, talked in, led and left", "[e2e][im][group]") {
  AllBed bed;
  ImProcess server = bed.server();
  ImClient denny = bed.party.join(server, "denny", "denny-phone");
  ImClient vinson = bed.party.join(server, "vinson", "vinson-phone");
  ImClient mia = bed.party.join(server, "mia", "mia-phone");
  const json made =
      denny.done("group_create", {{"type", "Public"}, {"name", "Book club"}, {"members", {{{"user", "vinson"}}}}});
  const std::string group = made.at("group");
  CHECK(next_item(vinson, "group").at("tip").at("kind") == "invite");
  CHECK(mia.ask("group_send", words_to(group, "hello?", "m-0")).at("code") == 10007);
  CHECK(mia.done("group_join", {{"group", group}, {"note", "I read"}}).at("result") == "waiting");
  CHECK(next_item(denny, "group").at("tip").at("note") == "I read");
  denny.done("group_decide", {{"group", group}, {"user", "mia"}, {"agree", true}});
  CHECK(next_item(mia, "group").at("tip").at("kind") == "join");
  CHECK(next_item(mia, "message").at("message").at("tip") == true);

  const json first = denny.done("group_send", words_to(group, "chapter 3", "d-1"));
  CHECK(first.at("id") == made.at("conv").get<std::string>() + "-2");  // behind the tip
  for (ImClient* const each : {&vinson, &mia}) {
    json item = next_item(*each, "message");
    if (item.at("message").contains("tip")) item = next_item(*each, "message");
    CHECK(item.at("message").at("id") == first.at("id"));
    CHECK(item.at("message").at("group") == group);
  }
  CHECK(denny.done("group_send", words_to(group, "chapter 3", "d-1")).at("repeated") == true);
  json sync = vinson.done("sync", {{"ver", 0}});
  CHECK(sync.at("groups").at(0).at("unread") == 1);
  CHECK(sync.at("unread_total") == 1);
  CHECK(vinson.done("group_read", {{"group", group}}).at("unread_total") == 0);

  denny.done("group_member", {{"group", group}, {"user", "mia"}, {"silence_ms", 600'000}});
  CHECK(mia.ask("group_send", words_to(group, "but", "m-1")).at("code") == 10017);
  denny.done("recall", {{"id", first.at("id")}});
  CHECK(next_item(vinson, "recall").at("group") == group);
  CHECK(denny.done("group_kick", {{"group", group}, {"users", {"mia"}}}).at("members").at(0).at("result") == "done");
  CHECK(mia.ask("group_pull", {{"group", group}}).at("code") == 10007);
  CHECK(denny.ask("group_quit", {{"group", group}}).at("code") == 10009);
  const std::string live = denny.done("group_create", {{"type", "AVChatRoom"}, {"name", "Live"}}).at("group");
  CHECK(denny.ask("group_send", words_to(live, "too early", "l-1")).at("code") == 10007);
  CHECK(denny.done("group_join", {{"group", live}}).at("result") == "done");
  CHECK(denny.done("group_send", words_to(live, "on air", "l-2")).at("id") == "0-0");
  denny.done("group_dismiss", {{"group", group}});
  sync = vinson.done("sync", {{"ver", sync.at("ver")}, {"since", sync.at("time")}});
  CHECK(sync.at("groups").at(0).at("gone") == true);
}

TEST_CASE("im: a group's message is acknowledged or pushed, each member once, also after a kill", "[e2e][im][group]") {
  AllBed bed;
  const std::string vinson_token = support::user_token(21), mia_token = support::user_token(22);
  std::string group;
  std::set<std::string> sent;
  {
    ImProcess server = bed.server();
    ImClient denny = bed.party.join(server, "denny", "denny-phone");
    ImClient vinson = bed.party.join(server, "vinson", "vinson-phone");
    ImClient mia = bed.party.join(server, "mia", "mia-phone");
    vinson.done("token", {{"certificate", bed.certificate}, {"token", vinson_token}});
    mia.done("token", {{"certificate", bed.certificate}, {"token", mia_token}});
    denny.done("profile", {{"nick", "Denny"}});
    group = denny
                .done("group_create",
                      {{"type", "Work"}, {"name", "Crew"}, {"members", {{{"user", "vinson"}}, {{"user", "mia"}}}}})
                .at("group");
    mia = ImClient(server.port());  // gone: pushed to at once
    const json one = denny.done("group_send", words_to(group, "one", "d-1"));
    sent.insert(one.at("id"));
    const json item = next_item(vinson, "message");
    CHECK(item.at("message").at("id") == one.at("id"));
    REQUIRE(support::eventually(20s, [&] { return bed.shown(mia_token) == sent; }, 50ms));
    CHECK(bed.came(mia_token).at(0).words == "Denny(Crew):one");

    // Vinson's phone freezes: it acknowledges nothing, and is pushed to late.
    const json two = denny.done("group_send", words_to(group, "two", "d-2"));
    sent.insert(two.at("id"));
    REQUIRE(support::eventually(20s, [&] { return bed.shown(vinson_token).contains(two.at("id")); }, 50ms));
    CHECK_FALSE(bed.shown(vinson_token).contains(one.at("id")));
    CHECK(server.metric("nightpost_im_group_late_events_total") >= 1);

    denny.done("group_send", words_to(group, "three", "d-3"));
    server.process().signal(SIGKILL);
    server.process().wait(20s);
  }
  ImProcess server = bed.server();
  ImClient denny = bed.party.join(server, "denny", "denny-phone");
  const json three = denny.done("group_send", words_to(group, "three", "d-3"));
  CHECK(three.at("repeated") == true);
  sent.insert(three.at("id"));
  REQUIRE(support::eventually(20s, [&] { return bed.shown(mia_token) == sent; }, 50ms));
  REQUIRE(support::eventually(20s, [&] { return bed.shown(vinson_token).contains(three.at("id")); }, 50ms));
  // What went out twice has the same push id.
  std::map<std::string, std::set<std::string>> push_ids;
  for (const AllBed::Shown& one : bed.came(mia_token)) push_ids[one.message].insert(one.push_id);
  for (const auto& [message, ids] : push_ids) CHECK(ids.size() == 1);
  REQUIRE(support::eventually(20s, [&] { return server.metric("nightpost_im_group_intents_held") == 0; }, 50ms));
}

}  // namespace
}  // namespace nightpost::e2e
