#include "im/service/commit_order.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

namespace nightpost::im {
namespace {

std::size_t bytes_held_by(const Message& message) {
  std::size_t bytes = sizeof message;
  for (const std::string* const text :
       {&message.from, &message.to, &message.nick, &message.face, &message.client_id, &message.elements, &message.push,
        &message.cloud_data, &message.group, &message.card})
    bytes += text->size();
  for (const std::vector<std::string>* const users : {&message.mentions, &message.targets})
    for (const std::string& user : *users) bytes += sizeof user + user.size();
  return bytes;
}

}  // namespace

std::size_t bytes_held_by(const Committed& commit) {
  std::size_t bytes = sizeof commit + commit.recalled.size() * sizeof(MessageId) +
                      commit.read.size() * sizeof commit.read[0] + commit.ended.size() * sizeof(Ended) +
                      commit.callbacks.size() * sizeof(AppId);
  std::unordered_set<const void*> counted;
  for (const Delivery& each : commit.deliveries) {
    bytes += sizeof each + each.to.user.size() + each.except.size();
    if (each.only && counted.insert(each.only.get()).second)
      for (const std::string& user : *each.only) bytes += sizeof user + user.size();
    const Message* message = nullptr;
    if (const auto* const said = std::get_if<NewMessage>(&each.item)) message = said->message.get();
    if (const auto* const edited = std::get_if<MessageEdited>(&each.item)) message = edited->message.get();
    if (message != nullptr && counted.insert(message).second) bytes += bytes_held_by(*message);
    if (const auto* const news = std::get_if<GroupNews>(&each.item); news != nullptr && news->tip)
      bytes += news->tip->size();
    if (const auto* const removed = std::get_if<Removed>(&each.item)) bytes += removed->ids.size() * sizeof(MessageId);
  }
  return bytes;
}

void CommitOrder::take_own(Done done, MonoTime now) {
  shown_ = std::max(shown_, done.told.number);
  take(std::move(done), now);
}

void CommitOrder::take(Done done, MonoTime now) {
  const std::int64_t number = done.told.number;
  if (number <= told_) {
    // One of this node's is late where the server forgot commits of others: its number is given out again.
    if (done.of_peer) done.told.deliveries.clear();
    late_.push_back(std::move(done));
    return;
  }
  // Those of others come from outside; what finds no room was not heard.
  const std::size_t bytes = done.of_peer ? bytes_held_by(done.told) : 0;
  if (const auto same = held_.find(number); same != held_.end()) {
    if (done.of_peer) return;
    drop(same);  // the store gave the number to this node: what else came under it is nobody's
  } else if (held_bytes_ + bytes > options_.held_bytes_max && number != told_ + 1) {
    ++no_room_;
    return;
  }
  held_bytes_ += bytes;
  held_.emplace(number, Held{std::move(done), bytes});
  arrivals_.push_back({now, number});
}

void CommitOrder::drop(std::map<std::int64_t, Held>::iterator held) {
  held_bytes_ -= held->second.bytes;
  held_.erase(held);
}

void CommitOrder::looked(std::int64_t last, MonoTime asked, MonoTime now) {
  wants_look_ = false;
  shown_ = std::max(shown_, last);
  const auto is_nobodys = [&](const Arrival& each) { return each.number > shown_ && each.at < asked; };
  for (const Arrival& each : arrivals_)
    if (const auto held = held_.find(each.number); is_nobodys(each) && held != held_.end()) drop(held);
  std::erase_if(arrivals_, is_nobodys);
  if (last > told_) arrivals_.push_back({now, last});
}

std::optional<CommitOrder::Range> CommitOrder::wants_log() const {
  if (wants_log_to_ <= told_) return std::nullopt;
  return Range{told_ + 1, wants_log_to_};
}

void CommitOrder::log_read(std::int64_t last) {
  log_read_to_ = std::max(log_read_to_, last);
  wants_log_to_ = 0;
}

void CommitOrder::restart(std::int64_t next) {
  told_ = shown_ = next - 1;
  for (auto& [number, held] : held_)
    if (!held.done.of_peer) late_.push_back(std::move(held.done));
  held_.clear();
  held_bytes_ = 0;
  arrivals_.clear();
  wants_look_ = false;
  wants_log_to_ = log_read_to_ = 0;
}

std::vector<Done> CommitOrder::due(MonoTime now, bool hears, std::int64_t own) {
  std::vector<Done> out = std::exchange(late_, {});
  wants_log_to_ = 0;
  for (;;) {
    for (auto next = held_.begin(); next != held_.end() && next->first == told_ + 1; next = held_.begin()) {
      ++told_;
      out.push_back(std::move(next->second.done));
      drop(next);
    }
    while (!arrivals_.empty() && arrivals_.front().number <= told_) arrivals_.pop_front();
    if (!out.empty() || arrivals_.empty() || told_ + 1 == own) return out;
    if (hears && now < arrivals_.front().at + options_.wait) return out;
    if (shown_ <= told_) {
      wants_look_ = true;
      return out;
    }
    std::int64_t to = std::min(shown_, held_.empty() ? shown_ : held_.begin()->first - 1);
    if (own > told_) to = std::min(to, own - 1);
    if (options_.asks_log) {
      if (log_read_to_ <= told_) {
        wants_log_to_ = to;
        return out;
      }
      to = std::min(to, log_read_to_);
    }
    missed_ranges_.push_back({told_ + 1, to});
    missed_ += static_cast<std::uint64_t>(to - told_);
    told_ = to;
  }
}

std::optional<MonoTime> CommitOrder::next() const {
  if (arrivals_.empty() || wants_look_ || wants_log()) return std::nullopt;
  return arrivals_.front().at + options_.wait;
}

}  // namespace nightpost::im
