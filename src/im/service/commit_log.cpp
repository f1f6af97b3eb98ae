#include "im/service/commit_log.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>
#include <variant>

namespace nightpost::im {
namespace {

// A line each: "u1400000001 mei", "g17", "withdrew"; "*" for all. User ids have no line's end in them.
constexpr std::string_view kAllConcerned = "*";
constexpr std::string_view kWithdrew = "withdrew";

template <class T>
void keep_each_once(std::vector<T>& all) {
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

std::optional<std::int64_t> whole_number(std::string_view digits) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (error != std::errc() || end != digits.data() + digits.size() || out < 1) return std::nullopt;
  return out;
}

bool read_concerned_line(std::string_view line, Concerned& out) {
  if (line == kAllConcerned) {
    out.all = true;
    return true;
  }
  if (line == kWithdrew) {
    out.withdrew = true;
    return true;
  }
  if (line.starts_with('g')) {
    const auto conv = whole_number(line.substr(1));
    if (conv) out.groups.push_back({*conv});
    return conv.has_value();
  }
  const std::size_t blank = line.find(' ');
  if (!line.starts_with('u') || blank == line.npos || blank + 1 == line.size()) return false;
  const auto app = whole_number(line.substr(1, blank - 1));
  if (app) out.users.push_back({AppId{*app}, std::string(line.substr(blank + 1))});
  return app.has_value();
}

}  // namespace

Concerned concerned_by(const Committed& commit) {
  Concerned out{.withdrew = !commit.recalled.empty()};
  for (const Delivery& each : commit.deliveries) {
    // A subscription is one user's; of nobody's name it is everybody's of the group.
    const bool is_groups =
        each.group.value != 0 && (!std::holds_alternative<Subscribed>(each.item) || each.to.user.empty());
    if (is_groups)
      out.groups.push_back(each.group);
    else
      out.users.push_back(each.to);
  }
  for (const Ended& each : commit.ended) out.users.push_back(each.terminal.user);
  for (const auto& [user, message] : commit.read) out.users.push_back(user);
  settle_concerned(out);
  if (out.users.size() + out.groups.size() > kConcernedMax) return {.withdrew = out.withdrew, .all = true};
  return out;
}

void settle_concerned(Concerned& all) {
  keep_each_once(all.users);
  keep_each_once(all.groups);
}

void add_concerned(Concerned& to, Concerned&& from, std::size_t most) {
  to.withdrew = to.withdrew || from.withdrew;
  to.all = to.all || from.all || to.users.size() + to.groups.size() + from.users.size() + from.groups.size() > most;
  if (to.all) {
    to.users.clear();
    to.groups.clear();
    return;
  }
  std::ranges::move(from.users, std::back_inserter(to.users));
  std::ranges::move(from.groups, std::back_inserter(to.groups));
}

std::string encode_concerned(const Concerned& concerned) {
  std::string out;
  const auto add_line = [&out](auto... parts) {
    if (!out.empty()) out += '\n';
    ((out += parts), ...);
  };
  if (concerned.withdrew) add_line(kWithdrew);
  if (concerned.all) add_line(kAllConcerned);
  for (const UserKey& user : concerned.users) add_line('u', std::to_string(user.app.value), ' ', user.user);
  for (const ConvId group : concerned.groups) add_line('g', std::to_string(group.value));
  return out;
}

std::optional<Concerned> decode_concerned(std::string_view text) {
  Concerned out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (!read_concerned_line(text.substr(0, end), out)) return std::nullopt;
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return out;
}

}  // namespace nightpost::im
