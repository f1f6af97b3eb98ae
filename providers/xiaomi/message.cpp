#include "providers/xiaomi/message.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text.h"
#include "core/uuid.h"
#include "providers/android_sound.h"
#include "providers/ext_form.h"
#include "providers/notify_id.h"
#include "providers/shown_text.h"
#include "providers/symbol_free.h"
#include "providers/text_fit.h"
#include "providers/xiaomi/limits.h"

namespace nightpost::xiaomi {
namespace {

constexpr std::string_view kNotifyAll = "-1";   // sound, vibration and light as the phone has them
constexpr std::string_view kNotifyLight = "4";  // neither sound nor vibration
// 1 delivered, 2 clicked, 16 target invalid, 32 muted, 64 filtered, 128 over quota, 1024 expired: each bit once
// (spec §2.8; a bit counted twice switches others off).
constexpr std::string_view kReceiptBits = "1267";
static_assert(1 + 2 + 16 + 32 + 64 + 128 + 1024 == 1267);

/// The "extra." pairs of one message and what they add up to.
class Extras {
 public:
  void add(std::string_view key, std::string_view value) {
    sum_ += utf16_size(key) + utf16_size(value);
    longest_ = std::max(longest_, utf16_size(value));
    pairs_.emplace_back(key, value);
  }
  bool has_room_for(std::string_view key, std::string_view value) const {
    return pairs_.size() < kExtraPairsMax && utf16_size(value) <= kExtraValueMax &&
           sum_ + utf16_size(key) + utf16_size(value) <= kExtraSumMax;
  }
  bool fit() const { return pairs_.size() <= kExtraPairsMax && longest_ <= kExtraValueMax && sum_ <= kExtraSumMax; }
  void append_to(std::string& form) const {
    for (const auto& [key, value] : pairs_) {
      std::string name = "extra.";
      append_form_field(form, name.append(key), value);
    }
  }

 private:
  std::vector<std::pair<std::string_view, std::string>> pairs_;
  std::size_t sum_ = 0;
  std::size_t longest_ = 0;
};

/// "android.resource://<package>/raw/<name>" of a file "<name>.ogg"; empty where there is no such resource.
std::string sound_uri(std::string_view package, std::string_view sound) {
  const auto name = android_sound(sound);
  if (!name) return {};
  return std::string("android.resource://").append(package).append("/raw/").append(*name);
}

static_assert(kTitleMax <= kTemplateValueMax && kBodyMax <= kTemplateValueMax);  // so values need no cut of their own

std::string template_param(const Channel& channel, const ShownText& shown) {
  std::string json = "{";
  const auto add = [&json](std::string_view variable, std::string_view text) {
    if (!variable.empty()) append_json_member(json, variable, symbol_free(text));
  };
  add(channel.template_title, shown.title);
  add(channel.template_body, shown.body);
  return json += '}';
}

/// The event's, if it names one, as it is configured. One that is not configured may be of any kind: then the short
/// life, which all kinds take, and no template.
Channel channel_of(const Profile& profile, std::string_view of_event) {
  if (of_event.empty() || of_event == profile.own.id) return profile.own;
  const auto found = std::ranges::find(profile.others, of_event, &Channel::id);
  if (found != profile.others.end()) return *found;
  return {.id = std::string(of_event)};
}

/// Cuts the first part off `rest`.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return trimmed(part);
}

void add_click(Extras& extras, const Click& click) {
  switch (click.kind) {
    case Click::Kind::App:
      extras.add("notify_effect", "1");
      break;
    case Click::Kind::Page:
      extras.add("notify_effect", "2");
      extras.add("intent_uri", click.target);
      break;
    case Click::Kind::Web:
      extras.add("notify_effect", "3");
      extras.add("web_uri", click.target);
      break;
  }
}

}  // namespace

std::string_view channel_id_of(const Profile& profile, const Notification& notification) noexcept {
  const std::string_view of_event = notification.extra("xiaomi.channel");
  return of_event.empty() ? std::string_view(profile.own.id) : of_event;
}

bool has_quota(const Profile& profile, const Notification& notification) noexcept {
  const std::string_view id = channel_id_of(profile, notification);
  // Messages without a class are counted by themselves, and the certificate's numbers are those of its own class.
  if (profile.own.id.empty()) return id.empty();
  if (id == profile.own.id) return !profile.own.is_private;
  return std::ranges::any_of(profile.others, [id](const Channel& each) { return each.id == id && !each.is_private; });
}

Result<std::vector<Channel>> channels_in(std::string_view setting) {
  constexpr std::size_t kChannelsMax = 30;  // Xiaomi's own, of an app
  std::vector<Channel> all;
  while (!setting.empty()) {
    std::string_view entry = next_part(setting, ';');
    if (entry.empty()) continue;
    const std::string said(entry);
    Channel channel{.id = std::string(next_part(entry, '='))};
    const std::string_view kind = next_part(entry, ',');
    channel.is_private = kind == "private";
    channel.template_id = next_part(entry, ',');
    channel.template_title = next_part(entry, ',');
    channel.template_body = next_part(entry, ',');
    const bool has_template = !channel.template_id.empty();
    const bool good = check_plain(channel.id).empty() && (kind == "private" || kind == "public") && entry.empty() &&
                      (has_template ? check_plain(channel.template_id).empty()
                                    : channel.template_title.empty() && channel.template_body.empty());
    if (!good || all.size() == kChannelsMax || std::ranges::find(all, channel.id, &Channel::id) != all.end())
      return fail(Errc::Malformed, "\"" + said.substr(0, 80) +
                                       "\": expected up to 30 classes, each once, as class=private,template,title "
                                       "variable,text variable or class=public, with ; between them");
    all.push_back(std::move(channel));
  }
  return all;
}

Result<Profile> profile_of(const Certificate& certificate) {
  const Settings& settings = certificate.settings;
  Result<Click> click = click_of(settings);
  if (!click) return std::unexpected(std::move(click.error()));
  Result<std::vector<Channel>> others = channels_in(setting(settings, "channels"));
  if (!others) return std::unexpected(std::move(others.error()));
  return Profile{.package = certificate.bundle_id,
                 .app_name = std::string(setting(settings, "app_name")),
                 .own = {.id = std::string(setting(settings, "channel_id")),
                         .is_private = setting(settings, "channel_kind") == "private",
                         .template_id = std::string(setting(settings, "template_id")),
                         .template_title = std::string(setting(settings, "template_title")),
                         .template_body = std::string(setting(settings, "template_body"))},
                 .others = *std::move(others),
                 .receipt_url = std::string(setting(settings, "receipt_url")),
                 .click = *std::move(click)};
}

namespace {

Result<std::string> fields_with_ext(const Profile& profile, const Notification& n) {
  const Result<ShownText> shown = shown_text(n, profile.app_name, kTitleMax, kBodyMax);
  if (!shown) return std::unexpected(shown.error());
  // A web page opens in the browser: the app is not asked and finds no ext. A blank one is refused by Xiaomi.
  const bool web = profile.click.kind == Click::Kind::Web;
  const std::string_view ext = web || is_blank(n.ext) ? std::string_view() : std::string_view(n.ext);
  if (utf16_size(ext) > kPayloadMax)
    return fail(Errc::Malformed, "ext is " + std::to_string(utf16_size(ext)) + " characters; Xiaomi's payload takes " +
                                     std::to_string(kPayloadMax));

  const Channel channel = channel_of(profile, n.extra("xiaomi.channel"));

  const std::string_view same = n.collapse_id.empty() ? n.push_id : n.collapse_id;
  std::string form = "&";
  const auto field = [&form](std::string_view name, std::string_view value) {
    if (!form.ends_with('&')) form += '&';
    append_form_escaped(form, name);
    form += '=';
    append_form_escaped(form, value);
  };
  field("restricted_package_name", profile.package);
  field("pass_through", "0");
  field("title", shown->title);
  field("description", shown->body);
  field("notify_type", n.sound ? kNotifyAll : kNotifyLight);
  field("notify_id", std::to_string(notify_id(same)));
  if (n.expires_at > WallTime{}) {
    const milliseconds life =
        std::clamp(n.expires_at - n.sent_at, kLifeMin, channel.is_private ? kLifePrivateMax : kLifePublicMax);
    field("time_to_live", std::to_string(life.count()));
  }
  if (!ext.empty()) field("payload", ext);

  Extras extras;
  if (!channel.id.empty()) extras.add("channel_id", channel.id);
  add_click(extras, profile.click);
  extras.add("jobkey", hex_of({same}).substr(0, kJobKeyMax));
  if (!profile.receipt_url.empty()) {
    extras.add("callback", profile.receipt_url);
    if (!n.receipt_tag.empty()) extras.add("callback.param", n.receipt_tag);
    extras.add("callback.type", kReceiptBits);
  }
  if (!channel.template_id.empty()) {
    extras.add("template_id", channel.template_id);
    extras.add("template_param", template_param(channel, *shown));
  }
  if (!extras.fit())
    return fail(Errc::Malformed,
                "channel, click target and receipt URL are over Xiaomi's 10 extra pairs of 1024 and "
                "2047 characters together");
  // These two are also said elsewhere (payload; the channel's own sound) and give way.
  if (!ext.empty() && extras.has_room_for("ext", ext)) extras.add("ext", ext);
  if (const std::string uri = n.sound ? sound_uri(profile.package, *n.sound) : std::string();
      !uri.empty() && extras.has_room_for("sound_uri", uri))
    extras.add("sound_uri", uri);
  extras.append_to(form);
  return form;
}

}  // namespace

Result<std::string> message_fields(const Profile& profile, const Notification& notification) {
  return built_with_ext_that_fits(notification, [&](const Notification& n) { return fields_with_ext(profile, n); });
}

}  // namespace nightpost::xiaomi
