// Many users at random against a plain model: what was answered, told and can be read, and that all of it survives.
#include <cstdio>
#include <map>
#include <random>
#include <set>

#include "service_world.h"

namespace nightpost::im {
namespace {

struct Said {
  std::string from, to, client_id, elements;
  WallTime at{};
  bool counts = true, hidden = false, recalled = false, push = true;
};
struct ModelSide {
  Seq read, peer_read, head;
  bool there = false;
  std::set<std::int64_t> removed;
};
struct Talk {
  std::optional<ConvId> id;
  std::vector<Said> said;  // seq - 1 is the place
  std::map<std::string, ModelSide> sides;
};

/// What a client holds that syncs from time to time.
struct Copy {
  Ver ver;
  std::map<std::string, Chat> chats;
};

/// What a device has heard of what its user removed in a conversation.
struct HeardRemoves {
  std::int64_t changes = 0;
  std::set<std::int64_t> removed;
};

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 5; ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      users_.push_back(name);
      terminals_[name] = world_.login(name, "phone", i == 4 ? Platform::Desktop : Platform::Ios);
    }
    world_.news();
  }

  void play(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      if (upto(12) == 0) take_news();
    }
    settle();
    compare();
  }
  void crash() {
    settle();
    world_.crash();
    compare();
  }

 private:
  std::size_t upto(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }
  const std::string& anyone() { return users_[upto(users_.size())]; }
  Talk& talk(const std::string& one, const std::string& other) { return talks_[std::minmax(one, other)]; }
  static bool blocked(const std::set<std::pair<std::string, std::string>>& all, const std::string& by,
                      const std::string& who) {
    return all.contains({by, who});
  }

  void step() {
    const std::string user = anyone();
    const std::string peer = anyone();
    switch (upto(16)) {
      case 0:
        return read(user, peer);
      case 1:
        return recall(user, peer);
      case 2:
        return remove(user, peer);
      case 3:
        return block(user, peer);
      case 4:
        return resend(user);
      case 5:
        return sync(user);
      case 6:
        world_.clock.pass(milliseconds(std::int64_t(upto(60'000)) - 5'000));
        return;
      default:
        return send(user, peer);
    }
  }

  template <class T>
  Reply<T> expect(std::function<void(const Answer<T>&)> check) {
    ++open_;
    return [this, check = std::move(check)](const Answer<T>& answer) {
      --open_;
      check(answer);
    };
  }

  // Each call goes out without waiting, so that many share a commit; the model follows at once, for commands are run in
  // their order.
  void send(const std::string& from, const std::string& to) {
    SendRequest request = world_.text(to, "m" + std::to_string(talks_.size()) + "-" + std::to_string(++number_));
    request.no_unread = upto(8) == 0;
    const bool push = upto(8) != 0;
    if (!push) request.push = R"({"disabled":true})";
    Talk& in = talk(from, to);
    const bool hidden = from != to && blocked(blocks_, to, from);
    in.said.push_back({from, to, request.client_id, request.elements, {}, !request.no_unread, hidden, false, push});
    const Seq seq{std::int64_t(in.said.size())};
    for (const std::string& who : {from, to}) {
      if (who == to && hidden) continue;
      ModelSide& side = in.sides[who];
      if (!side.there) side.read = Seq{seq.value - 1};
      side.there = true;
      side.head = seq;
    }
    sent_.push_back({from, request, {&in, seq}});
    world_.service->send(terminals_[from], request,
                         expect<SendReply>([this, place = sent_.size() - 1](const Answer<SendReply>& reply) {
                           REQUIRE(reply);
                           CHECK_FALSE(reply->repeated);
                           first_result(place, *reply);
                         }));
  }
  void first_result(std::size_t place, const SendReply& reply) {
    auto& [talk, seq] = sent_[place].where;
    CHECK(reply.id.seq == seq);  // dense
    if (talk->id) CHECK(reply.id.conv == *talk->id);
    talk->id = reply.id.conv;
    Said& said = talk->said[static_cast<std::size_t>(seq.value - 1)];
    said.at = reply.at;
    sent_[place].reply = reply;
  }
  void resend(const std::string& user) {
    std::vector<std::size_t> mine;
    for (std::size_t i = 0; i < sent_.size(); ++i)
      if (sent_[i].from == user) mine.push_back(i);
    if (mine.empty()) return;
    const std::size_t place = mine[upto(mine.size())];
    world_.service->send(terminals_[user], sent_[place].request,
                         expect<SendReply>([this, place](const Answer<SendReply>& reply) {
                           REQUIRE(reply);
                           CHECK(reply->repeated);
                           CHECK(reply->id == sent_[place].reply->id);
                           CHECK(reply->at == sent_[place].reply->at);
                         }));
  }
  void read(const std::string& user, const std::string& peer) {
    Talk& in = talk(user, peer);
    ModelSide& side = in.sides[user];
    const bool all = upto(3) == 0;
    const Seq asked{std::int64_t(upto(in.said.size() + 3))};
    if (side.there) {
      const Seq mark = std::max(side.read, std::min(all ? side.head : asked, side.head));
      if (mark > side.read && user != peer) {
        if (ModelSide& other = in.sides[peer]; other.there) other.peer_read = std::max(other.peer_read, mark);
      }
      side.read = mark;
    }
    const Seq want = side.there ? side.read : Seq{};
    const std::int64_t unread = side.there ? unread_of(in, user) : 0;
    world_.service->read(terminals_[user], {.peer = peer, .seq = all ? std::nullopt : std::optional(asked)},
                         expect<ReadReply>([want, unread](const Answer<ReadReply>& reply) {
                           REQUIRE(reply);
                           CHECK(reply->read == want);
                           CHECK(reply->unread == unread);
                         }));
  }
  void recall(const std::string& user, const std::string& peer) {
    settle();  // the id and the time must be known
    Talk& in = talk(user, peer);
    if (in.said.empty() || !in.id) return;
    const Seq seq{std::int64_t(1 + upto(in.said.size()))};
    Said& said = in.said[static_cast<std::size_t>(seq.value - 1)];
    Code want{};
    if (!in.sides[user].there || (said.hidden && said.from != user) || seq > in.sides[user].head)
      want = Code::MessageUnknown;
    else if (said.from != user)
      want = Code::NotTheSender;
    else if (!said.recalled && world_.clock.wall() - said.at > world_.options.recall_window)
      want = Code::RecallTooLate;
    else
      said.recalled = true;
    const auto reply = world_.recall(terminals_[user], {*in.id, seq});
    if (want == Code{})
      CHECK(reply);
    else
      CHECK(code_of(reply) == want);
  }
  void remove(const std::string& user, const std::string& peer) {
    settle();
    Talk& in = talk(user, peer);
    ModelSide& side = in.sides[user];
    if (!side.there) return;
    const Seq seq{std::int64_t(1 + upto(static_cast<std::size_t>(side.head.value)))};
    side.removed.insert(seq.value);
    CHECK(world_.remove(terminals_[user], {{*in.id, seq}}));
  }
  void block(const std::string& user, const std::string& peer) {
    if (user == peer) return;
    const bool on = upto(2) == 0;
    if (on)
      blocks_.insert({user, peer});
    else
      blocks_.erase({user, peer});
    world_.service->set_blacklisted(terminals_[user], {peer, on},
                                    expect<void>([](const Answer<void>& reply) { CHECK(reply); }));
  }
  /// A client that has been away for a while.
  void sync(const std::string& user) {
    Copy& copy = copies_[user];
    for (bool more = true; more;) {
      const SyncReply reply = world_.sync(terminals_[user], {.ver = copy.ver, .limit = 1 + upto(3)});
      CHECK_FALSE(reply.reset);
      for (const Chat& chat : reply.chats) copy.chats[chat.peer] = chat;
      more = reply.more;
      copy.ver = reply.ver;
    }
  }

  std::int64_t unread_of(const Talk& in, const std::string& user) const {
    std::int64_t out = 0;
    for (std::size_t i = static_cast<std::size_t>(in.sides.at(user).read.value); i < in.said.size(); ++i) {
      const Said& said = in.said[i];
      out += said.to == user && said.from != user && said.counts && !said.hidden && !said.recalled;
    }
    return out;
  }
  bool wants_push(const Talk& in, std::size_t place) const {
    const Said& said = in.said[place];
    const auto side = in.sides.find(said.to);
    const Seq seq{std::int64_t(place + 1)};
    return said.from != said.to && said.to != "e" && said.push && !said.hidden && !said.recalled &&
           side != in.sides.end() && side->second.read < seq && !side->second.removed.contains(seq.value);
  }

  void settle() {
    REQUIRE(world_.loop.until([this] { return open_ == 0; }));
    take_news();
  }
  /// What is told comes in the order of vers, each once.
  void take_news() {
    for (const Committed& each : std::exchange(world_.told, {})) {
      for (const Delivery& delivery : each.deliveries) {
        CHECK(delivery.ver.value == ++vers_[delivery.to.user]);
      }
      for (const Intent& intent : each.intents) CHECK(intended_.insert(intent.message->id).second);
    }
  }

  void compare() {
    std::map<std::string, std::int64_t> totals;
    std::set<MessageId> intents;
    for (const Intent& intent : world_.intents()) {
      CHECK(intents.insert(intent.message->id).second);
      CHECK(intended_.contains(intent.message->id));
    }
    std::size_t wanted = 0;
    for (auto& [names, in] : talks_) {
      for (std::size_t i = 0; i < in.said.size(); ++i)
        if (wants_push(in, i)) {
          ++wanted;
          CHECK(intents.contains({*in.id, Seq{std::int64_t(i + 1)}}));
        }
      for (const std::string& user : {names.first, names.second}) {
        const auto side = in.sides.find(user);
        if (side == in.sides.end() || !side->second.there) continue;
        const std::string& peer = user == names.first ? names.second : names.first;
        const std::int64_t unread = unread_of(in, user);
        if (user == names.first || names.first != names.second) totals[user] += unread;
        compare_side(in, user, peer, side->second, unread);
      }
    }
    CHECK(intents.size() == wanted);
    for (const std::string& user : users_) compare_syncs(user, totals[user]);
  }
  void compare_side(const Talk& in, const std::string& user, const std::string& peer, const ModelSide& side,
                    std::int64_t unread) {
    CAPTURE(user, peer);
    const Chat chat = world_.chat(terminals_[user], peer);
    CHECK(chat.conv == *in.id);
    CHECK(chat.head == side.head);
    CHECK(chat.read == side.read);
    CHECK(chat.peer_read == side.peer_read);
    CHECK(chat.unread == unread);
    std::vector<std::size_t> want;
    for (std::size_t i = static_cast<std::size_t>(chat.cleared.value); i < in.said.size(); ++i)
      if (!side.removed.contains(std::int64_t(i + 1)) && (!in.said[i].hidden || in.said[i].from == user) &&
          std::int64_t(i) < side.head.value)
        want.push_back(i);
    std::vector<Message> got;
    Seq after;
    for (bool more = true; more;) {
      PullReply page = world_.pull(terminals_[user], {.peer = peer, .after = after, .limit = 1 + upto(20)});
      CHECK(page.from.value == after.value + 1);  // ranges join
      more = page.more;
      after = page.to;
      std::ranges::move(page.messages, std::back_inserter(got));
    }
    CHECK(after == side.head);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const Said& said = in.said[want[i]];
      CHECK(got[i].id.seq.value == std::int64_t(want[i] + 1));
      CHECK(got[i].client_id == said.client_id);
      CHECK(got[i].from == said.from);
      CHECK(got[i].at == said.at);
      CHECK(got[i].flags.recalled == said.recalled);
      CHECK(got[i].elements == (said.recalled ? "" : said.elements));
      if (i > 0) CHECK(got[i].at >= got[i - 1].at);
    }
    if (want.empty())
      CHECK_FALSE(chat.last);
    else
      CHECK(chat.last.value().id == got.back().id);
    compare_removes(in, user, peer, side, chat);
  }
  /// From whatever change a client went on, each once.
  void compare_removes(const Talk& in, const std::string& user, const std::string& peer, const ModelSide& side,
                       const Chat& chat) {
    HeardRemoves& heard = heard_[{user, peer}];
    for (std::int64_t before = -1; heard.changes > before;) {
      before = heard.changes;
      const PullReply page = world_.pull(terminals_[user], {.peer = peer, .changes = heard.changes, .limit = 1});
      for (const MessageId& id : page.removes) CHECK(heard.removed.insert(id.seq.value).second);
      heard.changes = page.changes;
    }
    CHECK(heard.changes == chat.changes);
    std::set<std::int64_t> want;
    for (const std::int64_t seq : side.removed) {
      const Said& said = in.said[static_cast<std::size_t>(seq - 1)];
      if (seq > chat.cleared.value && (!said.hidden || said.from == user)) want.insert(seq);
    }
    CHECK(heard.removed == want);
  }
  /// From whatever ver a client went on, it holds what one has that begins at 0.
  void compare_syncs(const std::string& user, std::int64_t total) {
    CAPTURE(user);
    sync(user);
    const Copy& copy = copies_[user];
    const SyncReply all = world_.sync(terminals_[user], {.limit = 500});
    CHECK(all.unread_total == total);
    CHECK(all.ver == copy.ver);
    CHECK(all.ver.value == vers_[user]);
    REQUIRE(all.chats.size() == copy.chats.size());
    for (const Chat& chat : all.chats) {
      const Chat& mine = copy.chats.at(chat.peer);
      CHECK(mine.ver == chat.ver);
      CHECK(mine.head == chat.head);
      CHECK(mine.read == chat.read);
      CHECK(mine.peer_read == chat.peer_read);
      CHECK(mine.unread == chat.unread);
      CHECK(mine.last.has_value() == chat.last.has_value());
      if (mine.last && chat.last) {
        CHECK(mine.last->id == chat.last->id);
        CHECK(mine.last->flags == chat.last->flags);
      }
    }
  }

  struct Sent {
    std::string from;
    SendRequest request;
    std::pair<Talk*, Seq> where;
    std::optional<SendReply> reply = std::nullopt;
  };
  std::mt19937_64 random_;
  World world_;
  std::vector<std::string> users_;
  std::map<std::string, Terminal> terminals_;
  std::map<std::pair<std::string, std::string>, Talk> talks_;
  std::set<std::pair<std::string, std::string>> blocks_;
  std::vector<Sent> sent_;
  std::map<std::string, Copy> copies_;
  std::map<std::pair<std::string, std::string>, HeardRemoves> heard_;
  std::map<std::string, std::int64_t> vers_;
  std::set<MessageId> intended_;
  int open_ = 0;
  int number_ = 0;
};

TEST_CASE("im model: many users at random leave what a plain model leaves, across a crash", "[im][service][model]") {
  const char* const given = std::getenv("IM_SEED");
  const std::uint64_t first = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  for (std::uint64_t seed = first; seed < first + (given ? 1 : 4); ++seed) {
    CAPTURE(seed);  // IM_SEED=… repeats it
    Model model(seed);
    model.play(250);
    model.crash();
    model.play(150);
  }
}

}  // namespace
}  // namespace nightpost::im
