#include "im/nodes/peer_message.h"

#include <array>
#include <concepts>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "im/domain/names.h"
#include "im/nodes/peer_bytes.h"

namespace nightpost::im {
namespace {

constexpr std::string_view kPeerMark = "NPim";
constexpr std::uint8_t kPeerVersion = 1;
constexpr std::int64_t kPeerTimeMax = std::int64_t{1} << 60;   // ms; a later one is for ever
constexpr std::int64_t kLiveUsersMax = std::int64_t{1} << 40;  // so that those of all nodes can be added up
constexpr std::size_t kItems = std::variant_size_v<Item>;
static_assert(kItems == 11, "an Item is told by its index: add new ones at the end, and to make_item()");

template <class T, class Of>
concept Either = std::same_as<std::remove_const_t<T>, Of>;

// ---- Parts ----

template <class C>
void walk(C& codec, Either<std::string> auto& text) {
  if constexpr (C::kReads)
    text = codec.text();
  else
    codec.text(text);
}
template <class C>
void walk(C& codec, Either<bool> auto& flag) {
  if constexpr (C::kReads) {
    const std::uint8_t value = codec.byte();
    if (value > 1) codec.refuse();
    flag = value == 1;
  } else {
    codec.byte(flag ? 1 : 0);
  }
}
template <class C>
void walk(C& codec, Either<std::int64_t> auto& number) {
  if constexpr (C::kReads)
    number = unzigzag(codec.number());
  else
    codec.number(zigzag(number));
}
/// Ids: never negative.
template <class C, class Tag>
void walk_id(C& codec, NumericId<Tag>& id) {
  const std::uint64_t value = codec.number();
  if (value > std::uint64_t(std::numeric_limits<std::int64_t>::max())) return codec.refuse();
  id.value = static_cast<std::int64_t>(value);
}
template <class Tag>
void walk(BytesIn& codec, NumericId<Tag>& id) {
  walk_id(codec, id);
}
template <class Tag>
void walk(BytesOut& codec, const NumericId<Tag>& id) {
  codec.number(id.value < 0 ? 0 : static_cast<std::uint64_t>(id.value));
}
/// Far ones are cut, so that nobody who adds to one overflows.
template <class C>
void walk(C& codec, Either<WallTime> auto& time) {
  if constexpr (C::kReads)
    time = wall_from_ms(std::clamp(unzigzag(codec.number()), -kPeerTimeMax, kPeerTimeMax));
  else
    codec.number(zigzag(std::clamp(to_ms(time), -kPeerTimeMax, kPeerTimeMax)));
}
/// `values`: how many the type has.
template <class C, class E>
void walk_enum(C& codec, E& value, std::uint8_t values) {
  if constexpr (C::kReads) {
    const std::uint8_t number = codec.byte();
    if (number >= values) return codec.refuse();
    value = static_cast<E>(number);
  } else {
    codec.byte(static_cast<std::uint8_t>(value));
  }
}
template <class C>
void walk(C& codec, Either<UserKey> auto& user) {
  walk(codec, user.app);
  walk(codec, user.user);
}
template <class C>
void walk(C& codec, Either<MessageId> auto& id) {
  walk(codec, id.conv);
  walk(codec, id.seq);
}
template <class C, class List>
void walk_list(C& codec, List& list, auto each) {
  if constexpr (C::kReads) {
    for (std::size_t left = codec.count(); left > 0 && !codec.failed(); --left) each(list.emplace_back());
  } else {
    codec.number(list.size());
    for (auto& value : list) each(value);
  }
}
template <class C, class List>
void walk_plain_list(C& codec, List& list) {
  walk_list(codec, list, [&](auto& value) { walk(codec, value); });
}

// ---- Messages ----

template <class C>
void walk(C& codec, Either<MessageFlags> auto& flags) {
  constexpr std::array kAll = {&MessageFlags::no_unread, &MessageFlags::no_last,
                               &MessageFlags::recalled,  &MessageFlags::hidden_from_receiver,
                               &MessageFlags::tip,       &MessageFlags::edited};
  if constexpr (C::kReads) {
    const std::uint8_t bits = codec.byte();
    if (bits >> kAll.size() != 0) return codec.refuse();
    for (std::size_t i = 0; i < kAll.size(); ++i) flags.*kAll[i] = ((bits >> i) & 1) != 0;
  } else {
    unsigned bits = 0;
    for (std::size_t i = 0; i < kAll.size(); ++i) bits |= unsigned(flags.*kAll[i]) << i;
    codec.byte(static_cast<std::uint8_t>(bits));
  }
}

template <class C>
void walk(C& codec, Either<Message> auto& message) {
  walk(codec, message.id);
  walk(codec, message.at);
  for (auto* const text : {&message.from, &message.to, &message.nick, &message.face, &message.client_id})
    walk(codec, *text);
  walk_enum(codec, message.priority, 4);
  walk(codec, message.flags);
  for (auto* const text : {&message.elements, &message.push, &message.cloud_data}) walk(codec, *text);
  bool expires = message.expires.has_value();
  walk(codec, expires);
  if (expires) {
    WallTime at = message.expires.value_or(WallTime{});
    walk(codec, at);
    if constexpr (C::kReads) message.expires = at;
  }
  walk(codec, message.group);
  walk(codec, message.card);
  walk_plain_list(codec, message.mentions);
  walk_plain_list(codec, message.targets);
}

/// A message is written once in a commit, wherever it is delivered.
struct SharedOut : BytesOut {
  using BytesOut::BytesOut;
  std::unordered_map<const Message*, std::uint64_t> known;
};
struct SharedIn : BytesIn {
  using BytesIn::BytesIn;
  std::vector<std::shared_ptr<const Message>> known;
};

constexpr std::uint64_t kNoMessage = 0, kNewMessage = 1, kKnownMessage = 2;

void walk(SharedOut& out, const std::shared_ptr<const Message>& message) {
  if (!message) return out.number(kNoMessage);
  const auto [at, is_new] = out.known.emplace(message.get(), out.known.size());
  if (!is_new) return out.number(kKnownMessage + at->second);
  out.number(kNewMessage);
  walk(out, *message);
}
void walk(SharedIn& in, std::shared_ptr<const Message>& message) {
  const std::uint64_t which = in.number();
  if (which == kNoMessage) return in.refuse();  // nobody delivers nothing
  if (which == kNewMessage) {
    auto made = std::make_shared<Message>();
    walk(in, *made);
    message = in.known.emplace_back(std::move(made));
    return;
  }
  if (which - kKnownMessage >= in.known.size()) return in.refuse();
  message = in.known[which - kKnownMessage];
}

/// A text or a list that may be none.
template <class C, class T>
void walk_maybe(C& codec, std::shared_ptr<const T>& shared, auto each) {
  bool is = shared != nullptr;
  walk(codec, is);
  if (!is) return;
  auto made = std::make_shared<T>();
  each(*made);
  shared = std::move(made);
}
template <class C, class T>
void walk_maybe(C& codec, const std::shared_ptr<const T>& shared, auto each) {
  const bool is = shared != nullptr;
  walk(codec, is);
  if (is) each(*shared);
}

// ---- Items ----

template <class C>
void walk(C& codec, Either<Recall> auto& recall) {
  walk(codec, recall.id);
  walk(codec, recall.by);
  walk(codec, recall.at);
}
template <class C>
void walk(C& codec, Either<NewMessage> auto& item) {
  walk(codec, item.message);
  walk(codec, item.unread);
  walk(codec, item.online_only);
}
template <class C>
void walk(C& codec, Either<ReadMark> auto& item) {
  walk(codec, item.peer);
  walk(codec, item.read);
  walk(codec, item.unread);
}
template <class C>
void walk(C& codec, Either<PeerRead> auto& item) {
  walk(codec, item.peer);
  walk(codec, item.read);
}
template <class C>
void walk(C& codec, Either<Recalled> auto& item) {
  walk(codec, item.peer);
  walk(codec, item.recall);
}
template <class C>
void walk(C& codec, Either<ChatChanged> auto& item) {
  walk(codec, item.peer);
}
template <class C>
void walk(C& codec, Either<GroupRead> auto& item) {
  walk(codec, item.group);
  walk(codec, item.read);
  walk(codec, item.unread);
}
template <class C>
void walk(C& codec, Either<GroupRecalled> auto& item) {
  walk(codec, item.group);
  walk(codec, item.recall);
}
template <class C>
void walk(C& codec, Either<GroupNews> auto& item) {
  walk(codec, item.group);
  walk_maybe(codec, item.tip, [&](auto& tip) { walk(codec, tip); });
  walk(codec, item.stored);
  walk(codec, item.passing);
}
template <class C>
void walk(C& codec, Either<MessageEdited> auto& item) {
  walk(codec, item.message);
}
template <class C>
void walk(C& codec, Either<Subscribed> auto& item) {
  walk(codec, item.on);
  walk(codec, item.live);
  walk(codec, item.device);
  walk(codec, item.epoch);
}
template <class C>
void walk(C& codec, Either<Removed> auto& item) {
  walk(codec, item.peer);
  walk(codec, item.group);
  walk_plain_list(codec, item.ids);
}

template <std::size_t... I>
Item make_item(std::size_t which, std::index_sequence<I...>) {
  Item made;
  (void)((which == I ? (made.emplace<I>(), true) : false) || ...);
  return made;
}
void walk(SharedIn& in, Item& item) {
  const std::uint8_t which = in.byte();
  if (which >= kItems) return in.refuse();
  item = make_item(which, std::make_index_sequence<kItems>());
  std::visit([&](auto& value) { walk(in, value); }, item);
}
void walk(SharedOut& out, const Item& item) {
  out.byte(static_cast<std::uint8_t>(item.index()));
  std::visit([&](const auto& value) { walk(out, value); }, item);
}

// ---- Commits ----

template <class C>
void walk(C& codec, Either<Delivery> auto& delivery) {
  walk(codec, delivery.to);
  walk(codec, delivery.ver);
  walk(codec, delivery.except);
  walk(codec, delivery.item);
  walk(codec, delivery.unread_total);
  walk(codec, delivery.group);
  walk_maybe(codec, delivery.only, [&](auto& users) { walk_plain_list(codec, users); });
}
template <class C>
void walk(C& codec, Either<Ended> auto& ended) {
  walk(codec, ended.terminal.user);
  walk(codec, ended.terminal.device);
  walk(codec, ended.terminal.epoch);
  walk_enum(codec, ended.terminal.platform, 5);
  walk(codec, ended.terminal.address);
  walk_enum(codec, ended.why, 5);
}
template <class C>
void walk(C& codec, Either<Committed> auto& commit) {
  walk(codec, commit.number);
  walk_plain_list(codec, commit.deliveries);
  walk_plain_list(codec, commit.ended);
  walk_plain_list(codec, commit.recalled);
  walk_list(codec, commit.read, [&](auto& read) {
    walk(codec, read.first);
    walk(codec, read.second);
  });
  walk_plain_list(codec, commit.callbacks);
  walk(codec, commit.mass_push);
  if constexpr (C::kReads)
    if (commit.number < 0) codec.refuse();
}

// ---- Presence ----

/// What is kept for each device is bounded, whoever sends it.
template <class C>
void walk_device(C& codec, auto& user, auto& device) {
  walk(codec, user);
  walk(codec, device);
  if constexpr (C::kReads)
    if (user.user.empty() || user.user.size() > kUserIdMax || device.empty() || device.size() > kDeviceIdMax)
      codec.refuse();
}

template <class C>
void walk(C& codec, Either<DeviceNews> auto& news) {
  walk_enum(codec, news.kind, 6);
  walk_device(codec, news.user, news.device);
  walk(codec, news.ver);
  walk_plain_list(codec, news.messages);
  walk(codec, news.told);
}
template <class C>
void walk(C& codec, Either<DeviceNow> auto& device) {
  walk_device(codec, device.user, device.device);
  walk(codec, device.foreground);
  walk(codec, device.acknowledged);
}
template <class C>
void walk(C& codec, Either<peer::Beat> auto& beat) {
  walk(codec, beat.name);
}
void walk(SharedIn& in, peer::Ask& ask) { ask.of = in.fixed(); }
void walk(SharedOut& out, const peer::Ask& ask) { out.fixed(ask.of); }
template <class C>
void walk(C& codec, Either<peer::State> auto& state) {
  walk(codec, state.first);
  walk(codec, state.last);
  walk_plain_list(codec, state.devices);
}
template <class C>
void walk(C& codec, Either<peer::News> auto& news) {
  walk_plain_list(codec, news.devices);
}
template <class C>
void walk(C&, Either<peer::Farewell> auto&) {}

template <class C>
void walk(C& codec, Either<peer::Live> auto& live) {
  walk_list(codec, live.rooms, [&](auto& count) {
    walk(codec, count.room);
    walk(codec, count.users);
    if constexpr (C::kReads)
      if (count.room.value == 0 || count.users < 1 || count.users > kLiveUsersMax) codec.refuse();
  });
}

constexpr std::size_t kBodies = std::variant_size_v<PeerBody>;
constexpr std::size_t kCommitBody = 5;
static_assert(std::is_same_v<std::variant_alternative_t<kCommitBody, PeerBody>, Committed> && kBodies == 7,
              "a body is told by its index: add new ones at the end");

template <std::size_t... I>
PeerBody make_body(std::size_t which, std::index_sequence<I...>) {
  PeerBody made;
  (void)((which == I ? (made.emplace<I>(), true) : false) || ...);
  return made;
}

void put_head(BytesOut& out, std::size_t kind, PeerId from, std::uint64_t seq) {
  out.byte(kPeerVersion);
  out.byte(static_cast<std::uint8_t>(kind));
  out.fixed(from);
  out.number(seq);
}

}  // namespace

std::string shown(PeerId id) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(id >> shift);
  return hex(bytes);
}

std::string encode(const PeerMessage& message) {
  std::string bytes(kPeerMark);
  SharedOut out(bytes);
  put_head(out, message.body.index(), message.from, message.seq);
  std::visit([&](const auto& body) { walk(out, body); }, message.body);
  return bytes;
}

std::string encode_commit(PeerId from, std::uint64_t seq, const Committed& commit) {
  std::string bytes(kPeerMark);
  SharedOut out(bytes);
  put_head(out, kCommitBody, from, seq);
  walk(out, commit);
  return bytes;
}

std::expected<PeerMessage, PeerFault> decode(std::string_view bytes) {
  if (!bytes.starts_with(kPeerMark)) return std::unexpected(PeerFault::Malformed);
  SharedIn in(bytes.substr(kPeerMark.size()));
  const std::uint8_t version = in.byte();
  const std::uint8_t kind = in.byte();
  if (!in.failed() && (version != kPeerVersion || kind >= kBodies)) return std::unexpected(PeerFault::Unknown);
  PeerMessage message;
  message.from = in.fixed();
  message.seq = in.number();
  message.body = make_body(kind, std::make_index_sequence<kBodies>());
  std::visit([&](auto& body) { walk(in, body); }, message.body);
  if (in.failed() || in.left() > 0 || message.from == 0) return std::unexpected(PeerFault::Malformed);
  return message;
}

}  // namespace nightpost::im
