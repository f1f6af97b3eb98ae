// A message of a conversation as it is stored and shown. Values; no behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "im/domain/ids.h"

namespace nightpost::im {

enum class Priority : std::uint8_t { High, Normal, Low, Lowest };
std::string_view name_of(Priority priority) noexcept;  // "high", "normal", "low", "lowest"
std::optional<Priority> priority_from(std::string_view name) noexcept;

/// What the sender asks for beside the content.
struct MessageFlags {
  bool no_unread = false;             // does not count as unread, and raises no badge
  bool no_last = false;               // does not become the conversation's last message
  bool recalled = false;              // tombstone: elements, push and custom are empty
  bool hidden_from_receiver = false;  // the sender is on the receiver's blacklist and is told nothing
  bool tip = false;                   // in a group: the server says what happened there
  bool edited = false;                // by the app's server, after it was sent
  bool operator==(const MessageFlags&) const = default;
};

inline constexpr std::string_view kMentionAll = "@TIM#ALL";  // no user is called so

struct Message {
  MessageId id;
  WallTime at{};  // never falls within a conversation
  std::string from;
  std::string to;    // one-to-one: the other user; in a group empty
  std::string nick;  // the sender's at that moment; later changes do not reach back
  std::string face;
  std::string client_id;  // the sender's name for it, 1-64 bytes; a repeat finds the first
  Priority priority = Priority::Normal;
  MessageFlags flags;
  std::string elements;             // JSON array, canonical; each with "type" (elements.h)
  std::string push;                 // JSON object, the event's "push" member (push_info.h); empty: nothing asked for
  std::string cloud_data;           // the app's own text with the message, at most 8 KiB
  std::optional<WallTime> expires;  // from then on it is in no history
  // In a group.
  std::string group;                  // its id; empty: one-to-one
  std::string card;                   // the sender's name in it, at that moment
  std::vector<std::string> mentions;  // users; kMentionAll is everyone
  std::vector<std::string> targets;   // who alone sees it, beside the sender; empty: everyone
};

}  // namespace nightpost::im
