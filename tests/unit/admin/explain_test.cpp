// Sentences about bad credentials by codes: each sentence of the sources has one, and each code its Chinese.
#include "admin/explain.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "admin/static_files.h"

namespace nightpost::admin {
namespace {

using ExplainJson = nlohmann::json;

/// "a" or "a(b)": the codes of sentences and their causes.
std::string codes_of(const ExplainJson& reasons) {
  std::string all;
  for (const ExplainJson& each : reasons) {
    all += (all.empty() ? "" : " ") + each["code"].get<std::string>();
    if (each.contains("why")) all += "(" + codes_of(ExplainJson::array({each["why"]})) + ")";
  }
  return all;
}

std::set<std::string> places_in(const std::string& text) {
  static const std::regex place(R"(\{\w+\})");
  std::set<std::string> all;
  for (std::sregex_iterator at(text.begin(), text.end(), place), end; at != end; ++at) all.insert(at->str());
  return all;
}

std::string source_of(const std::string& path) {
  std::ifstream file(std::string(NIGHTPOST_SOURCE_DIR) + "/" + path);
  CAPTURE(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

void cut(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t begin = text.find(from);
  if (begin == text.npos) return;
  const std::size_t end = text.find(to, begin);
  REQUIRE(end != text.npos);
  text.erase(begin, end + to.size() - begin);
}

std::string trimmed_text(std::string text) {
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  text.resize(text.find_last_not_of(' ') + 1);
  return text;
}

/// The string literals of a source that have words: neither of comments, nor of warnings or the settings' meanings.
std::vector<std::string> phrases_in(const std::string& path) {
  std::string text = source_of(path);
  cut(text, "std::vector<std::string> warnings(", "\n}");
  cut(text, "constexpr std::array kFields = {", "\n};");
  cut(text, "constexpr std::array kSettings = {", "\n};");
  std::vector<std::string> all;
  std::string phrase;
  bool ended = false;  // a literal ended, and another may go on
  const auto put = [&] {
    if (ended && trimmed_text(phrase).contains(' ')) all.push_back(trimmed_text(phrase));
    phrase.clear();
    ended = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/' && text[i + 1] == '/') {
      i = text.find('\n', i);
    } else if (text[i] == '\'' && text[i + 2] == '\'') {
      put();
      i += 2;
    } else if (text[i] == '"') {
      for (++i; text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
        phrase += text[i];
      }
      ended = true;
    } else if (text[i] != ' ' && text[i] != '\n') {
      put();
    }
  }
  return all;
}

/// Whether some sentence of the table has the phrase in it.
bool is_covered(std::string phrase) {
  for (const std::string_view end : {"", " 1 bytes", " 1 characters"})
    if (!explained(phrase + std::string(end)).is_null()) return true;
  for (std::size_t at = phrase.find("{}"); at != phrase.npos; at = phrase.find("{}")) phrase.replace(at, 2, "{vendor}");
  const std::size_t colon = phrase.find(": ");
  const std::string after = colon == phrase.npos ? phrase : phrase.substr(colon + 2);
  return std::ranges::any_of(explanations(), [&](const Explanation& each) {
    return each.sentence.contains(phrase) || each.sentence.contains(after);
  });
}

}  // namespace

TEST_CASE("admin explain: a sentence has its code and values", "[admin][explain]") {
  struct Row {
    std::string_view message, codes;
  };
  const auto row = GENERATE(values<Row>({
      {"the password does not open this .p12, or the file is damaged", "p12_password"},
      {"this certificate expired at 2026-01-02T03:04:05Z; renew it at Apple", "p12_expired"},
      {"this certificate may not push to a.b, only to c.d, e.f", "p12_topic"},
      {"the .p8 file: not an elliptic-curve key; ES256 needs P-256", "p8_file(key_not_elliptic)"},
      {"private_key in the file: an RSA key of 512 bits; 2048 to 8192 are taken", "account_key(key_bits)"},
      {"the file is empty", "file_empty"},
      {"the MasterSecret is empty", "value_empty"},
      {"app_id: expected 1 to 64 digits", "setting(digits)"},
      {"app_id: missing (AppID, from the app's page)", "setting(missing)"},
      {"app_id: missing (a; b); channel_id: missing (c)", "setting(missing) setting(missing)"},
      {"chanel: no such setting; known: app_id, region; app_id: missing (x)", "setting_unknown setting(missing)"},
      {"click_target: missing; click=page needs the page to open", "setting(missing_of_page)"},
      {"quota_day, quota_device_day: Xiaomi counts public messages, and these are all private", "xiaomi_quota_private"},
      {"the package name: expected a full class name like com.example.shop.MainActivity", "package_name(class_name)"},
      {"version 3: this certificate expired at 2026-01-02T03:04:05Z; renew it at Apple", "version(p12_expired)"},
      {"the vendor refuses the credential: InvalidProviderToken: the key; was revoked", "refused_by_vendor"},
      {"certificate host: 3000 bytes, at most 2048 fit", "part_bytes"},
      // No sentence of the table, or one with more to it.
      {"", ""},
      {"; ", ""},
      {"the file is empty; and sad", ""},
      {"The file is empty", ""},
      {" the file is empty", ""},
      {"the file is empty ", ""},
      {"the  is empty", ""},
      {"App Id: expected 1 to 64 digits", ""},
      {": expected 1 to 64 digits", ""},
      {"app_id: the password of things", ""},
      {"app_id: ", ""},
      {"the .p8 file: nobody knows", ""},
      {"this certificate expired at ; renew it at Apple", ""},
      {"missing", ""},
      {"missing ()", ""},
  }));
  CAPTURE(row.message);
  const ExplainJson reasons = explained(row.message);
  CHECK(reasons.is_null() == row.codes.empty());
  CHECK(codes_of(reasons) == row.codes);
}

TEST_CASE("admin explain: values are what stands in the sentence", "[admin][explain]") {
  const ExplainJson topic = explained("this certificate may not push to a.b, only to c.d, e.f");
  CHECK(topic ==
        ExplainJson::array({{{"code", "p12_topic"}, {"values", {{"bundle_id", "a.b"}, {"topics", "c.d, e.f"}}}}}));
  const ExplainJson setting = explained("app_id: expected 1 to 64 digits");
  CHECK(setting == ExplainJson::array({{{"code", "setting"},
                                        {"values", {{"field", "app_id"}}},
                                        {"why", {{"code", "digits"}, {"values", ExplainJson::object()}}}}}));
  CHECK(explained(Refusal{422, "invalid", "the file is empty", "file"}).reasons.size() == 1);
  CHECK(explained(Refusal{503, "unavailable", "no store"}).reasons.is_null());
}

TEST_CASE("admin explain: a message made to be slow is not", "[admin][explain]") {
  std::string open, closed;  // sentences that take all behind them, and such that do not
  for (int i = 0; i < 20; ++i) {
    open += (i == 0 ? "" : "; ") + std::string("x: expected one of a");
    closed += (i == 0 ? "" : "; ") + std::string("x: expected 1 to 64 digits");
  }
  CHECK(explained(open).size() == 20);
  CHECK(explained(closed).size() == 20);
  CHECK(explained(closed + "; and sad").is_null());
  CHECK(explained(closed + "; " + closed).is_null());  // nobody makes so many mistakes
  CHECK(explained(std::string(1'000'000, ';')).is_null());
  CHECK(explained(std::string(1'000'000, 'x')).is_null());
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "a: ";
  CHECK(explained(deep).is_null());
}

TEST_CASE("admin explain: codes are unique and each is what its own sentence says", "[admin][explain]") {
  std::set<std::string_view> seen;
  for (const Explanation& each : explanations()) {
    CAPTURE(each.code);
    CHECK(seen.insert(each.code).second);
    std::string example(each.sentence);
    for (const std::string& place : places_in(example))
      example.replace(example.find(place), place.size(), place == "{why}" ? "is empty" : "a1");
    const ExplainJson reasons = explained(example);
    REQUIRE(reasons.is_array());
    CHECK(reasons.front()["code"] == each.code);
  }
}

TEST_CASE("admin explain: each code has its Chinese, with the same values, and no other has",
          "[admin][explain][page]") {
  const auto files = static_files();
  const auto words = std::ranges::find(files, "/server_zh_mistakes.js", &StaticFile::path);
  REQUIRE(words != files.end());
  const std::string text(words->bytes);
  for (const Explanation& each : explanations()) {
    CAPTURE(each.code);
    const std::string key = "  'mistake." + std::string(each.code) + "': '";
    const std::size_t at = text.find(key);
    REQUIRE(at != text.npos);
    const std::string line = text.substr(at + key.size(), text.find('\n', at) - at - key.size());
    CHECK(std::ranges::any_of(line, [](char c) { return static_cast<unsigned char>(c) >= 0xe3; }));
    CHECK(places_in(line) == places_in(std::string(each.sentence)));
  }
  std::size_t count = 0;
  for (std::size_t at = text.find("'mistake."); at != text.npos; at = text.find("'mistake.", at + 1)) ++count;
  CHECK(count == explanations().size());
}

TEST_CASE("admin explain: all that the vendors' rooms say of a credential is in the table", "[admin][explain]") {
  // Of pushes, quotas and bugs.
  const std::set<std::string> others = {"libcrypto could not sign",
                                        "libcrypto made a signature it cannot read",
                                        "libcrypto refuses SHA-256",
                                        "ext is longer than OPPO's 4000 characters",
                                        "the receipt tag is longer than OPPO's 50 characters",
                                        "ext is longer than vivo's 1024 characters, its key included",
                                        "the receipt tag is longer than vivo's 64 characters",
                                        "to one device",
                                        ", used up until",
                                        "at UTC",
                                        "trust anchor"};
  std::vector<std::string> files = {"src/app/cert_change.cpp",
                                    "providers/settings.cpp",
                                    "providers/quota.cpp",
                                    "providers/receipt_key.cpp",
                                    "providers/secret_text.cpp",
                                    "providers/https_url.cpp",
                                    "providers/callback_url.h",
                                    "providers/jwt.cpp",
                                    "providers/apns/address.cpp",
                                    "providers/apns/push_certificate.cpp",
                                    "providers/fcm/service_account.cpp",
                                    "providers/huawei/service_account.cpp",
                                    "providers/huawei/setup.cpp",
                                    "providers/oppo/message.cpp",
                                    "providers/vivo/message.cpp"};
  for (const char* vendor : {"apns", "fcm", "huawei", "honor", "xiaomi", "oppo", "vivo", "meizu"})
    files.push_back(std::string("providers/") + vendor + "/inspect.cpp");
  std::size_t phrases = 0;
  for (const std::string& path : files)
    for (const std::string& phrase : phrases_in(path)) {
      ++phrases;
      if (others.contains(phrase)) continue;
      CAPTURE(path, phrase);
      CHECK(is_covered(phrase));
    }
  CHECK(phrases > 120);
}

}  // namespace nightpost::admin
