#include "im/domain/group_tip.h"

#include <array>

#include "core/text.h"

namespace nightpost::im {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(GroupTip::Kind::Count)> kTipNames = {
    "create",  "join", "invite",  "quit",  "kick",   "role",   "owner",
    "silence", "info", "dismiss", "apply", "refuse", "custom", "invited"};

}  // namespace

std::string_view name_of(GroupTip::Kind kind) noexcept { return kTipNames[static_cast<std::size_t>(kind)]; }

std::string tip_element(const GroupTip& tip) {
  std::string out = "{";
  append_json_member(out, "type", "tip");
  append_json_member(out, "kind", name_of(tip.kind));
  if (!tip.by.empty()) append_json_member(out, "by", tip.by);
  if (!tip.users.empty()) {
    out += R"(,"users":[)";
    for (const std::string& user : tip.users) {
      if (!out.ends_with('[')) out += ',';
      out += '"';
      append_json_escaped(out, user);
      out += '"';
    }
    out += ']';
  }
  if (!tip.changed.empty()) {
    out += R"(,"changed":{)";
    for (const auto& [field, value] : tip.changed) append_json_member(out, field, value);
    out += '}';
  }
  if (tip.until) append_json_member(out, "until", to_ms(*tip.until));
  if (!tip.note.empty()) append_json_member(out, "note", tip.note);
  return out += '}';
}

}  // namespace nightpost::im
