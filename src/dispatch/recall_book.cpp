#include "dispatch/recall_book.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

namespace nightpost::dispatch {
namespace {

RecallBook::Key key_of_parts(std::initializer_list<std::string_view> parts) noexcept {
  const Hash128 hash = hash128(parts);
  return {hash.high, hash.low};
}

/// The app's number as bytes: keys live no longer than the process.
struct AppBytes {
  explicit AppBytes(AppId app) noexcept { std::memcpy(bytes, &app.value, sizeof bytes); }
  std::string_view view() const noexcept { return {bytes, sizeof bytes}; }
  char bytes[sizeof(AppId::value)];
};

RecallBook::Key conversation_of(const OfflineEvent& event, std::string_view user_id) noexcept {
  const bool in_group = event.in_group();
  return key_of_parts({AppBytes(event.app).view(), user_id, in_group ? "read in group" : "read from user",
                       in_group ? event.group_id : event.from_user});
}

RecallBook::Key device_of(const OfflineEvent& event, std::string_view user_id, std::string_view device_id) noexcept {
  return key_of_parts({AppBytes(event.app).view(), user_id, "unsent", event.message_id, device_id});
}

}  // namespace

RecallBook::Key RecallBook::key_of(const OfflineEvent& event, std::string_view user_id) noexcept {
  return key_of_parts({AppBytes(event.app).view(), user_id, "recalled", event.message_id});
}

void RecallBook::note(const OfflineEvent& cancel, WallTime now) {
  const std::scoped_lock lock(mutex_);
  for (const EventReceiver& to : cancel.to) {
    if (cancel.cancel == CancelReason::Read)
      put(conversation_of(cancel, to.user_id), cancel.message_seq, now);
    else
      put(key_of(cancel, to.user_id), 0, now);
  }
}

Rule RecallBook::rule_of(const OfflineEvent& event, std::string_view user_id, WallTime now) const {
  if (size() == 0 || !(event.is_message() || event.is_call())) return Rule::None;
  const Key message = key_of(event, user_id);
  const Key conversation = conversation_of(event, user_id);
  const std::scoped_lock lock(mutex_);
  if (find(message, now) != nullptr) return Rule::Recalled;
  // A call is answered or not; to read the conversation ends none.
  const Note* const read = event.message_seq > 0 && event.is_message() ? find(conversation, now) : nullptr;
  return read != nullptr && event.message_seq <= read->seq ? Rule::ReadElsewhere : Rule::None;
}

void RecallBook::note_unsent(const OfflineEvent& event, std::string_view user_id, std::string_view device_id,
                             WallTime now) {
  const std::scoped_lock lock(mutex_);
  put(device_of(event, user_id, device_id), 0, now);
}

bool RecallBook::is_unsent(const OfflineEvent& cancel, std::string_view user_id, std::string_view device_id,
                           WallTime now) const {
  const Key key = device_of(cancel, user_id, device_id);
  const std::scoped_lock lock(mutex_);
  return find(key, now) != nullptr;
}

void RecallBook::put(const Key& key, std::int64_t seq, WallTime now) {
  const auto go = [this] {
    const auto& [oldest, until] = order_.front();
    if (const auto found = notes_.find(oldest); found != notes_.end() && found->second.until == until)
      notes_.erase(found);
    order_.pop_front();
  };
  while (!order_.empty() && (order_.front().second <= now || order_.size() >= std::max<std::size_t>(max_, 1))) go();
  Note& note = notes_[key];
  note.until = now + kept_;
  note.seq = std::max(note.seq, seq);
  order_.emplace_back(key, note.until);
  size_.store(notes_.size(), std::memory_order_relaxed);
}

const RecallBook::Note* RecallBook::find(const Key& key, WallTime now) const {
  const auto found = notes_.find(key);
  return found == notes_.end() || found->second.until <= now ? nullptr : &found->second;
}

}  // namespace nightpost::dispatch
