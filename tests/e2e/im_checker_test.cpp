// Many clients at random against a model, from outside, over the documented protocol: they send, repeat, recall, read,
// freeze, come back; the server is killed. What clients were shown, what the histories hold and which events there are
// must agree with what was answered. IM_SEED runs one seed, IM_SEEDS that many, IM_STEPS as many steps each.
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "e2e/im_process.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using support::ImClient;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Message {
  std::string from, to, words;
  bool recalled = false;
};

struct Device;

/// A request that is asked until it is answered.
struct Wish {
  std::string op;
  json body;
  std::function<void(const json& answer)> answered;
};

struct Device {
  std::string user, name, platform;
  std::unique_ptr<ImClient> client;
  std::vector<Wish> wishes;                  // not answered yet
  std::int64_t pos = 0, ver = 0;             // of the last deliver frame
  std::set<std::string> shown;               // live, over all connections
  std::map<std::string, std::int64_t> seqs;  // of this connection: the last one of each conversation
  std::set<std::string> acknowledged;
  std::set<std::string> perhaps;  // words of messages that an acknowledged sync may have held: asked for, not answered
  bool frozen = false;
};

class World {
 public:
  /// Each third seed goes without kills: there nothing may come twice.
  explicit World(std::uint64_t seed) : random_(seed), kills_allowed_(seed % 3 != 0) {
    for (const char* user : {"ann", "bob", "cid", "dee"})
      for (const char* platform : {"ios", "android"})
        devices_.push_back({.user = user, .name = std::string(user) + "-" + platform, .platform = platform});
    server_ = std::make_unique<ImProcess>(bed_.server());
    for (Device& device : devices_) connect(device);
  }

  void run(std::uint64_t steps) {
    for (std::uint64_t step = 0; step < steps; ++step) {
      Device& device = devices_[below(devices_.size())];
      switch (below(100)) {
        case 0:
          if (kills_allowed_) kill_server();
          break;
        case 1 ... 4:
          device.client.reset();  // the network is gone
          break;
        case 5 ... 7:
          device.frozen = !device.frozen;
          break;
        case 8 ... 14:
          wish_recall(device);
          break;
        case 15 ... 29:
          wish_read(device);
          break;
        case 30 ... 49:
          for (Device& each : devices_) look(each);
          break;
        default:
          wish_send(device);
      }
      if (!device.frozen) work(device);
    }
  }

  void check() {
    for (Device& device : devices_) {
      device.frozen = false;
      for (int i = 0; i < 50 && !device.wishes.empty(); ++i) work(device);
      REQUIRE(device.wishes.empty());
      look(device);
    }
    for (Device& device : devices_) device.client.reset();
    REQUIRE(support::eventually(30s, [&] { return server_->metric("nightpost_im_intents_held") == 0; }, 100ms));
    check_histories();
    check_events();
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  template <class Some>
  auto& one_of(Some& some) {
    return some[below(some.size())];
  }
  const std::string& other_than(const std::string& user) {
    for (;;)
      if (const Device& device = one_of(devices_); device.user != user) return device.user;
  }
  void kill_server() {
    ++kills_;
    server_->process().signal(SIGKILL);
    CHECK(server_->process().wait(10s) == 128 + SIGKILL);
    server_ = std::make_unique<ImProcess>(bed_.server());
  }

  void connect(Device& device) {
    try {
      device.client = std::make_unique<ImClient>(server_->port());
      const json welcome = device.client->hello(bed_.hello(device.user, device.name, device.platform));
      INFO(welcome.dump());
      REQUIRE(welcome.at("code") == 0);
      device.pos = 0;
      device.seqs.clear();
      const std::map<std::string, Message> before = messages_;
      std::set<std::string> asked;
      for (const Device& other : devices_)
        for (const Wish& wish : other.wishes)
          if (wish.op == "send" && wish.body.at("to") == device.user) asked.insert(wish.body.at("client_id"));
      json synced = json::object();
      for (bool more = true; more; more = synced.at("more"))
        synced = device.client->done("sync", {{"ver", synced.value("ver", 0)}});
      device.client->say({{"type", "ack"}, {"ver", synced.at("ver")}});
      device.ver = synced.at("ver");
      for (const auto& [id, message] : before)
        if (message.to == device.user) device.acknowledged.insert(id);
      device.perhaps.merge(asked);
    } catch (const support::ImClosed&) {
      device.client.reset();
    }
  }
  /// Asks what is not answered, in order, and takes what was delivered.
  void work(Device& device) {
    if (!device.client) connect(device);
    try {
      while (device.client && !device.wishes.empty()) {
        const bool answer_lost = below(12) == 0;
        Wish& wish = device.wishes.front();
        if (answer_lost) {
          device.client->say({{"type", "req"}, {"id", 1'000'000}, {"op", wish.op}, {"body", wish.body}});
          device.client.reset();
          return;
        }
        const json answer = device.client->ask(wish.op, wish.body);
        if (answer.at("code") == 70169) return;  // busy: later
        wish.answered(answer);
        device.wishes.erase(device.wishes.begin());
      }
    } catch (const support::ImClosed&) {
      device.client.reset();
    }
    look(device);
  }
  void look(Device& device) {
    if (!device.client || device.frozen) return;
    try {
      std::vector<std::string> ids;
      while (const auto frame = device.client->next(0ms)) {
        INFO(device.name << ": " << frame->dump());
        REQUIRE(frame->at("type") != "bye");
        if (frame->at("type") == "behind") {
          device.client.reset();  // it comes back and syncs
          return;
        }
        if (frame->at("type") != "deliver") continue;
        CHECK(frame->at("pos") == ++device.pos);
        const std::int64_t ver = frame->value("ver", 0);
        const bool known = ver <= device.ver;  // it came with the sync as well
        device.ver = std::max(device.ver, ver);
        for (const json& item : frame->at("items")) {
          if (item.at("kind") != "message") continue;
          const std::string id = item.at("message").at("id");
          CHECK((device.shown.insert(id).second || known));
          std::int64_t& seq = device.seqs[id.substr(0, id.find('-'))];
          CHECK(seq_of(id) > seq);
          seq = seq_of(id);
          ids.push_back(id);
        }
      }
      if (!ids.empty() && below(5) > 0) {
        device.client->say({{"type", "ack"}, {"pos", device.pos}});
        unsaid_[&device].insert(ids.begin(), ids.end());
        device.acknowledged.merge(unsaid_[&device]);
        unsaid_[&device].clear();
      } else {
        unsaid_[&device].insert(ids.begin(), ids.end());
      }
    } catch (const support::ImClosed&) {
      device.client.reset();
    }
  }

  void wish_send(Device& device) {
    const std::string to = other_than(device.user);
    const std::string client_id = device.name + "-" + std::to_string(++sends_);
    device.wishes.push_back(
        {"send", ImBed::message(to, client_id, client_id), [this, &device, to, client_id](const json& answer) {
           INFO(answer.dump());
           REQUIRE(answer.at("code") == 0);
           const std::string id = answer.at("body").at("id");
           const bool is_new = messages_.emplace(id, Message{device.user, to, client_id}).second;
           CHECK(is_new);
         }});
  }
  void wish_recall(Device& device) {
    std::vector<std::string> own;
    for (const auto& [id, message] : messages_)
      if (message.from == device.user) own.push_back(id);
    if (own.empty()) return;
    const std::string id = one_of(own);
    device.wishes.push_back({"recall", {{"id", id}}, [this, id](const json& answer) {
                               INFO(answer.dump());
                               CHECK(answer.at("code") == 0);
                               messages_.at(id).recalled = true;
                             }});
  }
  void wish_read(Device& device) {
    const std::string peer = other_than(device.user);
    std::int64_t head = 0;
    for (const auto& [id, message] : messages_)
      if ((message.from == peer && message.to == device.user) || (message.from == device.user && message.to == peer))
        head = std::max(head, seq_of(id));
    if (head == 0) return;
    const std::int64_t seq = 1 + static_cast<std::int64_t>(below(static_cast<std::size_t>(head)));
    device.wishes.push_back({"read", {{"peer", peer}, {"seq", seq}}, [this, &device, peer, seq](const json& answer) {
                               INFO(answer.dump());
                               REQUIRE(answer.at("code") == 0);
                               std::int64_t& read = read_[{device.user, peer}];
                               read = std::max(read, seq);
                               CHECK(answer.at("body").at("read") >= read);
                             }});
  }
  static std::int64_t seq_of(const std::string& id) { return std::stoll(id.substr(id.find('-') + 1)); }

  /// Both sides see the same, without a gap; each message that was answered is there once; unread agrees.
  void check_histories() {
    std::set<std::string> all;
    for (const char* user : {"ann", "bob", "cid", "dee"}) {
      ImClient client(server_->port());
      REQUIRE(client.hello(bed_.hello(user, std::string(user) + "-ios")).at("code") == 0);
      const json synced = client.done("sync", {{"ver", 0}});
      std::int64_t total = 0;
      for (const json& chat : synced.at("chats")) {
        const std::string peer = chat.at("peer");
        CAPTURE(user, peer);
        std::int64_t seq = 0, unread = 0;
        const std::int64_t read = read_[{user, peer}];
        for (bool more = true; more;) {
          const json page = client.done("pull", {{"peer", peer}, {"after", seq}, {"limit", 100}});
          for (const json& shown : page.at("messages")) {
            const std::string id = shown.at("id");
            CHECK(seq_of(id) == ++seq);
            INFO(shown.dump());
            const auto known = messages_.find(id);
            REQUIRE(known != messages_.end());
            const Message& message = known->second;
            CHECK(shown.at("from") == message.from);
            CHECK(shown.at("to") == message.to);
            CHECK(shown.value("recalled", false) == message.recalled);
            if (!message.recalled) CHECK(shown.at("elements").at(0).at("text") == message.words);
            if (message.recalled) CHECK(shown.at("elements").empty());
            if (message.to == user && seq > read && !message.recalled) ++unread;
            all.insert(id);
          }
          more = page.at("more");
        }
        CHECK(chat.at("head") == seq);
        CHECK(chat.value("unread", 0) == unread);
        total += unread;
      }
      CHECK(synced.value("unread_total", 0) == total);
    }
    CHECK(all.size() == messages_.size());
  }

  /// A device that did not acknowledge has its event, and has it once.
  void check_events() {
    std::map<std::pair<std::string, std::string>, int> events;  // (message, device) → events that name them
    bed_.topics.read(bed_.names.offline, [&](const support::ReadRecord& record) {
      const json event = json::parse(record.value);
      if (event.at("kind") == "badge") return;
      const std::string id = event.at("message").at("id");
      if (event.at("kind") == "cancel") {
        INFO(event.dump());
        CHECK((event.contains("cancel") || messages_.at(id).recalled));  // a read, or a recall of this message
        return;
      }
      INFO(event.dump());
      REQUIRE(messages_.contains(id));
      CHECK(event.at("to").at(0).at("user_id") == messages_.at(id).to);
      for (const json& device : event.at("to").at(0).at("devices")) ++events[{id, device.get<std::string>()}];
      CHECK(event.at("event_id") == id);  // so a repeat is the same push
    });
    std::size_t due = 0;
    for (const auto& [id, message] : messages_)
      for (const Device& device : devices_) {
        CAPTURE(id, device.name, message.words);
        const auto found = events.find({id, device.name});
        if (found != events.end()) {
          CHECK(device.user == message.to);
          CHECK(found->second <= 1 + kills_);  // a kill may forget that the broker has it
        }
        const bool has_read = seq_of(id) <= read_[{device.user, message.from}];
        const bool has_it = device.acknowledged.contains(id) || device.perhaps.contains(message.words);
        if (device.user != message.to || message.recalled || has_read || has_it) continue;
        ++due;
        CHECK(found != events.end());
      }
    UNSCOPED_INFO(messages_.size() << " messages, " << events.size() << " pushes, " << due << " of them owed");
    CHECK(messages_.size() > 20);
  }

  std::mt19937_64 random_;
  const bool kills_allowed_;
  ImBed bed_{{{"ack_timeout_ms", 300}, {"return_wait_ms", 500}, {"recall_window_ms", 3'600'000}}};
  std::unique_ptr<ImProcess> server_;
  std::vector<Device> devices_;
  std::map<std::string, Message> messages_;  // answered ones, by id
  std::map<std::pair<std::string, std::string>, std::int64_t> read_;
  std::map<const Device*, std::set<std::string>> unsaid_;  // taken, not acknowledged
  std::uint64_t sends_ = 0;
  int kills_ = 0;
};

TEST_CASE("im: at random, clients, histories and events agree with what was answered", "[e2e][im][checker]") {
  const std::uint64_t first = setting("IM_SEED", 1), count = setting("IM_SEED", 0) > 0 ? 1 : setting("IM_SEEDS", 3);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    World world(seed);
    world.run(setting("IM_STEPS", 1'000));
    world.check();
  }
}

}  // namespace
}  // namespace nightpost::e2e
