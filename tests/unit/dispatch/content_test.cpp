#include "dispatch/content.h"

#include <catch2/catch.hpp>

#include "core/text.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

const std::map<std::string, std::string> kTitles = {{"en", "New message"}, {"zh", "新消息"}, {"fr", "Nouveau message"}};

OfflineEvent plain_event() {
  OfflineEvent e;
  e.from_user = "denny";
  e.from_nick = "Denny";
  e.message_id = "m1";
  e.elements = {{ElementType::Text, "hi"}};
  e.to = {{.user_id = "vinson", .unread = 3}};
  return e;
}

std::string content_of(const OfflineEvent& e, std::string_view language) {
  const Languages languages("zh", kTitles);
  std::string out;
  append_content(out, e, *languages[languages.find(language)].words);
  return out;
}

Notification render(const OfflineEvent& e, const Receiver& receiver, const Device& device) {
  const Languages languages("zh", kTitles);
  ContentCache cache;
  return cache.render(e, e.to[0], receiver, device, languages).notification;
}

}  // namespace

TEST_CASE("content: names stand before it", "[dispatch][content]") {
  struct Row {
    EventKind kind;
    const char *nick, *card, *group, *want;
  };
  const Row row = GENERATE(values<Row>({
      {EventKind::C2c, "Denny", "", "", "Denny:hi"},
      {EventKind::C2c, "Denny", "Den", "Climbing", "Denny:hi"},
      {EventKind::C2c, "", "Den", "", "hi"},
      {EventKind::Group, "Denny", "Den", "Climbing", "Den(Climbing):hi"},
      {EventKind::Group, "Denny", "", "Climbing", "Denny(Climbing):hi"},
      {EventKind::Group, "Denny", "", "", "Denny:hi"},
      {EventKind::Group, "", "", "Climbing", "(Climbing):hi"},
      {EventKind::Group, "", "", "", "hi"},
  }));
  CAPTURE(row.want);
  OfflineEvent e = plain_event();
  e.kind = row.kind;
  e.from_nick = row.nick;
  e.from_name_card = row.card;
  e.group_name = row.group;
  CHECK(content_of(e, "zh") == row.want);
}

TEST_CASE("content: elements in order, words by language", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  e.from_nick = "";
  e.elements.clear();
  for (int i = 0; i < 9; ++i) e.elements.push_back({static_cast<ElementType>(i), i == 0 ? "a" : ""});
  e.elements.push_back({ElementType::Custom, "poll"});
  e.elements.push_back({ElementType::Custom, ""});
  e.elements.push_back({ElementType::Other, "soon"});
  CHECK(content_of(e, "zh") == "a[语音][文件][图片][视频][位置][动画表情][聊天记录][名片]pollsoon");
  CHECK(content_of(e, "en") == "a[Voice][File][Image][Video][Location][Sticker][Chat History][Contact Card]pollsoon");
}

TEST_CASE("content: what no vendor could take is cut at a whole character", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  std::string text;
  while (text.size() < 10'000) text += "文";
  for (int shift = 0; shift < 3; ++shift) {
    e.from_nick = std::string_view("xxx").substr(0, static_cast<std::size_t>(shift));
    e.elements = {{ElementType::Text, text}, {ElementType::Text, text}};
    const std::string out = content_of(e, "zh");
    CHECK(out.size() <= kContentBytesMax);
    CHECK(out.size() > kContentBytesMax - 3);
    CHECK(is_valid_utf8(out));
  }
}

TEST_CASE("languages: the tag with most of a device's subtags", "[dispatch][content]") {
  const Languages languages("en", {{"zh", "新消息"}, {"zh-TW", "新訊息"}, {"pt-BR", "Nova mensagem"}, {"ja", "新着"}});
  struct Row {
    const char *tag, *title, *image;
  };
  const Row row = GENERATE(values<Row>({
      {"zh-Hant", "新訊息", "[圖片]"},
      {"zh-HK", "新訊息", "[圖片]"},
      {"zh_Hant_MO", "新訊息", "[圖片]"},
      {"zh-CN", "新消息", "[图片]"},
      {"zh-Hans-HK", "新消息", "[图片]"},
      {"zh-yue", "新消息", "[图片]"},
      {"pt-BR", "Nova mensagem", "[Imagem]"},
      {"pt_BR.UTF-8", "Nova mensagem", "[Imagem]"},
      {"pt-PT", "a new message", "[Imagem]"},  // its title is the tenant's
      {"ja-JP-u-ca-japanese", "新着", "[画像]"},
      {"ko", "a new message", "[사진]"},
      {"de-AT", "a new message", "[Bild]"},
      {"tlh", "a new message", "[Image]"},
      {"zha", "a new message", "[Image]"},
  }));
  CAPTURE(row.tag);
  const Language& found = languages[languages.find(row.tag)];
  CHECK(found.title == row.title);
  CHECK((*found.words)[std::size_t(ElementType::Image)] == row.image);
}

TEST_CASE("languages: every vocabulary has a word for what is not text", "[dispatch][content]") {
  const Languages languages("", {});
  for (const char* tag : {"zh", "zh-Hant", "en", "ja", "ko", "es", "fr", "de", "ru", "ar", "pt"})
    for (std::size_t i = std::size_t(ElementType::Voice); i < std::size_t(ElementType::Custom); ++i) {
      CAPTURE(tag, i);
      const std::string_view word = (*languages[languages.find(tag)].words)[i];
      CHECK(word.starts_with('['));
      CHECK(word.ends_with(']'));
      CHECK(is_valid_utf8(word));
    }
}

TEST_CASE("languages: two titles of one language are a mistake", "[dispatch][content]") {
  CHECK_FALSE(equal_tags({{"zh", "a"}, {"zh-Hant", "b"}, {"pt", "c"}, {"pt-BR", "d"}}));
  CHECK(equal_tags({{"zh-TW", "a"}, {"zh-Hant", "b"}}) == std::pair<std::string, std::string>("zh-Hant", "zh-TW"));
  CHECK(equal_tags({{"EN", "a"}, {"en", "b"}}));
  CHECK(equal_tags({{"en_US", "a"}, {"en-us", "b"}}));
}

TEST_CASE("content: what no vendor could take is cut before it is copied", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  std::string text;
  while (text.size() < 1'000'000) text += "文";
  e.common = {text, text};
  e.subtitle = text;
  const Notification n = render(e, {}, {});
  for (const std::string* each : {&n.title, &n.subtitle, &n.body}) {
    CHECK(each->size() <= kContentBytesMax);
    CHECK(each->capacity() < 2 * kContentBytesMax);
    CHECK(is_valid_utf8(*each));
  }
}

TEST_CASE("content: a blank title is as good as none", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  e.common.title = GENERATE("", " ", "\t\n", "\u3000", "\u200b", "\u0007");
  CHECK(render(e, {}, {}).title == "新消息");
}

TEST_CASE("content: Apple's words go to Apple's phones", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  e.subtitle = "S";
  e.image = "https://e.com/a.png";
  e.apns_category = "REPLY";
  e.apns_level = "time-sensitive";
  const Notification n = render(e, {}, {});
  CHECK(n.subtitle == "S");
  CHECK(n.image == "https://e.com/a.png");
  CHECK(n.extra("apns.category") == "REPLY");
  CHECK(n.extra("apns.interruption-level") == "time-sensitive");
  Device android;
  android.platform = Platform::Android;
  CHECK(render(e, {}, android).extras.empty());
}

TEST_CASE("languages: found by primary subtag, else the tenant's", "[dispatch][content]") {
  struct Row {
    const char *device, *user, *title;
  };
  const Row row = GENERATE(values<Row>({
      {"", "", "新消息"},
      {"en", "", "New message"},
      {"", "en", "New message"},
      {"zh", "en", "新消息"},
      {"EN-us", "zh", "New message"},
      {"en_GB.UTF-8", "", "New message"},
      {"zh-Hant-TW", "en", "新消息"},
      {"tlh", "fr", "Nouveau message"},
      {"tlh", "", "新消息"},
      {"e", "", "新消息"},
      {"english", "", "新消息"},
      {"-", "", "新消息"},
  }));
  CAPTURE(row.device, row.user);
  const Languages languages("zh", kTitles);
  CHECK(languages[languages.find(row.device, row.user)].title == row.title);
}

TEST_CASE("languages: a tenant's own, and gaps filled from it", "[dispatch][content]") {
  const Languages bare("", {});
  CHECK(bare[bare.find("")].title == "a new message");
  CHECK(bare[bare.find("en")].title == "a new message");
  const Languages french("fr-CA", {{"fr", "Nouveau message"}});
  CHECK(french[french.find("de")].title == "Nouveau message");
  CHECK(french[french.find("zh")].title == "Nouveau message");
  CHECK((*french[french.find("")].words)[1] == "[Message vocal]");
  CHECK((*french[french.find("zh")].words)[1] == "[语音]");
  const Languages klingon("tlh", {});
  CHECK((*klingon[klingon.find("")].words)[1] == "[Voice]");
}

TEST_CASE("languages: the most of a tag that is known", "[dispatch][content]") {
  struct Row {
    const char *tag, *title, *voice;
  };
  const Row row = GENERATE(values<Row>({
      {"zh-TW", "新訊息", "[語音]"},
      {"zh-Hant", "新訊息", "[語音]"},
      {"zh_HK", "新訊息", "[語音]"},
      {"zh-Hant-MO", "新訊息", "[語音]"},
      {"zh-CN", "新消息", "[语音]"},
      {"zh-Hans-SG", "新消息", "[语音]"},
      {"pt-BR", "Nova mensagem", "[Áudio]"},
      {"pt-PT", "Mensagem nova", "[Áudio]"},
      {"pt", "Mensagem nova", "[Áudio]"},
      {"ja-JP", "New message", "[音声]"},
  }));
  CAPTURE(row.tag);
  const Languages languages("en", {{"en", "New message"},
                                   {"zh", "新消息"},
                                   {"zh-TW", "新訊息"},
                                   {"pt", "Mensagem nova"},
                                   {"pt-BR", "Nova mensagem"}});
  const Language& found = languages[languages.find(row.tag)];
  CHECK(found.title == row.title);
  CHECK((*found.words)[1] == row.voice);
}

TEST_CASE("languages: two tags of one language are found", "[dispatch][content]") {
  CHECK_FALSE(equal_tags({{"zh", "a"}, {"zh-Hant", "b"}, {"en", "c"}, {"en-GB", "d"}}));
  CHECK(equal_tags({{"zh-TW", "a"}, {"zh-Hant", "b"}}));
  CHECK(equal_tags({{"en", "a"}, {"EN", "b"}}));
  CHECK(equal_tags({{"pt-BR", "a"}, {"pt_BR", "b"}}));
}

TEST_CASE("content: the platform's own wins, then the common, then the default", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  Device ios;
  Device android;
  android.platform = Platform::Android;
  CHECK(render(e, {}, ios).title == "新消息");
  CHECK(render(e, {}, ios).body == "Denny:hi");
  e.common = {"T", "D"};
  CHECK(render(e, {}, ios).title == "T");
  CHECK(render(e, {}, ios).body == "D");
  e.android = {"AT", ""};
  e.apns = {"", "ID"};
  CHECK(render(e, {}, ios).title == "T");
  CHECK(render(e, {}, ios).body == "ID");
  CHECK(render(e, {}, android).title == "AT");
  CHECK(render(e, {}, android).body == "D");
}

TEST_CASE("content: everything else a notification carries", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  e.ext = "{\"a\":1}";
  e.priority = Priority::High;
  e.apns_mutable_content = true;
  e.expires_at = wall_from_ms(1'795'225'887'405);
  const Notification c2c = render(e, {}, {});
  CHECK(c2c.ext == "{\"a\":1}");
  CHECK(c2c.priority == Priority::High);
  CHECK(c2c.mutable_content);
  CHECK(c2c.expires_at == e.expires_at);
  CHECK(c2c.thread_id == "c2c_denny");
  CHECK(c2c.collapse_id == "m1");
  e.kind = EventKind::Group;
  e.group_id = "g1";
  CHECK(render(e, {}, {}).thread_id == "group_g1");
}

TEST_CASE("content: what is to be seen wakes the phone, unless the message is of low priority", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  CHECK(e.priority == Priority::Normal);
  CHECK(render(e, {}, {}).priority == Priority::High);
  e.priority = Priority::High;
  CHECK(render(e, {}, {}).priority == Priority::High);
  e.priority = Priority::Low;
  CHECK(render(e, {}, {}).priority == Priority::Low);
}

TEST_CASE("content: a notification knows the platform of its device", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  const Languages languages("zh", kTitles);
  ContentCache cache;
  std::vector<std::size_t> variants;
  for (const Platform platform : {Platform::Ios, Platform::Android, Platform::Desktop}) {
    Device device;
    device.platform = platform;
    const Rendered rendered = cache.render(e, e.to[0], {}, device, languages);
    CHECK(rendered.notification.platform == platform);
    variants.push_back(rendered.variant);
  }
  CHECK(variants == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("sound: per message, then the user's, then default", "[dispatch][content]") {
  struct Row {
    EventKind kind;
    const char *message, *c2c, *group, *want;
  };
  const Row row = GENERATE(values<Row>({
      {EventKind::C2c, "", "", "", "default"},
      {EventKind::C2c, "", "c.caf", "g.caf", "c.caf"},
      {EventKind::Group, "", "c.caf", "g.caf", "g.caf"},
      {EventKind::Group, "", "c.caf", "", "default"},
      {EventKind::C2c, "m.caf", "c.caf", "g.caf", "m.caf"},
      {EventKind::C2c, "default", "c.caf", "", "default"},
      {EventKind::C2c, "none", "c.caf", "", "(silent)"},
      {EventKind::C2c, "", "none", "", "(silent)"},
      {EventKind::C2c, "m.caf", "none", "", "m.caf"},
  }));
  CAPTURE(row.message, row.c2c, row.group);
  OfflineEvent e = plain_event();
  e.kind = row.kind;
  e.apns_sound = row.message;
  CHECK(sound_for(e, {.sound_c2c = row.c2c, .sound_group = row.group}).value_or("(silent)") == row.want);
}

TEST_CASE("badge: the producer's total, else what the app showed plus one", "[dispatch][content]") {
  struct Row {
    int unread, base;
    bool message, user;
    std::optional<int> want;
  };
  const Row row = GENERATE(values<Row>({
      {3, 9, true, true, 3},
      {0, 9, true, true, 0},
      {-1, 9, true, true, 10},
      {-1, 0, true, true, 1},
      {-1, -5, true, true, 1},
      {-1, 2147483647, true, true, 2147483647},
      {3, 9, false, true, std::nullopt},
      {3, 9, true, false, std::nullopt},
  }));
  CAPTURE(row.unread, row.base);
  OfflineEvent e = plain_event();
  e.to[0].unread = row.unread;
  e.apns_badge = row.message;
  Device device;
  device.badge_base = row.base;
  CHECK(badge_for(e, e.to[0], {.badge = row.user}, device) == row.want);
}

TEST_CASE("collapse id: the message id where it can be a header", "[dispatch][content]") {
  const std::string longest(64, 'x');
  CHECK(collapse_id_of("144115-1-7") == "144115-1-7");
  CHECK(collapse_id_of(longest) == longest);
  for (const std::string& odd :
       {longest + "x", std::string("a b"), std::string("文"), std::string("a\x7f"), std::string()}) {
    CAPTURE(odd);
    const std::string id = collapse_id_of(odd);
    CHECK(id.size() == 32);
    CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(id == collapse_id_of(odd));
    CHECK(id != collapse_id_of(odd + "y"));
  }
}

TEST_CASE("content cache: one text a language and platform, each device its own sound and badge",
          "[dispatch][content]") {
  OfflineEvent e = plain_event();
  e.to.push_back({.user_id = "ann", .unread = 8});
  const Languages languages("zh", kTitles);
  ContentCache cache;
  Device device;
  Receiver chinese;
  Receiver english{.settings = {.language = "en", .sound_c2c = "c.caf"}};
  const Notification* first = &cache.render(e, e.to[0], chinese, device, languages).notification;
  CHECK(first->badge == 3);
  CHECK(first->sound == "default");
  CHECK(first->title == "新消息");
  const Notification* again = &cache.render(e, e.to[1], chinese, device, languages).notification;
  CHECK(again == first);
  CHECK(again->badge == 8);
  const Notification& other = cache.render(e, e.to[0], english, device, languages).notification;
  CHECK(other.title == "New message");
  CHECK(other.sound == "c.caf");
  cache.clear();
  e.common.title = "another event";
  CHECK(cache.render(e, e.to[0], english, device, languages).notification.title == "another event");
}

TEST_CASE("content: what takes a message's place says so, quietly", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  e.kind = EventKind::Cancel;
  e.elements.clear();
  e.apns_sound = "loud.caf";
  e.apns_level = "critical";
  e.ext = "{}";
  Device device;
  device.language = "en";
  const Notification shown = render(e, {}, device);
  CHECK(shown.title == "New message");
  CHECK(shown.body == "Denny:[Message recalled]");
  CHECK(shown.collapse_id == "m1");  // its message's, so that it replaces it
  CHECK(shown.ext == "{}");
  CHECK_FALSE(shown.sound);
  CHECK(shown.badge == 3);
  CHECK_FALSE(shown.badge_only);
  CHECK(shown.replaces);
  CHECK(shown.priority == Priority::Normal);
  CHECK(shown.extra("apns.interruption-level") == "passive");
  CHECK(shown.thread_id == "c2c_denny");

  e.common.desc = "Denny took it back";
  e.group_id = "g1";
  e.to[0].unread = -1;
  const Notification own = render(e, {}, device);
  CHECK(own.body == "Denny took it back");
  CHECK(own.thread_id == "group_g1");
  CHECK_FALSE(own.badge);  // one more would be wrong: there is one less
}

TEST_CASE("content: every language has a word for a message that was taken back", "[dispatch][content]") {
  const Languages languages("zh", {{"tlh", "QIn chu'"}, {"pt-BR", "Nova mensagem"}});
  for (std::size_t i = 0; i < languages.size(); ++i) {
    CAPTURE(languages[i].tag);
    CHECK(languages[i].recalled.starts_with("["));
    CHECK(is_valid_utf8(languages[i].recalled));
  }
  CHECK(languages[languages.find("tlh")].recalled == "[消息已撤回]");
  CHECK(languages[languages.find("pt-BR")].recalled == "[Mensagem apagada]");
  CHECK(languages[languages.find("zh-TW")].recalled == "[訊息已收回]");
}

TEST_CASE("content: every language has words for a call and its end", "[dispatch][content][call]") {
  const Languages languages("zh", {{"tlh", "QIn chu'"}, {"pt-BR", "Nova mensagem"}});
  for (std::size_t i = 0; i < languages.size(); ++i) {
    CAPTURE(languages[i].tag);
    for (const std::string_view word : {languages[i].call, languages[i].call_ended}) {
      CHECK(word.starts_with("["));
      CHECK(is_valid_utf8(word));
    }
    CHECK(languages[i].call != languages[i].call_ended);
  }
  CHECK(languages[languages.find("tlh")].call == "[语音或视频通话]");
  CHECK(languages[languages.find("pt-BR")].call == "[Chamada de voz ou vídeo]");
  CHECK(languages[languages.find("zh-TW")].call_ended == "[通話已結束]");
}

TEST_CASE("content: a call says who calls, to people and to the app, and is urgent", "[dispatch][content][call]") {
  OfflineEvent e = plain_event();
  e.kind = EventKind::Call;
  e.elements.clear();
  e.priority = Priority::Low;  // of the message among others; a call is none of them
  e.to[0].unread = -1;
  Device device;
  device.language = "en";
  const Notification shown = render(e, {}, device);
  CHECK(shown.body == "Denny:[Voice or video call]");
  CHECK(shown.sound == "default");
  CHECK(shown.priority == Priority::High);
  CHECK_FALSE(shown.badge);  // nothing unread came
  CHECK_FALSE(shown.replaces);
  CHECK(shown.extra("apns.interruption-level") == "time-sensitive");
  CHECK(shown.thread_id == "c2c_denny");
  CHECK(shown.collapse_id == "m1");
  REQUIRE(shown.call);
  CHECK(shown.call->id == "m1");
  CHECK(shown.call->from == "denny");
  CHECK(shown.call->name == "Denny");
  CHECK(shown.call->group.empty());

  e.group_id = "g1";
  e.group_name = "Climbing";
  const std::string card = std::string(254, 'D') + "é";
  e.from_name_card = card;
  e.message_id = "call 8841";
  e.elements = {{ElementType::Custom, "Video call"}};
  e.apns_level = "active";
  e.apns_sound = "ring.caf";
  e.to[0].unread = 3;
  const Notification group = render(e, {}, device);
  CHECK(group.body.ends_with("(Climbing):Video call"));
  CHECK(group.sound == "ring.caf");
  CHECK(group.badge == 3);
  CHECK(group.extra("apns.interruption-level") == "active");
  CHECK(group.thread_id == "group_g1");
  CHECK(group.call->id == "call 8841");  // as the app knows it; the collapse id is a hash
  CHECK(group.call->group == "g1");
  CHECK(group.call->name == std::string(254, 'D'));  // cut between characters

  e.common.desc = "Ring ring";
  CHECK(render(e, {}, device).body == "Ring ring");
}

TEST_CASE("content: a call's end stands in its place", "[dispatch][content][call]") {
  OfflineEvent e = plain_event();
  e.kind = EventKind::Cancel;
  e.cancel = CancelReason::CallEnded;
  e.elements.clear();
  Device device;
  device.language = "en";
  const Notification shown = render(e, {}, device);
  CHECK(shown.body == "Denny:[Call ended]");
  CHECK(shown.replaces);
  CHECK_FALSE(shown.call);
  CHECK_FALSE(shown.sound);
  CHECK(shown.extra("apns.interruption-level") == "passive");
  e.common.desc = "Missed call";
  CHECK(render(e, {}, device).body == "Missed call");
  // The memory of a call is used for a message.
  const Languages languages("zh", kTitles);
  ContentCache cache;
  OfflineEvent call = plain_event();
  call.kind = EventKind::Call;
  CHECK(cache.render(call, call.to[0], {}, {}, languages).notification.call);
  cache.clear();
  const OfflineEvent message = plain_event();
  CHECK_FALSE(cache.render(message, message.to[0], {}, {}, languages).notification.call);
}

TEST_CASE("content: names of texts in the app go along with the texts", "[dispatch][content][loc]") {
  OfflineEvent e = plain_event();
  CHECK_FALSE(render(e, {}, {}).loc);
  e.loc_body_key = "B_TEXT";
  e.loc_body_args = {"Denny", "hi"};
  const Notification shown = render(e, {}, {});
  CHECK(shown.body == "Denny:hi");
  REQUIRE(shown.loc);
  CHECK(*shown.loc ==
        Notification::Localised{.title_key = {}, .body_key = "B_TEXT", .title_args = {}, .body_args = {"Denny", "hi"}});
  e.loc_title_key = "T";
  CHECK(render(e, {}, {}).loc->title_key == "T");
}

TEST_CASE("content: a badge is a number", "[dispatch][content]") {
  OfflineEvent e = plain_event();
  e.kind = EventKind::Badge;
  e.elements.clear();
  e.message_id = "badge-only";
  e.to[0].unread = 0;
  const Notification shown = render(e, {}, {});
  CHECK(shown.badge_only);
  CHECK(shown.badge == 0);
  CHECK(shown.body.empty());
  CHECK_FALSE(shown.sound);
  CHECK(shown.collapse_id == "badge-only");
  // The memory of one is used for the next.
  const Languages languages("zh", kTitles);
  ContentCache cache;
  CHECK(cache.render(e, e.to[0], {}, {}, languages).notification.badge_only);
  cache.clear();
  const OfflineEvent message = plain_event();
  CHECK_FALSE(cache.render(message, message.to[0], {}, {}, languages).notification.badge_only);
  CHECK_FALSE(cache.render(message, message.to[0], {}, {}, languages).notification.replaces);
}
