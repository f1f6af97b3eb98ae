// What nodes say to one another, there and back; and bytes that are no such thing.
#include "im/nodes/peer_message.h"

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>

#include "im/nodes/peer_bytes.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

constexpr PeerId kPeer = 0x0123456789abcdef;

UserKey peer_user(const std::string& name) { return {AppId{1'400'000'001}, name}; }

Message whole_message() {
  return {.id = {ConvId{7}, Seq{1'000'000'000'000}},
          .at = wall_from_ms(1'770'000'000'123),
          .from = "denny",
          .to = "mei",
          .nick = "Dénny",
          .face = "https://example.com/a.png",
          .client_id = "c-1",
          .priority = Priority::Lowest,
          .flags = {.no_unread = true, .hidden_from_receiver = true, .edited = true},
          .elements = R"([{"type":"text","text":"你好"}])",
          .push = R"({"title":"t"})",
          .cloud_data = "cd",
          .expires = wall_from_ms(1'780'000'000'000),
          .group = "@TGS#1",
          .card = "D",
          .mentions = {"a", std::string(kMentionAll)},
          .targets = {"mei"}};
}

/// Everything of a commit that is told, in text: to compare with.
std::string commit_words(const Committed& commit) { return encode_commit(1, 0, commit); }

/// One delivery of each item, all of whose members differ from the defaults.
Committed whole_commit() {
  const auto message = std::make_shared<const Message>(whole_message());
  const auto tip = std::make_shared<const std::string>(R"({"tip":"joined"})");
  const auto only = std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"a", "b"});
  const Recall recall{{ConvId{7}, Seq{3}}, "admin", wall_from_ms(5)};
  Committed commit;
  commit.number = 77;
  for (Item item : std::initializer_list<Item>{
           NewMessage{message, 4, true}, ReadMark{"mei", Seq{5}, 6}, PeerRead{"mei", Seq{7}}, Recalled{"mei", recall},
           ChatChanged{"mei"}, GroupRead{"g", Seq{8}, 9}, GroupRecalled{"g", recall}, GroupNews{"g", tip, true, true},
           MessageEdited{message}, Subscribed{false, "live", "phone", Epoch{2}}, Removed{"mei", "", {recall.id}},
           Removed{"", "g", {recall.id, {ConvId{7}, Seq{9}}}}})
    commit.deliveries.push_back({.to = peer_user("mei"),
                                 .ver = Ver{12},
                                 .except = "pad",
                                 .item = std::move(item),
                                 .unread_total = -3,
                                 .group = ConvId{9},
                                 .only = only});
  commit.deliveries.push_back({.to = {AppId{2}, ""}, .item = GroupNews{}});
  commit.ended = {{{peer_user("mei"), "phone", Epoch{3}, Platform::Desktop, "192.0.2.1"}, Ended::Why::AccountRemoved}};
  commit.recalled = {{ConvId{7}, Seq{3}}};
  commit.read = {{peer_user("mei"), {ConvId{7}, Seq{4}}}};
  commit.callbacks = {AppId{1}, AppId{2}};
  commit.mass_push = true;
  return commit;
}

std::string fault_of(std::string_view bytes) {
  const auto message = decode(bytes);
  if (message) return "";
  return message.error() == PeerFault::Malformed ? "malformed" : "unknown";
}

template <class Body>
Body there_and_back(Body body) {
  const auto message = decode(encode({.from = kPeer, .seq = 9, .body = std::move(body)}));
  REQUIRE(message);
  CHECK(message->from == kPeer);
  CHECK(message->seq == 9);
  REQUIRE(std::holds_alternative<Body>(message->body));
  return std::get<Body>(message->body);
}

}  // namespace

TEST_CASE("peer message: presence, there and back", "[im][nodes]") {
  CHECK(there_and_back(peer::Beat{"im-1:4711"}).name == "im-1:4711");
  CHECK(there_and_back(peer::Ask{}).of == 0);
  CHECK(there_and_back(peer::Ask{~PeerId{0}}).of == ~PeerId{0});
  there_and_back(peer::Farewell{});
  CHECK(there_and_back(peer::Live{}).rooms.empty());
  const peer::Live live = there_and_back(peer::Live{{{ConvId{5}, 7}, {ConvId{6}, std::int64_t{1} << 40}}});
  REQUIRE(live.rooms.size() == 2);
  CHECK(live.rooms[0].room == ConvId{5});
  CHECK(live.rooms[0].users == 7);
  CHECK(live.rooms[1].users == std::int64_t{1} << 40);
  for (const LiveRooms::Count wrong :
       {LiveRooms::Count{ConvId{0}, 1}, {ConvId{5}, 0}, {ConvId{5}, -1}, {ConvId{5}, (std::int64_t{1} << 40) + 1}})
    CHECK(fault_of(encode({.from = kPeer, .body = peer::Live{{wrong}}})) == "malformed");
  const peer::State state{true, false, {{peer_user("mei"), "phone", true, Ver{5}}, {peer_user("a"), "b", false, {}}}};
  const peer::State page = there_and_back(state);
  CHECK(page.first);
  CHECK_FALSE(page.last);
  CHECK(page.devices == state.devices);
  peer::News news;
  for (const auto kind : {DeviceNews::Kind::Came, DeviceNews::Kind::Left, DeviceNews::Kind::Gone,
                          DeviceNews::Kind::Acknowledged, DeviceNews::Kind::Has, DeviceNews::Kind::HasAllBut})
    news.devices.push_back({kind, peer_user("mei"), "phone", Ver{7}, {{ConvId{1}, Seq{2}}, {ConvId{3}, Seq{4}}}, 44});
  CHECK(there_and_back(news).devices == news.devices);
}

TEST_CASE("peer message: a commit with every item, there and back", "[im][nodes]") {
  const Committed commit = whole_commit();
  std::set<std::size_t> items;
  for (const Delivery& delivery : commit.deliveries) items.insert(delivery.item.index());
  REQUIRE(items.size() == std::variant_size_v<Item>);
  const std::string bytes = encode_commit(kPeer, 3, commit);
  CHECK(bytes == encode({.from = kPeer, .seq = 3, .body = commit}));
  const auto message = decode(bytes);
  REQUIRE(message);
  const auto& back = std::get<Committed>(message->body);
  CHECK(commit_words(back) == commit_words(commit));
  CHECK(back.number == 77);
  REQUIRE(back.deliveries.size() == commit.deliveries.size());
  const Delivery& first = back.deliveries.front();
  CHECK(first.to == peer_user("mei"));
  CHECK(first.ver == Ver{12});
  CHECK(first.except == "pad");
  CHECK(first.unread_total == -3);
  CHECK(first.group == ConvId{9});
  CHECK(*first.only == std::vector<std::string>{"a", "b"});
  CHECK(back.deliveries.back().only == nullptr);
  const auto& said = std::get<NewMessage>(first.item);
  CHECK(said.unread == 4);
  CHECK(said.online_only);
  CHECK(said.message->elements == whole_message().elements);
  CHECK(said.message->flags == whole_message().flags);
  CHECK(said.message->priority == Priority::Lowest);
  CHECK(said.message->expires == whole_message().expires);
  CHECK(said.message->mentions == whole_message().mentions);
  CHECK(std::get<MessageEdited>(back.deliveries[8].item).message == said.message);  // one, wherever it is delivered
  CHECK(*std::get<GroupNews>(back.deliveries[7].item).tip == R"({"tip":"joined"})");
  CHECK(std::get<GroupNews>(back.deliveries.back().item).tip == nullptr);
  CHECK(back.ended.front().why == Ended::Why::AccountRemoved);
  CHECK(back.ended.front().terminal.address == "192.0.2.1");
  CHECK(back.mass_push);
}

TEST_CASE("peer message: what stays with its node is not told", "[im][nodes]") {
  Committed commit;
  commit.number = 5;
  const std::string bare = commit_words(commit);
  commit.intents.resize(2);
  commit.group_intents.resize(1);
  commit.follow_ups.resize(3);
  CHECK(commit_words(commit) == bare);
  CHECK(bare.size() < 32);
}

TEST_CASE("peer message: times that nobody can add to are cut", "[im][nodes]") {
  Message message;
  message.at = WallTime::min();
  message.expires = WallTime::max();
  Committed commit;
  commit.deliveries.push_back({.item = MessageEdited{std::make_shared<const Message>(message)}});
  const auto back = decode(encode_commit(kPeer, 0, commit));
  REQUIRE(back);
  const Message& read = *std::get<MessageEdited>(std::get<Committed>(back->body).deliveries[0].item).message;
  CHECK(to_ms(*read.expires) == std::int64_t{1} << 60);
  CHECK(to_ms(read.at) == -(std::int64_t{1} << 60));
}

TEST_CASE("peer message: cut short or long, every one is refused", "[im][nodes]") {
  const std::string whole = encode_commit(kPeer, 3, whole_commit());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    REQUIRE(fault_of(std::string_view(whole).substr(0, size)) == "malformed");
  }
  CHECK(fault_of(whole + '\0') == "malformed");
  CHECK(fault_of(whole + whole) == "malformed");
}

TEST_CASE("peer message: a byte that is another one never breaks anything", "[im][nodes]") {
  const std::string whole = encode_commit(kPeer, 3, whole_commit());
  std::size_t read = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int bit : {0, 3, 7}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      if (const auto message = decode(bytes)) read += encode(*message).size();
    }
  CHECK(read > 0);
}

TEST_CASE("peer message: bytes that are none", "[im][nodes]") {
  const std::string head = "NPim\x01";
  const auto of_kind = [&](char kind, const std::string& body, const std::string& from = std::string(8, '\1')) {
    return head + kind + from + '\0' + body;
  };
  struct Row {
    const char* name;
    std::string bytes;
    const char* fault;
  };
  const std::string huge = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";  // 2^64 - 1
  const std::string user = "\x01\x01m";
  for (const Row& row : std::initializer_list<Row>{
           {"nothing", "", "malformed"},
           {"another program's", "hello", "malformed"},
           {"a mark alone", "NPim", "malformed"},
           {"another version", "NPim\x02" + std::string(20, '\1'), "unknown"},
           {"a kind of the future", of_kind(7, ""), "unknown"},
           {"of nobody", of_kind(4, "", std::string(8, '\0')), "malformed"},
           {"a farewell with more", of_kind(4, "x"), "malformed"},
           {"a name longer than the message", of_kind(0, "\x09im"), "malformed"},
           {"a name longer than any", of_kind(0, huge), "malformed"},
           {"a name that is no UTF-8", of_kind(0, "\x02\xc3\x28"), "malformed"},
           {"a length in more bytes than it needs", of_kind(0, std::string("\x82\x00im", 4)), "malformed"},
           {"a number above 64 bits", of_kind(0, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "malformed"},
           {"a flag of 2", of_kind(2, std::string("\x02\x01\x00", 3)), "malformed"},
           {"more devices than bytes", of_kind(2, "\x01\x01\x7f"), "malformed"},
           {"devices without number", of_kind(2, "\x01\x01" + huge), "malformed"},
           {"a device without a name", of_kind(2, "\x01\x01\x01" + user + std::string("\x00\x01\x05", 3)), "malformed"},
           {"a user without a name", of_kind(2, std::string("\x01\x01\x01\x01\x00\x01p\x01\x05", 9)), "malformed"},
           {"a user too long", of_kind(2, "\x01\x01\x01\x01\x21" + std::string(33, 'u') + "\x01p\x01\x05"),
            "malformed"},
           {"a device too long", of_kind(2, "\x01\x01\x01" + user + "\x41" + std::string(65, 'd') + "\x01\x05"),
            "malformed"},
           {"an id above 63 bits", of_kind(2, "\x01\x01\x01" + user + "\x01p\x01" + huge), "malformed"},
           {"news of a kind of the future", of_kind(3, "\x01\x06" + user + std::string("\x01p\x05\x00\x00", 5)),
            "malformed"},
           {"a commit of a negative number", of_kind(5, std::string("\x01\x00\x00\x00\x00\x00\x00", 7)), "malformed"},
           {"a delivery of no item", of_kind(5, "\x02\x01" + user + std::string("\x00\x00\x0a\x00\x00\x00", 6)),
            "malformed"},
           {"a message that is none", of_kind(5, "\x02\x01" + user + std::string("\x00\x00\x00\x00", 4)), "malformed"},
           {"a message not said before", of_kind(5, "\x02\x01" + user + std::string("\x00\x00\x00\x02\x00\x00", 6)),
            "malformed"},
       }) {
    CAPTURE(row.name);
    CHECK(fault_of(row.bytes) == row.fault);
  }
  CHECK(fault_of(of_kind(4, "")).empty());
  CHECK(fault_of(of_kind(2, "\x01\x01\x01" + user + "\x01p\x01\x05")).empty());
}

TEST_CASE("peer message: numbers of either sign stay what they are", "[im][nodes]") {
  const std::int64_t value = GENERATE(0, 1, -1, 63, -64, 64, 127, 128, -128, std::numeric_limits<std::int64_t>::max(),
                                      std::numeric_limits<std::int64_t>::min());
  CHECK(unzigzag(zigzag(value)) == value);
  std::string bytes;
  BytesOut(bytes).number(zigzag(value));
  BytesIn in(bytes);
  CHECK(unzigzag(in.number()) == value);
  CHECK_FALSE(in.failed());
  CHECK(in.left() == 0);
}

TEST_CASE("peer message: a node's id as people read it", "[im][nodes]") {
  CHECK(shown(kPeer) == "0123456789abcdef");
  CHECK(shown(1) == "0000000000000001");
}
