#include "app/otlp_spans.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json_members.h"
#include "core/text.h"
#include "core/traceparent.h"
#include "core/uuid.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

constexpr int kClient = 3, kConsumer = 5;  // SpanKind
constexpr int kOk = 1, kError = 2;         // StatusCode

/// 64-bit numbers are texts in this encoding.
std::string nanos(std::int64_t ms) { return fmt::format("{}000000", ms > 0 ? ms : 0); }

Json attribute(const char* key, const std::string& value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}
Json attribute(const char* key, std::int64_t value) {
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

bool wants_spans(std::string_view traceparent) noexcept {
  if (!is_traceparent(traceparent)) return false;
  const char flags = traceparent[54];  // the low half of the flags; bit 0: sampled
  return ((flags <= '9' ? flags - '0' : flags - 'a' + 10) & 1) != 0;
}

std::vector<std::string> spans_of(const store::TraceHop& hop) {
  if (hop.hop != "outcome") return {};
  const Json facts = Json::parse(hop.facts, nullptr, false);
  if (!facts.is_object()) return {};
  const std::string parent = text_in(facts, "traceparent");
  if (!wants_spans(parent)) return {};

  const std::string outcome = text_in(facts, "outcome"), rule = text_in(facts, "rule");
  Json attributes =
      Json::array({attribute("nightpost.event_id", hop.event_id), attribute("nightpost.app_id", hop.app.value),
                   attribute("nightpost.user_id", hop.user_id), attribute("nightpost.outcome", outcome),
                   attribute("nightpost.rule", rule)});
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) attributes.push_back(attribute(key, value));
  };
  add("nightpost.device_id", hop.device_id);
  add("nightpost.vendor", text_in(facts, "vendor"));
  add("nightpost.code", text_in(facts, "code"));
  add("nightpost.push_id", text_in(facts, "push_id"));
  add("nightpost.vendor_id", text_in(facts, "vendor_id"));
  if (const std::int64_t certificate = number_in(facts, "certificate_id"); certificate != 0)
    attributes.push_back(attribute("nightpost.certificate_id", certificate));
  if (const std::int64_t attempt = number_in(facts, "attempt"); attempt != 0)
    attributes.push_back(attribute("nightpost.attempt", attempt));

  // Who was ruled out is no fault; who was given up or refused is one.
  const bool good = outcome == "accepted" || outcome == "suppressed";
  Json status = {{"code", good ? kOk : kError}};
  if (!good) status["message"] = text_in(facts, "reason");

  const std::int64_t end = to_ms(hop.at);
  const std::string push_span =
      hex_of({hop.event_id, hop.user_id, hop.device_id, std::to_string(end), "push"}).substr(0, 16);
  const Json push = {{"traceId", trace_id_of(parent)},
                     {"spanId", push_span},
                     {"parentSpanId", parent.substr(36, 16)},
                     {"name", "push"},
                     {"kind", kConsumer},
                     {"startTimeUnixNano", nanos(end - number_in(facts, "latency_ms"))},
                     {"endTimeUnixNano", nanos(end)},
                     {"attributes", attributes},
                     {"status", status}};
  std::vector<std::string> spans = {dumped(push)};
  if (const std::int64_t sent_at = number_in(facts, "sent_at"); sent_at != 0)
    spans.push_back(dumped({{"traceId", trace_id_of(parent)},
                            {"spanId", hex_of({push_span, "send"}).substr(0, 16)},
                            {"parentSpanId", push_span},
                            {"name", "send " + text_in(facts, "vendor")},
                            {"kind", kClient},
                            {"startTimeUnixNano", nanos(sent_at)},
                            {"endTimeUnixNano", nanos(end)},
                            {"attributes", Json::array({attribute("nightpost.vendor", text_in(facts, "vendor"))})},
                            {"status", {{"code", good ? kOk : kError}}}}));
  return spans;
}

std::string export_request(std::span<const std::string> spans, std::string_view instance) {
  const Json resource = {{"attributes", Json::array({attribute("service.name", "nightpost"),
                                                     attribute("service.instance.id", std::string(instance))})}};
  std::string out = R"({"resourceSpans":[{"resource":)" + dumped(resource) +
                    R"(,"scopeSpans":[{"scope":{"name":"nightpost"},"spans":[)";
  const char* before = "";
  for (const std::string& span : spans) {
    out.append(before).append(span);
    before = ",";
  }
  out += "]}]}]}";
  return out;
}

}  // namespace nightpost::app
