#include "sandbox/site.h"

#include <algorithm>

#include "core/text.h"

namespace nightpost::sandbox {
namespace {

constexpr std::size_t kSentMax = 20'000;  // pushes a chosen receipt can still speak of

std::size_t reached(const Judgement& judgement) {
  return static_cast<std::size_t>(
      std::ranges::count_if(judgement.tokens, [](const TokenVerdict& one) { return one.reason.empty(); }));
}

std::string_view tag_of(const Judgement& judgement, const TokenVerdict& one) {
  return one.tag.empty() ? std::string_view(judgement.tag) : one.tag;
}

/// For the log: "2 of 5 tokens refused".
std::string detail_of(const Judgement& judgement) {
  const std::size_t all = judgement.tokens.size();
  const std::size_t refused = all - reached(judgement);
  if (!judgement.accepted() || refused == 0) return judgement.detail;
  return std::to_string(refused) + " of " + std::to_string(all) + " tokens refused";
}

}  // namespace

Site::Site(std::string vendor, std::unique_ptr<VendorSimulator> simulator, RequestLog::Limits limits)
    : vendor_(std::move(vendor)), simulator_(std::move(simulator)), log_(std::move(limits)) {}

Site::Served Site::serve(const server::ServerRequest& request, FaultScript& script, WallTime now) {
  ++requests_;
  Judgement judgement = simulator_->judge(request, now);
  Faults faults;
  if (!judgement.accepted()) {
    ++refused_;
  } else if (!script.empty()) {
    faults = script.pick({.vendor = vendor_,
                          .tokens = judgement.tokens,
                          .topic = judgement.topic,
                          .target = request.target,
                          .push = judgement.push,
                          .tells = [&](std::string_view reason) { return simulator_->tells(judgement, reason); }});
  }
  if (faults.any()) {
    ++faults_;
    for (const auto& [index, answer] : faults.tokens) judgement.tokens[index].reason = answer->reason;
  }
  Served served{.action = meet(faults, judgement, request, now), .receipts = {}};
  const bool answered = !faults.request || !(faults.request->answer || faults.request->reset || faults.request->hang ||
                                             faults.request->drop);
  if (judgement.accepted() && judgement.push && answered) served.receipts = deliver(judgement, now);
  return served;
}

server::FaultAction Site::meet(const Faults& faults, Judgement& judgement, const server::ServerRequest& request,
                               WallTime now) {
  server::FaultAction action{.delay = faults.latency, .settings = simulator_->settings(request, judgement)};
  static const FaultAct kNothing;
  const FaultAct& act = faults.request ? *faults.request : kNothing;
  if (act.drop) {
    log_.add(request, 0, "drop", "", now);
  } else if (act.hang) {
    log_.add(request, 0, "hang", "", now);
  } else if (act.reset) {
    log_.add(request, 0, "reset " + std::to_string(*act.reset), "", now);
  } else if (act.answer) {
    log_.add(request, act.answer->status, act.answer->reason, "", now);
    action.respond = simulator_->answer(judgement, *act.answer);
  } else {
    log_.add(request, judgement.status, judgement.reason, detail_of(judgement), now, judgement.shows);
    action.respond = simulator_->answer(judgement);
  }
  action.reset = act.reset;
  action.drop = act.drop;
  for (const FaultAct* also : faults.on_connection) {
    if (also->goaway) action.goaway = also->goaway;
    action.settings.insert(action.settings.end(), also->settings.begin(), also->settings.end());
  }
  return action;
}

std::vector<ReceiptPost> Site::deliver(const Judgement& judgement, WallTime now) {
  ++pushes_;
  tokens_ += static_cast<std::int64_t>(reached(judgement));
  if (!receipt_secret_) return {};
  std::vector<ReceiptEvent> events;
  for (const TokenVerdict& one : judgement.tokens) {
    if (!one.reason.empty()) continue;
    remember(judgement, one);
    if (!judgement.receipts || !one.receipts) continue;
    events.push_back({.token = one.token,
                      .status = {},
                      .id = judgement.id,
                      .tag = tag_of(judgement, one),
                      .app = judgement.topic,
                      .variant = judgement.variant});
  }
  if (events.empty()) return {};
  return simulator_->receipts(events, *receipt_secret_, now).value_or(std::vector<ReceiptPost>());
}

void Site::remember(const Judgement& judgement, const TokenVerdict& one) {
  const auto [place, fresh] = sent_.try_emplace(std::string(one.token));
  place->second = {judgement.id, std::string(tag_of(judgement, one)), judgement.topic, judgement.variant};
  if (!fresh) return;
  sent_order_.push_back(place->first);
  if (sent_order_.size() <= kSentMax) return;
  sent_.erase(sent_order_.front());
  sent_order_.pop_front();
}

void Site::set_receipts(std::optional<ReceiptSecret> secret) {
  receipt_secret_ = std::move(secret);
  if (receipt_secret_) return;
  sent_.clear();
  sent_order_.clear();
}

Result<std::vector<ReceiptPost>> Site::receipt(ReceiptEvent event, WallTime now) {
  if (!receipt_secret_) return fail(Errc::Malformed, "$.vendor: its receipts were not taught");
  if (const auto found = sent_.find(std::string(event.token)); found != sent_.end()) {
    const Sent& sent = found->second;
    if (event.id.empty()) event.id = sent.id;
    if (event.tag.empty()) event.tag = sent.tag;
    if (event.app.empty()) event.app = sent.app;
    event.variant = sent.variant;
  }
  return simulator_->receipts({&event, 1}, *receipt_secret_, now);
}

std::string Site::counts_json() const {
  std::string out = "{";
  append_json_member(out, "requests", requests_);
  append_json_member(out, "accepted", requests_ - refused_ - faults_);
  append_json_member(out, "refused", refused_);
  append_json_member(out, "faults", faults_);
  append_json_member(out, "pushes", pushes_);
  append_json_member(out, "tokens", tokens_);
  out += '}';
  return out;
}

}  // namespace nightpost::sandbox
