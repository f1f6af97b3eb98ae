// What the server says: frames as JSON text (PROTOCOL.md). Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "im/gateway/gateway_metrics.h"
#include "im/gateway/gateway_options.h"
#include "im/service/service.h"

namespace nightpost::im {

/// Shared by all devices that it is delivered to.
using SharedText = std::shared_ptr<const std::string>;

/// The message's object. Each is made once, however many read it.
std::string message_json(const Message& message);

std::string welcome_frame(const LoginReply& reply, WallTime now, const GatewayOptions& options);
std::string welcome_refused_frame(const Refusal& refusal, milliseconds retry_after);
/// `body`: a JSON object.
std::string res_frame(std::int64_t id, std::string_view body);
std::string res_refused_frame(std::int64_t id, const Refusal& refusal);
std::string res_too_long_frame(std::int64_t id, std::string_view client_id, std::size_t bytes, std::size_t limit);
std::string behind_frame(Ver ver);
std::string pong_frame(WallTime now);
std::string bye_frame(Bye reason, bool reconnect, milliseconds delay, std::string_view why);

/// A deliver frame is head, shared part (of a message: its object), tail; the head alone differs by device.
struct DeliverFrame {
  std::string head;
  SharedText shared;  // null: nothing between
  std::string_view tail;
};
/// `message`: message_json() of the delivery's, where it is one.
DeliverFrame deliver_frame(std::int64_t pos, const Delivery& delivery, const SharedText& message);

// Bodies of answers.
std::string send_body(const SendReply& reply);
std::string ver_body(Ver ver);
std::string read_body(const ReadReply& reply);
/// Rows that would exceed kServerFrameBytesMax are left out, and the reply says `more` and how far it goes: `reply` is
/// changed to what was written.
std::string sync_body(SyncReply& reply);
std::string pull_body(PullReply& reply, bool newest_first);
std::string profiles_body(const std::vector<std::pair<std::string, Profile>>& profiles);
std::string users_body(const std::vector<std::string>& users);

}  // namespace nightpost::im
