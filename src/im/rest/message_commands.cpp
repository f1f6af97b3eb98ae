// openim: one-to-one messages.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include "im/rest/commands.h"
#include "im/rest/message_edit.h"
#include "im/rest/msg_key.h"
#include "im/rest/tim_elements.h"
#include "im/rest/tim_push.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kReceiversMax = 500;
constexpr std::size_t kPeersMax = 10;
constexpr std::int64_t kMessagesPageMax = 100;
constexpr std::int64_t kLifetimeMax = 604'800;  // seconds
constexpr std::size_t kControlWordsMax = 16;

/// SendMsgControl.
struct Control {
  bool no_unread = false, no_last = false;
};
Control control_of(Fields& body) {
  Control out;
  for (const std::string& word : body.texts_if("SendMsgControl", kControlWordsMax)) {
    if (word == "NoUnread")
      out.no_unread = true;
    else if (word == "NoLastMsg")
      out.no_last = true;
    else if (word != "WithMuteNotifications" && word != "NoMsgCheck")  // mutes always hold, nothing is reviewed
      body.fail("SendMsgControl", "holds none of NoUnread, NoLastMsg, WithMuteNotifications, NoMsgCheck");
  }
  return out;
}

/// MsgLifeTime: 0 is "to those who are there", which is OnlineOnlyFlag.
void read_lifetime(Fields& body, AdminSend& out) {
  const auto lifetime = body.number_if("MsgLifeTime", 0, kU32Max, 90044);
  if (!lifetime) return;
  if (*lifetime > kLifetimeMax) return body.fail("MsgLifeTime", "more than 604800 seconds, 7 days", 90026);
  if (*lifetime == 0)
    out.online_only = true;
  else
    out.lifetime = seconds(*lifetime);
}

/// What sendmsg and batchsendmsg share.
AdminSend message_of(Fields& body, Call& call) {
  AdminSend out;
  out.hidden_from_sender = body.number_if("SyncOtherMachine", 1, 2, 90031).value_or(1) == 2;
  read_lifetime(body, out);
  out.wire_seq = body.u32_if("MsgSeq");
  out.wire_random = body.u32("MsgRandom", 90005);
  const Control control = control_of(body);
  out.no_unread = control.no_unread;
  out.no_last = control.no_last;
  const TimBody content = elements_from_tim(body);
  out.elements = content.elements;
  out.cloud_data = body.text_if("CloudCustomData").value_or("");
  body.number_if("SupportMessageExtension", 0, 1);
  body.number_if("IsNeedReadReceipt", 0, 1);
  TimPush push = push_from_tim(body, content.custom_ext);
  out.push = std::move(push.push);
  call.advise(std::move(push.ignored));
  return out;
}

/// A refusal that names places of ours in the caller's words.
Refusal in_tim_words(Refusal refusal) {
  refusal.why = as_push_info(as_msg_body(std::move(refusal.why)));
  return refusal;
}

std::string sender_of(Fields& body, const Call& call) {
  return body.text_if("From_Account").value_or(call.administrator.user);
}

/// One message to many: answered when the last of them is.
struct Batch {
  Call call;
  std::vector<std::string> users;
  std::vector<std::optional<Answer<AdminSent>>> results;
  std::size_t open;

  void finish() {
    Outcome outcome;
    RestJson errors = RestJson::array();
    for (std::size_t i = 0; i < users.size(); ++i) {
      const Answer<AdminSent>& result = *results[i];
      if (result) {
        if (!outcome.members.contains("MsgKey")) {
          outcome.members["MsgKey"] = msg_key(result->wire);
          outcome.members["MsgId"] = text_of(result->id);
        }
        continue;
      }
      const std::int32_t code = rest_code(Family::Message, result.error().code);
      errors.push_back({{"To_Account", users[i]}, {"ErrorCode", code}});
      if (outcome.code == 0) {
        outcome.code = code;
        outcome.info = in_tim_words(result.error()).why;
      }
    }
    if (errors.size() < users.size()) {  // some have it: the outer code is 0
      outcome.code = 0;
      outcome.info.clear();
    }
    if (!errors.empty()) outcome.members["ErrorList"] = std::move(errors);
    std::move(call).answer(std::move(outcome));
  }
};

RestJson row_json(const HistoryRow& row) {
  const Message& message = row.message;
  RestJson out = {{"From_Account", message.from},
                  {"To_Account", message.to},
                  {"MsgSeq", row.wire.seq},
                  {"MsgRandom", row.wire.random},
                  {"MsgTimeStamp", row.wire.second},
                  {"MsgFlagBits", message.flags.recalled ? 8 : 0},
                  {"IsPeerRead", row.read ? 1 : 0},
                  {"MsgKey", msg_key(row.wire)},
                  {"MsgBody", elements_to_tim(message.elements)}};
  if (!message.cloud_data.empty()) out["CloudCustomData"] = message.cloud_data;
  return out;
}

}  // namespace

void sendmsg(Call call) {
  Fields body = call.fields();
  const std::string from = sender_of(body, call);
  std::string to = body.text("To_Account", 90003);
  AdminSend message = message_of(body, call);
  if (body.number_if("OnlineOnlyFlag", 0, 1).value_or(0) == 1) message.online_only = true;
  body.u32_if("MsgTimeStamp", 90006);  // ours is the time
  read_callback_control(body, message.ask_before, message.tell_after);
  if (call.answered_fault()) return;
  message.to = std::move(to);
  auto& service = call.tools.service;
  UserKey sender = call.user(from);
  service.send_as(std::move(sender), std::move(message),
                  [call = std::move(call)](const Answer<AdminSent>& sent) mutable {
                    if (!sent) return std::move(call).refuse(in_tim_words(sent.error()));
                    Outcome outcome;
                    outcome.members = {
                        {"MsgTime", sent->wire.second}, {"MsgKey", msg_key(sent->wire)}, {"MsgId", text_of(sent->id)}};
                    std::move(call).answer(std::move(outcome));
                  });
}

void batchsendmsg(Call call) {
  Fields body = call.fields();
  const UserKey sender = call.user(sender_of(body, call));
  std::vector<std::string> users = body.texts("To_Account", kReceiversMax, 90003, 90011);
  AdminSend message = message_of(body, call);
  message.ask_before = message.tell_after = false;  // the contract's: up to 500 at once, and the app knows of them
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const std::size_t count = users.size();
  // Shared by the replies, of which the last one answers.
  const auto batch = std::make_shared<Batch>(std::move(call), std::move(users),
                                             std::vector<std::optional<Answer<AdminSent>>>(count), count);
  for (std::size_t i = 0; i < count; ++i) {
    AdminSend each = message;
    each.to = batch->users[i];
    service.send_as(sender, std::move(each), [batch, i](Answer<AdminSent> sent) {
      batch->results[i].emplace(std::move(sent));
      if (--batch->open == 0) batch->finish();
    });
  }
}

void importmsg(Call call) {
  Fields body = call.fields();
  const std::int64_t how = body.number("SyncFromOldSystem", 1, 5);
  if (how == 3 || how == 4) body.fail("SyncFromOldSystem", "neither 5 (1), as it happens, nor 2, history");
  UserKey sender = call.user(body.text("From_Account", 90048));
  MessageImport message;
  message.to = body.text("To_Account", 90003);
  message.wire_seq = body.u32_if("MsgSeq");
  message.wire_random = body.u32("MsgRandom", 90005);
  message.at = wall_from_ms(body.number("MsgTimeStamp", 1, kU32Max, 90006) * 1'000);
  message.elements = elements_from_tim(body).elements;
  message.cloud_data = body.text_if("CloudCustomData").value_or("");
  message.live = how != 2;
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.import_message(std::move(sender), std::move(message),
                         [call = std::move(call)](const Answer<void>& done) mutable {
                           if (!done) return std::move(call).refuse(in_tim_words(done.error()));
                           std::move(call).answer({});
                         });
}

void admin_getroammsg(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text({"Operator_Account", "From_Account"}));
  HistoryRequest request;
  request.peer = body.text({"Peer_Account", "To_Account"});
  request.limit = static_cast<std::size_t>(std::min(body.number("MaxCnt", 1, kU32Max), kMessagesPageMax));
  request.from_second = body.u32("MinTime");
  request.to_second = body.u32("MaxTime");
  const std::string last = body.text_if("LastMsgKey").value_or("");
  if (!last.empty()) {
    request.below = msg_key_from(last);
    if (!request.below) body.fail("LastMsgKey", "not a MsgKey of an earlier reply");
  }
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.history(std::move(who), std::move(request),
                  std::move(call).reply<HistoryReply>([](RestJson& out, const HistoryReply& page) {
                    RestJson rows = RestJson::array();
                    for (const HistoryRow& row : page.rows) rows.push_back(row_json(row));
                    out["Complete"] = page.complete ? 1 : 0;
                    out["MsgCnt"] = page.rows.size();
                    out["LastMsgTime"] = page.rows.empty() ? 0 : page.rows.front().wire.second;
                    out["LastMsgKey"] = page.rows.empty() ? "" : msg_key(page.rows.front().wire);
                    out["MsgList"] = std::move(rows);
                  }));
}

void admin_msgwithdraw(Call call) {
  Fields body = call.fields();
  UserKey from = call.user(body.text("From_Account", 90048));
  std::string to = body.text("To_Account", 90003);
  const auto id = msg_key_from(body.text("MsgKey"));
  if (!id) body.fail("MsgKey", "not SEQ_RANDOM_SECOND");
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.recall_as(std::move(from), std::move(to), *id, std::move(call).plain());
}

void modify_c2c_msg(Call call) {
  Fields body = call.fields();
  UserKey from = call.user(body.text("From_Account", 90048));
  std::string to = body.text("To_Account", 90003);
  const auto id = msg_key_from(body.text("MsgKey"));
  if (!id) body.fail("MsgKey", "not SEQ_RANDOM_SECOND");
  MessageEdit edit = edit_of(body);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.edit_as(std::move(from), std::move(to), *id, std::move(edit), as_edit_reply(std::move(call)));
}

void admin_set_msg_read(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("Report_Account"));
  ReadRequest request;
  request.peer = body.text("Peer_Account");
  if (const auto until = body.u32_if("MsgReadTime"); until && *until > 0)
    request.until = wall_from_ms(std::int64_t{*until} * 1'000);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.read_as(std::move(who), std::move(request),
                  std::move(call).reply<ReadReply>([](RestJson&, const ReadReply&) {}));
}

void get_c2c_unread_msg_num(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("To_Account", 90003));
  const std::vector<std::string> peers = body.texts_if("Peer_Account", kPeersMax);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.unread(std::move(who), peers,
                 std::move(call).reply<UnreadReply>([peers](RestJson& out, const UnreadReply& unread) {
                   if (peers.empty()) {
                     out["AllC2CUnreadMsgNum"] = unread.total;
                     return;
                   }
                   RestJson list = RestJson::array();
                   for (std::size_t i = 0; i < peers.size(); ++i)
                     list.push_back({{"Peer_Account", peers[i]}, {"C2CUnreadMsgNum", unread.with_peers[i]}});
                   out["C2CUnreadMsgNumList"] = std::move(list);
                   out["ErrorList"] = RestJson::array();
                 }));
}

}  // namespace nightpost::im
