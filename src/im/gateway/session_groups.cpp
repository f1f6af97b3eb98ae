// The requests of a session about groups.
#include <utility>

#include "im/gateway/group_frame.h"
#include "im/gateway/session_answer.h"

namespace nightpost::im {

Actor Session::actor() const { return actor_of(terminal_); }

void Session::ask(std::int64_t id, GroupCreate& body) {
  world_.groups.create_group(actor(), std::move(body),
                             answer<GroupCreated>(id, [](Session& self, const GroupCreated& reply) {
                               self.shown(reply.ver);
                               return group_created_body(reply);
                             }));
}
void Session::ask(std::int64_t id, request::GroupDismiss& body) {
  world_.groups.dismiss_group(actor(), std::move(body.group), changed(id));
}
void Session::ask(std::int64_t id, GroupInfoChange& body) {
  world_.groups.change_group(actor(), std::move(body), changed(id));
}
void Session::ask(std::int64_t id, request::GroupTransfer& body) {
  world_.groups.transfer_group(actor(), std::move(body.group), std::move(body.owner), changed(id));
}
void Session::ask(std::int64_t id, request::GroupInfos& body) {
  using Infos = std::vector<std::pair<std::string, Answer<GroupInfo>>>;
  world_.groups.group_infos(actor(), std::move(body.groups),
                            answer<Infos>(id, [](Session&, const Infos& infos) { return group_infos_body(infos); }));
}
void Session::ask(std::int64_t id, JoinedRequest& body) {
  world_.groups.joined_groups(actor(), body, answer<JoinedGroups>(id, [](Session&, const JoinedGroups& reply) {
                                return joined_groups_body(reply);
                              }));
}
void Session::ask(std::int64_t id, request::GroupJoin& body) {
  world_.groups.join_group(actor(), std::move(body.group), std::move(body.note),
                           answer<JoinReply>(id, [](Session& self, const JoinReply& reply) {
                             self.shown(reply.ver);
                             return join_body(reply);
                           }));
}
void Session::ask(std::int64_t id, request::GroupApplications& body) {
  using All = std::vector<Application>;
  world_.groups.applications(actor(), std::move(body.group),
                             answer<All>(id, [](Session&, const All& all) { return applications_body(all); }));
}
void Session::ask(std::int64_t id, Decision& body) {
  world_.groups.decide_application(actor(), std::move(body), changed(id));
}
void Session::ask(std::int64_t id, request::GroupQuit& body) {
  world_.groups.quit_group(actor(), std::move(body.group), changed(id));
}
Reply<MembersChanged> Session::members_changed(std::int64_t id) {
  return answer<MembersChanged>(id, [](Session& self, const MembersChanged& reply) {
    self.shown(reply.ver);
    return members_changed_body(reply);
  });
}
void Session::ask(std::int64_t id, request::GroupInvitations&) {
  using All = std::vector<Invitation>;
  world_.groups.invitations(actor(), answer<All>(id, [](Session&, const All& all) { return invitations_body(all); }));
}
void Session::ask(std::int64_t id, InvitationAnswer& body) {
  world_.groups.answer_invitation(actor(), std::move(body),
                                  answer<JoinReply>(id, [](Session& self, const JoinReply& reply) {
                                    self.shown(reply.ver);
                                    return join_body(reply);
                                  }));
}
void Session::ask(std::int64_t id, request::GroupInvite& body) {
  world_.groups.invite(actor(), std::move(body.change), members_changed(id));
}
void Session::ask(std::int64_t id, request::GroupKick& body) {
  world_.groups.kick_members(actor(), std::move(body.change), members_changed(id));
}
void Session::ask(std::int64_t id, MemberChange& body) {
  world_.groups.change_member(actor(), std::move(body), changed(id));
}
void Session::ask(std::int64_t id, MembersRequest& body) {
  world_.groups.members(actor(), std::move(body),
                        answer<MembersPage>(id, [](Session&, const MembersPage& page) { return members_body(page); }));
}
void Session::ask(std::int64_t id, GroupSendRequest& body) {
  world_.groups.send_to_group(actor(), std::move(body),
                              answer<SendReply>(id, [](Session& self, const SendReply& reply) {
                                self.shown(reply.ver);
                                return send_body(reply);
                              }));
}
void Session::ask(std::int64_t id, GroupReadRequest& body) {
  world_.groups.read_group(actor(), std::move(body), answer<ReadReply>(id, [](Session& self, const ReadReply& reply) {
                             self.shown(reply.ver);
                             return read_body(reply);
                           }));
}
void Session::ask(std::int64_t id, GroupPullRequest& body) {
  const bool newest_first = !body.after;
  world_.groups.pull_group(actor(), std::move(body), answer<PullReply>(id, [newest_first](Session&, PullReply& reply) {
                             return pull_body(reply, newest_first);
                           }));
}
void Session::ask(std::int64_t id, GroupChatChange& body) {
  world_.groups.change_group_chat(actor(), std::move(body), changed(id));
}

// ---- Deliveries of groups: they move no ver, so what is not delivered is made up for by a sync with `since` ----

bool Session::is_lasting(const Delivery& delivery) noexcept {
  if (delivery.group.value == 0) return false;
  if (const auto* const message = std::get_if<NewMessage>(&delivery.item)) return !message->online_only;
  if (const auto* const news = std::get_if<GroupNews>(&delivery.item)) return news->stored;
  return true;
}

MessageId Session::group_message_of(const Delivery& delivery) noexcept {
  const auto* const message = std::get_if<NewMessage>(&delivery.item);
  return delivery.group.value != 0 && message ? message->message->id : MessageId{};
}

bool Session::may_acknowledge(MessageId message) const noexcept {
  if (!is_online()) return false;
  for (std::size_t i = unacked_from_; i < unacked_.size(); ++i)
    if (unacked_[i].message == message) return true;
  return owes_cursor();
}

void Session::drop_of_group(const Delivery& delivery) {
  if (is_lasting(delivery)) ++group_drops_;
}

/// The client has what was delivered to it and what a sync told of: all but what is delivered and not acknowledged.
void Session::tell_caught_up() {
  owes_groups_ = false;
  std::vector<MessageId> open;
  for (std::size_t i = unacked_from_; i < unacked_.size(); ++i)
    if (unacked_[i].message.seq.value > 0) open.push_back(unacked_[i].message);
  world_.host.caught_up(*this, open);
}

}  // namespace nightpost::im
