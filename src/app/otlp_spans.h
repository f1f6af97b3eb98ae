// What the trace keeps, as OpenTelemetry spans: OTLP/HTTP in JSON (opentelemetry-proto 1.x, "JSON Protobuf Encoding").
// Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/trace_store.h"

namespace nightpost::app {

/// Whether the producer's trace context asks for spans: there is one, and its sampled flag is set.
bool wants_spans(std::string_view traceparent) noexcept;

/// The spans that a hop becomes, each a JSON object. An outcome whose traceparent wants spans is one from the message
/// to the outcome, child of the producer's span, and, if a request went out, a second in it from its sending to the
/// outcome. All other hops are none.
std::vector<std::string> spans_of(const store::TraceHop& hop);

/// The body of one export request. `instance`: which worker.
std::string export_request(std::span<const std::string> spans, std::string_view instance);

}  // namespace nightpost::app
