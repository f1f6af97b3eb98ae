#include "admin/explain.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>

namespace nightpost::admin {
namespace {

using Json = nlohmann::json;

/// In this order: the first that fits decides, so a general one stands below those that it would swallow. {field} is a
/// setting's name; {why} is a sentence of this table.
constexpr auto kExplanations = std::to_array<Explanation>({
    // The routes and the desk.
    {"not_base64", "not Base64"},
    {"file_or_secret", "give one of file and secret"},
    {"file_and_secret", "give the secret as a file or as a line, not both"},
    {"hidden_part", "a part of it is hidden, as where it is shown: give all of it"},
    {"host_wants_secret", "the secret is sent there: give it again with another host"},
    {"no_such_vendor", "no such vendor"},
    {"vendor_unknown", "this binary does not know the vendor"},
    {"certificate_vendor_unknown", "this binary does not know the certificate's vendor"},
    {"no_secret", "no secret was given"},
    {"secret_empty", "is empty"},
    {"secret_lines", "has more than one line"},
    {"environment_unknown", "neither production nor development"},
    {"apple_ids", "key id and team id are apns's, not {vendor}'s"},
    {"no_receipts", "{vendor} sends no receipts, so it has no receipt key"},
    {"no_random", "the system gave no random bytes"},
    // What several vendors share.
    {"host_form", "the host must be https://host or https://host:port, with nothing before or after"},
    {"file_empty", "the file is empty"},
    {"package_needed", "{vendor} needs the app's package name, such as com.example.app"},
    {"package_name", "the package name: {why}"},
    {"p8_file", "the .p8 file: {why}"},
    {"another_vendors", "this is not an {vendor} certificate"},
    {"of_another_vendor", "this is not a {vendor} certificate"},
    {"value_empty", "the {what} is empty"},
    {"value_form", "the {what} is one line of up to 256 printable ASCII characters without blanks"},
    {"pem_unreadable", "not a PEM file: the text between BEGIN and END PRIVATE KEY is missing or damaged"},
    {"key_encrypted", "the key is encrypted; give it as the vendor handed it out, without a passphrase"},
    {"key_kind", "holds \"{label}\", not a PKCS#8 \"PRIVATE KEY\""},
    {"key_damaged", "no private key inside: the PEM's content is damaged"},
    {"key_too_long", "far too long for a signing key"},
    {"key_not_elliptic", "not an elliptic-curve key; ES256 needs P-256"},
    {"key_curve", "a key on another curve; ES256 needs P-256"},
    {"key_not_rsa", "not an RSA key"},
    {"key_bits", "an RSA key of {bits} bits; 2048 to 8192 are taken"},
    {"key_half", "the key has no public half"},
    // APNs.
    {"name_form", "the certificate's name may have plain English letters, digits, '-', '_' and '.', and nothing else"},
    {"p8_key_id", "a .p8 key needs its key id: 10 capital letters and digits, as in AuthKey_<key id>.p8"},
    {"p8_team_id", "a .p8 key needs the team id: 10 capital letters and digits, from Apple's membership page"},
    {"p8_bundle_id", "a .p8 key needs the app's bundle id, such as com.example.app (no wildcard)"},
    {"p8_ids_missing", "the certificate names no key id or team id"},
    {"apns_kind", "the certificate's kind is neither p8 nor p12"},
    {"bundle_id_unusable", "the certificate names no usable bundle id"},
    {"p12_too_long", "not a .p12 file: far too long"},
    {"p12_unreadable", "not a .p12 (PKCS#12) file"},
    {"p12_work", "this .p12 asks for far more work than any exporter does: export it again from Keychain Access"},
    {"p12_open",
     "this .p12 has no password, and such a file gets no pushes: export it again from Keychain Access with one"},
    {"p12_password_missing", "the password of this .p12 is missing"},
    {"p12_password", "the password does not open this .p12, or the file is damaged"},
    {"p12_damaged", "the .p12 is damaged: its password is right, its content does not decrypt"},
    {"p12_ciphers",
     "the .p12 may use Keychain's old ciphers (RC2-40), and OpenSSL's legacy module is not installed here"},
    {"p12_no_key",
     "this .p12 holds no private key: in Keychain Access choose the certificate together with the key below it"},
    {"p12_no_certificate", "this .p12 holds no certificate that belongs to its private key"},
    {"p12_certificate_damaged", "the certificate in this .p12 is damaged"},
    {"p12_memory", "libcrypto has no memory for a .p12 file"},
    {"p12_no_push",
     "this is not a push certificate: it has neither of Apple's extensions for development and production pushes"},
    {"p12_development",
     "this certificate is for development, and production was asked for: App Store and TestFlight builds need a "
     "production certificate"},
    {"p12_production", "this certificate is for production, and development was asked for"},
    {"p12_expired", "this certificate expired at {at}; renew it at Apple"},
    {"p12_early", "this certificate is not valid before {at}"},
    {"p12_no_bundle_id", "this certificate names no bundle id (its subject has no usable UID), and none was given"},
    {"p12_topic", "this certificate may not push to {bundle_id}, only to {topics}"},
    {"p12_voip", "{topic} is a topic for VoIP calls, and does not end in .voip"},
    // Service accounts: FCM, Huawei.
    {"fcm_server_key",
     "this is a server key of the old FCM interface, which Google switched off in 2024: give the private key file "
     "(JSON) of a service account, from Firebase console, Project settings, Service accounts"},
    {"fcm_not_json", "not JSON: expected the private key file of a service account"},
    {"fcm_app_file",
     "this is google-services.json, which goes into the app: give the private key file of a service account"},
    {"account_no_type", "type is \"\", expected \"service_account\""},
    {"account_type", "type is \"{type}\", expected \"service_account\""},
    {"account_too_long", "far too long for a service account's file"},
    {"account_lacks", "the file lacks {member}"},
    {"account_member_form", "{member} in the file is not plain text"},
    {"account_project_google", "project_id in the file is not one of Google's"},
    {"account_project_number", "project_id in the file is not a number"},
    {"account_token_uri_form", "token_uri in the file is not an https address"},
    {"account_token_uri_host", "token_uri in the file names {host}, which is not Google's"},
    {"account_key", "private_key in the file: {why}"},
    {"project_missing", "the certificate names no project"},
    {"huawei_not_json", "not JSON: expected the key file of a service account"},
    {"huawei_app_file",
     "this is agconnect-services.json, which goes into the app: give the key file of a service account"},
    {"huawei_v3_secret", "api=v3 takes no app secret: give the key file of a service account"},
    // Parts that a shard would miss.
    {"app_key_missing", "the certificate names no app_key"},
    {"app_id_missing", "the certificate names no app_id"},
    {"client_id_missing", "the certificate names no client id"},
    {"app_id_unusable", "the certificate names no usable app id"},
    {"package_unusable", "the certificate names no usable package"},
    {"region_missing", "the certificate names no region of {vendor}'s"},
    // Of one vendor.
    {"honor_secret_is_id", "the secret is the client id; Honor wants the client secret"},
    {"xiaomi_secret_digits", "the secret has digits only, as an AppKey or AppID has; Xiaomi wants the AppSecret"},
    {"xiaomi_template", "template_title and template_body belong to a template: template_id is missing"},
    {"xiaomi_quota_private", "quota_day, quota_device_day: Xiaomi counts public messages, and these are all private"},
    {"oppo_development", "OPPO has no development environment; add test devices in its console"},
    // Settings: first what is said of one by its name, then what is wrong with its value.
    {"setting_unknown", "{field}: no such setting; known: {known}"},
    {"setting", "{field}: {why}"},
    {"missing_of_page", "missing; click=page needs the page to open"},
    {"missing_of_secret", "missing; an app secret is of use only with it"},
    {"missing_of_v1", "missing; api=v1 has it in its address"},
    {"missing_of_v2", "missing; api=v2 and api=v3 have it in their address"},
    {"missing_category", "missing, or none of vivo's"},
    {"missing", "missing ({meaning})"},
    {"digits", "expected 1 to 64 digits"},
    {"plain", "expected 1 to 128 printable ASCII characters, no blanks"},
    {"class_name_or_url",
     "expected a full class name like com.example.shop.MainActivity, or a URL of the app's own scheme"},
    {"class_name", "expected a full class name like com.example.shop.MainActivity"},
    {"quota", "expected a number from 1 to {most}"},
    {"collapse_key", "expected a number from -1 to 100"},
    {"callback_url",
     "expected a URL that starts with https:// (http:// to this machine only), in printable ASCII without blanks"},
    {"longer_callback", "longer than the vendor's {most} bytes"},
    {"longer_bytes", "longer than {vendor}'s {most} bytes"},
    {"longer", "longer than {vendor}'s {most} characters"},
    {"receipt_url_key", "must have ?key= and the certificate's receipt key in it"},
    {"click_kind", "none of app, web, page"},
    {"click_target_alone", "only with click=web or click=page"},
    {"click_page_alone", "only with click=page"},
    {"click_page_url", "action needs an intent action, not a URL"},
    {"web_url", "expected a URL that starts with https:// or http://"},
    {"https_only", "{vendor} opens https:// pages only"},
    {"line_255", "expected 1 to 255 bytes on one line"},
    {"target_bytes", "expected at most 1024 bytes without blanks"},
    {"target_characters", "expected at most 1024 printable ASCII characters without blanks"},
    {"huawei_api", "none of v1, v2, v3"},
    {"huawei_category", "none of Huawei's classes: IM, WORK, EXPRESS, MARKETING, …"},
    {"huawei_category_api", "not one of Huawei's for this api"},
    {"huawei_intents", "HarmonyOS knows no intents; give an ability's action or a URI"},
    {"huawei_intent", "an intent has the form intent://host/path#Intent;scheme=…;end"},
    {"huawei_project", "the key file is of project {project}"},
    {"honor_importance", "neither normal nor low"},
    {"honor_page", "Honor opens a page by an intent URI, intent://…#Intent;…;end, or by an intent action"},
    {"xiaomi_region", "none of china, india, europe, russia, global"},
    {"public_or_private", "neither public nor private"},
    {"xiaomi_variable", "expected 1 to 64 letters, digits and '_'"},
    {"xiaomi_channels",
     "\"{entry}\": expected up to 30 classes, each once, as class=private,template,title variable,text variable or "
     "class=public, with ; between them"},
    {"xiaomi_page", "Xiaomi opens a page by an intent URI, intent:#Intent;component=package/class;end"},
    {"xiaomi_private_class", "a private class needs its channel_id"},
    {"meizu_region", "neither china nor overseas"},
    {"meizu_page", "Meizu opens a page by an Activity's full class name or by a URI such as shop://order"},
    {"one_of", "expected one of {words}"},
    {"oppo_level_alone", "only with a category; OPPO refuses it alone"},
    {"oppo_level", "16 (banner and ring) is not for {category}"},
    {"oppo_no_limit", "OPPO does not limit messages of category {category}"},
    {"on_or_off", "expected on or off"},
    {"new_or_old", "expected new or old"},
    {"vivo_app_id", "expected a number, as vivo's console shows it"},
    {"vivo_page", "vivo opens a page by an intent URI, intent:…#Intent;component=package/class;end"},
    {"vivo_system", "vivo counts operation messages so, and {category} is a system message"},
    // The store, of a certificate.
    {"name_taken", "certificates: this app already has one of {vendor} named {name}"},
    {"edited",
     "certificates: {id} was edited meanwhile: version {version} is in use, and this edit was made of version {read}; "
     "look at it again"},
    {"used_by_one", "certificates: 1 device uses the one with id {id}; move or remove them first"},
    {"used", "certificates: {devices} devices use the one with id {id}; move or remove them first"},
    {"certificate_name", "certificate name: only English letters, digits, '-', '_' and '.'"},
    {"certificate_facts", "certificate facts: more than 64"},
    {"certificate_settings", "certificate settings: {settings}, at most {most} fit"},
    {"part_missing", "certificate {part}: missing"},
    {"part_bytes", "certificate {part}: {bytes} bytes, at most {most} fit"},
    {"part_too_long", "certificate {part}: too long"},
    {"part_not_utf8", "certificate {part}: not UTF-8"},
    {"part_not_text", "certificate {part}: not text"},
    {"part_control", "certificate {part}: holds a control character"},
    // Of changes, versions and the vendor's answer.
    {"nothing_named", "nothing is named that is to change"},
    {"was_removed", "certificate {id} was removed: restore it first"},
    {"was_not_removed", "certificate {id} was not removed"},
    {"version_in_use", "version {version} is in use"},
    {"version_not_there", "certificate {id} has no version {version}"},
    {"version", "version {version}: {why}"},
    {"refused_by_vendor", "the vendor refuses the credential: {words}"},
    {"vendor_unclear",
     "the vendor gave no answer that tells whether it takes the credential ({words}); without verify it is stored all "
     "the same"},
});

bool is_field(std::string_view text) noexcept {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::optional<Json> known_sentence(std::string_view sentence);

/// Whether `sentence` is `pattern` with values in it; they go into `found`. A value is the shortest text that lets the
/// rest fit.
bool has_pattern(std::string_view pattern, std::string_view sentence, Json& found) {
  const std::size_t open = pattern.find('{');
  if (open == pattern.npos) return pattern == sentence;
  if (!sentence.starts_with(pattern.substr(0, open))) return false;
  const std::size_t close = pattern.find('}', open);
  const std::string_view name = pattern.substr(open + 1, close - open - 1);
  const std::string_view rest = pattern.substr(close + 1);
  sentence.remove_prefix(open);
  if (name == "why") {  // it ends each pattern that has it
    auto why = known_sentence(sentence);
    if (!why) return false;
    found["why"] = *std::move(why);
    return true;
  }
  const auto takes = [&](std::size_t size) {
    if (!has_pattern(rest, sentence.substr(size), found)) return false;
    found["values"][std::string(name)] = sentence.substr(0, size);
    return true;
  };
  if (rest.empty()) return !sentence.empty() && takes(sentence.size());
  const std::string_view behind = rest.substr(0, rest.find('{'));
  for (std::size_t size = sentence.find(behind, 1); size != sentence.npos; size = sentence.find(behind, size + 1)) {
    if (name == "field" && !is_field(sentence.substr(0, size))) return false;
    if (takes(size)) return true;
  }
  return false;
}

std::optional<Json> known_sentence(std::string_view sentence) {
  for (const auto& [code, pattern] : kExplanations) {
    Json found = {{"code", code}, {"values", Json::object()}};
    if (has_pattern(pattern, sentence, found)) return found;
  }
  return std::nullopt;
}

/// Sentences are joined by "; ", which some have inside, too: the first is the shortest that leaves sentences behind
/// it.
class SentenceList {
 public:
  explicit SentenceList(std::string_view message) : message_(message) {}
  /// Null: a part is no sentence of the table.
  Json read() { return from(0) ? std::move(all_) : Json(); }

 private:
  static constexpr std::string_view kBetween = "; ";

  bool from(std::size_t start) {
    if (hopeless_.contains(start)) return false;
    for (std::size_t end = start; end != message_.size();) {
      end = std::min(message_.find(kBetween, end + 1), message_.size());
      auto first = known_sentence(message_.substr(start, end - start));
      if (!first) continue;
      all_.push_back(*std::move(first));
      if (end == message_.size() || from(end + kBetween.size())) return true;
      all_.erase(all_.size() - 1);
    }
    hopeless_.insert(start);
    return false;
  }

  const std::string_view message_;
  Json all_ = Json::array();
  std::set<std::size_t> hopeless_;
};

constexpr std::size_t kExplainedBytesMax = 2'048;  // longer ones are no sentences of ours
constexpr std::ptrdiff_t kSemicolonsMax = 32;

}  // namespace

std::span<const Explanation> explanations() noexcept { return kExplanations; }

Json explained(std::string_view message) {
  if (message.size() > kExplainedBytesMax || std::ranges::count(message, ';') > kSemicolonsMax) return {};
  return SentenceList(message).read();
}

Refusal explained(Refusal refusal) {
  refusal.reasons = explained(refusal.message);
  return refusal;
}

}  // namespace nightpost::admin
