#include "im/domain/push_condition.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/text.h"
#include "im/domain/names.h"

namespace nightpost::im {
namespace {

std::string next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return std::string(line);
}

}  // namespace

Answer<void> check_push_key(std::string_view key, std::string_view field) {
  if (key.empty() || key.size() > kPushKeyBytesMax)
    return refuse(Code::Malformed, std::string(field) + ": not 1-" + std::to_string(kPushKeyBytesMax) + " bytes");
  if (!is_valid_utf8(key) || has_control(key))
    return refuse(Code::Malformed, std::string(field) + ": not UTF-8, or has a control character");
  return {};
}

Answer<void> check_condition(const PushCondition& condition) {
  using Is = PushCondition::Is;
  const bool attrs = condition.is == Is::AttrsAnd || condition.is == Is::AttrsOr;
  const bool users = condition.is == Is::Users;
  const std::string field = users ? "To_Account" : attrs ? "Condition: attributes" : "Condition: tags";
  if (condition.is == Is::All) return {};
  const std::size_t most = users ? kPushUsersMax : kPushKeysMax;
  if (condition.keys.empty() || condition.keys.size() > most)
    return refuse(Code::Malformed, field + ": not 1-" + std::to_string(most));
  for (const PushCondition::Key& key : condition.keys) {
    auto ok = users ? check_user_id(key.name, field) : check_push_key(key.name, field);
    if (ok && attrs) ok = check_push_key(key.value, field);
    if (!ok) return ok;
  }
  return {};
}

std::string keys_to_text(const PushCondition& condition) {
  std::string out;
  for (const PushCondition::Key& key : condition.keys) out.append(key.name + "\n" + key.value + "\n");
  return out;
}

std::vector<PushCondition::Key> keys_from_text(std::string_view text) {
  std::vector<PushCondition::Key> out;
  while (!text.empty()) {
    std::string name = next_line(text);
    out.push_back({std::move(name), next_line(text)});
  }
  return out;
}

PushChunk chunk_of(const std::vector<PushKeyPage>& pages, bool every, std::size_t limit) {
  std::optional<std::string> known_to;  // beyond it a full page says nothing
  for (const PushKeyPage& page : pages)
    if (page.full && (!known_to || page.users.back() < *known_to)) known_to = page.users.back();
  std::map<std::string, std::size_t> pages_with;
  for (const PushKeyPage& page : pages)
    for (const std::string& user : page.users)
      if (!known_to || user <= *known_to) ++pages_with[user];
  PushChunk out{.users = {}, .upto = known_to.value_or(""), .last = !known_to};
  for (const auto& [user, count] : pages_with) {
    if (count < (every ? pages.size() : 1)) continue;
    if (out.users.size() == limit) {
      out.upto = out.users.back();
      out.last = false;
      break;
    }
    out.users.push_back(user);
  }
  return out;
}

}  // namespace nightpost::im
