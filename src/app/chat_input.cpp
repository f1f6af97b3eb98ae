#include "app/chat_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "core/text.h"

namespace nightpost::app {
namespace {

using LineKind = ChatLine::What;

struct Command {
  std::string_view name;
  LineKind what;
  std::string_view form;  // of its arguments
  std::string_view about;
};
constexpr std::array kCommands = {
    Command{"open", LineKind::Open, "PEER", "talk to PEER: typed text goes there"},
    Command{"group", LineKind::Group, "GROUP", "talk in GROUP: typed text goes there"},
    Command{"create", LineKind::Create, "TYPE NAME", "make a group (Work, Public, Meeting, AVChatRoom) and talk there"},
    Command{"join", LineKind::Join, "GROUP", "become a member of GROUP"},
    Command{"invite", LineKind::Invite, "USER...", "make them members of the open group"},
    Command{"invitations", LineKind::Invitations, "", "to groups, that wait for your answer"},
    Command{"agree", LineKind::Agree, "GROUP", "to its invitation"},
    Command{"decline", LineKind::Decline, "GROUP", "its invitation"},
    Command{"kick", LineKind::Kick, "USER...", "put them out of the open group"},
    Command{"members", LineKind::Members, "", "of the open group"},
    Command{"leave", LineKind::Leave, "", "be no member of the open group any more"},
    Command{"list", LineKind::List, "", "the conversations, the latest first"},
    Command{"history", LineKind::History, "[SEQ]", "the newest messages, or those before number SEQ"},
    Command{"read", LineKind::Read, "", "the open conversation is read"},
    Command{"recall", LineKind::Recall, "ID", "take a message of your own back"},
    Command{"call", LineKind::Call, "[SECONDS] [USER...]", "call the open conversation; in a group those users"},
    Command{"accept", LineKind::Accept, "ID", "a call"},
    Command{"reject", LineKind::Reject, "ID", "a call"},
    Command{"cancel", LineKind::Cancel, "ID", "a call of your own"},
    Command{"calls", LineKind::Calls, "", "that wait for an answer"},
    Command{"background", LineKind::Background, "", "as a phone whose app is left: messages come as pushes"},
    Command{"foreground", LineKind::Foreground, "", "as a phone whose app is open again"},
    Command{"token", LineKind::Token, "CERT TOKEN", "register a device token of certificate CERT for pushes"},
    Command{"logout", LineKind::Logout, "", "log out and leave: this device gets no push from then on"},
    Command{"quit", LineKind::Quit, "", "leave once what was typed is sent"},
    Command{"help", LineKind::Help, "", "this"},
};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

bool read_number(std::string_view text, std::int64_t& out) {
  std::int64_t read = 0;
  const auto [end, ec] = std::from_chars(text.begin(), text.end(), read);
  if (ec != std::errc() || end != text.end() || read <= 0) return false;
  out = read;
  return true;
}

}  // namespace

Result<ChatLine> parse_chat_line(std::string_view line) {
  ChatLine out;
  if (trimmed(line).empty()) return out;
  if (!line.starts_with('/') || line.starts_with("//")) {
    out.what = LineKind::Text;
    out.argument = line.substr(line.starts_with('/') ? 1 : 0);
    return out;
  }
  const std::string_view body = line.substr(1);
  const std::string_view name = body.substr(0, body.find_first_of(" \t"));
  const std::string_view rest = trimmed(body.substr(name.size()));
  const auto command = std::ranges::find(kCommands, name, &Command::name);
  if (command == kCommands.end())
    return fail(Errc::Malformed, fmt::format("/{}: no such command; /help lists them", name.substr(0, 40)));
  const auto wrong = [&] {
    return fail(Errc::Malformed,
                fmt::format("written so: /{}{}{}", name, command->form.empty() ? "" : " ", command->form));
  };
  out.what = command->what;
  const std::vector<std::string_view> words = words_of(rest);
  switch (out.what) {
    case LineKind::Open:  // a user id may have blanks, and so may a group's
    case LineKind::Group:
    case LineKind::Join:
    case LineKind::Agree:
    case LineKind::Decline:
      if (rest.empty()) return wrong();
      out.argument = rest;
      return out;
    case LineKind::Create:
      if (words.size() < 2) return wrong();
      out.word = words[0];
      out.argument = trimmed(rest.substr(words[0].size()));
      return out;
    case LineKind::Invite:
    case LineKind::Kick:
      if (words.empty()) return wrong();
      out.words.assign(words.begin(), words.end());
      return out;
    case LineKind::Recall:
    case LineKind::Accept:
    case LineKind::Reject:
    case LineKind::Cancel:
      if (words.size() != 1) return wrong();
      out.argument = words[0];
      return out;
    case LineKind::Call:
      out.words.assign(words.begin(), words.end());
      if (!words.empty() && read_number(words[0], out.number)) out.words.erase(out.words.begin());
      return out;
    case LineKind::History:
      if (words.size() > 1 || (words.size() == 1 && !read_number(words[0], out.number))) return wrong();
      return out;
    case LineKind::Token:
      if (words.size() != 2 || !read_number(words[0], out.number)) return wrong();
      out.argument = words[1];
      return out;
    default:
      if (!words.empty()) return wrong();
      return out;
  }
}

std::string chat_help() {
  std::string text;
  for (const Command& each : kCommands)
    text += fmt::format("/{:<20}{}\n", fmt::format("{} {}", each.name, each.form), each.about);
  return text + "Anything else is sent to the open conversation; // begins a text that begins with /.\n";
}

}  // namespace nightpost::app
