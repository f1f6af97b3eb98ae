#include "im/domain/before_callback.h"

#include <array>

namespace nightpost::im {
namespace {

using BeforeName = std::string_view;

constexpr std::array kBeforeSendFields = {
    BeforeName("From_Account"),   BeforeName("To_Account"), BeforeName("MsgSeq"),
    BeforeName("MsgRandom"),      BeforeName("MsgTime"),    BeforeName("MsgKey"),
    BeforeName("OnlineOnlyFlag"), BeforeName("MsgBody"),    BeforeName("CloudCustomData")};
constexpr std::array kBeforeGroupSendFields = {
    BeforeName("GroupId"),        BeforeName("Type"),     BeforeName("From_Account"),    BeforeName("Operator_Account"),
    BeforeName("Random"),         BeforeName("MsgBody"),  BeforeName("CloudCustomData"), BeforeName("TopicId"),
    BeforeName("OnlineOnlyFlag"), BeforeName("EventTime")};
constexpr std::array kBeforeGroupCreateFields = {
    BeforeName("Operator_Account"), BeforeName("Owner_Account"), BeforeName("Type"),     BeforeName("Name"),
    BeforeName("MemberList"),       BeforeName("GroupId?"),      BeforeName("EventTime")};
constexpr std::array kBeforeGroupJoinFields = {BeforeName("GroupId"), BeforeName("Type"),
                                               BeforeName("Requestor_Account")};
constexpr std::array kBeforeGroupInviteFields = {BeforeName("GroupId"), BeforeName("Type"),
                                                 BeforeName("Operator_Account"), BeforeName("DestinationMembers")};
constexpr std::array kBeforeFriendAddFields = {BeforeName("Requester_Account"), BeforeName("From_Account"),
                                               BeforeName("FriendItem"), BeforeName("AddType"),
                                               BeforeName("ForceAddFlags")};

constexpr std::array<BeforeTraits, kBefores> kBeforeTraits = {{
    {"C2C.CallbackBeforeSendMsg", "a one-to-one message is to be sent; not an imported one", kBeforeSendFields,
     Code::CallbackRefused, true, false},
    {"Group.CallbackBeforeSendMsg", "a message is to be sent to a group", kBeforeGroupSendFields,
     Code::GroupCallbackRefused, true, true},
    {"Group.CallbackBeforeCreateGroup", "a group is to be created", kBeforeGroupCreateFields,
     Code::GroupCallbackRefused},
    {"Group.CallbackBeforeApplyJoinGroup", "a user wants to join a group", kBeforeGroupJoinFields,
     Code::GroupCallbackRefused},
    {"Group.CallbackBeforeInviteJoinGroup", "users are to be brought into a group; not its first members",
     kBeforeGroupInviteFields, Code::GroupCallbackRefused},
    {"Sns.CallbackPrevFriendAdd", "friends are to be added, by force and by an import too", kBeforeFriendAddFields,
     Code::FriendCallbackRefused},
}};

}  // namespace

const BeforeTraits& traits_of(Before what) noexcept { return kBeforeTraits[static_cast<std::size_t>(what)]; }

std::optional<Before> before_from(std::string_view command) noexcept {
  for (std::size_t i = 0; i < kBeforeTraits.size(); ++i)
    if (kBeforeTraits[i].command == command) return static_cast<Before>(i);
  return std::nullopt;
}

}  // namespace nightpost::im
