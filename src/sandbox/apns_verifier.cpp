#include "sandbox/apns_verifier.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "sandbox/apns_authority.h"
#include "sandbox/apns_payload.h"

namespace nightpost::sandbox::apns {
namespace {

constexpr std::string_view kPathPrefix = "/3/device/";
constexpr std::size_t kTokenDigitsMax = 400;  // Apple states no size; this only keeps the absurd out
constexpr std::size_t kTopicBytesMax = 255;
constexpr std::size_t kCollapseIdBytesMax = 64;
constexpr std::size_t kPayloadBytesMax = 4096;
constexpr std::size_t kPayloadBytesMaxVoip = 5120;
constexpr std::size_t kExpirationDigitsMax = 18;

struct PushType {
  std::string_view name;
  std::string_view suffix;  // of the topic
  bool token_only = false;  // no certificate may send it
};
constexpr std::array kPushTypes = {
    PushType{"alert", ""},
    PushType{"background", ""},
    PushType{"mdm", ""},
    PushType{"voip", ".voip"},
    PushType{"complication", ".complication"},
    PushType{"fileprovider", ".pushkit.fileprovider"},
    PushType{"location", ".location-query", true},
    PushType{"liveactivity", ".push-type.liveactivity", true},
    PushType{"pushtotalk", ".voip-ptt"},
    PushType{"widgets", ".push-type.widgets"},
    PushType{"controls", ".push-type.controls"},
};

/// The headers this vendor reads; what is absent is nullopt.
struct Fields {
  std::optional<std::string_view> authorization, topic, push_type, id, expiration, priority, collapse_id, encoding;
};

std::optional<std::string_view>* slot(Fields& fields, std::string_view name) {
  if (name == "authorization") return &fields.authorization;
  if (name == "apns-topic") return &fields.topic;
  if (name == "apns-push-type") return &fields.push_type;
  if (name == "apns-id") return &fields.id;
  if (name == "apns-expiration") return &fields.expiration;
  if (name == "apns-priority") return &fields.priority;
  if (name == "apns-collapse-id") return &fields.collapse_id;
  if (name == "content-encoding") return &fields.encoding;
  return nullptr;
}

Fields fields_of(const server::ServerRequest& request) {
  Fields fields;
  for (const auto& [name, value] : request.headers)
    if (auto* place = slot(fields, name); place && !*place) *place = value;
  return fields;
}

/// A cookie may come in pieces (RFC 9113 §8.2.3); nothing else may.
bool repeats_a_header(const server::ServerRequest& request) {
  const auto& headers = request.headers;
  for (auto one = headers.begin(); one != headers.end(); ++one)
    for (auto other = std::next(one); other != headers.end(); ++other)
      if (one->first == other->first && one->first != "cookie") return true;
  return false;
}

bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool is_hex(unsigned char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
char lower(unsigned char c) { return static_cast<char>(std::tolower(c)); }

Refusal judge_target(const server::ServerRequest& request, std::string& token) {
  if (!request.http2) return {505, "HttpVersionNotSupported"};  // ours: Apple does not even finish the handshake
  if (request.method != "POST") return {405, "MethodNotAllowed"};
  std::string_view path = request.target;
  if (path == kPathPrefix.substr(0, kPathPrefix.size() - 1)) return {400, "MissingDeviceToken"};
  if (!path.starts_with(kPathPrefix)) return {404, "BadPath"};
  path.remove_prefix(kPathPrefix.size());
  if (path.empty()) return {400, "MissingDeviceToken"};
  if (path.find_first_of("/?#") != path.npos) return {404, "BadPath"};
  token.resize(path.size());
  std::ranges::transform(path, token.begin(), lower);
  return {};
}

bool is_topic(std::string_view text) {
  return !text.empty() && text.size() <= kTopicBytesMax &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-' || c == '_'; });
}

/// `bundle` becomes the topic without its push type's suffix: what tokens and credentials are bound to.
Refusal judge_topic(const Fields& fields, const Connection& connection, const Knowledge& known, std::string_view& topic,
                    std::string_view& bundle) {
  const PushType* type = nullptr;
  if (fields.push_type) {
    const auto found = std::ranges::find(kPushTypes, *fields.push_type, &PushType::name);
    if (found == kPushTypes.end()) return {400, "InvalidPushType"};
    type = &*found;
  }
  const auto& certificate = connection.certificate;
  if (fields.topic) {
    topic = *fields.topic;
  } else if (certificate && certificate->topics.empty()) {
    topic = certificate->bundle_id;
  } else {
    return {400, "MissingTopic"};
  }
  if (!is_topic(topic)) return {400, "BadTopic"};

  // A topic and a push type that do not belong together. A bundle id that was taught may look like a suffixed one.
  bundle = topic;
  for (const PushType& other : kPushTypes) {
    if (other.suffix.empty() || !topic.ends_with(other.suffix) || known.topics.contains(topic)) continue;
    if (type && type->suffix != other.suffix) return {400, "BadTopic"};
    bundle = topic.substr(0, topic.size() - other.suffix.size());
    break;
  }
  if (type && !type->suffix.empty() && bundle.size() == topic.size()) return {400, "BadTopic"};
  if (bundle.empty()) return {400, "BadTopic"};

  if (certificate) {
    const auto& topics = certificate->topics;
    const bool listed =
        topics.empty() ? topic == certificate->bundle_id : std::ranges::find(topics, topic) != topics.end();
    if (!listed || (type && type->token_only)) return {400, "TopicDisallowed"};
  } else if (!known.topics.contains(bundle) && !known.accept_any) {
    return {400, "TopicDisallowed"};
  }
  return {};
}

/// A phone's PushKit token is another than that of its notifications, so one that was taught as a call topic's is good
/// there alone, and one of the bundle id is no good there.
bool belongs(std::string_view taught, std::string_view topic, std::string_view bundle) {
  constexpr std::string_view kCalls = ".voip";
  return topic.ends_with(kCalls) || taught.ends_with(kCalls) ? taught == topic : taught == bundle;
}

Refusal judge_token(const std::string& token, std::string_view topic, std::string_view bundle, const Knowledge& known) {
  if (token.size() > kTokenDigitsMax || token.size() % 2 != 0 || !std::ranges::all_of(token, is_hex))
    return {400, "BadDeviceToken"};
  const auto found = known.tokens.find(token);
  if (found == known.tokens.end()) return known.accept_any ? Refusal{} : Refusal{400, "BadDeviceToken"};
  if (found->second.environment.value_or(known.environment) != known.environment) return {400, "BadDeviceToken"};
  if (!found->second.topic.empty() && !belongs(found->second.topic, topic, bundle))
    return {400, "DeviceTokenNotForTopic"};
  return {};
}

Refusal judge_headers(const Fields& fields) {
  const std::string_view type = fields.push_type.value_or("");
  const std::string_view priority = fields.priority.value_or("10");
  const std::string_view expiration = fields.expiration.value_or("0");
  if (fields.id && !is_uuid(*fields.id)) return {400, "BadMessageId"};
  if (expiration.empty() || expiration.size() > kExpirationDigitsMax || !std::ranges::all_of(expiration, is_digit))
    return {400, "BadExpirationDate"};
  if (type == "pushtotalk" && expiration != "0") return {400, "BadExpirationDate"};
  if (priority != "10" && priority != "5" && priority != "1") return {400, "BadPriority"};
  if (type == "background" && priority != "5") return {400, "BadPriority"};
  if (type == "pushtotalk" && priority != "10") return {400, "BadPriority"};
  if (fields.collapse_id && fields.collapse_id->size() > kCollapseIdBytesMax) return {400, "BadCollapseId"};
  return {};
}

Refusal judge_payload(const server::ServerRequest& request, const Fields& fields, simdjson::dom::parser& json,
                      std::string& detail) {
  const std::string_view type = fields.push_type.value_or("");
  if (request.body.empty()) return {400, "PayloadEmpty"};
  if (request.body.size() > (type == "voip" ? kPayloadBytesMaxVoip : kPayloadBytesMax)) return {413, "PayloadTooLarge"};
  std::optional<std::string> fault;
  if (fields.encoding) {
    fault = "content-encoding: must not be used";
  } else {
    fault = payload_fault(request.body, type, json);
  }
  if (!fault) return {};
  detail = std::move(*fault);
  return {400, "BadPayload"};
}

}  // namespace

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const auto c = static_cast<unsigned char>(text[i]);
    if (dash ? c != '-' : !(is_digit(c) || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

Verdict verify(const server::ServerRequest& request, const Knowledge& known, State& state, WallTime now) {
  Verdict verdict;
  const auto refused = [&](Refusal refusal) {
    if (!refusal) return false;
    verdict.status = refusal.status;
    verdict.reason = refusal.reason;
    return true;
  };
  const Fields fields = fields_of(request);
  if (fields.id && is_uuid(*fields.id)) verdict.id = *fields.id;
  if (refused(judge_target(request, verdict.token))) return verdict;
  if (repeats_a_header(request)) {
    refused({400, "DuplicateHeaders"});
    return verdict;
  }

  Connection& connection = state.connections[request.connection];
  if (!connection.certificate && !request.peer_certificate_pem.empty())
    connection.certificate = read_certificate(request.peer_certificate_pem).value_or(CertificateFacts{});
  if (refused(connection.certificate
                  ? judge_certificate(connection, known, now)
                  : judge_provider_token(fields.authorization.value_or(""), known, state, connection, now)))
    return verdict;
  verdict.authorized = true;

  std::string_view bundle;
  if (refused(judge_topic(fields, connection, known, verdict.topic, bundle))) return verdict;
  if (refused(judge_token(verdict.token, verdict.topic, bundle, known))) return verdict;
  if (refused(judge_headers(fields))) return verdict;
  refused(judge_payload(request, fields, state.json, verdict.detail));
  return verdict;
}

}  // namespace nightpost::sandbox::apns
