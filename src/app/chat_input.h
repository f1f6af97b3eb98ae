// What a line typed into `nightpost chat` asks for. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace nightpost::app {

struct ChatLine {
  enum class What : std::uint8_t {
    Nothing,
    Text,  // argument: what is to be sent to the open conversation
    List,
    Open,     // argument: the peer
    History,  // number: messages before this seq; 0: the newest
    Read,
    Recall,  // argument: the message id
    Background,
    Foreground,
    Token,  // number: the certificate; argument: the token
    Logout,
    Quit,
    Help,
  };
  What what = What::Nothing;
  std::string argument;
  std::int64_t number = 0;
};

/// A line that begins with one '/' is a command, with two a text that begins with one. Malformed: an unknown command,
/// or not its arguments; the detail says how it is written.
Result<ChatLine> parse_chat_line(std::string_view line);

/// The commands, a line each.
std::string chat_help();

}  // namespace nightpost::app
