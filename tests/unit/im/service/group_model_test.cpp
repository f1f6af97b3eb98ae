// Members at random against a plain model: what each has not read, in every group and in all, whatever was sent,
// recalled, removed, read, joined, left and erased, in whatever order.
#include <map>
#include <random>
#include <set>

#include "group_world.h"

namespace nightpost::im {
namespace {

struct Line {
  std::string from;  // empty: a tip
  bool counts = true;
  bool recalled = false;
};
struct Side {
  bool member = false;
  bool discard = false;
  std::size_t cleared = 0;  // seqs up to here are not his
  std::size_t read = 0;
  std::set<std::int64_t> removed{};  // seqs
};
struct Room {
  std::string id;
  bool counts = true;
  std::vector<Line> lines;  // seq - 1 is the place
  std::map<std::string, Side> sides;
  bool tips() const { return counts; }  // Meeting neither counts nor stores tips
};

class GroupModel {
 public:
  explicit GroupModel(std::uint64_t seed) : random_(seed) {
    for (const GroupType type : {GroupType::Work, GroupType::Public, GroupType::Meeting}) {
      Room room{.id = world_.create(type, {}), .counts = type != GroupType::Meeting};
      room.sides["olga"].member = true;
      rooms_.push_back(std::move(room));
    }
  }

  void play(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      if (i % 25 == 24) compare();
    }
    world_.restart();
    compare();
  }

 private:
  std::size_t upto(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }
  std::string anyone() {
    static constexpr const char* kAll[] = {"olga", "adam", "mia", "max", "sam"};
    return kAll[upto(5)];
  }

  void step() {
    Room& room = rooms_[upto(rooms_.size())];
    const std::string user = anyone();
    Side& side = room.sides[user];
    switch (upto(13)) {
      case 0:
        return enter_or_leave(room, user, side);
      case 1:
        return recall(room, user, side);
      case 2:
      case 3:
        return read(room, user, side);
      case 4:
        return option(room, user, side);
      case 5:
        return remove(room, user, side);
      default:
        return write(room, user, side);
    }
  }
  void enter_or_leave(Room& room, const std::string& user, Side& side) {
    if (user == "olga") return;
    if (side.member && upto(3) == 0) {
      REQUIRE(world_.quit(world_.as(user), room.id));
      side.member = false;
      if (room.tips()) room.lines.push_back({"", false});
    } else if (!side.member) {
      CHECK(GroupWorld::words(world_.invite(GroupWorld::app("olga"), room.id, {user})) == user + " done");
      side = {.member = true,
              .cleared = room.counts ? room.lines.size() : 0,
              .read = room.lines.size(),
              .removed = std::move(side.removed)};
      if (room.tips()) room.lines.push_back({"", false});
    }
  }
  void write(Room& room, const std::string& user, const Side& side) {
    GroupSendRequest request = world_.words_for(room.id);
    request.no_unread = upto(6) == 0;
    if (!side.member) {
      CHECK(code_of(world_.try_write(world_.as(user), request)) == Code::GroupForbidden);
      return;
    }
    const bool counts = !request.no_unread && room.counts;
    const MessageId id = world_.write(user, std::move(request));
    room.lines.push_back({user, counts});
    CHECK(id.seq.value == static_cast<std::int64_t>(room.lines.size()));  // dense, tips included
    conv_[room.id] = id.conv;
  }
  void recall(Room& room, const std::string& user, const Side& side) {
    if (room.lines.empty() || !side.member) return;
    const std::size_t place = upto(room.lines.size());
    if (room.lines[place].from != user || place + 1 <= side.cleared) return;
    const auto seq = static_cast<std::int64_t>(place + 1);
    const auto reply = world_.recall(world_.phone(user), {conv_.at(room.id), Seq{seq}});
    if (side.removed.contains(seq)) {
      CHECK_FALSE(reply);  // it is none of his any more
      return;
    }
    REQUIRE(reply);
    room.lines[place].recalled = true;
  }
  void remove(Room& room, const std::string& user, Side& side) {
    if (room.lines.empty() || !conv_.contains(room.id)) return;
    const auto seq = static_cast<std::int64_t>(1 + upto(room.lines.size()));
    const auto reply = world_.remove(world_.phone(user), {{conv_.at(room.id), Seq{seq}}});
    if (!side.member) {
      CHECK(code_of(reply) == Code::MessageUnknown);
      return;
    }
    REQUIRE(reply);
    if (seq > static_cast<std::int64_t>(side.cleared)) side.removed.insert(seq);
  }
  void read(Room& room, const std::string& user, Side& side) {
    const Seq to{static_cast<std::int64_t>(upto(room.lines.size() + 3))};
    const auto reply = world_.read_group(user, {.group = room.id, .seq = to});
    if (!side.member) {
      CHECK(code_of(reply) == Code::GroupForbidden);
      return;
    }
    REQUIRE(reply);
    side.read = std::max(side.read, std::min<std::size_t>(std::size_t(to.value), room.lines.size()));
    CHECK(reply->read.value == static_cast<std::int64_t>(side.read));
    CHECK(reply->unread == unread(room, user, side));
    CHECK(reply->unread_total == total(user));
  }
  void option(Room& room, const std::string& user, Side& side) {
    if (!side.member) return;
    const bool discard = upto(2) == 0;
    REQUIRE(world_.set_option(user, room.id, discard ? ReceiveOption::Discard : ReceiveOption::Notify));
    if (side.discard && !discard) side.read = room.lines.size();
    side.discard = discard;
  }

  static std::int64_t unread(const Room& room, const std::string& user, const Side& side) {
    if (!room.counts || side.discard) return 0;
    std::int64_t out = 0;
    for (std::size_t place = side.read; place < room.lines.size(); ++place) {
      const Line& line = room.lines[place];
      out += line.counts && !line.recalled && line.from != user ? 1 : 0;
    }
    return out;
  }
  std::int64_t total(const std::string& user) const {
    std::int64_t out = 0;
    for (const Room& room : rooms_)
      if (const auto side = room.sides.find(user); side != room.sides.end() && side->second.member)
        out += unread(room, user, side->second);
    return out;
  }
  void compare() {
    for (const char* user : {"olga", "adam", "mia", "max", "sam"}) {
      CAPTURE(user);
      const SyncReply all = world_.sync(world_.phone(user));
      CHECK(all.unread_total == total(user));
      std::size_t member_of = 0;
      for (Room& room : rooms_) {
        CAPTURE(room.id);
        const Side& side = room.sides[user];
        const auto chat = std::ranges::find(all.groups, room.id, &GroupChat::group);
        CHECK((chat != all.groups.end()) == side.member);
        if (!side.member || chat == all.groups.end()) continue;
        ++member_of;
        CHECK(chat->head.value == static_cast<std::int64_t>(room.lines.size()));
        CHECK(chat->read.value == static_cast<std::int64_t>(side.read));
        CHECK(chat->unread == unread(room, user, side));
        compare_removes(room, user, side);
      }
      CHECK(all.groups.size() == member_of);
    }
  }

  /// Those that are to be heard of: not what was before the member came.
  void compare_removes(const Room& room, const std::string& user, const Side& side) {
    std::set<std::int64_t> heard, want;
    for (std::int64_t changes = 0, before = -1; changes > before;) {
      before = changes;
      const auto page = world_.try_pull_group(world_.as(user), {.group = room.id, .changes = changes});
      REQUIRE(page);
      for (const MessageId& id : page->removes) CHECK(heard.insert(id.seq.value).second);
      changes = page->changes;
    }
    for (const std::int64_t seq : side.removed)
      if (seq > static_cast<std::int64_t>(side.cleared)) want.insert(seq);
    CHECK(heard == want);
  }

  std::mt19937_64 random_;
  GroupWorld world_;
  std::vector<Room> rooms_;
  std::map<std::string, ConvId> conv_;
};

TEST_CASE("group model: counts are what a plain model says", "[im][group][model]") {
  const std::uint64_t seed = GENERATE(1, 2, 3);
  CAPTURE(seed);
  GroupModel(seed).play(200);
}

}  // namespace
}  // namespace nightpost::im
