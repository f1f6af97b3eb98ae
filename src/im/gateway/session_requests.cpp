// The requests of a session: each to the service, and its reply to an answer.
#include <utility>

#include "im/gateway/session_answer.h"

namespace nightpost::im {
Reply<void> Session::done(std::int64_t id) {
  return answer<void>(id, [](Session&) { return std::string("{}"); });
}

Reply<Ver> Session::changed(std::int64_t id) {
  return answer<Ver>(id, [](Session& self, Ver ver) {
    self.shown(ver);
    return ver_body(ver);
  });
}

void Session::ask(std::int64_t id, SendRequest& body) {
  world_.service.send(terminal_, std::move(body), answer<SendReply>(id, [](Session& self, const SendReply& reply) {
                        self.shown(reply.ver);
                        return send_body(reply);
                      }));
}
void Session::ask(std::int64_t id, request::Recall& body) { world_.service.recall(terminal_, body.id, changed(id)); }
void Session::ask(std::int64_t id, request::Remove& body) {
  world_.service.remove(terminal_, std::move(body.ids), changed(id));
}
void Session::ask(std::int64_t id, ReadRequest& body) {
  world_.service.read(terminal_, std::move(body), answer<ReadReply>(id, [](Session& self, const ReadReply& reply) {
                        self.shown(reply.ver);
                        return read_body(reply);
                      }));
}
void Session::ask(std::int64_t id, ChatChange& body) {
  world_.service.change_chat(terminal_, std::move(body), changed(id));
}
void Session::ask(std::int64_t id, PullRequest& body) {
  const bool newest_first = !body.after;
  world_.service.pull(terminal_, std::move(body), answer<PullReply>(id, [newest_first](Session&, PullReply& reply) {
                        return pull_body(reply, newest_first);
                      }));
}
void Session::ask(std::int64_t id, TokenReport& body) {
  world_.service.report_token(terminal_, std::move(body), done(id));
}
void Session::ask(std::int64_t id, PushSettings& body) {
  world_.service.set_push_settings(terminal_, std::move(body), done(id));
}
void Session::ask(std::int64_t id, request::SetMute& body) {
  world_.service.set_mute(terminal_, std::move(body.mute), body.on, done(id));
}
void Session::ask(std::int64_t id, Profile& body) { world_.service.set_profile(terminal_, std::move(body), done(id)); }
void Session::ask(std::int64_t id, request::Profiles& body) {
  using Found = std::vector<std::pair<std::string, Profile>>;
  world_.service.profiles(terminal_, std::move(body.users),
                          answer<Found>(id, [](Session&, const Found& found) { return profiles_body(found); }));
}
void Session::ask(std::int64_t id, BlacklistChange& body) {
  world_.service.set_blacklisted(terminal_, std::move(body), done(id));
}
void Session::ask(std::int64_t id, request::Blacks&) {
  using Users = std::vector<std::string>;
  world_.service.blacklist(terminal_,
                           answer<Users>(id, [](Session&, const Users& users) { return users_body(users); }));
}

/// In the foreground at once. In the background only once the store says so too, else the push that is due then would
/// be held back for a device in the foreground.
void Session::ask(std::int64_t id, AppState& body) {
  const bool foreground = body.foreground;
  if (foreground) set_app_foreground(true);
  world_.service.report_state(terminal_, std::move(body), answer<void>(id, [foreground](Session& self) {
                                if (!foreground) self.set_app_foreground(false);
                                return std::string("{}");
                              }));
}

void Session::ask(std::int64_t id, request::Logout&) {
  logging_out_ = true;
  auto reply = answer<void>(id, [](Session&) { return std::string("{}"); });
  world_.service.logout(terminal_, [session = weak_from_this(), reply = std::move(reply)](Answer<void> done) mutable {
    const bool over = done.has_value();
    reply(std::move(done));
    const auto self = session.lock();
    if (!self) return;
    self->logging_out_ = false;
    if (over && self->is_online()) self->close(kWsNormal, "");
  });
}

/// A client that is behind is on again once a sync has what was not delivered; one that has not is told to ask again.
std::string Session::synced(SyncReply& reply) {
  std::string body = sync_body(reply);
  shown_ = std::max(shown_, reply.ver);
  if (state_ != State::Behind || reply.more) return body;
  if (reply.ver < dropped_ || group_drops_ != group_drops_synced_) {
    reply.more = true;
    return sync_body(reply);
  }
  state_ = State::Live;
  resume_live(reply.ver);
  return body;
}

void Session::ask(std::int64_t id, SyncRequest& body) {
  // The first page of groups begins here; what is dropped from now on, its pages may not have. A client that does not
  // ask for groups is not made to.
  if (body.after_group.value == 0 || !body.since) group_drops_synced_ = group_drops_;
  world_.service.sync(terminal_, std::move(body),
                      answer<SyncReply>(id, [](Session& self, SyncReply& reply) { return self.synced(reply); }));
}

}  // namespace nightpost::im
