#include "im/domain/callback.h"

#include <array>

namespace nightpost::im {
namespace {

using Name = std::string_view;

constexpr std::array kStateFields = {Name("EventTime"), Name("Info"), Name("KickedDevice?")};
constexpr std::array kSentFields = {
    Name("From_Account"),  Name("To_Account"), Name("MsgSeq"),         Name("MsgRandom"),   Name("MsgTime"),
    Name("MsgKey"),        Name("MsgId"),      Name("OnlineOnlyFlag"), Name("MsgBody"),     Name("CloudCustomData"),
    Name("SendMsgResult"), Name("ErrorInfo"),  Name("UnreadMsgNum"),   Name("WordsMarked?")};
constexpr std::array kReadFields = {Name("Report_Account"), Name("Peer_Account"), Name("LastReadTime"),
                                    Name("UnreadMsgNum")};
constexpr std::array kRecalledFields = {Name("From_Account"), Name("To_Account"), Name("MsgKey"), Name("MsgId"),
                                        Name("UnreadMsgNum")};
constexpr std::array kGroupSentFields = {
    Name("GroupId"),        Name("Type"),    Name("From_Account"),    Name("Operator_Account"), Name("Random"),
    Name("OnlineOnlyFlag"), Name("MsgBody"), Name("CloudCustomData"), Name("TopicId"),          Name("EventTime"),
    Name("MsgSeq"),         Name("MsgTime"), Name("MsgId"),           Name("GroupAtInfo?"),     Name("WordsMarked?")};
constexpr std::array kGroupRecalledFields = {Name("Operator_Account"), Name("Type"),    Name("GroupId"),
                                             Name("MsgSeqList"),       Name("TopicId"), Name("EventTime")};
constexpr std::array kGroupCreatedFields = {
    Name("Operator_Account"), Name("Owner_Account"), Name("Type"),     Name("Name"),
    Name("MemberList"),       Name("GroupId"),       Name("EventTime")};
constexpr std::array kGroupJoinedFields = {Name("GroupId"),          Name("Type"),          Name("JoinType"),
                                           Name("Operator_Account"), Name("NewMemberList"), Name("EventTime")};
constexpr std::array kGroupLeftFields = {Name("GroupId"),          Name("Type"),           Name("ExitType"),
                                         Name("Operator_Account"), Name("ExitMemberList"), Name("EventTime")};
constexpr std::array kGroupDismissedFields = {Name("GroupId"), Name("Type"), Name("Operator_Account"),
                                              Name("Owner_Account"), Name("EventTime")};
constexpr std::array kGroupChangedFields = {Name("GroupId"),
                                            Name("Type"),
                                            Name("Operator_Account"),
                                            Name("EventTime"),
                                            Name("Name?"),
                                            Name("Introduction?"),
                                            Name("Notification?"),
                                            Name("FaceUrl?"),
                                            Name("ApplyJoinOption?"),
                                            Name("MaxMemberNum?"),
                                            Name("ShutUpAllMember?"),
                                            Name("AppDefinedData?"),
                                            Name("Owner_Account?")};
constexpr std::array kFriendAddedFields = {Name("PairList"), Name("ClientCmd"), Name("ForceFlag")};
constexpr std::array kPairFields = {Name("PairList"), Name("ClientCmd")};
constexpr std::array kProfileFields = {Name("Operator_Account"), Name("From_Account"), Name("ProfileItem")};
constexpr std::array kPushFields = {Name("Events")};

constexpr std::array<CallbackTraits, kCallbacks> kCallbackTraits = {{
    {"State.StateChange", "a device logs in, logs out or is made to, or its connection ends", kStateFields},
    {"C2C.CallbackAfterSendMsg", "a one-to-one message was sent; not an imported one", kSentFields},
    {"C2C.CallbackAfterMsgReport", "a user's read mark moved", kReadFields},
    {"C2C.CallbackAfterMsgWithDraw", "a one-to-one message was recalled", kRecalledFields},
    {"Group.CallbackAfterSendMsg", "a message was sent to a group", kGroupSentFields},
    {"Group.CallbackAfterRecallMsg", "a group's message was recalled", kGroupRecalledFields},
    {"Group.CallbackAfterCreateGroup", "a group was created", kGroupCreatedFields},
    {"Group.CallbackAfterNewMemberJoin", "users joined a group or were invited; not its first members",
     kGroupJoinedFields},
    {"Group.CallbackAfterMemberExit", "members quit a group, were removed, or their account was", kGroupLeftFields},
    {"Group.CallbackAfterGroupDestroyed", "a group was dismissed", kGroupDismissedFields},
    {"Group.CallbackAfterGroupInfoChanged", "what a group says of itself changed, or its owner", kGroupChangedFields},
    {"Sns.CallbackFriendAdd", "friends were added", kFriendAddedFields},
    {"Sns.CallbackFriendDelete", "friends were removed by name", kPairFields},
    {"Sns.CallbackBlackListAdd", "users came onto a blacklist", kPairFields},
    {"Sns.CallbackBlackListDelete", "users went from a blacklist", kPairFields},
    {"Profile.CallbackPortraitSet", "a user's profile was set; not by an import", kProfileFields},
    {"Push.OfflinePush", "a vendor has taken or refused a message's push, the phone has it, or it was tapped on",
     kPushFields},
    {"Push.AllMemberPush", "the same of a push to all", kPushFields},
}};

}  // namespace

const CallbackTraits& traits_of(Callback what) noexcept { return kCallbackTraits[static_cast<std::size_t>(what)]; }

std::optional<Callback> callback_from(std::string_view command) noexcept {
  for (std::size_t i = 0; i < kCallbackTraits.size(); ++i)
    if (kCallbackTraits[i].command == command) return static_cast<Callback>(i);
  return std::nullopt;
}

CallbackSet CallbackSet::all() noexcept {
  CallbackSet out;
  out.bits_.set();
  return out;
}

}  // namespace nightpost::im
