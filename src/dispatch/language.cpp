#include "dispatch/language.h"

#include <algorithm>
#include <utility>

namespace nightpost::dispatch {
namespace {

/// Words of one language: what stands for a message that was taken back, for a call and for its end; and those in the
/// order of ElementType; text, custom and unknown elements have none.
struct Vocabulary {
  std::string_view tag;
  std::string_view recalled, call, call_ended;
  ElementWords words;
};
// The first four of zh are the reference's, all others ours.
constexpr std::array kVocabularies = {
    Vocabulary{"zh",
               "[消息已撤回]",
               "[语音或视频通话]",
               "[通话已结束]",
               {"", "[语音]", "[文件]", "[图片]", "[视频]", "[位置]", "[动画表情]", "[聊天记录]", "[名片]", "", ""}},
    Vocabulary{"en",
               "[Message recalled]",
               "[Voice or video call]",
               "[Call ended]",
               {"", "[Voice]", "[File]", "[Image]", "[Video]", "[Location]", "[Sticker]", "[Chat History]",
                "[Contact Card]", "", ""}},
    Vocabulary{"zh-hant",
               "[訊息已收回]",
               "[語音或視訊通話]",
               "[通話已結束]",
               {"", "[語音]", "[檔案]", "[圖片]", "[影片]", "[位置]", "[動態貼圖]", "[聊天記錄]", "[名片]", "", ""}},
    Vocabulary{"ja",
               "[メッセージの送信が取り消されました]",
               "[音声またはビデオ通話]",
               "[通話が終了しました]",
               {"", "[音声]", "[ファイル]", "[画像]", "[動画]", "[位置情報]", "[スタンプ]", "[トーク履歴]", "[連絡先]",
                "", ""}},
    Vocabulary{"ko",
               "[메시지 전송이 취소되었습니다]",
               "[음성 또는 영상 통화]",
               "[통화가 종료되었습니다]",
               {"", "[음성]", "[파일]", "[사진]", "[동영상]", "[위치]", "[스티커]", "[대화 기록]", "[연락처]", "", ""}},
    Vocabulary{"es",
               "[Mensaje eliminado]",
               "[Llamada de voz o vídeo]",
               "[Llamada finalizada]",
               {"", "[Audio]", "[Archivo]", "[Imagen]", "[Vídeo]", "[Ubicación]", "[Sticker]", "[Historial de chat]",
                "[Contacto]", "", ""}},
    Vocabulary{"fr",
               "[Message supprimé]",
               "[Appel vocal ou vidéo]",
               "[Appel terminé]",
               {"", "[Message vocal]", "[Fichier]", "[Image]", "[Vidéo]", "[Position]", "[Autocollant]",
                "[Historique de discussion]", "[Contact]", "", ""}},
    Vocabulary{"de",
               "[Nachricht zurückgezogen]",
               "[Sprach- oder Videoanruf]",
               "[Anruf beendet]",
               {"", "[Sprachnachricht]", "[Datei]", "[Bild]", "[Video]", "[Standort]", "[Sticker]", "[Chatverlauf]",
                "[Kontakt]", "", ""}},
    Vocabulary{"ru",
               "[Сообщение отозвано]",
               "[Голосовой или видеозвонок]",
               "[Звонок завершён]",
               {"", "[Голосовое сообщение]", "[Файл]", "[Изображение]", "[Видео]", "[Геопозиция]", "[Стикер]",
                "[История чата]", "[Контакт]", "", ""}},
    Vocabulary{"ar",
               "[تم سحب الرسالة]",
               "[مكالمة صوتية أو مرئية]",
               "[انتهت المكالمة]",
               {"", "[رسالة صوتية]", "[ملف]", "[صورة]", "[فيديو]", "[موقع]", "[ملصق]", "[سجل الدردشة]", "[جهة اتصال]",
                "", ""}},
    Vocabulary{"pt",
               "[Mensagem apagada]",
               "[Chamada de voz ou vídeo]",
               "[Chamada encerrada]",
               {"", "[Áudio]", "[Arquivo]", "[Imagem]", "[Vídeo]", "[Localização]", "[Figurinha]",
                "[Histórico da conversa]", "[Contato]", "", ""}},
};
constexpr std::size_t kEnglish = 1;
static_assert(kVocabularies[kEnglish].tag == "en");

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// A tag as the table has it: lower case, parted by '-', without encoding ("en_US.UTF-8"), and Chinese by its script,
/// which is what parts its readers: zh-TW, zh-HK and zh-MO are zh-hant, zh-CN and zh-Hans are zh.
class Canonical {
 public:
  explicit Canonical(std::string_view tag) noexcept {
    tag = tag.substr(0, std::min(tag.find_first_of(".@"), bytes_.size()));
    for (const char c : tag) bytes_[size_++] = c == '_' ? '-' : lower(c);
    if (view() != "zh" && !view().starts_with("zh-")) return;
    const bool traditional = has("hant") || (!has("hans") && (has("tw") || has("hk") || has("mo")));
    constexpr std::string_view kHant = "zh-hant";
    if (traditional) std::ranges::copy(kHant, bytes_.begin());
    size_ = traditional ? kHant.size() : 2;
  }
  std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  /// One subtag less: pt-br, pt. False: there is none left.
  bool shorten() noexcept {
    const std::size_t dash = view().rfind('-');
    size_ = dash == std::string_view::npos ? 0 : dash;
    return size_ > 0;
  }

 private:
  bool has(std::string_view subtag) const noexcept {
    for (std::string_view rest = view(); !rest.empty();) {
      const std::string_view part = rest.substr(0, rest.find('-'));
      if (part == subtag) return true;
      rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    }
    return false;
  }
  std::array<char, 40> bytes_{};  // RFC 5646 §4.4.1: 35 are enough
  std::size_t size_ = 0;
};

void take_words(Language& to, const Language& from) noexcept {
  to.words = from.words;
  to.recalled = from.recalled;
  to.call = from.call;
  to.call_ended = from.call_ended;
}

}  // namespace

Languages::Languages(std::string_view tenant, const std::map<std::string, std::string>& titles) {
  for (const Vocabulary& each : kVocabularies)
    all_.push_back({std::string(each.tag), "", &each.words, each.recalled, each.call, each.call_ended});
  const auto index_of = [&](std::string_view tag) {
    const std::string canonical(Canonical(tag).view());
    const auto found = std::ranges::find(all_, canonical, &Language::tag);
    const auto at = static_cast<std::size_t>(found - all_.begin());
    if (found == all_.end()) all_.push_back({.tag = canonical});
    return at;
  };
  for (const auto& [tag, title] : titles)
    if (!tag.empty()) all_[index_of(tag)].title = title;
  tenant_ = tenant.empty() ? 0 : index_of(tenant);
  // What a language lacks it takes from a shorter tag's, then from the tenant's, whose own last resort is English.
  const auto fill = [&](Language& language, const Language* last) {
    for (Canonical tag(language.tag); tag.shorten();) {
      const auto shorter = std::ranges::find(all_, tag.view(), &Language::tag);
      if (shorter == all_.end()) continue;
      if (language.title.empty()) language.title = shorter->title;
      if (language.words == nullptr) take_words(language, *shorter);
    }
    if (language.title.empty()) language.title = last == nullptr ? "a new message" : last->title;
    if (language.words == nullptr) take_words(language, last == nullptr ? all_[kEnglish] : *last);
  };
  fill(all_[tenant_], nullptr);
  for (Language& language : all_) fill(language, &all_[tenant_]);
}

std::size_t Languages::search(std::string_view tag) const noexcept {
  Canonical wanted(tag);
  if (wanted.view().empty()) return all_.size();
  do {
    const auto found = std::ranges::find(all_, wanted.view(), &Language::tag);
    if (found != all_.end()) return static_cast<std::size_t>(found - all_.begin());
  } while (wanted.shorten());
  return all_.size();
}

std::size_t Languages::find(std::string_view tag) const noexcept {
  const std::size_t i = search(tag);
  return i < all_.size() ? i : tenant_;
}

std::size_t Languages::find(std::string_view device, std::string_view user) const noexcept {
  const std::size_t i = search(device);
  return i < all_.size() ? i : find(user);
}

std::optional<std::pair<std::string, std::string>> equal_tags(const std::map<std::string, std::string>& titles) {
  for (auto one = titles.begin(); one != titles.end(); ++one)
    for (auto other = std::next(one); other != titles.end(); ++other)
      if (Canonical(one->first).view() == Canonical(other->first).view()) return std::pair(one->first, other->first);
  return std::nullopt;
}

}  // namespace nightpost::dispatch
