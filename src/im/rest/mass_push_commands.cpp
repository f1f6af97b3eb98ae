// all_member_push and timpush: pushes to all users or to some; tags and attributes that choose them.
#include <algorithm>
#include <charconv>
#include <utility>

#include "im/rest/commands.h"
#include "im/rest/tim_elements.h"
#include "im/rest/tim_push.h"
#include "im/service/mass_push.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kMarkedMax = 500;       // users of a call
constexpr std::size_t kTagsOfCallMax = 10;    // of one of them
constexpr std::size_t kTasksOfCallMax = 100;  // reports
constexpr std::size_t kDataIdBytesMax = 64;
constexpr std::int64_t kPushLifetimeMax = 604'800;  // seconds
constexpr std::int32_t kNotOffered = 90045;
constexpr std::int32_t kTooManyUsers = 90011;

/// Null: it has been answered that this server has none.
MassPushService* mass_of(Call& call) {
  MassPushService* const mass = call.tools.mass;
  if (mass == nullptr) std::move(call).refuse(kNotOffered, "this server makes no pushes to all");
  return mass;
}

/// {"name": "value"}, all texts.
std::vector<PushCondition::Key> pairs_of(Fields& object, const char* name) {
  std::vector<PushCondition::Key> out;
  const nlohmann::json* const raw = object.raw(name);
  if (raw == nullptr) return out;
  if (!raw->is_object()) {
    object.fail(name, "not an object");
    return out;
  }
  for (const auto& [key, value] : raw->items()) {
    if (value.is_string())
      out.push_back({key, value.get<std::string>()});
    else
      object.fail(name, "\"" + key + "\" is not a string");
  }
  return out;
}

PushCondition condition_of(Fields& body) {
  using Is = PushCondition::Is;
  Fields asked = body.object("Condition");
  PushCondition out;
  int named = 0;
  for (const auto& [name, is] : {std::pair("TagsAnd", Is::TagsAnd), std::pair("TagsOr", Is::TagsOr)})
    if (asked.has(name)) {
      ++named;
      out.is = is;
      for (std::string& tag : asked.texts(name, kPushKeysMax)) out.keys.push_back({std::move(tag), ""});
    }
  for (const auto& [name, is] : {std::pair("AttrsAnd", Is::AttrsAnd), std::pair("AttrsOr", Is::AttrsOr)})
    if (asked.has(name)) {
      ++named;
      out.is = is;
      std::ranges::move(pairs_of(asked, name), std::back_inserter(out.keys));
    }
  if (named > 1) body.fail("Condition", "more than one of TagsAnd, TagsOr, AttrsAnd, AttrsOr");
  if (named == 0 && !asked.empty())  // one that is misspelt must not become all users
    body.fail("Condition", "none of TagsAnd, TagsOr, AttrsAnd, AttrsOr");
  return out;
}

MassPush push_of(Fields& body, Call& call, bool needs_message) {
  MassPush out;
  out.from = body.text_if("From_Account").value_or(call.administrator.user);
  out.random = body.u32("MsgRandom", 90005);
  std::string custom_ext;
  if (needs_message || body.has("MsgBody")) {
    TimBody content = elements_from_tim(body);
    out.elements = std::move(content.elements);
    custom_ext = std::move(content.custom_ext);
  }
  TimPush push = push_from_tim(body, custom_ext);
  out.push = std::move(push.push);
  call.advise(std::move(push.ignored));
  if (!needs_message) body.require("OfflinePushInfo");
  const auto lifetime = body.number_if("MsgLifeTime", 0, kU32Max, 90044);
  if (lifetime.value_or(0) > kPushLifetimeMax) body.fail("MsgLifeTime", "more than 604800 seconds, 7 days", 90026);
  if (lifetime.value_or(0) > 0) out.lifetime = seconds(*lifetime);
  if (out.elements.empty()) out.lifetime.reset();  // there is nothing to store
  return out;
}

void begin(Call call, MassPush push) {
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  mass->push_to_all(app, std::move(push), [call = std::move(call)](const Answer<std::int64_t>& task) mutable {
    if (!task) return std::move(call).refuse(Refusal{task.error().code, as_push_info(as_msg_body(task.error().why))});
    Outcome outcome;
    outcome.members = {{"TaskId", mass_push_name(*task)}};
    std::move(call).answer(std::move(outcome));
  });
}

std::int64_t task_of(Fields& body, const std::string& text, const char* name) {
  const auto task = mass_push_of_event(text);
  if (!task || mass_push_name(*task) != text) body.fail(name, "not the TaskId of a reply");
  return task.value_or(0);
}

std::vector<UserTags> user_tags(Fields& body) {
  std::vector<UserTags> out;
  body.each(
      {"UserTags", "Tags"}, kMarkedMax,
      [&](Fields& item) { out.push_back({item.text("To_Account"), item.texts("Tags", kTagsOfCallMax)}); }, 0,
      kTooManyUsers);
  return out;
}

/// `values`: {"name": "value"}; else names, as an array or as such an object.
std::vector<UserAttributes> user_attributes(Fields& body, bool values) {
  std::vector<UserAttributes> out;
  body.each(
      {"UserAttrs", "Attrs"}, kMarkedMax,
      [&](Fields& item) {
        UserAttributes each{.user = item.text("To_Account"), .attributes = {}};
        const nlohmann::json* const raw = item.raw("Attrs");
        if (raw == nullptr) item.fail("Attrs", "missing");
        if (values || (raw != nullptr && raw->is_object()))
          for (PushCondition::Key& key : pairs_of(item, "Attrs"))
            each.attributes.emplace(std::move(key.name), std::move(key.value));
        else
          for (std::string& name : item.texts("Attrs", kAttributeNamesMax))
            each.attributes.emplace(std::move(name), "");
        if (each.attributes.size() > kAttributeNamesMax) item.fail("Attrs", "more than 10");
        out.push_back(std::move(each));
      },
      0, kTooManyUsers);
  return out;
}

}  // namespace

void im_push(Call call) {
  Fields body = call.fields();
  MassPush push = push_of(body, call, true);
  push.to = condition_of(body);
  begin(std::move(call), std::move(push));
}

void timpush_push(Call call) {
  Fields body = call.fields();
  MassPush push = push_of(body, call, false);
  push.to = condition_of(body);
  begin(std::move(call), std::move(push));
}

void timpush_batch(Call call) {
  Fields body = call.fields();
  MassPush push = push_of(body, call, false);
  push.to.is = PushCondition::Is::Users;
  for (std::string& user : body.texts("To_Account", kPushUsersMax, 90003, kTooManyUsers))
    push.to.keys.push_back({std::move(user), ""});
  if (body.text_if("DataId").value_or("").size() > kDataIdBytesMax) body.fail("DataId", "longer than 64 bytes");
  begin(std::move(call), std::move(push));
}

void im_cancel_push(Call call) {
  Fields body = call.fields();
  const std::int64_t task = task_of(body, body.text("TaskId"), "TaskId");
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  mass->cancel_push(app, task, std::move(call).plain());
}

void im_get_push_report(Call call) {
  Fields body = call.fields();
  std::vector<std::int64_t> tasks;
  for (const std::string& text : body.texts("TaskIds", kTasksOfCallMax))
    tasks.push_back(task_of(body, text, "TaskIds"));
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  using Reports = std::vector<MassPushReport>;
  mass->push_reports(app, std::move(tasks), std::move(call).reply<Reports>([](RestJson& out, const Reports& all) {
    RestJson list = RestJson::array();
    for (const MassPushReport& each : all)
      list.push_back({{"TaskId", mass_push_name(each.task)},
                      {"Status", static_cast<int>(each.state)},
                      {"StartTime", second_of(each.at)},
                      {"Finished", each.users},
                      {"Pushed", each.pushed},
                      {"Failed", each.failed},
                      {"Delivered", each.delivered},
                      {"Clicked", each.clicked}});
    out["Reports"] = std::move(list);
  }));
}

void im_set_attr_name(Call call) {
  Fields body = call.fields();
  std::map<std::int64_t, std::string> names;
  if (!body.has("AttrNames")) body.fail("AttrNames", "missing");
  for (PushCondition::Key& key : pairs_of(body, "AttrNames")) {
    std::int64_t place = 0;
    const char* const end = key.name.data() + key.name.size();
    const auto [stop, error] = std::from_chars(key.name.data(), end, place);
    if (error != std::errc{} || stop != end) body.fail("AttrNames", "\"" + key.name + "\" is not 0-9");
    names.insert_or_assign(place, std::move(key.value));
  }
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  mass->set_attribute_names(app, std::move(names), std::move(call).plain());
}

void im_get_attr_name(Call call) {
  if (call.answered_fault()) return;  // of nobody: the API's document is being made
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  using AttributeNames = std::map<std::int64_t, std::string>;
  mass->attribute_names(app, std::move(call).reply<AttributeNames>([](RestJson& out, const AttributeNames& names) {
    RestJson object = RestJson::object();
    for (const auto& [place, name] : names) object[std::to_string(place)] = name;
    out["AttrNames"] = std::move(object);
  }));
}

void im_set_attr(Call call) {
  Fields body = call.fields();
  std::vector<UserAttributes> all = user_attributes(body, true);
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  mass->set_attributes(app, std::move(all), std::move(call).plain());
}

void im_remove_attr(Call call) {
  Fields body = call.fields();
  std::vector<UserAttributes> all = user_attributes(body, false);
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  mass->remove_attributes(app, std::move(all), std::move(call).plain());
}

void im_get_attr(Call call) {
  Fields body = call.fields();
  std::vector<std::string> users = body.texts("To_Account", kMarkedMax, 90003, kTooManyUsers);
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  using All = std::vector<UserAttributes>;
  mass->attributes(app, std::move(users), std::move(call).reply<All>([](RestJson& out, const All& all) {
    RestJson list = RestJson::array();
    for (const UserAttributes& each : all) {
      RestJson object = RestJson::object();
      for (const auto& [name, value] : each.attributes) object[name] = value;
      list.push_back({{"To_Account", each.user}, {"Attrs", std::move(object)}});
    }
    out["UserAttrs"] = std::move(list);
  }));
}

void im_add_tag(Call call) {
  Fields body = call.fields();
  std::vector<UserTags> all = user_tags(body);
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  mass->add_tags(app, std::move(all), std::move(call).plain());
}

void im_remove_tag(Call call) {
  Fields body = call.fields();
  std::vector<UserTags> all = user_tags(body);
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  mass->remove_tags(app, std::move(all), std::move(call).plain());
}

void im_remove_all_tags(Call call) {
  Fields body = call.fields();
  std::vector<std::string> users = body.texts("To_Account", kMarkedMax, 90003, kTooManyUsers);
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  mass->remove_all_tags(app, std::move(users), std::move(call).plain());
}

void im_get_tag(Call call) {
  Fields body = call.fields();
  std::vector<std::string> users = body.texts("To_Account", kMarkedMax, 90003, kTooManyUsers);
  if (call.answered_fault()) return;
  MassPushService* const mass = mass_of(call);
  if (mass == nullptr) return;
  const AppId app = call.administrator.app;
  using All = std::vector<UserTags>;
  mass->tags(app, std::move(users), std::move(call).reply<All>([](RestJson& out, const All& all) {
    RestJson list = RestJson::array();
    for (const UserTags& each : all) list.push_back({{"To_Account", each.user}, {"Tags", each.tags}});
    out["UserTags"] = std::move(list);
  }));
}

}  // namespace nightpost::im
