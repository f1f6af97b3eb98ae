// The calls of GroupAdmin, and those of AdminService that came with them: as group_requests.cpp.
#include <algorithm>
#include <utility>

#include "core/uuid.h"
#include "im/domain/elements.h"
#include "im/service/admin_commands.h"
#include "im/service/checks.h"
#include "im/service/group_admin_commands.h"
#include "im/service/store_service.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kGroupIdsMax = 10'000;
constexpr std::size_t kImportedAtOnce = 300;  // members; messages
constexpr std::size_t kReceiptsMax = 100;     // messages; names of a page
constexpr std::size_t kKeptNameMax = 32;      // bytes of an attribute's or a counter's name
constexpr std::size_t kFriendGroupNameMax = 120;
constexpr std::size_t kFriendGroupsNamedMax = 32;

Answer<void> check_count(std::size_t size, std::string_view field, std::size_t least, std::size_t most) {
  if (size >= least && size <= most) return {};
  return refuse(Code::Malformed, std::string(field) + ": not " + std::to_string(least) + "-" + std::to_string(most));
}

/// In the form in which messages are stored.
Answer<MessageEdit> checked_edit(const MessageEdit& edit, const ServiceOptions& options) {
  MessageEdit out;
  if (!edit.elements && !edit.cloud_data)
    return refuse(Code::Malformed, "MsgBody, CloudCustomData: neither of them is there");
  if (edit.elements) {
    auto content = check_elements(*edit.elements, options.elements);
    if (!content) return std::unexpected(std::move(content.error()));
    out.elements = std::move(content->canonical);
  }
  if (edit.cloud_data) {
    if (auto ok = check_text(*edit.cloud_data, "CloudCustomData", options.cloud_data_bytes_max); !ok)
      return std::unexpected(std::move(ok.error()));
    out.cloud_data = *edit.cloud_data;
  }
  return out;
}

Answer<GroupMessageDraft> checked_import(const std::string& group, const GroupMessageImport& message,
                                         const ServiceOptions& options, WallTime now) {
  if (auto ok = check_user_id(message.from, "From_Account"); !ok) return std::unexpected(std::move(ok.error()));
  if (message.at > now + kSigSkewMax) return refuse(Code::Malformed, "SendTime: in the future");
  if (auto ok = check_text(message.cloud_data, "CloudCustomData", options.cloud_data_bytes_max); !ok)
    return std::unexpected(std::move(ok.error()));
  auto content = check_elements(message.elements, options.elements);
  if (!content) return std::unexpected(std::move(content.error()));
  std::string id = "import-" + hex_of({group, std::to_string(to_ms(message.at)), std::to_string(message.random),
                                       content->canonical, message.cloud_data});
  return GroupMessageDraft{.from = message.from,
                           .client_id = std::move(id),
                           .elements = std::move(content->canonical),
                           .cloud_data = message.cloud_data,
                           .at = message.at};
}

Answer<void> check_kept_name(std::string_view name, std::string_view field) {
  if (name.empty()) return refuse(Code::Malformed, std::string(field) + ": an empty name");
  return check_text(name, field, kKeptNameMax);
}

}  // namespace

void StoreService::group_ids(AppId app, GroupIdsRequest request, Reply<GroupIds> reply) {
  if (auto ok = check_count(request.limit, "Limit", 1, kGroupIdsMax); !ok)
    return refuse_later(std::move(ok.error()), std::move(reply));
  look<GroupIds>([app, request](Work& work) { return im::group_ids(work, app, request); }, std::move(reply));
}

void StoreService::member_names(AppId app, std::string group, Reply<std::vector<std::string>> reply) {
  look<std::vector<std::string>>(
      [app, group = std::move(group)](Work& work) { return im::member_names(work, app, group); }, std::move(reply));
}

void StoreService::notify_group(AppId app, GroupNotice notice, Reply<void> reply) {
  auto ok = check_text(notice.content, "Content", options_.groups.notice_bytes_max);
  if (ok && notice.content.empty()) ok = refuse(Code::Malformed, "Content: empty");
  if (ok) ok = check_count(notice.to.size(), "ToMembers_Account", 0, options_.groups.named_max);
  for (const std::string& user : notice.to)
    if (ok) ok = check_user_id(user, "ToMembers_Account");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([app, notice = std::move(notice)](Work& work) { return im::notify_group(work, app, notice); },
              std::move(reply));
}

void StoreService::import_members(AppId app, std::string group, std::vector<MemberImport> all,
                                  Reply<std::vector<MemberOutcome>> reply) {
  if (auto ok = check_count(all.size(), "MemberList", 1, kImportedAtOnce); !ok)
    return refuse_later(std::move(ok.error()), std::move(reply));
  write<std::vector<MemberOutcome>>([app, group = std::move(group), all = std::move(all)](
                                        Work& work) { return im::import_members(work, app, group, all); },
                                    std::move(reply));
}

void StoreService::import_to_group(AppId app, std::string group, std::vector<GroupMessageImport> all,
                                   Reply<Imported> reply) {
  if (auto ok = check_count(all.size(), "MsgList", 1, kImportedAtOnce); !ok)
    return refuse_later(std::move(ok.error()), std::move(reply));
  std::vector<Answer<GroupMessageDraft>> drafts;
  for (const GroupMessageImport& message : all)
    drafts.push_back(checked_import(group, message, options_, around_.clock.wall()));
  write<Imported>([app, group = std::move(group),
                   drafts = std::move(drafts)](Work& work) { return im::import_to_group(work, app, group, drafts); },
                  std::move(reply));
}

void StoreService::edit_in_group(AppId app, std::string group, Seq seq, MessageEdit edit, Reply<void> reply) {
  auto checked = checked_edit(edit, options_);
  if (!checked) return refuse_later(std::move(checked.error()), std::move(reply));
  write<void>([app, group = std::move(group), seq,
               edit = *std::move(checked)](Work& work) { return im::edit_in_group(work, app, group, seq, edit); },
              std::move(reply));
}

void StoreService::recall_of_sender(AppId app, std::string group, std::string sender, Seq below, Reply<Seq> reply) {
  if (auto ok = check_user_id(sender, "Sender_Account"); !ok)
    return refuse_later(std::move(ok.error()), std::move(reply));
  write<Seq>([app, group = std::move(group), sender = std::move(sender),
              below](Work& work) { return im::recall_of_sender(work, app, group, sender, below); },
             std::move(reply));
}

void StoreService::set_group_unread(UserKey who, std::string group, std::int64_t unread, Reply<void> reply) {
  auto ok = check_user_id(who.user, "Member_Account");
  if (ok && unread < 0) ok = refuse(Code::Malformed, "UnreadMsgNum: below 0");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([who = std::move(who), group = std::move(group),
               unread](Work& work) { return im::set_group_unread(work, who, group, unread); },
              std::move(reply));
}

void StoreService::receipts(AppId app, std::string group, std::vector<Seq> seqs, Reply<std::vector<Receipt>> reply) {
  if (auto ok = check_count(seqs.size(), "MsgSeqList", 1, kReceiptsMax); !ok)
    return refuse_later(std::move(ok.error()), std::move(reply));
  look<std::vector<Receipt>>([app, group = std::move(group),
                              seqs = std::move(seqs)](Work& work) { return im::receipts(work, app, group, seqs); },
                             std::move(reply));
}

void StoreService::receipt_users(AppId app, ReceiptUsersRequest request, Reply<ReceiptUsers> reply) {
  auto ok = check_count(request.limit, "Count", 1, kReceiptsMax);
  if (ok && !request.after.empty()) ok = check_user_id(request.after, "Cursor");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<ReceiptUsers>([app, request = std::move(request)](Work& work) { return im::receipt_users(work, app, request); },
                     std::move(reply));
}

void StoreService::group_attributes(AppId app, std::string group, Reply<GroupAttributes> reply) {
  look<GroupAttributes>([app, group = std::move(group)](Work& work) { return im::group_attributes(work, app, group); },
                        std::move(reply));
}

void StoreService::change_group_attributes(AppId app, std::string group, AttributesChange change, Reply<void> reply) {
  auto ok = check_count(change.set.size(), "GroupAttr", 0, options_.groups.attributes_max);
  for (const auto& [name, value] : change.set) {
    if (ok) ok = check_kept_name(name, "GroupAttr");
    if (ok) ok = check_text(value, "GroupAttr", options_.groups.attribute_bytes_max);
  }
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([app, group = std::move(group), change = std::move(change)](
                  Work& work) { return im::change_group_attributes(work, app, group, change); },
              std::move(reply));
}

void StoreService::group_counters(AppId app, std::string group, Reply<GroupCounters> reply) {
  look<GroupCounters>([app, group = std::move(group)](Work& work) { return im::group_counters(work, app, group); },
                      std::move(reply));
}

void StoreService::change_group_counters(AppId app, std::string group, CountersChange change,
                                         Reply<GroupCounters> reply) {
  auto ok = check_count(change.values.size(), "GroupCounter", 0, options_.groups.counters_max);
  for (const auto& [name, value] : change.values)
    if (ok) ok = check_kept_name(name, "GroupCounter");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<GroupCounters>([app, group = std::move(group), change = std::move(change)](
                           Work& work) { return im::change_group_counters(work, app, group, change); },
                       std::move(reply));
}

void StoreService::edit_as(UserKey from, std::string to, WireId message, MessageEdit edit, Reply<void> reply) {
  auto ok = check_user_id(from.user, "From_Account");
  if (ok) ok = check_user_id(to, "To_Account");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  auto checked = checked_edit(edit, options_);
  if (!checked) return refuse_later(std::move(checked.error()), std::move(reply));
  write<void>([from = std::move(from), to = std::move(to), message,
               edit = *std::move(checked)](Work& work) { return im::edit_named(work, from, to, message, edit); },
              std::move(reply));
}

void StoreService::add_friend_groups(UserKey who, std::vector<std::string> names, std::vector<std::string> users,
                                     Reply<Each> reply) {
  auto ok = check_count(names.size(), "GroupName", 1, kFriendGroupsNamedMax);
  for (const std::string& name : names) {
    if (ok) ok = check_text(name, "GroupName", kFriendGroupNameMax);
    if (ok && (name.empty() || name.contains('\n')))
      ok = refuse(Code::Malformed, "GroupName: empty, or with a line break");
  }
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<Each>([who = std::move(who), names = std::move(names),
               users = std::move(users)](Work& work) { return im::add_friend_groups(work, who, names, users); },
              std::move(reply));
}

void StoreService::remove_friend_groups(UserKey who, std::vector<std::string> names, Reply<void> reply) {
  write<void>([who = std::move(who),
               names = std::move(names)](Work& work) { return im::remove_friend_groups(work, who, names); },
              std::move(reply));
}

void StoreService::friend_groups(UserKey who, Reply<std::vector<FriendGroup>> reply) {
  look<std::vector<FriendGroup>>([who = std::move(who)](Work& work) { return im::friend_groups(work, who); },
                                 std::move(reply));
}

}  // namespace nightpost::im
