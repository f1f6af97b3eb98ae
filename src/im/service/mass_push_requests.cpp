// The calls of MassPushService and MassPushBook: what can be refused by looking at it is, on the loop; the rest becomes
// a command.
#include <set>

#include "im/domain/elements.h"
#include "im/domain/push_info.h"
#include "im/service/checks.h"
#include "im/service/mass_push_commands.h"
#include "im/service/store_service.h"

namespace nightpost::im {
namespace {

/// The content in one form.
Answer<void> check_mass_push(MassPush& push, const ServiceOptions& options) {
  if (options.mass_push.tasks_max == 0) return refuse(Code::PushOff, "this server makes no pushes to all");
  if (auto ok = check_peer_id(push.from, "From_Account"); !ok) return ok;
  if (auto ok = check_condition(push.to); !ok) return ok;
  auto wishes = check_push(push.push);
  if (!wishes) return std::unexpected(std::move(wishes.error()));
  push.push = std::move(wishes->canonical);
  if (push.elements.empty()) {
    if (!push.push.contains(R"("desc":)")) return refuse(Code::Malformed, "push.desc: there is nothing else to show");
    return {};
  }
  auto content = check_elements(push.elements, options.elements);
  if (!content) return std::unexpected(std::move(content.error()));
  push.elements = std::move(content->canonical);
  return {};
}

Answer<void> check_attributes(const std::vector<UserAttributes>& all, bool values) {
  for (const UserAttributes& each : all) {
    auto ok = check_user_id(each.user, "To_Account");
    for (const auto& [name, value] : each.attributes) {
      if (ok) ok = check_push_key(name, "Attrs");
      if (ok && values) ok = check_push_key(value, "Attrs: " + name);
    }
    if (!ok) return ok;
  }
  return {};
}

Answer<void> check_tags(const std::vector<UserTags>& all) {
  for (const UserTags& each : all) {
    auto ok = check_user_id(each.user, "To_Account");
    for (const std::string& tag : each.tags)
      if (ok) ok = check_push_key(tag, "Tags");
    if (!ok) return ok;
  }
  return {};
}

Answer<void> check_users(const std::vector<std::string>& users) {
  for (const std::string& user : users)
    if (auto ok = check_user_id(user, "To_Account"); !ok) return ok;
  return {};
}

Answer<void> check_attribute_names(const std::map<std::int64_t, std::string>& names) {
  std::set<std::string> seen;
  for (const auto& [place, name] : names) {
    const std::string where = "AttrNames." + std::to_string(place);
    if (place < 0 || place >= static_cast<std::int64_t>(kAttributeNamesMax))
      return refuse(Code::Malformed, where + ": not 0-" + std::to_string(kAttributeNamesMax - 1));
    if (auto ok = check_push_key(name, where); !ok) return ok;
    if (!seen.insert(name).second) return refuse(Code::Malformed, where + ": a name that is there already");
  }
  return {};
}

}  // namespace

void StoreService::push_to_all(AppId app, MassPush push, Reply<std::int64_t> reply) {
  if (auto ok = check_mass_push(push, options_); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<std::int64_t>([app, push = std::move(push)](Work& work) { return im::begin_mass_push(work, app, push); },
                      std::move(reply));
}

void StoreService::cancel_push(AppId app, std::int64_t task, Reply<void> reply) {
  write<void>([app, task](Work& work) { return im::cancel_mass_push(work, app, task); }, std::move(reply));
}

void StoreService::push_reports(AppId app, std::vector<std::int64_t> tasks, Reply<std::vector<MassPushReport>> reply) {
  look<std::vector<MassPushReport>>(
      [app, tasks = std::move(tasks)](Work& work) { return im::mass_push_reports(work, app, tasks); },
      std::move(reply));
}

void StoreService::set_attribute_names(AppId app, std::map<std::int64_t, std::string> names, Reply<void> reply) {
  if (auto ok = check_attribute_names(names); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([app, names = std::move(names)](Work& work) { return im::set_attribute_names(work, app, names); },
              Reply<void>([this, reply = std::move(reply)](Answer<void> set) mutable {
                if (set && !stopped_) prune_timer_->arm(around_.loop.now());  // the values of those that are gone
                reply(std::move(set));
              }));
}

void StoreService::attribute_names(AppId app, Reply<std::map<std::int64_t, std::string>> reply) {
  look<std::map<std::int64_t, std::string>>([app](Work& work) { return work.tables.attribute_names(app); },
                                            std::move(reply));
}

void StoreService::set_attributes(AppId app, std::vector<UserAttributes> all, Reply<void> reply) {
  if (auto ok = check_attributes(all, true); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([app, all = std::move(all)](Work& work) { return im::set_attributes(work, app, all); }, std::move(reply));
}

void StoreService::remove_attributes(AppId app, std::vector<UserAttributes> all, Reply<void> reply) {
  if (auto ok = check_attributes(all, false); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([app, all = std::move(all)](Work& work) { return im::remove_attributes(work, app, all); },
              std::move(reply));
}

void StoreService::attributes(AppId app, std::vector<std::string> users, Reply<std::vector<UserAttributes>> reply) {
  if (auto ok = check_users(users); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<std::vector<UserAttributes>>(
      [app, users = std::move(users)](Work& work) { return im::attributes(work, app, users); }, std::move(reply));
}

void StoreService::add_tags(AppId app, std::vector<UserTags> all, Reply<void> reply) {
  if (auto ok = check_tags(all); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([app, all = std::move(all)](Work& work) { return im::add_tags(work, app, all); }, std::move(reply));
}

void StoreService::remove_tags(AppId app, std::vector<UserTags> all, Reply<void> reply) {
  if (auto ok = check_tags(all); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([app, all = std::move(all)](Work& work) { return im::remove_tags(work, app, all); }, std::move(reply));
}

void StoreService::remove_all_tags(AppId app, std::vector<std::string> users, Reply<void> reply) {
  if (auto ok = check_users(users); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([app, users = std::move(users)](Work& work) { return im::remove_all_tags(work, app, users); },
              std::move(reply));
}

void StoreService::tags(AppId app, std::vector<std::string> users, Reply<std::vector<UserTags>> reply) {
  if (auto ok = check_users(users); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<std::vector<UserTags>>([app, users = std::move(users)](Work& work) { return im::tags(work, app, users); },
                              std::move(reply));
}

void StoreService::mass_pushes(Reply<std::vector<MassPushTask>> reply) {
  look<std::vector<MassPushTask>>([](Work& work) { return im::mass_pushes(work); }, std::move(reply));
}

void StoreService::mass_push_step(std::int64_t task, Reply<MassPushStep> reply) {
  write<MassPushStep>([task](Work& work) { return im::mass_push_step(work, task); }, std::move(reply));
}

void StoreService::mass_push_chunk(std::int64_t task, std::int64_t chunk, Reply<std::optional<MassPushChunk>> reply) {
  look<std::optional<MassPushChunk>>([task, chunk](Work& work) { return im::mass_push_chunk(work, task, chunk); },
                                     std::move(reply));
}

void StoreService::mass_push_chunk_done(std::int64_t task, std::int64_t chunk) {
  change_intent({.id = task, .mass_chunk = chunk});
}

}  // namespace nightpost::im
