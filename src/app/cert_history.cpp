#include "app/cert_history.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>

#include "app/cert_fields.h"

namespace nightpost::app {
namespace {

void add_change(std::vector<std::string>& out, std::string_view what, std::string_view before, std::string_view after) {
  if (before == after) return;
  const auto shown = [](std::string_view value) { return value.empty() ? std::string_view("nothing") : value; };
  out.push_back(fmt::format("{}: {} → {}", what, shown(before), shown(after)));
}

void add_map_changes(std::vector<std::string>& out, std::string_view what,
                     const std::map<std::string, std::string>& before,
                     const std::map<std::string, std::string>& after) {
  std::set<std::string> names;
  for (const auto& [name, value] : before) names.insert(name);
  for (const auto& [name, value] : after) names.insert(name);
  const auto value_in = [](const std::map<std::string, std::string>& map, const std::string& name) {
    const auto found = map.find(name);
    return found == map.end() ? std::string() : found->second;
  };
  for (const std::string& name : names) {
    const std::string old_value = value_in(before, name);
    const std::string new_value = value_in(after, name);
    const std::string label = fmt::format("{} {}", what, name);
    if (old_value == new_value) continue;
    if (shown_setting(old_value) == shown_setting(new_value))
      out.push_back(label);  // what differs is not shown
    else
      add_change(out, label, shown_setting(old_value), shown_setting(new_value));
  }
}

}  // namespace

std::vector<std::string> changes_between(const Certificate& before, const Certificate& after, bool secret_changed) {
  std::vector<std::string> out;
  if (secret_changed) out.emplace_back("secret");
  add_change(out, "name", before.name, after.name);
  add_change(out, before.vendor == Vendor::Apns ? "bundle id" : "package", before.bundle_id, after.bundle_id);
  add_change(out, "environment", name_of(before.environment), name_of(after.environment));
  add_change(out, "status", name_of(before.status), name_of(after.status));
  add_change(out, "host", before.host_override, after.host_override);
  if (before.ca_pem != after.ca_pem) out.emplace_back("own CA");
  add_map_changes(out, "fact", before.facts, after.facts);
  add_map_changes(out, "setting", before.settings, after.settings);
  return out;
}

std::vector<std::string> changes_between(const store::NewCertificate& before, const store::NewCertificate& after) {
  const CertificateSecret &one = before.secret, &two = after.secret;
  const bool same = one.bytes == two.bytes && one.password == two.password && one.receipt_key == two.receipt_key;
  return changes_between(before.facts, after.facts, !same);
}

}  // namespace nightpost::app
