#include "im/domain/user_sig.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <simdjson.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include "core/text.h"

namespace nightpost::im {
namespace {

namespace dom = simdjson::dom;
using std::chrono::floor;

constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kSigDepthMax = 4;             // the object is flat; what it may hold beside ours is not looked at
constexpr std::size_t kMembersMax = 16;             // ours are seven
constexpr std::int64_t kTimeMax = 253'402'300'799;  // 9999-12-31
constexpr std::int64_t kExpireMax = std::numeric_limits<std::uint32_t>::max();

using Mac = std::array<unsigned char, kMacBytes>;

/// The base64 of userSig has '*', '-' and '_' where RFC 4648 §4 has '+', '/' and '='. The latter are refused: one
/// signature has one alphabet.
std::optional<std::string> from_sig_alphabet(std::string_view sig) {
  std::string text(sig);
  for (char& c : text) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    c = c == '*' ? '+' : c == '-' ? '/' : c == '_' ? '=' : c;
  }
  return from_base64(text);
}

std::string to_sig_alphabet(std::string_view bytes) {
  std::string text = base64(bytes);
  for (char& c : text) c = c == '+' ? '*' : c == '/' ? '-' : c == '=' ? '_' : c;
  return text;
}

struct Inflation {
  z_stream stream{};
  bool begun = inflateInit(&stream) == Z_OK;
  Inflation() = default;
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  ~Inflation() {
    if (begun) inflateEnd(&stream);
  }
};

/// nullopt: not one whole zlib stream (RFC 1950) and nothing else, or more than kSigInflatedMax bytes of text.
std::optional<std::string> inflated(std::string packed) {
  Inflation inflation;
  if (!inflation.begun) return std::nullopt;
  std::string out(kSigInflatedMax + 1, '\0');
  z_stream& stream = inflation.stream;
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (inflate(&stream, Z_FINISH) != Z_STREAM_END || stream.avail_in != 0 || stream.avail_out == 0) return std::nullopt;
  out.resize(out.size() - stream.avail_out);
  return out;
}

/// What the JSON says. `userbuf`: base64, opaque (room privileges); absent: not signed.
struct Ticket {
  std::string_view version, identifier, mac;
  std::optional<std::string_view> userbuf;
  std::int64_t app = 0, time = 0, expire = 0;
};

std::string signed_text(std::int64_t app, std::string_view identifier, std::int64_t time, std::int64_t expire,
                        std::optional<std::string_view> userbuf) {
  std::string text = "TLS.identifier:";
  text += identifier;
  text += "\nTLS.sdkappid:" + std::to_string(app);
  text += "\nTLS.time:" + std::to_string(time);
  text += "\nTLS.expire:" + std::to_string(expire);
  text += '\n';
  if (userbuf) {
    text += "TLS.userbuf:";
    text += *userbuf;
    text += '\n';
  }
  return text;
}

std::optional<Mac> mac_of(std::string_view key, std::string_view text) {
  Mac mac;
  unsigned int length = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), mac.data(), &length) ==
          nullptr ||
      length != kMacBytes)
    return std::nullopt;
  return mac;
}

auto unreadable(std::string_view why) { return refuse(Code::SigUnreadable, "signature: " + std::string(why)); }

/// A whole number, also as a JSON string of its digits. nullopt: anything else, or not in [least, most].
std::optional<std::int64_t> number_in(const dom::element& value, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  std::string_view digits;
  if (value.get_int64().get(number) != simdjson::SUCCESS) {
    if (value.get_string().get(digits) != simdjson::SUCCESS) return std::nullopt;
    const auto [end, ec] = std::from_chars(digits.begin(), digits.end(), number);
    if (ec != std::errc() || end != digits.end() || digits != std::to_string(number)) return std::nullopt;
  }
  if (number < least || number > most) return std::nullopt;
  return number;
}

/// Views into the parser. Other members than ours are passed over, but no name may come twice: signers and checkers
/// would not agree on which one counts.
Answer<Ticket> read_ticket(std::string_view json, dom::parser& parser) {
  dom::object object;
  if (parser.allocate(kSigInflatedMax, kSigDepthMax) != simdjson::SUCCESS) return refuse(Code::Busy, "no memory");
  if (parser.parse(json.data(), json.size()).get_object().get(object) != simdjson::SUCCESS)
    return unreadable("not a JSON object");
  Ticket ticket;
  std::vector<std::string_view> seen;
  bool has_mac = false;
  const auto text = [](const dom::element& value, std::string_view& out) {
    return value.get_string().get(out) == simdjson::SUCCESS && !has_control(out);
  };
  for (const auto [key, value] : object) {
    if (seen.size() == kMembersMax) return unreadable("more than 16 members");
    if (std::ranges::find(seen, key) != seen.end()) return unreadable("a member is there twice");
    seen.push_back(key);
    const auto number = [&](std::int64_t least, std::int64_t most, std::int64_t& out) {
      const std::optional<std::int64_t> read = number_in(value, least, most);
      if (read) out = *read;
      return read.has_value();
    };
    if (key == "TLS.ver") {
      if (!text(value, ticket.version) || ticket.version != "2.0") return unreadable("TLS.ver is not 2.0");
    } else if (key == "TLS.identifier") {
      if (!text(value, ticket.identifier)) return unreadable("TLS.identifier is no text, or has a control character");
    } else if (key == "TLS.sdkappid") {
      if (!number(1, std::numeric_limits<std::int64_t>::max(), ticket.app)) return unreadable("TLS.sdkappid is no app");
    } else if (key == "TLS.time") {
      if (!number(1, kTimeMax, ticket.time)) return unreadable("TLS.time is no time in seconds");
    } else if (key == "TLS.expire") {
      if (!number(1, kExpireMax, ticket.expire)) return unreadable("TLS.expire is no number of seconds");
    } else if (key == "TLS.userbuf") {
      if (!text(value, ticket.userbuf.emplace()) || !from_base64(*ticket.userbuf))
        return unreadable("TLS.userbuf is not base64");
    } else if (key == "TLS.sig") {
      has_mac = true;
      if (!text(value, ticket.mac)) return unreadable("TLS.sig is no text");
    }
  }
  if (ticket.version.empty() || ticket.identifier.empty() || ticket.app == 0 || ticket.time == 0 ||
      ticket.expire == 0 || !has_mac)
    return unreadable("a member is missing");
  return ticket;
}

}  // namespace

Answer<UserSig> verify_user_sig(std::string_view sig, AppId app, std::string_view user,
                                std::span<const std::string> keys, WallTime now) {
  if (sig.empty()) return refuse(Code::SigEmpty, "signature: empty");
  if (sig.size() > kSigBytesMax) return unreadable("longer than 8192 bytes");
  std::optional<std::string> packed = from_sig_alphabet(sig);
  if (!packed) return unreadable("not base64 with * - _ for + / =");
  const std::optional<std::string> json = inflated(*std::move(packed));
  if (!json) return unreadable("not one zlib stream of at most 4096 bytes");
  dom::parser parser;
  const Answer<Ticket> ticket = read_ticket(*json, parser);
  if (!ticket) return std::unexpected(ticket.error());
  if (ticket->app != app.value) return refuse(Code::SigOtherApp, "signature: made for another app");
  if (ticket->identifier != user) return refuse(Code::SigOtherUser, "signature: made for another user");

  const std::optional<std::string> given = from_base64(ticket->mac);
  if (!given || given->size() != kMacBytes) return unreadable("TLS.sig is not 32 bytes of base64");
  const std::string text = signed_text(ticket->app, ticket->identifier, ticket->time, ticket->expire, ticket->userbuf);
  bool genuine = false;
  for (const std::string& key : keys) {  // all of them, always
    if (key.empty()) continue;
    const std::optional<Mac> mac = mac_of(key, text);
    if (!mac) return refuse(Code::Internal, "signature: cannot be checked");
    const bool same = CRYPTO_memcmp(mac->data(), given->data(), kMacBytes) == 0;
    genuine = genuine || same;
  }
  if (!genuine) return refuse(Code::SigMismatch, "signature: not made with a key of this app");

  const UserSig checked{WallTime(seconds(ticket->time)), WallTime(seconds(ticket->time + ticket->expire))};
  if (checked.issued > now + kSigSkewMax)
    return unreadable("issued in the future: the clock of its maker is ahead of ours");
  if (now > checked.ends) return refuse(Code::SigExpired, "signature: expired");
  return checked;
}

std::string make_user_sig(AppId app, std::string_view user, std::string_view key, WallTime issued,
                          std::chrono::seconds expire) {
  const std::int64_t time = floor<seconds>(issued).time_since_epoch().count();
  const std::optional<Mac> mac = mac_of(key, signed_text(app.value, user, time, expire.count(), std::nullopt));
  if (!mac) throw std::runtime_error("HMAC-SHA256 failed");
  std::string json = "{";
  append_json_member(json, "TLS.ver", "2.0");
  append_json_member(json, "TLS.identifier", user);
  append_json_member(json, "TLS.sdkappid", app.value);
  append_json_member(json, "TLS.expire", expire.count());
  append_json_member(json, "TLS.time", time);
  append_json_member(json, "TLS.sig", base64({reinterpret_cast<const char*>(mac->data()), mac->size()}));
  json += '}';
  uLongf size = compressBound(json.size());
  std::string packed(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(json.data()),
                json.size(), 6) != Z_OK)
    throw std::runtime_error("zlib cannot compress");
  packed.resize(size);
  return to_sig_alphabet(packed);
}

}  // namespace nightpost::im
