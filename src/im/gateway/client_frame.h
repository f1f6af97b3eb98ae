// What a client says: one JSON text to one frame (PROTOCOL.md). Pure; forms only, rights and rules are the service's.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "im/service/call_requests.h"
#include "im/service/group_requests.h"
#include "im/service/service.h"

namespace nightpost::im {

inline constexpr std::int64_t kProtocolVersion = 1;

struct HelloFrame {
  LoginRequest login;
};
struct AckFrame {
  std::optional<std::int64_t> pos;
  std::optional<Ver> ver;
};
struct PingFrame {};

namespace request {
struct Logout {};
struct Blacks {};
struct Recall {
  MessageId id;
};
struct Remove {
  std::vector<MessageId> ids;
};
struct SetMute {
  Mute mute;
  bool on = true;
};
struct Profiles {
  std::vector<std::string> users;
};
struct GroupDismiss {
  std::string group;
};
struct GroupTransfer {
  std::string group, owner;
};
struct GroupInfos {
  std::vector<std::string> groups;
};
struct GroupJoin {
  std::string group, note;
};
struct GroupApplications {
  std::string group;
};
struct GroupQuit {
  std::string group;
};
struct GroupInvitations {};
struct GroupInvite {
  MembersChange change;
};
struct GroupKick {
  MembersChange change;
};
struct CallCancel {
  CallAnswer answer;
};
struct CallAccept {
  CallAnswer answer;
};
struct CallReject {
  CallAnswer answer;
};
struct Calls {};
}  // namespace request

struct RequestFrame {
  std::int64_t id = 0;  // from 1
  std::variant<request::Logout, SendRequest, request::Recall, request::Remove, ReadRequest, ChatChange, SyncRequest,
               PullRequest, TokenReport, AppState, PushSettings, request::SetMute, Profile, request::Profiles,
               BlacklistChange, request::Blacks, GroupCreate, request::GroupDismiss, GroupInfoChange,
               request::GroupTransfer, request::GroupInfos, JoinedRequest, request::GroupJoin,
               request::GroupApplications, Decision, request::GroupQuit, request::GroupInvite, request::GroupKick,
               MemberChange, MembersRequest, GroupSendRequest, GroupReadRequest, GroupPullRequest, GroupChatChange,
               CallInvite, request::CallCancel, request::CallAccept, request::CallReject, request::Calls,
               request::GroupInvitations, InvitationAnswer>
      body;
};
using ClientFrame = std::variant<HelloFrame, RequestFrame, AckFrame, PingFrame>;

struct BadFrame {
  std::int64_t id = 0;  // of the request; 0: not known
  Refusal refusal;
};

/// Keeps its buffers from frame to frame, for one thread.
class FrameParser {
 public:
  FrameParser();
  ~FrameParser();
  FrameParser(const FrameParser&) = delete;
  FrameParser& operator=(const FrameParser&) = delete;
  /// REQUIRED: at most some MiB. Deeper than kJsonDepthMax is malformed.
  std::expected<ClientFrame, BadFrame> parse(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Of a request that is cut off: what stands before the cut.
struct RequestNames {
  std::int64_t id = 0;
  std::string client_id;
};
RequestNames names_of_cut_request(std::string_view beginning);

}  // namespace nightpost::im
