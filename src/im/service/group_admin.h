// What the app's own server alone may do with groups: list and import them, speak to their members as the system, edit
// and take back what was sent, and keep words and numbers with a group.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "im/service/admin_service.h"
#include "im/service/group_requests.h"

namespace nightpost::im {

struct GroupIdsRequest {
  ConvId after;             // `next` of the page before
  std::size_t limit = 100;  // 1-10000
  std::optional<GroupType> type;
};
struct GroupIds {
  std::vector<std::string> groups;
  std::int64_t total = 0;
  ConvId next;  // 0: that was all
};

/// Said to who is connected; it is in no history.
struct GroupNotice {
  std::string group;
  std::string content;
  std::vector<std::string> to;  // empty: all members
};

struct MemberImport {
  std::string user;
  GroupRole role = GroupRole::Member;
  std::optional<WallTime> joined_at;  // absent: now. What was said since then is shown
  std::int64_t unread = 0;            // of these, as far as there are so many
};
/// In rising order of time, and none before the group's newest message. They count as unread for who has not read them.
struct GroupMessageImport {
  std::string from;  // an account; he need not be a member
  WallTime at{};
  std::uint32_t random = 0;  // a repeat of sender, time, number and content finds the first
  std::string elements, cloud_data;
};

struct Receipt {
  Seq seq;
  bool known = false;                 // else there is no such message
  std::int64_t read = 0, unread = 0;  // of those who were members when it was sent, but its sender
};
struct ReceiptUsersRequest {
  std::string group;
  Seq seq;
  bool read = true;         // those who have read it; else the others
  std::string after;        // the last user of the page before
  std::size_t limit = 100;  // 1-100
};
struct ReceiptUsers {
  std::vector<std::string> users;  // in an order of the server's own
  bool more = false;
};

using GroupAttributes = std::vector<std::pair<std::string, std::string>>;  // name, value; by name
using GroupCounters = std::vector<std::pair<std::string, std::int64_t>>;   // likewise
struct AttributesChange {
  bool clear = false;   // all that were there go first
  GroupAttributes set;  // then these come
};
struct CountersChange {
  enum class Mode : std::uint8_t { Set, Add, Remove };
  Mode mode = Mode::Set;
  GroupCounters values;  // Remove: of these names; none: all
};

/// Threads and replies as Service. GroupUnknown where there is no such group.
class GroupAdmin {
 public:
  using Imported = std::vector<Answer<SendReply>>;  // in the order asked for
  virtual ~GroupAdmin() = default;
  virtual void group_ids(AppId app, GroupIdsRequest request, Reply<GroupIds> reply) = 0;
  virtual void member_names(AppId app, std::string group, Reply<std::vector<std::string>> reply) = 0;
  virtual void notify_group(AppId app, GroupNotice notice, Reply<void> reply) = 0;
  virtual void import_members(AppId app, std::string group, std::vector<MemberImport> all,
                              Reply<std::vector<MemberOutcome>> reply) = 0;
  virtual void import_to_group(AppId app, std::string group, std::vector<GroupMessageImport> all,
                               Reply<Imported> reply) = 0;
  /// GroupMessageUnknown: none, recalled, a tip.
  virtual void edit_in_group(AppId app, std::string group, Seq seq, MessageEdit edit, Reply<void> reply) = 0;
  /// Recalls what the user sent, from `below` down, at most 100 at once: where the next call begins; 0: that was all.
  virtual void recall_of_sender(AppId app, std::string group, std::string sender, Seq below, Reply<Seq> reply) = 0;
  /// So many of the newest messages are unread, as far as the member sees as many. GroupForbidden: no member.
  virtual void set_group_unread(UserKey who, std::string group, std::int64_t unread, Reply<void> reply) = 0;
  virtual void receipts(AppId app, std::string group, std::vector<Seq> seqs, Reply<std::vector<Receipt>> reply) = 0;
  virtual void receipt_users(AppId app, ReceiptUsersRequest request, Reply<ReceiptUsers> reply) = 0;
  virtual void group_attributes(AppId app, std::string group, Reply<GroupAttributes> reply) = 0;
  /// TooLarge: more than GroupLimits::attributes_max.
  virtual void change_group_attributes(AppId app, std::string group, AttributesChange change, Reply<void> reply) = 0;
  virtual void group_counters(AppId app, std::string group, Reply<GroupCounters> reply) = 0;
  /// Those named, as they are then. Malformed: one would leave 64 bits.
  virtual void change_group_counters(AppId app, std::string group, CountersChange change,
                                     Reply<GroupCounters> reply) = 0;
};

}  // namespace nightpost::im
