// What becomes of a push to all: who gets it live, which phones are due, at which rate, and what is done again.
#include "im/relay/mass_relay.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "im/relay/split_sink.h"
#include "support/json_schema.h"
#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;
using nlohmann::json;

namespace {

using Lines = std::vector<std::string>;

/// A store of one task or more, whose chunks the test says; it answers at once, but for what `hold` keeps.
struct MassBook final : MassPushBook {
  struct Task {
    std::vector<std::vector<MassReceiver>> chunks;  // that steps come to, one each
    std::size_t begun = 0;
  };
  std::map<std::int64_t, Task> tasks;
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<MassReceiver>> rows;  // open chunks
  Lines told;                                                                       // "step 1", "done 1 2"
  bool away = false, stored = false, notification = false;

  void mass_pushes(Reply<std::vector<MassPushTask>> reply) override {
    told.emplace_back("list");
    if (away) return reply(refuse(Code::Busy, "away"));
    std::vector<MassPushTask> out;
    for (const auto& [id, task] : tasks) {
      MassPushTask each{.id = id, .begun_all = task.begun == task.chunks.size()};
      for (const auto& [chunk, receivers] : rows)
        if (chunk.first == id) each.open.push_back(chunk.second);
      out.push_back(std::move(each));
    }
    reply(std::move(out));
  }
  void mass_push_step(std::int64_t id, Reply<MassPushStep> reply) override {
    if (away) return reply(refuse(Code::Busy, "away"));
    told.push_back("step " + std::to_string(id));
    Task& task = tasks[id];
    if (task.begun == task.chunks.size()) return reply(MassPushStep{.begun_all = true});
    const auto& receivers = task.chunks[task.begun++];
    MassPushStep step{.users = receivers.size(), .begun_all = task.begun == task.chunks.size()};
    if (!receivers.empty()) {
      step.chunk = static_cast<std::int64_t>(task.begun);
      rows[{id, step.chunk}] = receivers;
    }
    reply(step);
  }
  void mass_push_chunk(std::int64_t id, std::int64_t number, Reply<std::optional<MassPushChunk>> reply) override {
    if (away) return reply(refuse(Code::Busy, "away"));
    const auto row = rows.find({id, number});
    if (row == rows.end()) return reply(std::optional<MassPushChunk>());
    MassPushChunk chunk{.task = id, .chunk = number, .app = AppId{1}, .at = wall_from_ms(1'795'225'887'000)};
    chunk.message = {.at = chunk.at, .from = "ann", .nick = "Ann \"A\""};
    chunk.message.elements = notification ? "" : R"([{"type":"text","text":"sale"}])";
    chunk.message.push = R"({"desc":"D"})";
    chunk.stored = stored;
    chunk.receivers = row->second;
    reply(std::optional(std::move(chunk)));
  }
  void mass_push_chunk_done(std::int64_t id, std::int64_t number) override {
    told.push_back("done " + std::to_string(id) + " " + std::to_string(number));
    CHECK(rows.erase({id, number}) == 1);
  }
  Lines take() { return std::exchange(told, {}); }
};

struct MassPresence final : Presence {
  std::map<std::string, std::vector<Device>> users;
  std::vector<Device> connected(const UserKey& user) const override {
    const auto at = users.find(user.user);
    return at == users.end() ? std::vector<Device>() : at->second;
  }
};

struct MassSink final : EventSink {
  Lines keys;
  std::vector<json> events;
  std::deque<std::uint64_t> tickets;
  Durable durable;
  void publish(std::string_view key, std::string_view event, std::uint64_t ticket) override {
    keys.emplace_back(key);
    events.push_back(json::parse(event));
    tickets.push_back(ticket);
  }
  void on_durable(Durable told) override { durable = std::move(told); }
  void one_durable() {
    const std::uint64_t ticket = tickets.front();
    tickets.pop_front();
    durable(ticket);
  }
  void all_durable() {
    while (!tickets.empty()) one_durable();
  }
  /// "mass-1.1: bob phone", a member each, since the last call.
  Lines told() {
    Lines out;
    for (const json& event : std::exchange(events, {}))
      for (const json& member : event["to"]) {
        std::string line = event["event_id"].get<std::string>() + ": " + member["user_id"].get<std::string>();
        for (const json& device : member["devices"]) line += " " + device.get<std::string>();
        out.push_back(line);
      }
    return out;
  }
};

struct MassBed {
  RelayOptions relay_options{.return_wait = milliseconds(0)};
  MassRelayOptions options;
  support::ManualLoop loop;
  std::unique_ptr<EventLoop> port = loop.port();
  MassBook book;
  MassPresence here;
  MassSink sink;
  MassRelayMetrics metrics;
  std::vector<Delivery> live;
  std::unique_ptr<MassRelay> made;

  MassRelay& relay() {
    if (!made)
      made = std::make_unique<MassRelay>(
          relay_options, options, book, here, sink,
          [this](std::vector<Delivery> all) { std::ranges::move(all, std::back_inserter(live)); }, *port, metrics);
    return *made;
  }
  void start() {
    relay().start();
    loop.pass(milliseconds(0));
  }
  static MassReceiver user(const std::string& name, Lines devices = {"phone"}) {
    MassReceiver out{.user = name, .unread_total = 3};
    for (std::string& device : devices) out.targets.push_back({std::move(device), Platform::Ios, Ver{}});
    return out;
  }
  void news() {
    Committed told;
    told.mass_push = true;
    relay().committed(told);
  }
};

}  // namespace

TEST_CASE("mass relay: who is there gets it live, phones that are not in the foreground are named",
          "[im][relay][mass]") {
  MassBed bed;
  bed.book.tasks[1].chunks = {{MassBed::user("bob", {"phone", "pad"}), MassBed::user("cat"), MassBed::user("dan"),
                               MassBed::user("eve", {}), MassBed::user("fay", {})}};
  bed.here.users["cat"] = {{"phone", true, Ver{}}};
  bed.here.users["dan"] = {{"phone", false, Ver{}}};
  bed.here.users["eve"] = {{"desk", true, Ver{}}};
  bed.start();
  CHECK(bed.sink.told() == Lines{"mass-1.1: bob phone pad", "mass-1.1: dan phone"});
  CHECK(bed.sink.keys == Lines{"mass_1_1"});
  Lines users;
  for (const Delivery& delivery : bed.live) {
    users.push_back(delivery.to.user);
    CHECK(delivery.ver == Ver{});
    CHECK(delivery.unread_total == 3);
    const auto& message = std::get<NewMessage>(delivery.item);
    CHECK(message.online_only);
    CHECK(message.message->to == delivery.to.user);
    CHECK(message.message->from == "ann");
  }
  CHECK(users == Lines{"cat", "dan", "eve"});
  CHECK(bed.book.take() == Lines{"list", "step 1"});
  CHECK_FALSE(bed.relay().idle());
  CHECK(bed.metrics.chunks.read() == 1);
  bed.sink.all_durable();
  CHECK(bed.book.take() == Lines{"done 1 1"});
  CHECK(bed.relay().idle());
  CHECK(bed.metrics.users.read() == 5);
  CHECK(bed.metrics.members.read() == 2);
  CHECK(bed.metrics.live.read() == 3);
  CHECK(bed.metrics.chunks.read() == 0);
}

TEST_CASE("mass relay: its event is as the schema says", "[im][relay][mass]") {
  MassBed bed;
  bed.book.tasks[12].chunks = {{MassBed::user("bob")}};
  bed.start();
  REQUIRE(bed.sink.events.size() == 1);
  const json& event = bed.sink.events[0];
  const auto schema = testing::JsonSchema::from_file(NIGHTPOST_SCHEMAS "/offline-event.schema.json");
  CHECK(schema.mistakes(event).empty());
  CHECK(event["event_id"] == "mass-12.1");
  CHECK(event["kind"] == "c2c");
  CHECK(event["message"]["id"] == "mass-12");
  CHECK(event["from"]["nick"] == "Ann \"A\"");
  CHECK(event["push"]["desc"] == "D");
  CHECK(event["to"][0]["unread"] == 3);
  CHECK(event["expires_at"] == 1'795'225'887'000 + bed.relay_options.event_lifetime.count());
}

TEST_CASE("mass relay: a stored push comes live by its commit, a notification to every phone", "[im][relay][mass]") {
  MassBed bed;
  bed.book.tasks[1].chunks = {{MassBed::user("cat")}};
  bed.here.users["cat"] = {{"phone", true, Ver{}}};
  SECTION("stored") {
    bed.book.stored = true;
    bed.start();
    CHECK(bed.live.empty());
    CHECK(bed.sink.told().empty());  // in the foreground
    CHECK(bed.book.take() == Lines{"list", "step 1", "done 1 1"});
  }
  SECTION("notification") {
    bed.book.notification = true;
    bed.start();
    CHECK(bed.live.empty());
    REQUIRE(bed.sink.events.size() == 1);
    CHECK(bed.sink.events[0]["message"]["elements"] == json::array());
    CHECK(bed.sink.told() == Lines{"mass-1.1: cat phone"});
  }
}

TEST_CASE("mass relay: what an earlier process left is made again under the same id, before anything new",
          "[im][relay][mass]") {
  MassBed bed;
  bed.relay_options.return_wait = milliseconds(15'000);
  bed.book.tasks[1] = {.chunks = {{MassBed::user("a")}, {MassBed::user("b")}, {MassBed::user("c")}}, .begun = 2};
  bed.book.rows[{1, 2}] = {MassBed::user("b")};
  bed.start();
  bed.loop.pass(milliseconds(14'999));
  CHECK(bed.book.take().empty());  // devices get their time to come back
  bed.loop.pass(milliseconds(1));
  CHECK(bed.sink.told() == Lines{"mass-1.2: b phone", "mass-1.3: c phone"});
  bed.sink.one_durable();
  CHECK(bed.book.take() == Lines{"list", "step 1", "done 1 2"});
  bed.news();  // a later list, in which the store has not heard yet of what is done, brings none back
  bed.book.rows[{1, 2}] = {MassBed::user("b")};
  bed.news();
  CHECK(bed.sink.told().empty());
}

TEST_CASE("mass relay: users at a rate, tasks by turns, so many chunks at once", "[im][relay][mass]") {
  MassBed bed;
  bed.options = {.users_per_second = 10, .chunks_open_max = 3};
  const std::vector<MassReceiver> two = {MassBed::user("a"), MassBed::user("b")};
  bed.book.tasks[1].chunks = {two, two, two};
  bed.book.tasks[2].chunks = {two, two};
  bed.start();
  CHECK(bed.book.take() == Lines{"list", "step 1"});
  bed.loop.pass(milliseconds(199));
  CHECK(bed.book.take().empty());
  bed.loop.pass(milliseconds(1));
  CHECK(bed.book.take() == Lines{"step 2"});
  bed.loop.pass(milliseconds(200));
  CHECK(bed.book.take() == Lines{"step 1"});
  bed.loop.pass(milliseconds(5'000));
  CHECK(bed.book.take().empty());  // three are not durable
  bed.sink.one_durable();
  CHECK(bed.book.take() == Lines{"done 1 1", "step 2"});
  bed.sink.all_durable();
  bed.loop.pass(milliseconds(5'000));
  bed.sink.all_durable();
  CHECK(bed.book.rows.empty());
  CHECK(bed.metrics.tasks.read() == 0);
  CHECK(bed.metrics.users.read() == 10);
}

TEST_CASE("mass relay: bytes in flight are bounded, those of an earlier process too", "[im][relay][mass]") {
  MassBed bed;
  bed.relay_options.in_flight_bytes_max = 1;
  bed.book.tasks[1] = {.chunks = {{MassBed::user("a")}, {MassBed::user("b")}, {MassBed::user("c")}}, .begun = 2};
  bed.book.rows[{1, 1}] = {MassBed::user("a")};
  bed.book.rows[{1, 2}] = {MassBed::user("b")};
  bed.start();
  bed.loop.pass(milliseconds(5'000));
  CHECK(bed.sink.told() == Lines{"mass-1.1: a phone"});
  bed.sink.one_durable();
  CHECK(bed.sink.told() == Lines{"mass-1.2: b phone"});
  bed.loop.pass(milliseconds(5'000));
  bed.sink.one_durable();
  bed.loop.pass(milliseconds(5'000));
  CHECK(bed.sink.told() == Lines{"mass-1.3: c phone"});
}

TEST_CASE("mass relay: steps that come to nobody go on", "[im][relay][mass]") {
  MassBed bed;
  bed.book.tasks[1].chunks = {{}, {}, {MassBed::user("a")}, {MassBed::user("b", {})}};
  bed.start();
  bed.loop.pass(milliseconds(1'000));
  CHECK(bed.sink.told() == Lines{"mass-1.3: a phone"});
  CHECK(bed.book.take() == Lines{"list", "step 1", "step 1", "step 1", "step 1", "done 1 4"});
}

TEST_CASE("mass relay: a store that is away is asked again", "[im][relay][mass]") {
  MassBed bed;
  bed.book.tasks[1].chunks = {{MassBed::user("a")}, {MassBed::user("b")}};
  bed.book.away = true;
  bed.start();
  CHECK(bed.book.take() == Lines{"list"});
  bed.news();
  CHECK(bed.book.take().empty());
  bed.loop.pass(milliseconds(1'000));
  CHECK(bed.book.take() == Lines{"list"});
  bed.book.away = false;
  bed.loop.pass(milliseconds(1'000));
  CHECK(bed.sink.told() == Lines{"mass-1.1: a phone"});
  bed.book.away = true;
  bed.loop.pass(milliseconds(100));
  bed.book.away = false;
  bed.loop.pass(milliseconds(999));
  CHECK(bed.sink.told().size() <= 1);
  bed.loop.pass(milliseconds(200));
  bed.sink.all_durable();
  CHECK(bed.book.rows.empty());
}

TEST_CASE("mass relay: one that is begun or canceled is heard of; a drain begins no further chunk",
          "[im][relay][mass]") {
  MassBed bed;
  bed.options.users_per_second = 1;
  bed.start();
  CHECK(bed.book.take() == Lines{"list"});
  bed.relay().committed({});  // of something else
  CHECK(bed.book.take().empty());
  bed.book.tasks[1].chunks = {{MassBed::user("a")}, {MassBed::user("b")}};
  bed.news();
  CHECK(bed.book.take() == Lines{"list", "step 1"});
  SECTION("canceled") {
    bed.book.tasks[1].begun = 2;  // as a task that is over looks
    bed.news();
    bed.loop.pass(milliseconds(5'000));
    CHECK(bed.book.take() == Lines{"list"});
  }
  SECTION("drained") {
    bed.relay().drain();
    bed.loop.pass(milliseconds(5'000));
    CHECK(bed.book.take().empty());
    CHECK_FALSE(bed.relay().idle());
    bed.sink.all_durable();
    CHECK(bed.relay().idle());
  }
}

TEST_CASE("mass relay: more users than an event may name are several, under one id", "[im][relay][mass]") {
  MassBed bed;
  std::vector<MassReceiver> many;
  for (std::size_t i = 0; i < kEventMembersMax + 1; ++i) many.push_back(MassBed::user("u" + std::to_string(i)));
  bed.book.tasks[1].chunks = {many};
  bed.start();
  REQUIRE(bed.sink.events.size() == 2);
  CHECK(bed.sink.events[0]["event_id"] == bed.sink.events[1]["event_id"]);
  CHECK(bed.sink.events[1]["to"].size() == 1);
  bed.sink.one_durable();
  CHECK(bed.book.rows.size() == 1);
  bed.sink.one_durable();
  CHECK(bed.book.rows.empty());
}

TEST_CASE("split sink: each port has its own tickets", "[im][relay]") {
  MassSink sink;
  SplitSink split(sink);
  std::vector<std::vector<std::uint64_t>> heard(SplitSink::kPorts);
  for (std::size_t port = 0; port < SplitSink::kPorts; ++port) {
    split.port(port).on_durable([&heard, port](std::uint64_t ticket) { heard[port].push_back(ticket); });
    split.port(port).publish("k", "{}", 7 + port);
  }
  sink.all_durable();
  for (std::size_t port = 0; port < SplitSink::kPorts; ++port)
    CHECK(heard[port] == std::vector<std::uint64_t>{7 + port});
}
