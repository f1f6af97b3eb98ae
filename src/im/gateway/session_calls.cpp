// The requests of a session about calls.
#include <utility>

#include "im/gateway/call_frame.h"
#include "im/gateway/session_answer.h"

namespace nightpost::im {

void Session::ask(std::int64_t id, CallInvite& body) {
  world_.calls.invite_to_call(terminal_, std::move(body),
                              answer<CallReply>(id, [](Session& self, const CallReply& reply) {
                                self.shown(reply.ver);
                                return call_body(reply);
                              }));
}
Reply<SendReply> Session::said(std::int64_t id) {
  return answer<SendReply>(id, [](Session& self, const SendReply& reply) {
    self.shown(reply.ver);
    return send_body(reply);
  });
}
void Session::ask(std::int64_t id, request::CallCancel& body) {
  world_.calls.answer_call(terminal_, std::move(body.answer), said(id));
}
void Session::ask(std::int64_t id, request::CallAccept& body) {
  world_.calls.answer_call(terminal_, std::move(body.answer), said(id));
}
void Session::ask(std::int64_t id, request::CallReject& body) {
  world_.calls.answer_call(terminal_, std::move(body.answer), said(id));
}
void Session::ask(std::int64_t id, request::Calls&) {
  using All = std::vector<OpenCall>;
  world_.calls.open_calls(terminal_, answer<All>(id, [](Session&, const All& all) { return open_calls_body(all); }));
}

}  // namespace nightpost::im
