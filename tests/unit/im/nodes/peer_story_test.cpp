// Stories of a seed: devices of one node, messages that another stores, a channel that loses and breaks. Whatever
// happens, each message that was to be waited for ends with its acknowledgement or with left_foreground, and nothing is
// taken for acknowledged that the device does not have. NODES_SEED=N tells one, NODES_STORIES=N so many.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "im/nodes/peer_link.h"
#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

constexpr int kStoryUsers = 3;

UserKey story_user(int which) { return {AppId{7}, "u" + std::to_string(which)}; }

std::uint64_t story_setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct StoryPort final : PeerChannel {
  explicit StoryPort(support::ManualLoop& clock) : loop(clock.port()) {}
  void listen(PeerChannelEar* to) override { ear = to; }
  bool publish(std::string_view bytes) override {
    if (!up) return false;
    if (lose > 0) {
      --lose;
      return true;
    }
    for (StoryPort* const each : {this, other})
      loop->post([each, text = std::string(bytes)] {
        if (each->up && each->ear != nullptr) each->ear->message(text);
      });
    return true;
  }
  void set_up(bool on) {
    if (std::exchange(up, on) != on && ear != nullptr) ear->subscribed(on);
  }
  std::unique_ptr<EventLoop> loop;
  StoryPort* other = nullptr;
  PeerChannelEar* ear = nullptr;
  bool up = false;
  int lose = 0;
};

/// The service: which commits it was told of without a hole.
struct StoryEars final : PeerEars {
  void heard(Committed commit) override { mark(commit.number); }
  void may_have_missed() override {}
  std::int64_t told_up_to() const noexcept override { return told; }
  void mark(std::int64_t number) {
    if (number > told) early.insert(number);
    while (early.erase(told + 1) > 0) ++told;
  }
  std::int64_t told = 0;
  std::set<std::int64_t> early;
};

struct NoLocal final : Presence {
  std::vector<Device> connected(const UserKey&) const override { return {}; }
  bool may_acknowledge(const UserKey&, const std::string&, MessageId) const override { return false; }
};

/// What a device really has and is, on the first node.
struct StoryDevice {
  bool connected = false, foreground = false;
  std::int64_t ver = 0;        // has everything up to it
  std::set<std::int64_t> has;  // messages of groups
  std::int64_t has_up_to = 0;  // all of them up to this commit
};

class Story final : PresenceEvents {
 public:
  explicit Story(std::uint64_t seed) : random_(seed), near_(clock_), far_(clock_) {
    near_.other = &far_;
    far_.other = &near_;
    PeerOptions options;
    options.page_devices_max = 2;
    options.directory.owed_messages_max = 3;
    options.directory.group_commits_max = 8;
    one_.emplace(parts(near_, near_ears_, near_metrics_, 1), options);
    two_.emplace(parts(far_, far_ears_, far_metrics_, 2), options);
    two_->inform(this);
    one_->start();
    two_->start();
    near_.set_up(true);
    far_.set_up(true);
    clock_.pass(milliseconds(3'000));
  }
  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      act();
      if (below(3) == 0) clock_.pass(milliseconds(below(20) == 0 ? below(15'000) : below(300)));
    }
    if (below(2) == 0) {
      near_.set_up(true);
      far_.set_up(true);
    }
    near_.lose = far_.lose = 0;
    clock_.pass(milliseconds(60'000));
    CHECK(waits_.empty());
    CHECK(group_waits_.empty());
  }
  std::size_t waited = 0, acknowledged_in_time = 0;

 private:
  PeerLink::Parts parts(StoryPort& port, StoryEars& ears, NodesMetrics& metrics, PeerId self) {
    return {.loop = *port.loop,
            .channel = port,
            .ears = ears,
            .local = local_,
            .metrics = metrics,
            .self = self,
            .name = "n"};
  }
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

  void act() {
    const int which = below(kStoryUsers);
    StoryDevice& device = devices_[which];
    const UserKey user = story_user(which);
    PresenceEvents& gateway = one_->local_events();
    switch (below(14)) {
      case 0:
      case 1:
        if (device.connected && device.foreground) return;
        device.connected = device.foreground = true;
        return gateway.came(user, "phone");
      case 2:
        if (!device.foreground) return;
        device.foreground = false;
        return gateway.left_foreground(user, "phone");
      case 3:
        if (!device.connected) return;
        if (std::exchange(device.foreground, false)) gateway.left_foreground(user, "phone");
        device.connected = false;
        return gateway.gone(user, "phone");
      case 4:
      case 5:
        if (!device.connected) return;
        device.ver = vers_[which];
        return gateway.acknowledged(user, "phone", Ver{device.ver});
      case 6: {
        if (!device.connected || group_commits_.empty()) return;
        const std::int64_t number = group_commits_[below(static_cast<int>(group_commits_.size()))];
        device.has.insert(number);
        return gateway.has_messages(user, "phone", std::vector<MessageId>{{ConvId{1}, Seq{number}}});
      }
      case 7:
        if (!device.connected) return;
        device.has_up_to = near_ears_.told;
        return gateway.has_all_messages(user, "phone", {});
      case 8:
      case 9:
        return commit_to(which);
      case 10:
      case 11:
        return commit_to_group();
      case 12:
        (below(2) == 0 ? near_ : far_).lose = 1 + below(3);
        return;
      default:
        StoryPort& port = below(2) == 0 ? near_ : far_;
        return port.set_up(!port.up || below(3) != 0);
    }
  }
  void commit_to(int which) {
    Committed commit;
    commit.number = ++number_;
    const std::int64_t ver = ++vers_[which];
    commit.intents.push_back({.to = story_user(which), .ver = Ver{ver}});
    tell(commit);
    for (const Presence::Device& each : two_->connected(story_user(which)))
      if (each.foreground && each.acknowledged < Ver{ver}) {
        waits_.emplace(story_user(which), ver);
        ++waited;
      }
  }
  void commit_to_group() {
    Committed commit;
    commit.number = ++number_;
    const Message message{.id = {ConvId{1}, Seq{number_}}};
    commit.group_intents.push_back({.message = std::make_shared<const Message>(message)});
    group_commits_.push_back(number_);
    tell(commit);
    for (int which = 0; which < kStoryUsers; ++which)  // as the relay asks, once it has looked the members up
      for (const Presence::Device& each : two_->connected(story_user(which)))
        if (each.foreground && two_->may_acknowledge(story_user(which), "phone", message.id)) {
          group_waits_.emplace(story_user(which), number_);
          ++waited;
        }
  }
  /// As the service does: the others first. What they were not told they find in the store, a little later.
  void tell(const Committed& commit) {
    two_->tell(commit);
    two_->committed(commit);
    if (below(4) == 0)
      far_.loop->post([this, upto = number_] {
        for (std::int64_t n = near_ears_.told + 1; n <= upto; ++n) near_ears_.mark(n);
      });
  }

  const StoryDevice& of(const UserKey& user) const { return devices_[user.user[1] - '0']; }
  void end(std::set<std::pair<UserKey, std::int64_t>>& waits, const UserKey& user, auto is_over, bool in_time) {
    std::erase_if(waits, [&](const auto& wait) {
      if (wait.first != user || !is_over(wait.second)) return false;
      if (in_time) ++acknowledged_in_time;
      return true;
    });
  }
  void acknowledged(const UserKey& user, const std::string&, Ver ver) override {
    CHECK(ver.value <= of(user).ver);
    end(waits_, user, [&](std::int64_t each) { return each <= ver.value; }, true);
  }
  void has_messages(const UserKey& user, const std::string&, std::span<const MessageId> messages) override {
    for (const MessageId id : messages) {
      CHECK(of(user).has.contains(id.seq.value));
      end(group_waits_, user, [&](std::int64_t each) { return each == id.seq.value; }, true);
    }
  }
  void has_all_messages(const UserKey& user, const std::string&, std::span<const MessageId> but) override {
    const auto is_over = [&](std::int64_t each) {
      if (std::ranges::find(but, Seq{each}, [](const MessageId& id) { return id.seq; }) != but.end()) return false;
      CHECK((each <= of(user).has_up_to || of(user).has.contains(each)));
      return true;
    };
    end(group_waits_, user, is_over, true);
  }
  void left_foreground(const UserKey& user, const std::string&) override {
    const auto all = [](std::int64_t) { return true; };
    end(waits_, user, all, false);
    end(group_waits_, user, all, false);
  }
  void came(const UserKey&, const std::string&) override {}

  std::mt19937_64 random_;
  support::ManualLoop clock_;
  StoryPort near_, far_;
  StoryEars near_ears_, far_ears_;
  NoLocal local_;
  NodesMetrics near_metrics_, far_metrics_;
  std::optional<PeerLink> one_, two_;
  StoryDevice devices_[kStoryUsers];
  std::int64_t vers_[kStoryUsers] = {};
  std::int64_t number_ = 0;
  std::vector<std::int64_t> group_commits_;
  std::set<std::pair<UserKey, std::int64_t>> waits_, group_waits_;
};

}  // namespace

TEST_CASE("peer story: no loss leaves a message waiting for ever, or takes one for acknowledged", "[im][nodes]") {
  const std::uint64_t first = story_setting("NODES_SEED", 1);
  const std::uint64_t stories = story_setting("NODES_STORIES", first == 1 ? 60 : 1);
  std::size_t waited = 0, in_time = 0;
  for (std::uint64_t seed = first; seed < first + stories; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    story.run(150);
    waited += story.waited;
    in_time += story.acknowledged_in_time;
  }
  CHECK(waited > 0);
  if (stories > 10) CHECK(in_time * 10 > waited);  // and it is not by being away that nothing waits
}
