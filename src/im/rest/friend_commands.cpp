// sns: friends.
#include <algorithm>
#include <utility>

#include "im/rest/commands.h"
#include "im/rest/relations.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kFriendsMax = 1'000;
constexpr std::size_t kAddedMax = 100;
constexpr std::size_t kFriendsNamedMax = 100;
constexpr std::size_t kFriendsPageMax = 100;
constexpr std::size_t kLabelsMax = 32;
constexpr std::size_t kFriendTagsMax = 100;
constexpr std::string_view kSourcePrefix = "AddSource_Type_";

void check_source(Fields& item, std::string_view name, const std::optional<std::string>& source) {
  if (source && !source->empty() && !source->starts_with(kSourcePrefix))
    item.fail(name, "does not begin with AddSource_Type_");
}

FriendChange friend_item(Fields& item) {
  FriendChange out;
  out.user = item.text("To_Account");
  out.source = item.text_if("AddSource");
  check_source(item, "AddSource", out.source);
  out.remark = item.text_if("Remark");
  out.wording = item.text_if("AddWording");
  // One name when adding, several when importing.
  const nlohmann::json* const group = item.raw("GroupName");
  if (group != nullptr && group->is_array())
    out.labels = item.texts_if("GroupName", kLabelsMax);
  else if (auto one = item.text_if("GroupName"); one && !one->empty())
    out.labels = std::vector{*std::move(one)};
  if (const auto at = item.u32_if("AddTime")) out.since = wall_from_ms(std::int64_t{*at} * 1'000);
  return out;
}

/// UpdateItem's SnsItem: [{Tag, Value}].
FriendChange update_item(Fields& item) {
  FriendChange out;
  out.user = item.text("To_Account");
  item.each("SnsItem", kFriendTagsMax, [&](Fields& field) {
    const std::string tag = field.text("Tag");
    field.raw("Value");  // for the API's document: its type is the tag's
    if (tag == "Tag_SNS_IM_Remark")
      out.remark = field.text("Value");
    else if (tag == "Tag_SNS_IM_AddWording")
      out.wording = field.text("Value");
    else if (tag == "Tag_SNS_IM_AddSource")
      check_source(field, "Value", out.source = field.text("Value"));
    else if (tag == "Tag_SNS_IM_Group")
      out.labels = field.texts_if("Value", kLabelsMax);
    else
      field.fail("Tag", "none of Tag_SNS_IM_Remark, _AddWording, _AddSource, _Group");
  });
  return out;
}

RestJson tag_of(std::string_view tag, RestJson value) { return {{"Tag", tag}, {"Value", std::move(value)}}; }

RestJson items_of(const Friend& one) {
  RestJson out = RestJson::array();
  out.push_back(tag_of("Tag_SNS_IM_AddSource", one.source));
  out.push_back(tag_of("Tag_SNS_IM_Remark", one.remark));
  out.push_back(tag_of("Tag_SNS_IM_AddWording", one.wording));
  out.push_back(tag_of("Tag_SNS_IM_AddTime", second_of(one.since)));
  out.push_back(tag_of("Tag_SNS_IM_Group", one.labels));
  return out;
}

void save(Call call, UserKey who, std::vector<FriendChange> all, AdminService::Befriend how, bool both) {
  std::vector<std::string> users;
  for (const FriendChange& each : all) users.push_back(each.user);
  auto& service = call.tools.service;
  service.save_friends(std::move(who), std::move(all), how, both,
                       std::move(call).reply<AdminService::Each>(
                           [users = std::move(users)](RestJson& out, const AdminService::Each& done) {
                             write_results(out, users, done);
                           }));
}

bool both_deleted(Fields& body) {
  return second_word(body, "DeleteType", "Delete_Type_Single", "Delete_Type_Both", false);
}

}  // namespace

void friend_add(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  std::vector<FriendChange> all;
  body.each("AddFriendItem", kAddedMax, [&](Fields& item) { all.push_back(friend_item(item)); });
  const bool both = second_word(body, "AddType", "Add_Type_Single", "Add_Type_Both", true);
  const bool force = body.number_if("ForceAddFlags", 0, 1).value_or(0) == 1;
  if (call.answered_fault()) return;
  save(std::move(call), std::move(who), std::move(all),
       force ? AdminService::Befriend::Force : AdminService::Befriend::Ask, both);
}

void friend_import(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  std::vector<FriendChange> all;
  body.each("AddFriendItem", kAddedMax, [&](Fields& item) { all.push_back(friend_item(item)); });
  if (call.answered_fault()) return;
  save(std::move(call), std::move(who), std::move(all), AdminService::Befriend::Force, false);
}

void friend_update(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  std::vector<FriendChange> all;
  body.each("UpdateItem", kAddedMax, [&](Fields& item) { all.push_back(update_item(item)); });
  if (call.answered_fault()) return;
  save(std::move(call), std::move(who), std::move(all), AdminService::Befriend::Change, false);
}

void friend_delete(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const std::vector<std::string> users = body.texts("To_Account", kFriendsMax);
  const bool both = both_deleted(body);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.remove_friends(
      std::move(who), users, both,
      std::move(call).reply<AdminService::Each>(
          [users](RestJson& out, const AdminService::Each& done) { write_results(out, users, done); }));
}

void friend_delete_all(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const bool both = both_deleted(body);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.remove_all_friends(std::move(who), both, std::move(call).plain());
}

void friend_check(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const std::vector<std::string> users = body.texts("To_Account", kFriendsMax);
  const bool both = second_word(body, "CheckType", "CheckResult_Type_Single", "CheckResult_Type_Both", true);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.check_friends(std::move(who), users,
                        std::move(call).reply<std::vector<Relation>>(
                            [users, both](RestJson& out, const std::vector<Relation>& relations) {
                              write_relations(out, "InfoItem", "CheckResult_Type_", "NoRelation", !both, users,
                                              relations);
                            }));
}

void friend_get(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const auto start = static_cast<std::size_t>(body.number("StartIndex", 0, kU32Max));
  body.u32_if("StandardSequence");
  body.u32_if("CustomSequence");
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const auto write = [start](RestJson& out, const FriendsReply& page) {
    RestJson items = RestJson::array();
    for (const Friend& one : page.friends) items.push_back({{"To_Account", one.user}, {"ValueItem", items_of(one)}});
    const std::size_t next = start + page.friends.size();
    const bool complete = std::cmp_greater_equal(next, page.total);
    out["UserDataItem"] = std::move(items);
    out["StandardSequence"] = 0;
    out["CustomSequence"] = 0;
    out["FriendNum"] = page.total;
    out["CompleteFlag"] = complete ? 1 : 0;
    out["NextStartIndex"] = complete ? 0 : next;
  };
  service.friends(std::move(who), start, kFriendsPageMax, std::move(call).reply<FriendsReply>(write));
}

void friend_get_list(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  const std::vector<std::string> users = body.texts("To_Account", kFriendsNamedMax);
  const std::vector<std::string> tags = body.texts_if("TagList", kFriendTagsMax);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const auto write = [users, tags](RestJson& out, const std::vector<std::optional<Friend>>& found) {
    RestJson items = RestJson::array(), failed = RestJson::array();
    for (std::size_t i = 0; i < users.size(); ++i) {
      RestJson fields = RestJson::array();
      if (found[i])
        for (RestJson& item : items_of(*found[i]))
          if (tags.empty() || std::ranges::find(tags, item["Tag"].get<std::string>()) != tags.end())
            fields.push_back(std::move(item));
      items.push_back({{"To_Account", users[i]},
                       {"SnsProfileItem", std::move(fields)},
                       {"ResultCode", found[i] ? 0 : 31704},
                       {"ResultInfo", found[i] ? "" : "is no friend of his"}});
      if (!found[i]) failed.push_back(users[i]);
    }
    out["InfoItem"] = std::move(items);
    if (!failed.empty()) out["Fail_Account"] = std::move(failed);
  };
  service.friends_named(std::move(who), users, std::move(call).reply<std::vector<std::optional<Friend>>>(write));
}

}  // namespace nightpost::im
