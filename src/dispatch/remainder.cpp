#include "dispatch/remainder.h"

#include <simdjson.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_set>
#include <utility>

#include "core/text.h"
#include "dispatch/json_reader.h"

namespace nightpost::dispatch {
namespace {

constexpr std::size_t kReceiversMax = 10'000;
constexpr std::size_t kDevicesMax = 1'000;  // of one user
constexpr std::int64_t kCountMax = 1'000'000;
constexpr std::size_t kWordBytesMax = 256;

class RemainderReader final : public JsonReader {
 public:
  RemainderReader(od::parser& parser, std::uint8_t* out, Remainder& remainder)
      : JsonReader(parser, out), remainder_(remainder) {}

  bool run(const simdjson::padded_string& json) {
    od::document document;
    if (const auto error = parser_.iterate(json).get(document)) return broken(error);
    od::value root;
    if (const auto error = document.get_value().get(root))
      return error == simdjson::SCALAR_DOCUMENT_AS_VALUE ? wrong(Path(), "expected an object") : broken(error);
    if (!whole(root, Path())) return false;
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return wrong(Path(), "text after the remainder");
    return true;
  }

 private:
  bool whole(od::value value, const Path& at) {
    static constexpr std::array<Member, 5> kMembers = {
        {{"v", true}, {"first_at"}, {"hops"}, {"not_before"}, {"left", true}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      switch (which) {
        case 0: {
          std::int64_t version = 0;
          return integer(v, here, 1, 1, version);
        }
        case 1:
          return time(v, here, remainder_.first_at);
        case 2:
          return count(v, here, remainder_.hops);
        case 3:
          return time(v, here, remainder_.not_before);
        default:
          return receivers(v, here);
      }
    });
  }

  bool receivers(od::value value, const Path& at) {
    std::unordered_set<std::string> seen;
    const auto visit = [&](od::value v, const Path& here) {
      ReceiverLeft& one = remainder_.left.emplace_back();
      if (!receiver(v, here, one)) return false;
      return seen.insert(one.user_id).second || wrong(here, "a user who is there twice");
    };
    if (!items(value, at, kReceiversMax, visit)) return false;
    return !remainder_.left.empty() || wrong(at, "empty");
  }

  bool receiver(od::value value, const Path& at, ReceiverLeft& out) {
    static constexpr std::array<Member, 2> kMembers = {{{"user_id", true}, {"devices"}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      return which == 0 ? named(v, here, out.user_id) : devices(v, here, out.devices);
    });
  }

  bool devices(od::value value, const Path& at, std::vector<DeviceLeft>& out) {
    const auto visit = [&](od::value v, const Path& here) {
      DeviceLeft& one = out.emplace_back();
      if (!device(v, here, one)) return false;
      const auto same = std::ranges::count(out, one.device_id, &DeviceLeft::device_id);
      return same == 1 || wrong(here, "a device that is there twice");
    };
    if (!items(value, at, kDevicesMax, visit)) return false;
    return !out.empty() || wrong(at, "empty");
  }

  bool device(od::value value, const Path& at, DeviceLeft& out) {
    static constexpr std::array<Member, 9> kMembers = {{{"device_id", true},
                                                        {"sent"},
                                                        {"unheard"},
                                                        {"hops"},
                                                        {"tried_since"},
                                                        {"not_before"},
                                                        {"rule"},
                                                        {"vendor"},
                                                        {"code"}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      switch (which) {
        case 0:
          return named(v, here, out.device_id);
        case 1:
          return count(v, here, out.sent);
        case 2:
          return count(v, here, out.unheard);
        case 3:
          return count(v, here, out.hops);
        case 4:
          return time(v, here, out.tried_since);
        case 5:
          return time(v, here, out.not_before);
        case 6:
          return word(v, here, out.rule);
        case 7:
          return word(v, here, out.vendor);
        default:
          return word(v, here, out.code);
      }
    });
  }

  bool named(od::value value, const Path& at, std::string& out) {
    std::string_view text;
    if (!id(value, at, text)) return false;
    out = text;
    return true;
  }

  bool word(od::value value, const Path& at, std::string& out) {
    std::string_view found;
    if (!text(value, at, found)) return false;
    if (found.size() > kWordBytesMax) return wrong(at, "longer than " + std::to_string(kWordBytesMax) + " bytes");
    out = found;
    return true;
  }

  bool count(od::value value, const Path& at, int& out) {
    std::int64_t number = 0;
    if (!integer(value, at, 0, kCountMax, number)) return false;
    out = static_cast<int>(number);
    return true;
  }

  Remainder& remainder_;
};

// Members that say nothing are left out.

void number_unless_0(std::string& out, std::string_view key, std::int64_t value) {
  if (value != 0) append_json_member(out, key, value);
}
void text_unless_empty(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (is_valid_utf8(value))
    append_json_member(out, key, value);
  else
    append_json_member(out, key, utf8_repaired(value));
}

void append(std::string& out, const DeviceLeft& device) {
  out += '{';
  text_unless_empty(out, "device_id", device.device_id);
  number_unless_0(out, "sent", device.sent);
  number_unless_0(out, "unheard", device.unheard);
  number_unless_0(out, "hops", device.hops);
  number_unless_0(out, "tried_since", to_ms(device.tried_since));
  number_unless_0(out, "not_before", to_ms(device.not_before));
  text_unless_empty(out, "rule", device.rule);
  text_unless_empty(out, "vendor", device.vendor);
  text_unless_empty(out, "code", std::string_view(device.code).substr(0, kCodeBytesMax));
  out += '}';
}

}  // namespace

Result<Remainder> read_remainder(std::string_view json) {
  if (json.size() > kRemainderBytesMax)
    return fail(Errc::Malformed, "$: longer than " + std::to_string(kRemainderBytesMax) + " bytes");
  const simdjson::padded_string padded(json);
  std::vector<std::uint8_t> unescaped(json.size() + simdjson::SIMDJSON_PADDING);
  od::parser parser;
  Remainder remainder;
  RemainderReader reader(parser, unescaped.data(), remainder);
  if (!reader.run(padded)) return fail(Errc::Malformed, std::move(reader.fault));
  return remainder;
}

std::string to_json(const Remainder& remainder) {
  std::string out = R"({"v":1)";
  number_unless_0(out, "first_at", to_ms(remainder.first_at));
  number_unless_0(out, "hops", remainder.hops);
  number_unless_0(out, "not_before", to_ms(remainder.not_before));
  out += R"(,"left":[)";
  for (const ReceiverLeft& receiver : remainder.left) {
    out += out.ends_with('[') ? "{" : ",{";
    text_unless_empty(out, "user_id", receiver.user_id);
    if (!receiver.devices.empty()) {
      out += R"(,"devices":[)";
      for (const DeviceLeft& device : receiver.devices) {
        if (!out.ends_with('[')) out += ',';
        append(out, device);
      }
      out += ']';
    }
    out += '}';
  }
  return out += "]}";
}

}  // namespace nightpost::dispatch
