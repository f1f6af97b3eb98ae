#include "sandbox/site.h"

#include "core/text.h"

namespace nightpost::sandbox {

Site::Site(std::string vendor, std::unique_ptr<VendorSimulator> simulator, RequestLog::Limits limits)
    : vendor_(std::move(vendor)), simulator_(std::move(simulator)), log_(limits) {}

net::ServerAction Site::serve(const net::ServerRequest& request, FaultScript& script, WallTime now) {
  ++requests_;
  const Judgement judgement = simulator_->judge(request, now);
  net::ServerAction action{.settings = simulator_->settings(request, judgement)};
  std::optional<Fault> fault;
  if (judgement.accepted()) {
    if (!script.empty()) fault = script.pick({vendor_, judgement.token, judgement.topic});
  } else {
    ++refused_;
  }
  if (!fault) {
    log_.add(request, judgement.status, judgement.reason, judgement.detail, now);
    action.respond = simulator_->answer(judgement);
    return action;
  }

  ++faults_;
  const FaultAct& act = *fault->act;
  int status = 0;
  std::string reason;
  if (act.drop) {
    reason = "drop";
  } else if (act.hang) {
    reason = "hang";
  } else if (act.reset) {
    reason = "reset " + std::to_string(*act.reset);
  } else if (act.answer) {
    status = act.answer->status;
    reason = act.answer->reason;
    action.respond = simulator_->answer(judgement, *act.answer);
  } else {
    status = judgement.status;
    action.respond = simulator_->answer(judgement);
  }
  log_.add(request, status, reason, "", now);
  action.delay = fault->latency;
  action.reset = act.reset;
  action.goaway = act.goaway;
  action.settings.insert(action.settings.end(), act.settings.begin(), act.settings.end());
  action.drop = act.drop;
  return action;
}

std::string Site::counts_json() const {
  std::string out = "{";
  append_json_member(out, "requests", requests_);
  append_json_member(out, "accepted", requests_ - refused_ - faults_);
  append_json_member(out, "refused", refused_);
  append_json_member(out, "faults", faults_);
  out += '}';
  return out;
}

}  // namespace nightpost::sandbox
