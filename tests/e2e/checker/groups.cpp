#include "e2e/checker/groups.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <utility>

#include "e2e/im_process.h"

namespace nightpost::e2e::checker {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

Groups::Groups(Dice& dice, std::deque<Device>& devices, std::string witness)
    : dice_(dice), devices_(devices), witness_(std::move(witness)) {}

void Groups::create(ImClient& client, const std::string& owner, const std::string& id, const std::string& type) {
  Group& made = groups_.emplace_back();
  made.id = id;
  made.created.type = type;
  made.created.members[owner].role = Role::Owner;
  json members = json::array();
  std::set<std::string> users{witness_};
  for (const Device& device : devices_) users.insert(device.user);
  users.erase(owner);
  for (const std::string& user : users) {
    made.created.members[user];
    members.push_back({{"user", user}});
  }
  json body = {{"group", id}, {"type", type}, {"name", id}, {"members", members}};
  if (type == "Public") body["join"] = "free";
  const json answer = client.done("group_create", body);
  REQUIRE_FALSE(answer.contains("unknown"));
  made.conv = answer.at("conv");
}

std::vector<std::string> Groups::names() const {
  std::vector<std::string> out;
  for (const Group& each : groups_) out.push_back(each.id);
  return out;
}

Groups::Group& Groups::group(const std::string& id) { return *std::ranges::find(groups_, id, &Group::id); }

void Groups::saw(const json& infos) {
  ++rounds_;
  for (const json& info : infos.at("groups")) {
    INFO(info.dump());
    Group& seen = group(info.at("group"));
    const std::int64_t head = info.value("head", std::int64_t{0});
    CHECK(head >= seen.head);
    seen.head = head;
  }
  for (Group& each : groups_) each.heads.push_back(each.head);
  for (const auto& request : unseen_) request->high = group(request->group).head;
  unseen_.clear();
}

void Groups::wish(Device& device) {
  const Group& in = dice_.one_of(groups_);
  switch (dice_.below(40)) {
    case 0 ... 21:
      return wish_send(device, in);
    case 22 ... 25:
      return wish_recall(device, in);
    case 26 ... 30:
      return wish_read(device, in);
    case 31 ... 32:
      return wish_option(device, in);
    default:
      break;
  }
  if (!in.created.has_tips()) return;
  if (dice_.one_in(2))
    wish_of_members(device, in);
  else
    wish_right(device, in);
}

void Groups::wish_option(Device& device, const Group& in) {
  const char* const option = std::array{"notify", "notify", "not_notify", "discard"}[dice_.below(4)];
  want(device, "group_member", request_in(in, "option", {{"option", option}}));
}

void Groups::wish_return(Device& device) {
  for (const Group& in : groups_) {
    if (in.created.type == "Public") want(device, "group_join", request_in(in, "group_join"));
    if (in.created.type != "Work" || in.created.members.at(device.user).role != Role::Owner) continue;
    json others = json::array();
    for (const auto& [user, member] : in.created.members)
      if (user != device.user) others.push_back(user);
    want(device, "group_invite", request_in(in, "group_invite", {{"users", others}}));
  }
}

void Groups::wish_pushes(Device& device) {
  for (const Group& in : groups_) want(device, "group_member", request_in(in, "option", {{"option", "notify"}}));
}

void Groups::wish_sends(Device& device) {
  for (const Group& in : groups_) wish_send(device, in);
}

const std::string& Groups::some_user() { return dice_.one_of(devices_).user; }

GroupRequest Groups::request_in(const Group& in, const std::string& op, json body) {
  GroupRequest request;
  request.op = op;
  request.group = in.id;
  request.body = std::move(body);
  return request;
}

void Groups::want(Device& device, const std::string& wire_op, GroupRequest request, Done done) {
  request.user = device.user;
  const auto asked = std::make_shared<GroupRequest>(std::move(request));
  Wish wish{.op = wire_op, .body = asked->body};
  if (wire_op != "recall") wish.body["group"] = asked->group;
  if (wire_op == "group_send") sends_.at(wish.body.at("client_id")).request = asked;
  wish.asked = [this, asked] {
    asked->low = group(asked->group).head;
    asked->asked_at = now_ms();
    asked->asked_in = rounds_;
    if (asked->attempts++ > 0) return;
    asked->first_low = asked->low;
    requests_.push_back(asked);
  };
  wish.answered = [this, asked, done = std::move(done)](const json& answer) {
    INFO(answer.dump());
    asked->answered_at = now_ms() + 1;
    asked->answered_in = rounds_;
    asked->outcome = outcome_of(*asked, answer);
    unseen_.push_back(asked);
    if (asked->succeeded()) done(answer.at("body"));
  };
  device.wishes.push_back(std::move(wish));
}

void Groups::wish_send(Device& device, const Group& in) {
  const std::string client_id = device.name + "-g" + std::to_string(++sent_);
  Send& send = sends_[client_id];
  send.device = device.name;
  json body = ImParty::message("", client_id, client_id);
  body.erase("to");
  switch (dice_.below(8)) {
    case 0:
      body["no_unread"] = true;
      send.counts = false;
      break;
    case 1:
      body["targets"] = send.targets = {some_user(), witness_};
      send.counts = false;
      break;
    case 2:
      body["mentions"] = send.mentions = {dice_.one_in(2) ? "@TIM#ALL" : some_user()};
      break;
    default:
      break;
  }
  want(device, "group_send", request_in(in, "group_send", std::move(body)),
       [&send, conv = in.conv](const json& answer) {
         const std::string id = answer.at("id");
         CHECK(conv_of(id) == conv);
         send.seq = seq_of(id);
       });
}

void Groups::wish_recall(Device& device, const Group& in) {
  std::vector<const Send*> there;
  for (const auto& [client_id, send] : sends_)
    if (send.seq > 0 && send.request->group == in.id) there.push_back(&send);
  if (there.empty()) return;
  const Send& send = *dice_.one_of(there);
  GroupRequest request = request_in(in, "recall", {{"id", in.conv + "-" + std::to_string(send.seq)}});
  request.sender = send.request->user;
  request.seq = send.seq;
  request.targets = send.targets;
  want(device, "recall", std::move(request));
}

void Groups::wish_read(Device& device, const Group& in) {
  json body = json::object();
  if (in.head > 0 && !dice_.one_in(4)) body["seq"] = 1 + dice_.below(static_cast<std::size_t>(in.head));
  want(device, "group_read", request_in(in, "group_read", body),
       [this, key = std::pair(in.id, device.user), asked = body](const json& answer) {
         CHECK(answer.at("read") >= asked.value("seq", std::int64_t{0}));
         std::int64_t& read = reads_[key];
         read = std::max(read, answer.at("read").get<std::int64_t>());
       });
}

/// Who is in it. The owner of the Work group stays, for nobody else could bring others back.
void Groups::wish_of_members(Device& device, const Group& in) {
  GroupRequest request = request_in(in, "");
  const bool may_go = in.created.type != "Work" || in.created.members.at(device.user).role != Role::Owner;
  switch (dice_.below(8)) {
    case 0:
      if (!may_go) return;
      request.op = "group_quit";
      break;
    case 1 ... 2:
      request.op = "group_kick";
      request.body["users"] = {some_user()};
      if (const std::string& other = some_user(); dice_.one_in(3) && request.body["users"].at(0) != other)
        request.body["users"].push_back(other);
      break;
    case 3 ... 4:
      request.op = "group_invite";
      request.body["users"] = {some_user()};
      break;
    default:
      request.op = "group_join";
  }
  const std::string op = request.op;
  want(device, op, std::move(request));
}

/// Who may do what.
void Groups::wish_right(Device& device, const Group& in) {
  GroupRequest request = request_in(in, "");
  std::string op = "group_member";
  switch (dice_.below(10)) {
    case 0 ... 3:
      request.op = "silence";
      request.body["user"] = some_user();
      request.body["silence_ms"] = std::array<std::int64_t, 4>{0, 0, 200, kHourMs}[dice_.below(4)];
      break;
    case 4 ... 6:
      request.op = "role";
      request.body["user"] = some_user();
      request.body["role"] = dice_.one_in(3) ? "member" : "admin";
      break;
    case 7:
      if (in.created.type == "Work") return;
      request.op = op = "group_transfer";
      request.body["owner"] = some_user();
      break;
    default:
      request.op = op = "group_change";
      request.body["all_silenced"] = dice_.one_in(3);
  }
  want(device, op, std::move(request));
}

void Groups::wish_duel() {
  const Group& in = dice_.one_of(groups_);
  if (!in.created.has_tips()) return;
  const std::string user = some_user();
  bool speaks = true;
  for (Device& device : devices_) {
    if (device.user != user)
      wish_against(device, in, user);
    else if (std::exchange(speaks, dice_.one_in(2)))
      wish_send(device, in);
    else
      want(device, "group_join", request_in(in, "group_join"));
    device.wishes.push_front(std::move(device.wishes.back()));
    device.wishes.pop_back();
  }
}

void Groups::wish_against(Device& device, const Group& in, const std::string& user) {
  const bool work = in.created.type == "Work";
  GroupRequest request = request_in(in, work && dice_.one_in(2) ? "group_invite" : "group_kick");
  std::string op = "group_member";
  switch (work ? 5 : dice_.below(6)) {
    case 0 ... 1:
      request.op = "silence";
      request.body = {{"user", user}, {"silence_ms", dice_.one_in(2) ? kHourMs : 0}};
      break;
    case 2 ... 3:
      request.op = "role";
      request.body = {{"user", user}, {"role", dice_.one_in(2) ? "member" : "admin"}};
      break;
    case 4:
      request.op = op = "group_change";
      request.body["all_silenced"] = dice_.one_in(2);
      break;
    default:
      op = request.op;
      request.body["users"] = {user};
  }
  want(device, op, std::move(request));
}

}  // namespace nightpost::e2e::checker
