// The calls of GroupService: what can be refused by looking at it is, on the loop; the rest becomes a command.
#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "im/domain/names.h"
#include "im/service/checks.h"
#include "im/service/store_service.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kFieldsMax = 100;

/// The first refusal of a row of checks.
class Checks {
 public:
  Checks& then(Answer<void> ok) {
    if (all_) all_ = std::move(ok);
    return *this;
  }
  Checks& group(std::string_view id) { return then(check_group_id(id)); }
  Checks& user(std::string_view id, std::string_view field = "user") { return then(check_user_id(id, field)); }
  Checks& text(std::string_view text, std::string_view field, std::size_t most) {
    return then(check_text(text, field, most));
  }
  Checks& text(const std::optional<std::string>& value, std::string_view field, std::size_t most) {
    return value ? text(std::string_view(*value), field, most) : *this;
  }
  Checks& count(std::size_t size, std::string_view field, std::size_t least, std::size_t most) {
    if (size >= least && size <= most) return *this;
    return then(
        refuse(Code::Malformed, std::string(field) + ": not " + std::to_string(least) + "-" + std::to_string(most)));
  }
  Checks& users(const std::vector<std::string>& all, std::string_view field, std::size_t least, std::size_t most) {
    count(all.size(), field, least, most);
    if (all_)
      for (const std::string& each : all) user(each, field);
    return *this;
  }
  Checks& fields(const std::map<std::string, std::string>& all, const GroupLimits& limits) {
    count(all.size(), "fields", 0, kFieldsMax);
    for (const auto& [name, value] : all) {
      text(std::string_view(name), "fields", limits.field_key_bytes_max);
      text(std::string_view(value), "fields", limits.field_value_bytes_max);
    }
    return *this;
  }
  Answer<void> all() { return std::move(all_); }

 private:
  Answer<void> all_;
};

Answer<void> check_create(const GroupCreate& request, const GroupLimits& limits) {
  Checks checks;
  if (!request.group.empty()) checks.then(check_new_group_id(request.group));
  if (request.name.empty()) checks.then(refuse(Code::Malformed, "name: empty"));
  checks.text(std::string_view(request.name), "name", limits.name_bytes_max)
      .text(std::string_view(request.introduction), "introduction", limits.introduction_bytes_max)
      .text(std::string_view(request.notification), "notification", limits.notification_bytes_max)
      .text(std::string_view(request.face), "face", limits.face_bytes_max)
      .fields(request.fields, limits)
      .count(request.members.size(), "members", 0, limits.first_members_max);
  for (const NewMember& member : request.members) {
    checks.user(member.user, "members");
    if (member.role == GroupRole::Owner)
      checks.then(refuse(Code::Malformed, "members: the owner is who creates the group"));
  }
  return checks.all();
}

Answer<void> check_change(const GroupInfoChange& change, const GroupLimits& limits) {
  Checks checks;
  checks.group(change.group);
  if (change.name && change.name->empty()) checks.then(refuse(Code::Malformed, "name: empty"));
  if (change.members_max) checks.count(*change.members_max, "members_max", 1, limits.members_max);
  return checks.text(change.name, "name", limits.name_bytes_max)
      .text(change.introduction, "introduction", limits.introduction_bytes_max)
      .text(change.notification, "notification", limits.notification_bytes_max)
      .text(change.face, "face", limits.face_bytes_max)
      .fields(change.fields, limits)
      .all();
}

Answer<GroupDraft> draft_of(const Actor& who, GroupSendRequest&& request, const ServiceOptions& options) {
  const GroupLimits& limits = options.groups;
  auto ok = Checks()
                .user(who.user.user, "from")
                .group(request.group)
                .users(request.targets, "targets", 0, limits.targets_max)
                .count(request.mentions.size(), "mentions", 0, limits.mentions_max)
                .all();
  for (const std::string& user : request.mentions)
    if (ok && user != kMentionAll) ok = check_user_id(user, "mentions");
  if (ok && !request.targets.empty() && request.online_only)
    ok = refuse(Code::Malformed, "targets: not together with online_only");
  if (!ok) return std::unexpected(std::move(ok.error()));
  auto draft = checked_content<GroupDraft>(request, options);
  if (!draft) return draft;
  draft->group = std::move(request.group);
  draft->mentions = std::move(request.mentions);
  draft->targets = std::move(request.targets);
  draft->untold = who.admin() && !request.tell_after;
  draft->earlier_client_id = std::move(request.earlier_client_id);
  draft->repeat_window = request.repeat_window;
  return draft;
}

}  // namespace

void StoreService::create_group(const Actor& who, GroupCreate request, Reply<GroupCreated> reply) {
  auto ok = check_create(request, options_.groups);
  if (ok && !who.user.user.empty()) ok = check_user_id(who.user.user, "owner");
  if (ok && !keys_.contains(who.user.app)) ok = refuse(Code::AppUnknown, "app: no such app");
  if (ok && request.created_at && *request.created_at > around_.clock.wall() + kSigSkewMax)
    ok = refuse(Code::Malformed, "CreateTime: in the future");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  if (request.created_at) {  // brought from elsewhere: the app's server knows
    return write<GroupCreated>(
        [who, request = std::move(request)](Work& work) { return im::create_group(work, who, request); },
        std::move(reply));
  }
  write_asked<GroupCreated>(Before::GroupCreate, who, "", std::move(request), im::create_group, std::move(reply));
}

void StoreService::dismiss_group(const Actor& who, std::string group, Reply<Ver> reply) {
  if (auto ok = check_group_id(group); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<Ver>([who, group = std::move(group)](Work& work) { return im::dismiss_group(work, who, group); },
             std::move(reply));
}

void StoreService::change_group(const Actor& who, GroupInfoChange change, Reply<Ver> reply) {
  if (auto ok = check_change(change, options_.groups); !ok)
    return refuse_later(std::move(ok.error()), std::move(reply));
  write<Ver>([who, change = std::move(change)](Work& work) { return im::change_group(work, who, change); },
             std::move(reply));
}

void StoreService::transfer_group(const Actor& who, std::string group, std::string owner, Reply<Ver> reply) {
  if (auto ok = Checks().group(group).user(owner, "owner").all(); !ok)
    return refuse_later(std::move(ok.error()), std::move(reply));
  write<Ver>([who, group = std::move(group),
              owner = std::move(owner)](Work& work) { return im::transfer_group(work, who, group, owner); },
             std::move(reply));
}

void StoreService::group_infos(const Actor& who, std::vector<std::string> groups, Reply<GroupInfos> reply) {
  Checks checks;
  checks.count(groups.size(), "groups", 1, options_.groups.infos_max);
  for (const std::string& group : groups) checks.then(check_group_id(group, "groups"));
  if (auto ok = checks.all(); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<GroupInfos>(
      [who = placed(who), groups = std::move(groups)](Work& work) { return im::group_infos(work, who, groups); },
      Reply<GroupInfos>([this, reply = std::move(reply)](Answer<GroupInfos> infos) mutable {
        if (infos)
          for (auto& [group, info] : *infos)
            if (info && info->type == GroupType::Live) info->members = live_members(info->conv);
        reply(std::move(infos));
      }));
}

void StoreService::joined_groups(const Actor& who, JoinedRequest request, Reply<JoinedGroups> reply) {
  auto ok = Checks().user(who.user.user).count(request.limit, "limit", 1, options_.groups.groups_per_user_max).all();
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<JoinedGroups>([who, request](Work& work) { return im::joined_groups(work, who, request); }, std::move(reply));
}

void StoreService::join_group(const Actor& who, std::string group, std::string note, Reply<JoinReply> reply) {
  auto ok = Checks()
                .user(who.user.user)
                .group(group)
                .text(std::string_view(note), "note", options_.groups.note_bytes_max)
                .all();
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  struct Join {
    std::string group, note;
  };
  if (who.terminal)
    reply = [asked = rooms_.asked(*who.terminal), reply = std::move(reply)](Answer<JoinReply> in) mutable {
      asked.reset();
      reply(std::move(in));
    };
  write_asked<JoinReply>(
      Before::GroupJoin, placed(who), "", Join{std::move(group), std::move(note)},
      [](Work& work, const Actor& by, const Join& join) { return im::join_group(work, by, join.group, join.note); },
      std::move(reply));
}

void StoreService::applications(const Actor& who, std::string group, Reply<std::vector<Application>> reply) {
  if (auto ok = check_group_id(group); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<std::vector<Application>>(
      [who, group = std::move(group)](Work& work) { return im::applications(work, who, group); }, std::move(reply));
}

void StoreService::decide_application(const Actor& who, Decision decision, Reply<Ver> reply) {
  auto ok = Checks()
                .group(decision.group)
                .user(decision.user)
                .text(std::string_view(decision.note), "note", options_.groups.note_bytes_max)
                .all();
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<Ver>([who, decision = std::move(decision)](Work& work) { return im::decide_application(work, who, decision); },
             std::move(reply));
}

void StoreService::invitations(const Actor& who, Reply<std::vector<Invitation>> reply) {
  if (auto ok = Checks().user(who.user.user).all(); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<std::vector<Invitation>>([who](Work& work) { return im::invitations(work, who); }, std::move(reply));
}

void StoreService::answer_invitation(const Actor& who, InvitationAnswer answer, Reply<JoinReply> reply) {
  auto ok = Checks()
                .user(who.user.user)
                .group(answer.group)
                .text(std::string_view(answer.note), "note", options_.groups.note_bytes_max)
                .all();
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<JoinReply>([who, answer = std::move(answer)](Work& work) { return im::answer_invitation(work, who, answer); },
                   std::move(reply));
}

void StoreService::quit_group(const Actor& who, std::string group, Reply<Ver> reply) {
  if (auto ok = Checks().user(who.user.user).group(group).all(); !ok)
    return refuse_later(std::move(ok.error()), std::move(reply));
  write<Ver>([who = placed(who), group = std::move(group)](Work& work) { return im::quit_group(work, who, group); },
             std::move(reply));
}

void StoreService::invite(const Actor& who, MembersChange change, Reply<MembersChanged> reply) {
  auto ok = Checks().group(change.group).users(change.users, "users", 1, options_.groups.invited_max).all();
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write_asked<MembersChanged>(Before::GroupInvite, who, "", std::move(change), im::invite, std::move(reply));
}

void StoreService::kick_members(const Actor& who, MembersChange change, Reply<MembersChanged> reply) {
  auto ok = Checks()
                .group(change.group)
                .users(change.users, "users", 1, options_.groups.kicked_max)
                .text(std::string_view(change.reason), "reason", options_.groups.note_bytes_max)
                .all();
  if (ok && change.ban && (*change.ban < milliseconds(0) || *change.ban > MemberChange::kForever))
    ok = refuse(Code::Malformed, "ban: not in 0-" + std::to_string(MemberChange::kForever.count()) + " ms");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<MembersChanged>([who, change = std::move(change)](Work& work) { return im::kick_members(work, who, change); },
                        std::move(reply));
}

void StoreService::change_member(const Actor& who, MemberChange change, Reply<Ver> reply) {
  Checks checks;
  checks.group(change.group).text(change.card, "card", options_.groups.card_bytes_max);
  if (!change.user.empty() || who.user.user.empty()) checks.user(change.user);
  if (change.silence && (*change.silence < milliseconds(0) || *change.silence > MemberChange::kForever))
    checks.then(refuse(Code::Malformed, "silence: not in 0-" + std::to_string(MemberChange::kForever.count()) + " ms"));
  if (auto ok = checks.all(); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<Ver>(
      [who = placed(who), change = std::move(change)](Work& work) { return im::change_member(work, who, change); },
      std::move(reply));
}

void StoreService::members(const Actor& who, MembersRequest request, Reply<MembersPage> reply) {
  Checks checks;
  checks.group(request.group).count(request.limit, "limit", 1, options_.groups.members_page_max);
  if (!request.after.empty()) checks.user(request.after, "after");
  if (auto ok = checks.all(); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<MembersPage>([who, request = std::move(request)](Work& work) { return im::members(work, who, request); },
                    std::move(reply));
}

void StoreService::members_named(const Actor& who, std::string group, std::vector<std::string> users,
                                 Reply<std::vector<GroupMember>> reply) {
  auto ok = Checks().group(group).users(users, "users", 1, options_.groups.named_max).all();
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<std::vector<GroupMember>>([who, group = std::move(group), users = std::move(users)](
                                     Work& work) { return im::members_named(work, who, group, users); },
                                 std::move(reply));
}

void StoreService::send_to_group(const Actor& who, GroupSendRequest request, Reply<SendReply> reply) {
  const bool ask = request.ask_before || !who.admin();
  auto draft = draft_of(who, std::move(request), options_);
  if (!draft) return refuse_later(std::move(draft.error()), std::move(reply));
  if (!ask) {
    return write<SendReply>(
        [who = placed(who), draft = *std::move(draft)](Work& work) { return im::send_to_group(work, who, draft); },
        std::move(reply));
  }
  std::string line = line_of_group(draft->group);
  write_asked<SendReply>(Before::GroupSend, placed(who), std::move(line), *std::move(draft), im::send_to_group,
                         std::move(reply));
}

void StoreService::recall_in_group(const Actor& who, MessageId id, Reply<Ver> reply) {
  write<Ver>([who, id](Work& work) { return im::recall_in_group(work, who, id); }, std::move(reply));
}

void StoreService::read_group(const Actor& who, GroupReadRequest request, Reply<ReadReply> reply) {
  Checks checks;
  checks.user(who.user.user).group(request.group);
  if (request.seq && request.until) checks.then(refuse(Code::Malformed, "seq, until: one of them"));
  if (auto ok = checks.all(); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<ReadReply>([who, request = std::move(request)](Work& work) { return im::read_group(work, who, request); },
                   std::move(reply));
}

void StoreService::pull_group(const Actor& who, GroupPullRequest request, Reply<PullReply> reply) {
  Checks checks;
  checks.group(request.group).count(request.limit, "limit", 1, kPulledMax);
  if (request.after && request.before) checks.then(refuse(Code::Malformed, "after, before: one of them"));
  if (auto ok = checks.all(); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<PullReply>([who, request = std::move(request)](Work& work) { return im::pull_group(work, who, request); },
                  std::move(reply));
}

void StoreService::change_group_chat(const Actor& who, GroupChatChange change, Reply<Ver> reply) {
  Checks checks;
  checks.user(who.user.user).group(change.group).text(change.mark, "mark", kMarkBytesMax);
  if (change.with_messages && !change.remove)
    checks.then(refuse(Code::Malformed, "with_messages: only together with remove"));
  if (auto ok = checks.all(); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<Ver>([who, change = std::move(change)](Work& work) { return im::change_group_chat(work, who, change); },
             std::move(reply));
}

// ---- Intents ----

void StoreService::group_intents(std::int64_t after, std::size_t limit, Reply<std::vector<GroupIntent>> reply) {
  look<std::vector<GroupIntent>>([after, limit](Work& work) { return im::group_intents(work, after, limit); },
                                 std::move(reply));
}

void StoreService::group_receivers(MessageId message, std::int64_t range, std::int64_t ranges,
                                   Reply<std::vector<GroupReceiver>> reply) {
  look<std::vector<GroupReceiver>>(
      [message, range, ranges](Work& work) { return im::group_receivers(work, message, range, ranges); },
      std::move(reply));
}

void StoreService::group_intent_done(std::int64_t id, std::int64_t ranges) { change_group_intent({id, ranges}); }
void StoreService::group_intent_settled(std::int64_t id) { change_group_intent({id, -1}); }

void StoreService::change_group_intent(GroupIntentChange change) {
  if (stopped_) return;
  if (group_intent_changes_.empty() && !group_intents_on_their_way_)
    group_intents_timer_->arm(around_.loop.now() + options_.intents_saved);
  group_intent_changes_.push_back(change);
  if (group_intent_changes_.size() >= options_.intents_batch) save_group_intents();
}

void StoreService::save_group_intents() {
  if (stopped_ || group_intent_changes_.empty() || group_intents_on_their_way_) return;
  const auto all = std::make_shared<std::vector<GroupIntentChange>>(std::exchange(group_intent_changes_, {}));
  group_intents_on_their_way_ = all;
  write(make_command<void>([all](Work& work) { return im::save_group_intents(work, *all); },
                           Reply<void>([this, all](const Answer<void>& saved) {
                             group_intents_on_their_way_ = nullptr;
                             if (!saved)
                               group_intent_changes_.insert(group_intent_changes_.begin(), all->begin(), all->end());
                             if (!stopped_ && !group_intent_changes_.empty())
                               group_intents_timer_->arm(around_.loop.now() + options_.intents_saved);
                           })),
        Writer::Kind::Upkeep);
}

}  // namespace nightpost::im
