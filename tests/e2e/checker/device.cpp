#include "e2e/checker/device.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <utility>

namespace nightpost::e2e::checker {
namespace {

using namespace std::chrono_literals;

constexpr int kStoreBusy = 70169;
constexpr support::ImClient::milliseconds kAnswered{30'000};  // also while the store is away

}  // namespace

Device::Device(std::string user_in, std::string platform_in)
    : user(std::move(user_in)), platform(std::move(platform_in)), name(user + "-" + platform) {}

bool Device::connect(std::uint16_t port, const json& hello) {
  lose();
  try {
    auto client = std::make_unique<ImClient>(port);
    const json welcome = client->hello(hello);
    INFO(name << ": " << welcome.dump());
    if (welcome.at("code") == kStoreBusy) return false;
    REQUIRE(welcome.at("code") == 0);
    client_ = std::move(client);
  } catch (const std::runtime_error&) {  // cut, or silent
    return false;
  }
  pos_ = said_ = 0;
  seqs_.clear();
  unsaid_.clear();  // the sync has them
  return true;
}

bool Device::sync() {
  GroupsShown shown;
  try {
    json body = {{"ver", 0}}, synced, since;
    for (bool more = true; more; more = synced.at("more")) {
      const json answer = client_->ask("sync", body);
      INFO(name << ": " << answer.dump());
      if (answer.at("code") == kStoreBusy) return lose(), false;
      REQUIRE(answer.at("code") == 0);
      synced = answer.at("body");
      if (synced.contains("groups"))
        for (const json& group : synced.at("groups")) {
          const std::string conv = group.at("conv");
          // A later page may say that he is no member any more, or is one again.
          if (group.value("gone", false))
            shown.known.erase(conv);
          else
            shown.known[conv] = group.value("head", std::int64_t{0});
        }
      if (since.is_null()) since = synced.at("time");
      body = {{"ver", synced.at("ver")}, {"since", since}};
      if (synced.contains("after_group")) body["after_group"] = synced.at("after_group");
    }
    client_->say({{"type", "ack"}, {"ver", synced.at("ver")}});
    ver_ = synced.at("ver");
  } catch (const std::runtime_error&) {
    return lose(), false;
  }
  for (const auto& [conv, head] : shown.known) groups_kept[conv] = std::max(groups_kept[conv], head);
  groups_shown.push_back(std::move(shown));
  return true;
}

void Device::ask(bool answer_gets_lost) {
  if (!client_ || wishes.empty()) return;
  Wish& wish = wishes.front();
  wish.tried = true;
  wish.asked();
  try {
    open_ = client_->start(wish.op, wish.body);
  } catch (const support::ImClosed&) {
    lose();
  }
  if (answer_gets_lost) lose();
}

void Device::hear_answer() {
  if (!client_ || !open_) return;
  try {
    const json answer = client_->answer(*open_, kAnswered);
    open_.reset();
    if (answer.at("code") == kStoreBusy) return;  // later
    const Wish wish = std::move(wishes.front());
    wishes.pop_front();
    wish.answered(answer);
  } catch (const support::ImClosed&) {
    lose();
  }
}

bool Device::look(bool acknowledges) {
  if (!client_ || frozen) return true;
  try {
    while (const auto frame = client_->next(0ms)) {
      INFO(name << ": " << frame->dump());
      if (frame->at("type") == "bye") {
        CHECK(frame->at("reconnect") == true);
        lose();
        return true;
      }
      if (frame->at("type") == "deliver") take(*frame);
      if (frame->at("type") == "behind") return acknowledge(), false;
    }
    if (acknowledges) acknowledge();
  } catch (const support::ImClosed&) {
    lose();
  }
  return true;
}

void Device::take(const json& frame) {
  CHECK(frame.at("pos") == ++pos_);
  const std::int64_t ver = frame.value("ver", std::int64_t{0});
  const bool known = ver <= ver_;  // it came with the sync as well
  ver_ = std::max(ver_, ver);
  for (const json& item : frame.at("items"))
    if (item.at("kind") == "message") take_message(item.at("message"), known);
}

void Device::take_message(const json& message, bool known) {
  const std::string id = message.at("id"), conv = conv_of(id);
  const std::int64_t seq = seq_of(id);
  if (message.contains("group")) {
    GroupsShown& shown = groups_shown.back();
    const auto told = shown.known.find(conv);
    known = told != shown.known.end() && seq <= told->second;
    shown.live[conv].push_back(seq);
  }
  CHECK((shown_.insert(id).second || known));
  CHECK(seq > seqs_[conv]);
  seqs_[conv] = seq;
  unsaid_.insert(id);
}

void Device::acknowledge() {
  if (said_ == pos_) return;
  client_->say({{"type", "ack"}, {"pos", said_ = pos_}});
  acknowledged.merge(unsaid_);
  unsaid_.clear();
}

}  // namespace nightpost::e2e::checker
