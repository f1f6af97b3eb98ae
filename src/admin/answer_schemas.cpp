#include "admin/answer_schemas.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace nightpost::admin {
namespace {

using Json = nlohmann::json;

/// A type is int, num, str, bool, time (ms since 1970), any, map(TYPE), [TYPE], 'a|b', {MEMBERS} or a name of
/// kNamedSchemas; a "?" behind it: or null. A member is NAME:TYPE, or NAME~:TYPE if it may be absent; ..NAME stands for
/// the members of that schema.
struct SchemaText {
  std::string_view name, text;
};

constexpr auto kNamedSchemas = std::to_array<SchemaText>({
    {"Me",
     "{name:str role:'viewer|sender|operator|admin' reader:bool apps:[int]? csrf:str? session:bool by_proxy:bool "
     "expires_at:time? version:str}"},
    {"Health",
     "{version:str started_at:time now:time store:{ready:bool why:str} trace:{ready:bool why:str} "
     "certificates:{active:int disabled:int warned:int expire_next:time?}?}"},
    {"FormField", "{name:str required:bool kind~:'text|secret|file|choice' meaning:str choices~:[str]}"},
    {"Vendor", "{vendor:str receipts:bool package:str secret:str fields:[FormField] settings:[FormField]}"},
    {"RemovedCertificate",
     "{id:int app_id:int vendor:str name:str bundle_id:str environment:'production|development' "
     "status:'active|disabled' version:int facts:map(str) settings:map(str) host:str has_ca:bool}"},
    {"Verification", "{verdict:'accepted|refused|unknown' rule:str code:str reason:str trouble:str}"},
    {"Certificate",
     "{..RemovedCertificate expires_at:time? receipt_path:str? warnings:[str] verification~:Verification}"},
    {"CertificateVersion",
     "{version:int written_at:time? written_by:str in_use:bool changes:[str] rollback_changes:[str]}"},
    {"HeldRemovals",
     "{id:int app_id:int vendor:str name:str held:int unkept:int since:time? last:time? said_by:[str] code:str "
     "workers:int approved_until:time?}"},
    {"Device",
     "{app_id:int user_id:str device_id:str platform:'ios|android|web|mini_program|desktop' certificate_id:int "
     "token:str token_kind:'token|fid|voip' registered_at:time "
     "state:'foreground|background|offline|logged_out' badge_base:int language:str}"},
    {"Mute", "{kind:'all|peer|group' target:str until:time? unless_mentioned:bool over:bool}"},
    {"User",
     "{app_id:int user_id:str push:bool badge:bool language:str sound_c2c:str sound_group:str devices:[Device] "
     "mutes:[Mute]}"},
    {"Check", "{rule:str stops:bool why:str value:str mute:{..Mute}?}"},
    {"Decision",
     "{app_id:int user_id:str rule:str checks:[Check] devices:[{device_id:str platform:str certificate_id:int "
     "passed_over:bool rule:str checks:[Check]}]}"},
    {"Imported", "{lines:int written:int left_out:int bad:[{line:int why:str}] dry_run:bool}"},
    {"Exported", "{lines:str rows:int next:{user:str app:int device~:str}?}"},
    {"Hop", "{hop:str at:time facts:map(any) user_id~:str device_id~:str}"},
    {"TracedEvent",
     "{event_id:str app_id:int start:time event:map(any) hops:[Hop] devices:[{user_id:str device_id:str state:str "
     "rule:str todo:str hops:[Hop]}] left_out:int text:str}"},
    {"LatestEvent", "{event_id:str device_id:str at:time last:str rule:str reason:str}"},
    {"VendorState",
     "{vendor:str signers:map(num) quotas:[{per:'second|minute|hour|day' used:num? left:num?}] holds:int "
     "held_certificates:[int] requests:num? errors:num?}"},
    {"WorkerState",
     "{outcomes:map(num)? put_off:map(num)? vendors:[VendorState] "
     "pushes:{in_flight:num? in_flight_limit:num? waiting:num? waiting_limit:num? grants_waiting:num?} "
     "lanes:{connections:num? draining:num? streams:num? streams_limit:num? queued:num?} "
     "http:{connections:num? open:num? queued:num?} events:{open:num? open_limit:num?} "
     "kafka:{lag:num? oldest_unsettled_s:num? partitions:num? partitions_paused:num? brokers_down:num?} "
     "since_start:{breakers_opened:num? signers_down:num? signer_probes:num?}}"},
    {"Worker", "{name:str trouble:str looked_at:time? answered_at:time? state:{..WorkerState}?}"},
    {"TestPush",
     "{device_id:str vendor:str? certificate_id:int? request:{method:str url:str headers:map(str) body:any}? text:str? "
     "todo:str outcome:map(any)?}"},
    {"PublishedEvent",
     "{line:int event_id:str state:'written|refused|unknown' partition~:int offset~:int message~:str}"},
    {"Letter",
     "{letter:str written_at:time state:str event_id:str app_id:int? stage:str reason:str vendor:str code:str "
     "detail:str attempts:int truncated:bool source:{topic:str partition:int offset:int}? left:[{user_id:str "
     "devices:[str]}]? why:str todo:str}"},
    {"LettersRun",
     "{dry_run:bool done:int matched:int done_before:int copies:int too_late:int by_reason:map(int) refused:map(int) "
     "read:int stopped:bool}"},
    {"Token",
     "{id:int name:str role:'viewer|sender|operator|admin' reader:bool apps:[int]? created_at:time created_by:str "
     "expires_at:time? last_used_at:time? revoked_at:time? state:'active|expired|revoked'}"},
    {"Session",
     "{id:str name:str by:'link|token' token_id:int? role:'viewer|sender|operator|admin' reader:bool apps:[int]? "
     "created_at:time last_used_at:time ends_at:time own:bool}"},
    {"AuditEntry",
     "{id:int at:time who:str token_id:int from:str app_id:int? what:str object:str before:any after:any outcome:str}"},
    {"CompanionUser", "{user_id:str nick:str removed:bool created_at:time}"},
    {"CompanionUserInFull",
     "{..CompanionUser app_id:int face:str signatures_from:time? unread:int silent_in_chats_until:time? "
     "silent_in_groups_until:time? friends:int blacklisted:int fields:[{tag:str value:any}] devices:[{device_id:str "
     "platform:str state:str foreground:bool language:str badge:int last_login:bool has_token:bool token_at:time?}] "
     "groups:[{group_id:str name:str type:str role:str joined_at:time}] more_groups:bool}"},
    {"CompanionGroup", "{group_id:str name:str type:str owner:str members:int created_at:time last_at:time?}"},
    {"CompanionGroupInFull",
     "{..CompanionGroup app_id:int conversation:int messages:int introduction:str notification:str face:str join:str "
     "invite:str invite_consent:bool members_max:int all_silenced:bool fields:any info_at:time? "
     "applications_waiting:int applications:[{user_id:str state:'waits|agreed|refused' at:time by:str "
     "decided_at:time? inviter:str for_user:bool}]}"},
    {"CompanionMember",
     "{user_id:str nick:str card:str role:str joined_at:time silenced_until:time? last_sent_at:time? option:str}"},
    {"CompanionChat", "{conversation:int peer:str messages:int last_at:time? unread:int gone:bool}"},
    {"CompanionMessage",
     "{message_id:str seq:int at:time from:str to:str nick:str card:str recalled:bool edited:bool tip:bool hidden:bool "
     "mentions:[str] targets:[str] elements:[any] cloud_data:str}"},
    {"Word", "{word:str action:'refuse|mask|mark'}"},
    {"Setting",
     "{name:str value:any from:'app|config' config:any kind:'flag|number|ms' range:str since:str what:str least~:int "
     "most~:int capped~:bool}"},
});

constexpr auto kAnswers = std::to_array<SchemaText>({
    {"GET /v1/openapi.json", "{openapi:str info:map(any) paths:map(any) components:map(any)}"},
    {"POST /v1/login", "Me"},
    {"GET /v1/me", "Me"},
    {"GET /v1/health", "Health"},
    {"GET /v1/vendors", "{items:[Vendor]}"},
    {"GET /v1/certificates", "{items:[Certificate]}"},
    {"POST /v1/certificates", "Certificate"},
    {"POST /v1/certificates/check", "Certificate"},
    {"GET /v1/certificates/removed", "{items:[RemovedCertificate]}"},
    {"GET /v1/certificates/{id}", "Certificate"},
    {"PATCH /v1/certificates/{id}", "Certificate"},
    {"POST /v1/certificates/{id}/verify", "Verification"},
    {"POST /v1/certificates/{id}/disable", "Certificate"},
    {"POST /v1/certificates/{id}/enable", "Certificate"},
    {"GET /v1/certificates/{id}/receipt-key", "{receipt_key:str receipt_path:str}"},
    {"GET /v1/certificates/{id}/versions", "{id:int app_id:int removed:bool items:[CertificateVersion]}"},
    {"POST /v1/certificates/{id}/rollback", "Certificate"},
    {"POST /v1/certificates/{id}/restore", "Certificate"},
    {"POST /v1/certificates/{id}/approve-removals", "{id:int held:int removed:int stopped:bool approved_until:time}"},
    {"GET /v1/removals/held", "{items:[HeldRemovals]}"},
    {"GET /v1/devices", "{items:[Device] more:bool}"},
    {"PUT /v1/devices", "Device"},
    {"POST /v1/devices/import", "Imported"},
    {"GET /v1/devices/export", "Exported"},
    {"GET /v1/users", "User"},
    {"PATCH /v1/users", "User"},
    {"PUT /v1/users/mutes", "User"},
    {"DELETE /v1/users/mutes", "User"},
    {"GET /v1/users/decision", "Decision"},
    {"POST /v1/users/import", "Imported"},
    {"GET /v1/users/export", "Exported"},
    {"GET /v1/trace/events", "TracedEvent"},
    {"GET /v1/trace/users", "{items:[LatestEvent]}"},
    {"GET /v1/live", "{items:[map(any)] next:int missed:int left_out:int trouble:str}"},
    {"GET /v1/rates",
     "{every_ms:int workers:[{name:str trouble:str}] points:[{at:time workers:int outcomes:map(num) errors:map(num) "
     "lag:num?}]}"},
    {"GET /v1/workers", "{every_ms:int now:time items:[Worker]}"},
    {"POST /v1/push", "{items:[TestPush] trouble:[str]}"},
    {"POST /v1/events", "{written:int items:[PublishedEvent]}"},
    {"GET /v1/im/totals",
     "{app_id:int users:int groups:int devices:[{platform:str state:str foreground:bool devices:int}]}"},
    {"GET /v1/im/users", "{items:[CompanionUser] next:str?}"},
    {"GET /v1/im/user", "CompanionUserInFull"},
    {"GET /v1/im/user/chats", "{items:[CompanionChat] more:bool}"},
    {"GET /v1/im/groups", "{items:[CompanionGroup] next:str?}"},
    {"GET /v1/im/group", "CompanionGroupInFull"},
    {"GET /v1/im/group/members", "{items:[CompanionMember] next:str?}"},
    {"GET /v1/im/words", "{items:[Word] next:str? words:int words_max:int}"},
    {"PUT /v1/im/words", "Word"},
    {"POST /v1/im/words/import", "{added:int changed:int unchanged:int}"},
    {"GET /v1/im/settings", "{app_id:int items:[Setting] passed_over:[{name:str why:str}]}"},
    {"PUT /v1/im/settings", "Setting"},
    {"POST /v1/im/history", "{conversation:int items:[CompanionMessage] next:int?}"},
    {"GET /v1/letters", "{items:[Letter] more:bool note~:str}"},
    {"POST /v1/letters/replay", "LettersRun"},
    {"POST /v1/letters/drop", "LettersRun"},
    {"GET /v1/letters/{letter}", "{..Letter key:str event:any}"},
    {"GET /v1/tokens", "{items:[Token]}"},
    {"POST /v1/tokens", "{..Token secret:str}"},
    {"GET /v1/sessions", "{items:[Session] more:bool}"},
    {"GET /v1/audit", "{items:[AuditEntry] next:int?}"},
});

Json schema_named(std::string_view name);

/// Reads the texts above, which are right or a bug.
class SchemaReader {
 public:
  explicit SchemaReader(std::string_view text) : rest_(text) {}
  Json read() {
    Json schema = type();
    if (!rest_.empty()) wrong();
    return schema;
  }

 private:
  [[noreturn]] void wrong() const { throw std::logic_error("schema text: at \"" + std::string(rest_) + "\""); }
  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  void need(std::string_view expected) {
    if (!take(expected)) wrong();
  }
  std::string word() {
    const auto end = std::ranges::find_if_not(rest_, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    std::string word(rest_.begin(), end);
    if (word.empty()) wrong();
    rest_.remove_prefix(word.size());
    return word;
  }

  Json type() {
    Json schema = not_null();
    if (!take("?")) return schema;
    if (!schema.contains("type")) wrong();
    schema["type"] = {schema["type"], "null"};
    if (schema.contains("enum")) schema["enum"].push_back(nullptr);
    return schema;
  }
  Json not_null() {
    if (take("{")) return members();
    if (take("'")) return choices();
    if (take("[")) {
      Json schema = {{"type", "array"}, {"items", type()}};
      need("]");
      return schema;
    }
    const std::string name = word();
    if (name == "int") return {{"type", "integer"}, {"format", "int64"}};
    if (name == "num") return {{"type", "number"}};
    if (name == "str") return {{"type", "string"}};
    if (name == "bool") return {{"type", "boolean"}};
    if (name == "any") return Json::object();
    if (name == "time") return {{"type", "integer"}, {"format", "int64"}, {"description", "ms since 1970, UTC"}};
    if (name == "map") {
      need("(");
      Json schema = {{"type", "object"}, {"additionalProperties", type()}};
      need(")");
      return schema;
    }
    schema_named(name);  // or it is a bug
    return {{"$ref", "#/components/schemas/" + name}};
  }
  Json members() {
    Json schema = {{"type", "object"}, {"required", Json::array()}, {"properties", Json::object()}};
    for (bool first = true; !take("}"); first = false) {
      if (!first) need(" ");
      if (take("..")) {
        const Json other = schema_named(word());
        for (const Json& name : other.at("required")) schema["required"].push_back(name);
        schema["properties"].update(other.at("properties"));
        continue;
      }
      const std::string name = word();
      if (!take("~")) schema["required"].push_back(name);
      need(":");
      schema["properties"][name] = type();
    }
    return schema;
  }
  Json choices() {
    Json schema = {{"type", "string"}, {"enum", Json::array()}};
    do {
      schema["enum"].push_back(word());
    } while (take("|"));
    need("'");
    return schema;
  }

  std::string_view rest_;
};

Json schema_named(std::string_view name) {
  const auto found = std::ranges::find(kNamedSchemas, name, &SchemaText::name);
  if (found == kNamedSchemas.end()) throw std::logic_error("no schema is named " + std::string(name));
  return SchemaReader(found->text).read();
}

}  // namespace

nlohmann::json answer_schema(std::string_view method, std::string_view path) {
  const std::string label = std::string(method) + " " + std::string(path);
  const auto found = std::ranges::find(kAnswers, label, &SchemaText::name);
  return found == kAnswers.end() ? Json() : SchemaReader(found->text).read();
}

nlohmann::json named_schemas() {
  Json all = Json::object();
  for (const SchemaText& each : kNamedSchemas) all[std::string(each.name)] = SchemaReader(each.text).read();
  return all;
}

}  // namespace nightpost::admin
