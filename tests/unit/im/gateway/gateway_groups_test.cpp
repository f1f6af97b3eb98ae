// Which connections a group's messages go to: by what their logins said, and what commits changed since, in order.
#include <catch2/catch.hpp>

#include "gateway_rig.h"

namespace nightpost::im {
namespace {

using namespace fake;

void commit_all(Rig& rig, std::vector<Delivery> deliveries) {
  Committed all;
  all.deliveries = std::move(deliveries);
  rig.gateway->committed(all);
}

TEST_CASE("gateway: a live group's messages go to the devices that joined", "[im][gateway][group]") {
  Rig rig;
  Client phone(rig), pad(rig);
  phone.log_in("mia", "phone");
  pad.log_in("mia", "pad");
  Delivery join = subscribed("mia", true);
  std::get<Subscribed>(join.item).device = "pad";
  commit_all(rig, {join, group_message(1, "olga")});
  CHECK(pad.hear(1) == Words{"deliver 1 0"});
  Delivery leave = subscribed("mia", false);  // with all devices
  commit_all(rig, {leave, group_message(2, "olga")});
  join = subscribed("mia", true);
  commit_all(rig, {join, group_message(3, "olga")});
  CHECK(pad.hear(1) == Words{"deliver 2 0"});
  CHECK(pad.last["items"][0]["message"]["id"] == "5-3");
  CHECK(phone.hear(1) == Words{"deliver 1 0"});
  CHECK(phone.last["items"][0]["message"]["id"] == "5-3");
}

TEST_CASE("gateway: a group's message goes to its members that are connected, once", "[im][gateway][group]") {
  Rig rig;
  std::set<std::string> in_group = {"mia", "bob"};
  rig.service.at_once = [&](const LoginRequest& request) -> Answer<LoginReply> {
    LoginReply reply = login_reply(request.user, request.device, ++rig.epoch, 10);
    if (in_group.contains(request.user)) reply.groups = {ConvId{5}, ConvId{6}};
    return reply;
  };
  Client mia(rig), sam(rig);
  std::optional<Client> bob(std::in_place, rig);
  mia.log_in("mia");
  bob->log_in("bob");
  sam.log_in("sam");
  rig.commit(group_message(1, "mia", "phone"));  // mia's phone sent it
  CHECK(bob->hear(1) == Words{"deliver 1 0"});
  rig.commit(group_message(2, "olga"));
  CHECK(bob->hear(1) == Words{"deliver 2 0"});
  CHECK(mia.hear(1) == Words{"deliver 1 0"});

  // In the order of commits: bob gets what was before he left, sam what came after he joined.
  commit_all(rig,
             {group_message(3, "olga"), subscribed("bob", false), subscribed("sam", true), group_message(4, "olga")});
  CHECK(mia.hear(2) == Words{"deliver 2 0", "deliver 3 0"});
  CHECK(bob->hear(1) == Words{"deliver 3 0"});
  CHECK(bob->last["items"][0]["message"]["id"] == "5-3");
  CHECK(sam.hear(1) == Words{"deliver 1 0"});
  CHECK(sam.last["items"][0]["message"]["id"] == "5-4");

  Delivery some = group_message(5, "mia", "phone");
  some.only = std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"sam", "bob"});
  rig.commit(some);
  CHECK(sam.hear(1) == Words{"deliver 2 0"});

  // Acknowledged by its id; who is gone is in no group.
  sam.say(R"({"type":"ack","pos":2})");
  rig.news.told();
  bob.reset();
  rig.until([&] { return rig.gateway->connections() == 2; });
  commit_all(rig, {subscribed("bob", true), group_message(6, "olga")});
  CHECK(sam.hear(1) == Words{"deliver 3 0"});

  // Dismissed: nobody hears of it any more.
  Delivery everybody = subscribed("", false);
  commit_all(rig, {everybody, group_message(7, "olga")});
  rig.commit(new_message("mia", 11));
  CHECK(mia.hear(2) == Words{"deliver 4 0", "deliver 5 11"});
}

TEST_CASE("gateway: what changes between a login's commit and its reply is not lost", "[im][gateway][group]") {
  Rig rig;
  rig.service.at_once = nullptr;
  Client mia(rig);
  mia.hello("mia");
  rig.until([&] { return !rig.service.logins.empty(); });
  // Of the login's own batch: she left 6 and joined 5 after it. Its reply knows neither.
  Delivery off = subscribed("mia", false);
  off.group = ConvId{6};
  commit_all(rig, {subscribed("mia", true), off, group_message(1, "olga")});
  LoginReply reply = login_reply("mia", "phone", 1, 10);
  reply.groups = {ConvId{6}};
  rig.service.pop(rig.service.logins).second(reply);
  CHECK(mia.hear(1) == Words{"welcome 10"});  // message 1 is told by her sync
  Delivery other = group_message(1, "olga");
  other.group = ConvId{6};
  commit_all(rig, {other, group_message(2, "olga")});
  CHECK(mia.hear(1) == Words{"deliver 1 0"});
  CHECK(mia.last["items"][0]["message"]["id"] == "5-2");
}

TEST_CASE("gateway: presence hears which messages of groups a device has", "[im][gateway][group]") {
  struct Has final : PresenceEvents {
    Words all;
    void acknowledged(const UserKey&, const std::string&, Ver) override {}
    void left_foreground(const UserKey&, const std::string&) override {}
    void came(const UserKey&, const std::string&) override {}
    void has_messages(const UserKey& user, const std::string& device, std::span<const MessageId> ids) override {
      all.push_back(user.user + " " + device + " has " + text_of(ids[0]));
    }
    void has_all_messages(const UserKey& user, const std::string& device, std::span<const MessageId> but) override {
      all.push_back(user.user + " " + device + " has all but " + std::to_string(but.size()));
    }
  } has;
  Rig rig;
  rig.gateway->tell(&has);
  rig.service.at_once = [&](const LoginRequest& request) -> Answer<LoginReply> {
    LoginReply reply = login_reply(request.user, request.device, ++rig.epoch, 10);
    reply.groups = {ConvId{5}};
    return reply;
  };
  Client mia(rig);
  mia.hello("mia");
  mia.hear(1);
  rig.commit(group_message(1, "olga"));
  mia.hear(1);
  mia.say(R"({"type":"ack","ver":10})");
  mia.say(R"({"type":"ack","pos":1})");
  rig.until([&] { return has.all.size() >= 2; });
  CHECK(has.all == Words{"mia phone has all but 1", "mia phone has 5-1"});
  rig.gateway->tell(&rig.news);
}

}  // namespace
}  // namespace nightpost::im
