// The bodies of a client's requests about groups. For the parser's own sources.
#pragma once

#include "im/gateway/client_frame.h"
#include "im/gateway/frame_members.h"

namespace nightpost::im {

/// A conversation's number, which is text.
void read_conv(Members& in, const char* name, ConvId& out);

void read(Members& in, GroupCreate& out);
void read(Members& in, request::GroupDismiss& out);
void read(Members& in, GroupInfoChange& out);
void read(Members& in, request::GroupTransfer& out);
void read(Members& in, request::GroupInfos& out);
void read(Members& in, JoinedRequest& out);
void read(Members& in, request::GroupJoin& out);
void read(Members& in, request::GroupApplications& out);
void read(Members& in, Decision& out);
void read(Members& in, request::GroupQuit& out);
void read(Members& in, request::GroupInvitations& out);
void read(Members& in, InvitationAnswer& out);
void read(Members& in, request::GroupInvite& out);
void read(Members& in, request::GroupKick& out);
void read(Members& in, MemberChange& out);
void read(Members& in, MembersRequest& out);
void read(Members& in, GroupSendRequest& out);
void read(Members& in, GroupReadRequest& out);
void read(Members& in, GroupPullRequest& out);
void read(Members& in, GroupChatChange& out);

}  // namespace nightpost::im
