#include "im/gateway/call_frame.h"

#include "im/gateway/frame_json.h"

namespace nightpost::im {
namespace {

using namespace frame;

std::string open_call_json(const OpenCall& call) {
  std::string out = "{";
  append_json_member(out, "call", text_of(call.id));
  append_json_member(out, "by", call.by);
  text_if(out, "to", call.to);
  text_if(out, "group", call.group);
  append_json_member(out, "time", to_ms(call.at));
  if (call.until) append_json_member(out, "until", to_ms(*call.until));
  text_if(out, "data", call.data);
  out += R"(,"users":[)";
  for (const auto& [user, state] : call.users) {
    out += out.back() == '[' ? "{" : ",{";
    append_json_member(out, "user", user);
    append_json_member(out, "state", im::name_of(state));
    out += '}';
  }
  return out += "]}";
}

}  // namespace

std::string call_body(const CallReply& reply) {
  std::string out = "{";
  append_json_member(out, "call", text_of(reply.id));
  append_json_member(out, "time", to_ms(reply.at));
  if (reply.until) append_json_member(out, "until", to_ms(*reply.until));
  append_json_member(out, "ver", reply.ver.value);
  flag_if(out, "repeated", reply.repeated);
  return out += '}';
}

std::string open_calls_body(const std::vector<OpenCall>& calls) {
  Rows rows;
  for (const OpenCall& call : calls)
    if (!rows.add(open_call_json(call))) break;
  std::string out = rows.listed("calls");
  flag_if(out, "more", rows.count < calls.size());
  return out += '}';
}

}  // namespace nightpost::im
