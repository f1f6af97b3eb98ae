#include "app/chat_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "core/text.h"

namespace nightpost::app {
namespace {

using What = ChatLine::What;

struct Command {
  std::string_view name;
  What what;
  std::string_view form;  // of its arguments
  std::string_view about;
};
constexpr std::array kCommands = {
    Command{"open", What::Open, "PEER", "talk to PEER: typed text goes there"},
    Command{"group", What::Group, "GROUP", "talk in GROUP: typed text goes there"},
    Command{"create", What::Create, "TYPE NAME", "make a group (Work, Public, Meeting) and talk there"},
    Command{"join", What::Join, "GROUP", "become a member of GROUP"},
    Command{"invite", What::Invite, "USER...", "make them members of the open group"},
    Command{"kick", What::Kick, "USER...", "put them out of the open group"},
    Command{"members", What::Members, "", "of the open group"},
    Command{"leave", What::Leave, "", "be no member of the open group any more"},
    Command{"list", What::List, "", "the conversations, the latest first"},
    Command{"history", What::History, "[SEQ]", "the newest messages, or those before number SEQ"},
    Command{"read", What::Read, "", "the open conversation is read"},
    Command{"recall", What::Recall, "ID", "take a message of your own back"},
    Command{"background", What::Background, "", "as a phone whose app is left: messages come as pushes"},
    Command{"foreground", What::Foreground, "", "as a phone whose app is open again"},
    Command{"token", What::Token, "CERT TOKEN", "register a device token of certificate CERT for pushes"},
    Command{"logout", What::Logout, "", "log out and leave: this device gets no push from then on"},
    Command{"quit", What::Quit, "", "leave once what was typed is sent"},
    Command{"help", What::Help, "", "this"},
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
  const auto [end, ec] = std::from_chars(text.begin(), text.end(), out);
  return ec == std::errc() && end == text.end() && out > 0;
}

}  // namespace

Result<ChatLine> parse_chat_line(std::string_view line) {
  ChatLine out;
  if (trimmed(line).empty()) return out;
  if (!line.starts_with('/') || line.starts_with("//")) {
    out.what = What::Text;
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
    case What::Open:  // a user id may have blanks, and so may a group's
    case What::Group:
    case What::Join:
      if (rest.empty()) return wrong();
      out.argument = rest;
      return out;
    case What::Create:
      if (words.size() < 2) return wrong();
      out.word = words[0];
      out.argument = trimmed(rest.substr(words[0].size()));
      return out;
    case What::Invite:
    case What::Kick:
      if (words.empty()) return wrong();
      out.words.assign(words.begin(), words.end());
      return out;
    case What::Recall:
      if (words.size() != 1) return wrong();
      out.argument = words[0];
      return out;
    case What::History:
      if (words.size() > 1 || (words.size() == 1 && !read_number(words[0], out.number))) return wrong();
      return out;
    case What::Token:
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
