#include "im/domain/user_sig.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <utility>

#include "core/text.h"

namespace nightpost::im {
namespace {

const std::string kKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const std::string kOtherKey = "f0e0d0c0b0a0908070605040302010000102030405060708090a0b0c0d0e0f10";
constexpr AppId kApp{1'400'000'001};
constexpr std::int64_t kIssued = 1'700'000'000;
constexpr std::int64_t kExpire = 86'400;

WallTime at_second(std::int64_t unix_seconds) { return WallTime(seconds(unix_seconds)); }
const WallTime kSignedAt = at_second(kIssued + 100);

// The published vectors: one signature in five encodings, a user, userbuf "hello", and one that shows the alphabet.
const char* const kLevel6 =
    "eJwtjMsKwjAURP-lrqUkEqoGXFQEER9Q0rpwF0gsl9g2JrEI4r8bmsxuzhnmC81ZFJN2wGFZEFjMHZUeAj5wxlL1OKAPTobR5YFXRlqLCjhlJIUm"
    "oz8WnQa*LqNIKGAfAV3lYaYeu3hOduLqR1THtpKsEeZUC3Ev27d9SVEbGbpNdTmY5366sS38-sW1NFI_";
const char* const kLevel1 =
    "eAGrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwokpuZl5mcUlRYkl*"
    "UVQBcUp2YkFBZkpSlaGJgYQYAjRmlpRkFmUqmRlYQaUgAiVZOYCBQzNoQqh"
    "osWZ6UA7DZyC-YrzM1M8Qx0TTUKCs70Dg4OjzEJLCwoTgwOzE0vSLR193bNzXMrCTGyVagHFtTRS";
const char* const kStored =
    "eAEBrgBR-"
    "3siVExTLnZlciI6IjIuMCIsIlRMUy5pZGVudGlmaWVyIjoiYWRtaW5pc3RyYXRvciIsIlRMUy5zZGthcHBpZCI6MTQwMDAwMDAwMSwiVExT"
    "LmV4cGlyZSI6ODY0MDAsIlRMUy50aW1lIjoxNzAwMDAwMDAwLCJUTFMuc2lnIjoiMEJTTnNvaWRJVUFhNFRTa0tRU1NaNlV1cHFhU1FrYXRnOUFNR2"
    "ts"
    "RHZWND0ifcW1NFI_";
const char* const kBlanks =
    "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-"
    "Myi0uKEkvyi2BKilOyEwsKMlOACgxNDCDAECqXWlGQWZQKlLEwA0pBBUsyc0FChuZQ"
    "xTDx4sx0kCUGTsF*xfmZKZ6hjokmIcHZ3oHBwVFmoaUFhYnBgdmJJemWjr7u2TkuZWEmtkq1AEdCNbI_";
const char* const kSorted =
    "eJwtjlsLwiAYhv-Ldx1DQ1YJXSyCiA4w3LroTtCND9tmaiOI-ntivpfviecDzVkU*m3RaeDrkhGySBYqPQbsUDvgINWAI-rgZJgc-"
    "AteGWktKuA0jpJo"
    "TrCPG7ITVz*hOraVZI0wp1qIe9m*7FOK2sjQb6rLwTz2841t82XAIULQVb7LJHNCWBYEvj*MrjRS";
const char* const kUser01 =
    "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwqXFqUXxBoZQqeKU7MSCgswUJStDEwMIMITIpFYUZBalKllZmAElIEIlmblAAUNzqEKoaHFmOt"
    "DY"
    "TEcT7xQjw4KqHA8P44Ci8JQcZ5PAcIP8iowKT8tsZwsn18qS7KCAioyUZFulWgDqNzFO";
const char* const kUserbuf =
    "eJw1zU0LgkAQBuD-MtfC1gxTwUMQeSg9qOR5ZVebwg9mV4mi-565Nrd53peZN*"
    "SXzBolQQBbi8F63lHIVmOFM3PRYItKE9cdLQUlHrzvUUBg75gZ2yTy"
    "2SNJCDx3CgxpbCaw90tx0UFJKofq9yC6qjLywv9trCfsDoWf35MxJj34ySYbndxJjyvk6JyIajeNbjEWr*ocsxA*Xyo0O5k_";
const char* const kU2 =
    "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwqVGUNHilOzEgoLMFCUrQxMDCDCEyKRWFGQWpSpZWZgBJSBCJZm5QAFDc6hCqGhxZjrQRE9Dbc"
    "sgI0v3"
    "jJSURAMDS8*gyqIqkxSzDJ-yDEMvgwBzSz9ns0If7RST7GJbpVoAoBgt2w__";

Answer<UserSig> check(std::string_view sig, std::string_view user = "administrator", WallTime now = kSignedAt,
                      AppId app = kApp, const std::vector<std::string>& keys = {kKey}) {
  return verify_user_sig(sig, app, user, keys, now);
}
std::optional<Code> code_of(const Answer<UserSig>& answer) {
  return answer ? std::nullopt : std::optional(answer.error().code);
}

std::string encoded(std::string_view bytes) {
  std::string text = base64(bytes);
  for (char& c : text) c = c == '+' ? '*' : c == '/' ? '-' : c == '=' ? '_' : c;
  return text;
}
std::string decoded(std::string text) {
  for (char& c : text) c = c == '*' ? '+' : c == '-' ? '/' : c == '_' ? '=' : c;
  return from_base64(text).value();
}
std::string deflated(std::string_view text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  REQUIRE(compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
                    text.size(), 9) == Z_OK);
  out.resize(size);
  return out;
}
std::string packed(std::string_view json) { return encoded(deflated(json)); }
std::string unpacked(const char* sig) {
  const std::string bytes = decoded(sig);
  std::string out(4096, '\0');
  uLongf size = out.size();
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                     bytes.size()) == Z_OK);
  out.resize(size);
  return out;
}
std::string mac_of(std::string_view text, std::string_view key = kKey) {
  std::string mac(32, '\0');
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), int(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &length);
  return base64(mac);
}

/// JSON signed honestly, whatever stands in it: what somebody with the key could make.
std::string signed_json(const std::string& identifier_json, const std::string& identifier, std::string_view rest = {}) {
  const std::string mac =
      mac_of("TLS.identifier:" + identifier + "\nTLS.sdkappid:1400000001\nTLS.time:1700000000\nTLS.expire:86400\n");
  return R"({"TLS.ver":"2.0","TLS.identifier":)" + identifier_json +
         R"(,"TLS.sdkappid":1400000001,"TLS.expire":86400,"TLS.time":1700000000,"TLS.sig":")" + mac + "\"" +
         std::string(rest) + "}";
}

TEST_CASE("user sig: what the official signers make is taken, and only as they made it", "[im][domain][sig]") {
  struct Row {
    const char* signer;
    const char* sig;
  };
  const auto row = GENERATE(values<Row>({
      {"tls-sig-api-v2 1.1 of PyPI",
       "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkgJy8SphUcUp2YkFBZgpQwtDEAAIMoXKpFQWZRalAGQszoBRUsCQzFyRkaG5pamlpbG5"
       "qDjMo"
       "Mx1kuGWIa4qZSWKpZ7Z3iXFhuba2eVC2drivqa*5RXZJXnKqT3K2W7JxRbhlUL6tUi0AA5MxzQ__"},
      {"the same, with userbuf",
       "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkgJy8SphUcUp2YkFBZgpQwtDEAAIMoXKpFQWZRalAGQszoBRUsCQzFyRkaG5pamlpbG5"
       "qDhUv"
       "LU4tSipNA1kQGe6VBTc-Mx0klOaf5JqXGOKWU*qTaJhXWhocUhLh5B*c7pTlF*ybmmdpnOJYGFpgnO5p7mmrVAsA4aM5Sw__"},
      {"tls-sig-api-v2 1.0.2 of npm",
       "eJwtjMsKwjAQRf9l1lLSdxNwJWpBRcSqtTslExmDbahpsYj-LjS9u3MO3C8U26PXYwsCAo-BbGSSWFtSNGqJdT1M4S31zRiSIPyIufmuWHohCD-"
       "lMedh"
       "GmfO4sdQiyCyJGJsuqAHCMg3vCK1tqrpyyFcYNftltVTBVdt7pd9oVYUJ4fy3OQnPYffH7wtMZE_"},
      {"the same, a room's privilege",
       "eJw1jcsOgjAUBf-lbjVYpKg0YXENWE2MLiQ*2AEt0qANacVHjP9uAjq7M7M4b0jWO*"
       "cuDTAYOwSG3VZC6psqVaeF1Pr1C1bUWdMoAcylpMfty01dJTB3"
       "GvhB4E39WW-ls1FGAptNKCG9aq00eVsCA0RcpHzf5vqSFDWdI2JMrnaLFUXEaIQdYfj-"
       "VmdgUPBkteTmwG3uH6PWpl7wfJBqEItkY5T0TvxO9hnZLTUN"
       "4fMFPABBbg__"},
  }));
  CAPTURE(row.signer);
  const std::string sig = row.sig;
  const WallTime made = at_second(1'795'993'900);  // at most some minutes before
  const auto good = check(sig, "denny", made);
  REQUIRE(good);
  CHECK(good->ends - good->issued == seconds(86'400));
  CHECK(code_of(check(sig, "denny", good->ends)) == std::nullopt);
  CHECK(code_of(check(sig, "denny", good->ends + seconds(1))) == Code::SigExpired);
  CHECK(code_of(check(sig, "vinson", made)) == Code::SigOtherUser);
  CHECK(code_of(check(sig, "denny", made, AppId{1'400'000'002})) == Code::SigOtherApp);
  CHECK(code_of(check(sig, "denny", made, kApp, {kOtherKey})) == Code::SigMismatch);
  for (std::size_t i = 0; i < sig.size(); i += 7) {
    std::string tampered = sig;
    tampered[i] = tampered[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(check(tampered, "denny", made));
  }
}

TEST_CASE("user_sig: the published vectors are valid in every encoding", "[im][domain][user_sig]") {
  for (const auto& [sig, user] : std::initializer_list<std::pair<const char*, const char*>>{{kLevel6, "administrator"},
                                                                                            {kLevel1, "administrator"},
                                                                                            {kStored, "administrator"},
                                                                                            {kBlanks, "administrator"},
                                                                                            {kSorted, "administrator"},
                                                                                            {kUser01, "user_01"},
                                                                                            {kUserbuf, "administrator"},
                                                                                            {kU2, "u2"}}) {
    CAPTURE(sig);
    const Answer<UserSig> answer = check(sig, user);
    REQUIRE(answer);
    CHECK(answer->issued == at_second(kIssued));
    CHECK(answer->ends == at_second(kIssued + kExpire));
  }
}

TEST_CASE("user_sig: who it is for, and from when to when", "[im][domain][user_sig]") {
  CHECK(code_of(check(kLevel6, "user_01")) == Code::SigOtherUser);
  CHECK(code_of(check(kLevel6, "Administrator")) == Code::SigOtherUser);
  CHECK(code_of(check(kLevel6, "")) == Code::SigOtherUser);
  CHECK(code_of(check(kLevel6, "administrator", kSignedAt, AppId{1'400'000'002})) == Code::SigOtherApp);
  CHECK(check(kLevel6, "administrator", at_second(kIssued + kExpire)));
  CHECK(code_of(check(kLevel6, "administrator", at_second(kIssued + kExpire + 1))) == Code::SigExpired);
  CHECK(code_of(check(kLevel6, "administrator", at_second(kIssued + kExpire) + milliseconds(1))) == Code::SigExpired);
  CHECK(check(kLevel6, "administrator", at_second(kIssued) - kSigSkewMax));
  CHECK(code_of(check(kLevel6, "administrator", at_second(kIssued) - kSigSkewMax - milliseconds(1))) ==
        Code::SigUnreadable);
  // Who made it up is not told when it would have ended.
  CHECK(code_of(check(kLevel6, "administrator", at_second(kIssued + kExpire + 1), kApp, {kOtherKey})) ==
        Code::SigMismatch);
}

TEST_CASE("user_sig: any key of the app opens, and nothing else", "[im][domain][user_sig]") {
  const auto with = [](std::vector<std::string> keys) {
    return code_of(check(kLevel6, "administrator", kSignedAt, kApp, keys));
  };
  CHECK_FALSE(with({kKey, kOtherKey}));
  CHECK_FALSE(with({kOtherKey, kKey}));
  CHECK_FALSE(with({"", kKey}));
  CHECK(with({kOtherKey}) == Code::SigMismatch);
  CHECK(with({}) == Code::SigMismatch);
  CHECK(with({kKey + "\n"}) == Code::SigMismatch);
  // An app without a key is not an app whose key is the empty text.
  const std::string forged = make_user_sig(kApp, "administrator", "x", at_second(kIssued), seconds(kExpire));
  const auto unkeyed = nlohmann::json::parse(unpacked(forged.c_str()));
  nlohmann::json json = unkeyed;
  json["TLS.sig"] =
      mac_of("TLS.identifier:administrator\nTLS.sdkappid:1400000001\nTLS.time:1700000000\nTLS.expire:86400\n", "");
  CHECK(code_of(check(packed(json.dump()), "administrator", kSignedAt, kApp, {""})) == Code::SigMismatch);
}

TEST_CASE("user_sig: made here, it is what the reference makes", "[im][domain][user_sig]") {
  const std::string made =
      make_user_sig(kApp, "administrator", kKey, at_second(kIssued) + milliseconds(999), seconds(kExpire));
  CHECK(unpacked(made.c_str()) == unpacked(kLevel6));
  CHECK(check(made));
  for (const char* user : {"u2", "a b", "\"quoted\\", "~", "12345678901234567890123456789012"}) {
    CAPTURE(user);
    CHECK(check(make_user_sig(kApp, user, kKey, at_second(kIssued), seconds(1)), user, at_second(kIssued)));
  }
}

TEST_CASE("user_sig: changed in any way, it is refused", "[im][domain][user_sig]") {
  struct Row {
    const char* name;
    const char* member;
    nlohmann::json value;
    Code code;
  };
  const std::string mac = nlohmann::json::parse(unpacked(kLevel6))["TLS.sig"];
  std::string other_mac = mac;
  other_mac[0] = other_mac[0] == 'A' ? 'B' : 'A';
  const Row row = GENERATE_COPY(values<Row>({
      {"longer life", "TLS.expire", 86'401, Code::SigMismatch},
      {"later time", "TLS.time", kIssued + 1, Code::SigMismatch},
      {"userbuf put in", "TLS.userbuf", "aGVsbG8=", Code::SigMismatch},
      {"empty userbuf put in", "TLS.userbuf", "", Code::SigMismatch},
      {"one bit of the mac", "TLS.sig", other_mac, Code::SigMismatch},
      {"mac of nothing", "TLS.sig", "", Code::SigUnreadable},
      {"mac shortened", "TLS.sig", mac.substr(0, 40), Code::SigUnreadable},
      {"mac with a blank", "TLS.sig", mac + " ", Code::SigUnreadable},
      {"mac of a number", "TLS.sig", 7, Code::SigUnreadable},
      {"other version", "TLS.ver", "1.0", Code::SigUnreadable},
      {"version as a number", "TLS.ver", 2.0, Code::SigUnreadable},
      {"app as a fraction", "TLS.sdkappid", 1400000001.5, Code::SigUnreadable},
      {"app negative", "TLS.sdkappid", -1400000001, Code::SigUnreadable},
      {"app with a blank", "TLS.sdkappid", "1400000001 ", Code::SigUnreadable},
      {"app with a plus", "TLS.sdkappid", "+1400000001", Code::SigUnreadable},
      {"app with a zero before it", "TLS.sdkappid", "01400000001", Code::SigUnreadable},
      {"app beyond 64 bits", "TLS.sdkappid", "9223372036854775808", Code::SigUnreadable},
      {"app null", "TLS.sdkappid", nullptr, Code::SigUnreadable},
      {"time zero", "TLS.time", 0, Code::SigUnreadable},
      {"time negative", "TLS.time", -1, Code::SigUnreadable},
      {"time in ms", "TLS.time", 1'700'000'000'000, Code::SigUnreadable},
      {"time that overflows", "TLS.time", 9'223'372'036'854'775'807, Code::SigUnreadable},
      {"time with a line behind it", "TLS.time", "1700000000\nTLS.expire:999999999", Code::SigUnreadable},
      {"no life", "TLS.expire", 0, Code::SigUnreadable},
      {"life for ever", "TLS.expire", 9'223'372'036'854'775'807, Code::SigUnreadable},
      {"life as a list", "TLS.expire", {86'400}, Code::SigUnreadable},
      {"userbuf not base64", "TLS.userbuf", "a", Code::SigUnreadable},
      {"userbuf with a line behind it", "TLS.userbuf", "aGVsbG8=\n", Code::SigUnreadable},
      {"identifier a number", "TLS.identifier", 5, Code::SigUnreadable},
      {"identifier empty", "TLS.identifier", "", Code::SigUnreadable},
      {"identifier another", "TLS.identifier", "administrator2", Code::SigOtherUser},
      {"identifier with NUL", "TLS.identifier", std::string("administrator\0", 14), Code::SigUnreadable},
  }));
  CAPTURE(row.name);
  nlohmann::json json = nlohmann::json::parse(unpacked(kLevel6));
  json[row.member] = row.value;
  CHECK(code_of(check(packed(json.dump()))) == row.code);
}

TEST_CASE("user_sig: each member is needed", "[im][domain][user_sig]") {
  for (const char* member : {"TLS.ver", "TLS.identifier", "TLS.sdkappid", "TLS.time", "TLS.expire", "TLS.sig"}) {
    CAPTURE(member);
    nlohmann::json json = nlohmann::json::parse(unpacked(kLevel6));
    json.erase(member);
    CHECK(code_of(check(packed(json.dump()))) == Code::SigUnreadable);
  }
  // Without its userbuf, a signature over one is another text.
  nlohmann::json json = nlohmann::json::parse(unpacked(kUserbuf));
  json.erase("TLS.userbuf");
  CHECK(code_of(check(packed(json.dump()))) == Code::SigMismatch);
}

TEST_CASE("user_sig: numbers may be strings, and other members may stand beside", "[im][domain][user_sig]") {
  nlohmann::json json = nlohmann::json::parse(unpacked(kLevel6));
  for (const char* member : {"TLS.sdkappid", "TLS.time", "TLS.expire"})
    json[member] = std::to_string(json[member].get<std::int64_t>());
  json["TLS.note"] = {{"any", 1}};
  CHECK(check(packed(json.dump())));
}

TEST_CASE("user_sig: a newline in the identifier does not forge the text that is signed", "[im][domain][user_sig]") {
  // The key's owner signed the user "u" + newline + what reads like the next line; read back as a user of two lines it
  // would be another's signature.
  CHECK(check(packed(signed_json(R"("u")", "u")), "u"));
  for (const char* escaped : {R"("u\nTLS.sdkappid:1")", R"("u\r")", R"("u\u0000")", R"("u\u007f")", R"("\tu")"}) {
    CAPTURE(escaped);
    const std::string user = nlohmann::json::parse(escaped);
    CHECK(code_of(check(packed(signed_json(escaped, user)), user)) == Code::SigUnreadable);
  }
}

TEST_CASE("user_sig: a member there twice is refused, whichever would count", "[im][domain][user_sig]") {
  for (const char* rest :
       {R"(,"TLS.identifier":"u")", R"(,"TLS.identifier":"administrator")", R"(,"\u0054LS.identifier":"u")",
        R"(,"TLS.expire":86400)", R"(,"TLS.ver":"2.0")", R"(,"TLS.sig":"")", R"(,"x":1,"x":1)"}) {
    CAPTURE(rest);
    CHECK(code_of(check(packed(signed_json(R"("u")", "u", rest)), "u")) == Code::SigUnreadable);
  }
}

TEST_CASE("user_sig: what is no signature has a code and reads nothing beyond its bounds", "[im][domain][user_sig]") {
  CHECK(code_of(check("")) == Code::SigEmpty);
  std::string deep = R"({"a":)" + std::string(2000, '[') + std::string(2000, ']') + "}";
  std::string many = "{";
  for (int i = 0; i < 300; ++i) append_json_member(many, "m" + std::to_string(i), std::int64_t(i));
  many += "}";
  const std::string zeros = deflated(std::string(1'000'000, '\0'));
  const std::string blanks = std::string(kSigInflatedMax - unpacked(kLevel6).size(), ' ');
  for (const std::string& sig : {std::string(" "),
                                 std::string("abc"),
                                 std::string("____"),
                                 std::string("%2A"),
                                 std::string("eJw"),
                                 std::string(kLevel6) + "\n",
                                 std::string(kLevel6) + "AAAA",
                                 encoded(decoded(kLevel6) + "x"),
                                 encoded(decoded(kLevel6) + decoded(kLevel6)),
                                 encoded(decoded(kLevel6).substr(2)),
                                 encoded(unpacked(kLevel6)),
                                 packed(""),
                                 packed("[]"),
                                 packed("7"),
                                 packed("\"TLS.ver\""),
                                 packed("{"),
                                 packed("{}"),
                                 packed(unpacked(kLevel6) + "{}"),
                                 packed(unpacked(kLevel6) + "x"),
                                 packed("{\"a\":\"\xff\"}"),
                                 packed(R"({"TLS.identifier":"\udc00"})"),
                                 packed(R"({"TLS.identifier":"\ud800"})"),
                                 packed(deep),
                                 packed(many),
                                 encoded(zeros),
                                 packed(unpacked(kLevel6) + blanks + " "),
                                 std::string(kSigBytesMax + 1, 'A'),
                                 std::string(1'000'000, 'A')}) {
    CAPTURE(sig.substr(0, 80));
    CHECK(code_of(check(sig)) == Code::SigUnreadable);
  }
  CHECK(check(packed(unpacked(kLevel6) + blanks)));  // exactly the limit
  // RFC 4648's own letters are another alphabet.
  std::string plain = kU2;
  for (char& c : plain) c = c == '*' ? '+' : c == '-' ? '/' : c == '_' ? '=' : c;
  CHECK(code_of(check(plain, "u2")) == Code::SigUnreadable);
}

TEST_CASE("user_sig: cut anywhere, or with one letter changed, it opens nothing", "[im][domain][user_sig]") {
  const std::string sig = kU2;
  for (std::size_t length = 0; length < sig.size(); ++length) {
    CAPTURE(length);
    REQUIRE_FALSE(check(sig.substr(0, length), "u2"));
  }
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-_";
  std::mt19937 random(20'261'121);
  for (int i = 0; i < 2000; ++i) {
    std::string changed = sig;
    char& c = changed[random() % changed.size()];
    const char before = c;
    c = kAlphabet[random() % kAlphabet.size()];
    if (c == before) continue;
    CAPTURE(changed);
    REQUIRE_FALSE(check(changed, "u2"));
  }
}

TEST_CASE("user_sig: a refusal never shows a key or the signature", "[im][domain][user_sig]") {
  for (const char* sig : {kLevel6, kUser01, kU2, "abc", ""}) {
    const Answer<UserSig> answer = check(sig, "nobody", kSignedAt, kApp, {kOtherKey});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().why.find(kOtherKey) == std::string::npos);
    CHECK(answer.error().why.find("eJ") == std::string::npos);
    CHECK(answer.error().why.starts_with("signature: "));
  }
}

}  // namespace
}  // namespace nightpost::im
