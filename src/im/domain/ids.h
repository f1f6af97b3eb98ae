// What the companion numbers. Four numbers, four types, so that none is passed for another.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace nightpost::im {

using ConvId = NumericId<struct ConvIdTag>;  // a conversation, both sides' the same; never given twice
using Seq = NumericId<struct SeqTag>;        // a message in its conversation: dense from 1
using Ver = NumericId<struct VerTag>;        // an account's own counter of what changed for it, from 1; 0: nothing yet
using Epoch = NumericId<struct EpochTag>;    // a terminal's login, counted from 1; a later login ends the earlier one

struct UserKey {
  AppId app;
  std::string user;  // 1-32 bytes 0x20-0x7E, case-sensitive
  auto operator<=>(const UserKey&) const = default;
};

/// As text "<conv>-<seq>", which is also the push's collapse id.
struct MessageId {
  ConvId conv;
  Seq seq;
  auto operator<=>(const MessageId&) const = default;
};
std::string text_of(MessageId id);
/// nullopt: not of that form, or not positive.
std::optional<MessageId> message_id_from(std::string_view text) noexcept;

}  // namespace nightpost::im

template <>
struct std::hash<nightpost::im::UserKey> {
  std::size_t operator()(const nightpost::im::UserKey& key) const noexcept {
    return std::hash<std::string>{}(key.user) * 31 + std::hash<nightpost::AppId>{}(key.app);
  }
};
template <>
struct std::hash<nightpost::im::MessageId> {
  std::size_t operator()(const nightpost::im::MessageId& id) const noexcept {
    return std::hash<std::int64_t>{}(id.conv.value) * 31 + std::hash<std::int64_t>{}(id.seq.value);
  }
};
