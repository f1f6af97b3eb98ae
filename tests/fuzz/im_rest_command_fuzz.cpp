// Any request to any command of the server API: its decoder refuses it with a code and a line, or asks the service, and
// the call is answered once. The first byte says which command, the second how: the rest is the body as it is, or it
// picks for each member that the decoder asks for whether it is there, under which name, and whether it is right.
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "im/rest/openapi.h"
#include "im/rest/tim_push.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {
using Json = nlohmann::json;

void must(bool holds) {
  if (!holds) std::abort();
}

/// Refuses whatever it is asked, once the asker has returned.
class Refusing final : public AdminService, public GroupService, public GroupAdmin, public MassPushService {
 public:
  void run() {
    for (std::size_t i = 0; i < later_.size(); ++i) {  // an answer may bring further questions
      must(i < 10'000);
      auto next = std::move(later_[i]);
      next();
    }
    later_.clear();
  }

  Answer<UserSig> verify(AppId, std::string_view, std::string_view) const override { return refuse(Code::Busy, "no"); }
  void import_account(UserKey, Profile, Reply<void> r) override { no(std::move(r)); }
  void import_accounts(AppId, std::vector<AccountImport>, Reply<Each> r) override { no(std::move(r)); }
  void kick(UserKey, Reply<void> r) override { no(std::move(r)); }
  void remove_accounts(AppId, std::vector<std::string>, Reply<Each> r) override { no(std::move(r)); }
  void accounts(AppId, std::vector<std::string>, Reply<std::vector<AccountState>> r) override { no(std::move(r)); }
  void send_as(UserKey, AdminSend, Reply<AdminSent> r) override { no(std::move(r)); }
  void import_message(UserKey, MessageImport, Reply<void> r) override { no(std::move(r)); }
  void history(UserKey, HistoryRequest, Reply<HistoryReply> r) override { no(std::move(r)); }
  void recall_as(UserKey, std::string, WireId, Reply<void> r) override { no(std::move(r)); }
  void edit_as(UserKey, std::string, WireId, MessageEdit, Reply<void> r) override { no(std::move(r)); }
  void read_as(UserKey, ReadRequest, Reply<ReadReply> r) override { no(std::move(r)); }
  void unread(UserKey, std::vector<std::string>, Reply<UnreadReply> r) override { no(std::move(r)); }
  void recent_chats(UserKey, std::size_t, std::size_t, Reply<RecentReply> r) override { no(std::move(r)); }
  void remove_chat(UserKey, std::string, bool, Reply<void> r) override { no(std::move(r)); }
  void set_full_profile(UserKey, Profile, std::vector<ProfileField>, Reply<void> r) override { no(std::move(r)); }
  void full_profiles(AppId, std::vector<std::string>, Reply<std::vector<FullProfile>> r) override { no(std::move(r)); }
  void set_silence(UserKey, SilenceChange, Reply<void> r) override { no(std::move(r)); }
  void silence(UserKey, Reply<Silence> r) override { no(std::move(r)); }
  void change_blacklist(UserKey, std::vector<std::string>, bool, Reply<Each> r) override { no(std::move(r)); }
  void blacklist_of(UserKey, Reply<std::vector<BlockedUser>> r) override { no(std::move(r)); }
  void check_blacklist(UserKey, std::vector<std::string>, Reply<std::vector<Relation>> r) override { no(std::move(r)); }
  void save_friends(UserKey, std::vector<FriendChange>, Befriend, bool, Reply<Each> r) override { no(std::move(r)); }
  void remove_friends(UserKey, std::vector<std::string>, bool, Reply<Each> r) override { no(std::move(r)); }
  void remove_all_friends(UserKey, bool, Reply<void> r) override { no(std::move(r)); }
  void friends(UserKey, std::size_t, std::size_t, Reply<FriendsReply> r) override { no(std::move(r)); }
  void friends_named(UserKey, std::vector<std::string>, Reply<std::vector<std::optional<Friend>>> r) override {
    no(std::move(r));
  }
  void check_friends(UserKey, std::vector<std::string>, Reply<std::vector<Relation>> r) override { no(std::move(r)); }
  void add_friend_groups(UserKey, std::vector<std::string>, std::vector<std::string>, Reply<Each> r) override {
    no(std::move(r));
  }
  void remove_friend_groups(UserKey, std::vector<std::string>, Reply<void> r) override { no(std::move(r)); }
  void friend_groups(UserKey, Reply<std::vector<FriendGroup>> r) override { no(std::move(r)); }

  void create_group(const Actor&, GroupCreate, Reply<GroupCreated> r) override { no(std::move(r)); }
  void dismiss_group(const Actor&, std::string, Reply<Ver> r) override { no(std::move(r)); }
  void change_group(const Actor&, GroupInfoChange, Reply<Ver> r) override { no(std::move(r)); }
  void transfer_group(const Actor&, std::string, std::string, Reply<Ver> r) override { no(std::move(r)); }
  void group_infos(const Actor&, std::vector<std::string>,
                   Reply<std::vector<std::pair<std::string, Answer<GroupInfo>>>> r) override {
    no(std::move(r));
  }
  void joined_groups(const Actor&, JoinedRequest, Reply<JoinedGroups> r) override { no(std::move(r)); }
  void join_group(const Actor&, std::string, std::string, Reply<JoinReply> r) override { no(std::move(r)); }
  void applications(const Actor&, std::string, Reply<std::vector<Application>> r) override { no(std::move(r)); }
  void decide_application(const Actor&, Decision, Reply<Ver> r) override { no(std::move(r)); }
  void invitations(const Actor&, Reply<std::vector<Invitation>> r) override { no(std::move(r)); }
  void answer_invitation(const Actor&, InvitationAnswer, Reply<JoinReply> r) override { no(std::move(r)); }
  void quit_group(const Actor&, std::string, Reply<Ver> r) override { no(std::move(r)); }
  void invite(const Actor&, MembersChange, Reply<MembersChanged> r) override { no(std::move(r)); }
  void kick_members(const Actor&, MembersChange, Reply<MembersChanged> r) override { no(std::move(r)); }
  void change_member(const Actor&, MemberChange, Reply<Ver> r) override { no(std::move(r)); }
  void members(const Actor&, MembersRequest, Reply<MembersPage> r) override { no(std::move(r)); }
  void members_named(const Actor&, std::string, std::vector<std::string>, Reply<std::vector<GroupMember>> r) override {
    no(std::move(r));
  }
  void send_to_group(const Actor&, GroupSendRequest, Reply<SendReply> r) override { no(std::move(r)); }
  void recall_in_group(const Actor&, MessageId, Reply<Ver> r) override { no(std::move(r)); }
  void read_group(const Actor&, GroupReadRequest, Reply<ReadReply> r) override { no(std::move(r)); }
  void pull_group(const Actor&, GroupPullRequest, Reply<PullReply> r) override { no(std::move(r)); }
  void change_group_chat(const Actor&, GroupChatChange, Reply<Ver> r) override { no(std::move(r)); }

  void group_ids(AppId, GroupIdsRequest, Reply<GroupIds> r) override { no(std::move(r)); }
  void member_names(AppId, std::string, Reply<std::vector<std::string>> r) override { no(std::move(r)); }
  void notify_group(AppId, GroupNotice, Reply<void> r) override { no(std::move(r)); }
  void import_members(AppId, std::string, std::vector<MemberImport>, Reply<std::vector<MemberOutcome>> r) override {
    no(std::move(r));
  }
  void import_to_group(AppId, std::string, std::vector<GroupMessageImport>, Reply<Imported> r) override {
    no(std::move(r));
  }
  void edit_in_group(AppId, std::string, Seq, MessageEdit, Reply<void> r) override { no(std::move(r)); }
  void recall_of_sender(AppId, std::string, std::string, Seq, Reply<Seq> r) override { no(std::move(r)); }
  void set_group_unread(UserKey, std::string, std::int64_t, Reply<void> r) override { no(std::move(r)); }
  void receipts(AppId, std::string, std::vector<Seq>, Reply<std::vector<Receipt>> r) override { no(std::move(r)); }
  void receipt_users(AppId, ReceiptUsersRequest, Reply<ReceiptUsers> r) override { no(std::move(r)); }
  void group_attributes(AppId, std::string, Reply<GroupAttributes> r) override { no(std::move(r)); }
  void change_group_attributes(AppId, std::string, AttributesChange, Reply<void> r) override { no(std::move(r)); }
  void group_counters(AppId, std::string, Reply<GroupCounters> r) override { no(std::move(r)); }
  void change_group_counters(AppId, std::string, CountersChange, Reply<GroupCounters> r) override { no(std::move(r)); }

  void push_to_all(AppId, MassPush, Reply<std::int64_t> r) override { no(std::move(r)); }
  void cancel_push(AppId, std::int64_t, Reply<void> r) override { no(std::move(r)); }
  void push_reports(AppId, std::vector<std::int64_t>, Reply<std::vector<MassPushReport>> r) override {
    no(std::move(r));
  }
  void set_attribute_names(AppId, std::map<std::int64_t, std::string>, Reply<void> r) override { no(std::move(r)); }
  void attribute_names(AppId, Reply<std::map<std::int64_t, std::string>> r) override { no(std::move(r)); }
  void set_attributes(AppId, std::vector<UserAttributes>, Reply<void> r) override { no(std::move(r)); }
  void remove_attributes(AppId, std::vector<UserAttributes>, Reply<void> r) override { no(std::move(r)); }
  void attributes(AppId, std::vector<std::string>, Reply<std::vector<UserAttributes>> r) override { no(std::move(r)); }
  void add_tags(AppId, std::vector<UserTags>, Reply<void> r) override { no(std::move(r)); }
  void remove_tags(AppId, std::vector<UserTags>, Reply<void> r) override { no(std::move(r)); }
  void remove_all_tags(AppId, std::vector<std::string>, Reply<void> r) override { no(std::move(r)); }
  void tags(AppId, std::vector<std::string>, Reply<std::vector<UserTags>> r) override { no(std::move(r)); }

 private:
  template <class T>
  void no(Reply<T> reply) {
    later_.emplace_back([reply = std::move(reply)]() mutable { reply(refuse(Code::Busy, "busy")); });
  }
  std::vector<std::move_only_function<void()>> later_;
};

struct Nobody final : Presence {
  std::vector<Device> connected(const UserKey&) const override { return {}; }
};
struct Noon final : Clock {
  MonoTime mono() const noexcept override { return MonoTime(std::chrono::hours(1)); }
  WallTime wall() const noexcept override { return wall_from_ms(1'700'000'000'000); }
};

class Bytes {
 public:
  explicit Bytes(std::string_view left) : left_(left) {}
  std::uint8_t next() { return left_.empty() ? 0 : static_cast<std::uint8_t>(text(1).front()); }
  std::string text(std::size_t most) {
    const std::string out(left_.substr(0, most));
    left_.remove_prefix(out.size());
    return out;
  }

 private:
  std::string_view left_;
};

// What decoders look into, beside any text.
constexpr std::string_view kWords[] = {"Public",
                                       "Owner",
                                       "Admin",
                                       "On",
                                       "Set",
                                       "High",
                                       "FreeAccess",
                                       "AcceptAndNotify",
                                       "1_2_3",
                                       "mass-1",
                                       "@TIM#SYSTEM",
                                       "Tag_Profile_IM_Nick",
                                       "Tag_Profile_IM_Level",
                                       "Tag_Profile_Custom_a",
                                       "Tag_SNS_IM_Remark",
                                       "Tag_SNS_IM_Group",
                                       "AddSource_Type_A",
                                       "Add_Type_Single",
                                       "Delete_Type_Both",
                                       "CheckResult_Type_Both",
                                       "BlackCheckResult_Type_Both",
                                       "Need_Friend_Type_Yes",
                                       "NoUnread",
                                       "ForbidBeforeSendMsgCallback",
                                       "TIMTextElem",
                                       "TIMCustomElem",
                                       "passive",
                                       ""};

Json anything(Bytes& from) {
  switch (from.next() % 8) {
    case 0:
      return nullptr;
    case 1:
      return from.next() % 2 == 0;
    case 2:
      return -1;
    case 3:
      return 18'446'744'073'709'551'615ull;
    case 4:
      return 1e300;
    case 5:
      return Json::array({1, "x", nullptr});
    case 6:
      return Json{{"0", "x"}, {"a", 1}};
    default:
      return from.text(from.next());
  }
}

Json text(Bytes& from) {
  const std::uint8_t which = from.next();
  return which < std::size(kWords) ? Json(kWords[which]) : Json(from.text(which));
}

Json request_of(const std::list<FieldNote>& fields, Bytes& from);

Json list_of(const FieldNote& field, Bytes& from) {
  Json out = Json::array();
  const std::uint8_t count = from.next();
  for (int i = 0; i < count % 4; ++i)
    out.push_back(field.is == FieldNote::Is::Texts ? text(from) : request_of(field.members, from));
  if (count == 255 && field.count_max <= 1'000)  // one too many
    while (out.size() <= field.count_max) out.push_back(out.empty() ? Json("x") : out.front());
  return out;
}

Json value_of(const FieldNote& field, Bytes& from) {
  switch (field.is) {
    case FieldNote::Is::Text:
      return text(from);
    case FieldNote::Is::Integer: {
      const std::uint8_t which = from.next();
      return which == 0 ? field.least : which == 1 ? field.most : std::min(field.most, field.least + which);
    }
    case FieldNote::Is::Number:
      return from.next() / 16.0;
    case FieldNote::Is::Texts:
    case FieldNote::Is::Objects:
      return list_of(field, from);
    case FieldNote::Is::Object:
      return request_of(field.members, from);
    case FieldNote::Is::Component:
      return Json::array({{{"MsgType", text(from)}, {"MsgContent", {{"Text", text(from)}, {"Data", text(from)}}}}});
    case FieldNote::Is::Any:
      break;
  }
  return anything(from);
}

Json request_of(const std::list<FieldNote>& fields, Bytes& from) {
  Json out = Json::object();
  for (const FieldNote& field : fields) {
    const std::uint8_t how = from.next();
    const std::string& name = how % 4 == 1 && !field.old.empty() ? field.old : field.name;
    if (how < 240)
      out[name] = value_of(field, from);
    else if (how < 248)
      out[name] = anything(from);  // else it is left out
  }
  return out;
}

struct Offered {
  const RestCommand* command;
  std::list<FieldNote> fields;
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Refusing service;
  static const Nobody nobody;
  static const Noon noon;
  static Tools tools{service, &service, &service, nobody, noon, &service};
  static const std::vector<Offered> offered = [] {
    std::vector<Offered> all;
    for (const RestCommand& command : rest_commands())
      if (command.handler != nullptr) all.push_back({&command, request_fields(command, tools)});
    return all;
  }();

  Bytes from(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto& [command, fields] = offered[from.next() % offered.size()];
  const bool as_it_is = from.next() % 8 == 1;
  const std::string text =
      as_it_is ? from.text(size) : request_of(fields, from).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string why;
  auto body = parse_request(text, why);
  must(body.has_value() == why.empty());
  must(body || as_it_is);
  if (!body) return 0;
  int answers = 0;
  command->handler(Call(tools, command->family, {AppId{7}, "administrator"}, *std::move(body), [&](Outcome outcome) {
    ++answers;
    must(outcome.code != 0 || outcome.info.empty() || outcome.info.starts_with(kIgnoredPush));
    must(!outcome.members.dump(-1, ' ', false, RestJson::error_handler_t::replace).empty());
  }));
  service.run();
  must(answers == 1);
  return 0;
}
