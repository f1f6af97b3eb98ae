// Bodies of answers about groups. Pure; rows that would exceed kServerFrameBytesMax are left out, and `more` says so.
#pragma once

#include <string>

#include "im/service/group_requests.h"

namespace nightpost::im {

std::string group_chat_json(const GroupChat& chat);

std::string group_created_body(const GroupCreated& reply);
std::string group_infos_body(const std::vector<std::pair<std::string, Answer<GroupInfo>>>& infos);
std::string joined_groups_body(const JoinedGroups& reply);
std::string join_body(const JoinReply& reply);
std::string invitations_body(const std::vector<Invitation>& invitations);
std::string applications_body(const std::vector<Application>& applications);
std::string members_changed_body(const MembersChanged& reply);
std::string members_body(const MembersPage& page);

}  // namespace nightpost::im
