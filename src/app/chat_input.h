// What a line typed into `nightpost chat` asks for. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace nightpost::app {

struct ChatLine {
  enum class What : std::uint8_t {
    Nothing,
    Text,  // argument: what is to be sent to the open conversation
    List,
    Open,    // argument: the peer
    Group,   // argument: the group to open
    Create,  // argument: its name; word: its type
    Join,    // argument: the group
    Leave,   // the open group
    Invite,  // words: users, into the open group
    Invitations,
    Agree,    // argument: a group that invites
    Decline,  // likewise
    Kick,     // words: users, out of it
    Members,  // of it
    History,  // number: messages before this seq; 0: the newest
    Read,
    Recall,  // argument: the message id
    Call,    // number: seconds, 0: none said; words: users, of an open group
    Accept,  // argument: the call
    Reject,  // likewise
    Cancel,  // likewise
    Calls,
    Background,
    Foreground,
    Token,  // number: the certificate; argument: the token
    Logout,
    Quit,
    Help,
  };
  What what = What::Nothing;
  std::string argument;
  std::string word;
  std::vector<std::string> words;
  std::int64_t number = 0;
};

/// A line that begins with one '/' is a command, with two a text that begins with one. Malformed: an unknown command,
/// or not its arguments; the detail says how it is written.
Result<ChatLine> parse_chat_line(std::string_view line);

/// The commands, a line each.
std::string chat_help();

}  // namespace nightpost::app
