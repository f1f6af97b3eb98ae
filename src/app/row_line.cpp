#include "app/row_line.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "app/output.h"
#include "core/text.h"
#include "dispatch/json_reader.h"

namespace nightpost::app {
namespace {

using dispatch::Member;
using dispatch::Path;
using DeviceRow = store::Store::DeviceRow;
using UserRow = store::Store::UserRow;
namespace od = simdjson::ondemand;

constexpr std::int64_t kIntegerMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kIntegerMax = std::numeric_limits<std::int64_t>::max();

class RowReader final : public dispatch::JsonReader {
 public:
  RowReader(od::parser& parser, std::uint8_t* out) : JsonReader(parser, out, Unknown::Refuse) {}

  bool run(simdjson::padded_string_view line, DeviceRow& row) {
    return root(line, [&](od::value value) { return device(value, Path(), row); });
  }
  bool run(simdjson::padded_string_view line, UserRow& row) {
    return root(line, [&](od::value value) { return user(value, Path(), row); });
  }

 private:
  template <class Visit>
  bool root(simdjson::padded_string_view line, Visit visit) {
    od::document document;
    if (const auto error = parser_.iterate(line).get(document)) return broken(error);
    od::value value;
    if (const auto error = document.get_value().get(value))
      return error == simdjson::SCALAR_DOCUMENT_AS_VALUE ? wrong(Path(), "expected an object") : broken(error);
    if (!visit(value)) return false;
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return wrong(Path(), "text after the object");
    return true;
  }

  bool copy(od::value value, const Path& at, std::string& out) {
    std::string_view found;
    if (!text(value, at, found)) return false;
    out = found;
    return true;
  }

  template <class Enum>
  bool named(od::value value, const Path& at, std::optional<Enum> (*from)(std::string_view) noexcept,
             std::string_view names, Enum& out) {
    std::string_view found;
    if (!text(value, at, found)) return false;
    const auto known = from(found);
    if (!known) return wrong(at, "none of " + std::string(names));
    out = *known;
    return true;
  }

  bool device(od::value value, const Path& at, DeviceRow& row) {
    static constexpr std::array<Member, 11> kMembers = {{{"app_id", true},
                                                         {"user_id", true},
                                                         {"device_id", true},
                                                         {"platform", true},
                                                         {"certificate_id"},
                                                         {"token"},
                                                         {"token_kind"},
                                                         {"registered_at", true},
                                                         {"state"},
                                                         {"badge_base"},
                                                         {"language"}}};
    Device& device = row.device;
    std::string token;
    TokenKind kind = TokenKind::Token;
    const auto visit = [&](std::size_t which, od::value v, const Path& here) {
      std::int64_t number = 0;
      switch (which) {
        case 0:
          return integer(v, here, 1, kIntegerMax, row.app.value);
        case 1:
          return copy(v, here, row.user_id);
        case 2:
          return copy(v, here, device.device_id);
        case 3:
          return named(v, here, platform_from, "ios, android, web, mini_program, desktop", device.platform);
        case 4:
          return integer(v, here, 0, kIntegerMax, device.certificate.value);
        case 5:
          return copy(v, here, token);
        case 6:
          return named(v, here, token_kind_from, "token, fid, voip", kind);
        case 7:
          if (!integer(v, here, 0, kIntegerMax, number)) return false;
          device.registered_at = wall_from_ms(number);
          return true;
        case 8:
          return named(v, here, device_state_from, "foreground, background, offline, logged_out", device.state);
        case 9:
          if (!integer(v, here, 0, std::numeric_limits<std::int32_t>::max(), number)) return false;
          device.badge_base = static_cast<std::int32_t>(number);
          return true;
        default:
          return copy(v, here, device.language);
      }
    };
    if (!members(value, at, kMembers, visit)) return false;
    device.token = DeviceToken(std::move(token), kind);
    return true;
  }

  bool user(od::value value, const Path& at, UserRow& row) {
    static constexpr std::array<Member, 8> kMembers = {{{"app_id", true},
                                                        {"user_id", true},
                                                        {"push"},
                                                        {"badge"},
                                                        {"language"},
                                                        {"sound_c2c"},
                                                        {"sound_group"},
                                                        {"mutes"}}};
    bool muting = false;
    const auto visit = [&](std::size_t which, od::value v, const Path& here) {
      if (which == 0) return integer(v, here, 1, kIntegerMax, row.app.value);
      if (which == 1) return copy(v, here, row.user_id);
      if (which == 7) {
        muting = true;
        return items(v, here, kRowLineBytesMax,
                     [&](od::value each, const Path& place) { return mute(each, place, row.mutes.emplace_back()); });
      }
      if (!row.settings) row.settings.emplace();
      switch (which) {
        case 2:
          return boolean(v, here, row.settings->enabled);
        case 3:
          return boolean(v, here, row.settings->badge);
        case 4:
          return copy(v, here, row.settings->language);
        case 5:
          return copy(v, here, row.settings->sound_c2c);
        default:
          return copy(v, here, row.settings->sound_group);
      }
    };
    if (!members(value, at, kMembers, visit)) return false;
    return row.settings || muting || wrong(at, "names neither a setting nor mutes");
  }

  bool mute(od::value value, const Path& at, Mute& mute) {
    static constexpr std::array<Member, 4> kMembers = {{{"kind", true}, {"target"}, {"until"}, {"unless_mentioned"}}};
    return members(value, at, kMembers, [&](std::size_t which, od::value v, const Path& here) {
      std::int64_t until = 0;
      switch (which) {
        case 0:
          return named(v, here, mute_kind_from, "all, peer, group", mute.kind);
        case 1:
          return copy(v, here, mute.target);
        case 2:
          if (!integer(v, here, kIntegerMin, kIntegerMax, until)) return false;
          mute.until = wall_from_ms(until);
          return true;
        default:
          return boolean(v, here, mute.unless_mentioned);
      }
    });
  }
};

void append_json_flag(std::string& out, std::string_view key, bool value) {
  out.append(",\"").append(key).append(value ? "\":true" : "\":false");
}

}  // namespace

struct RowDecoder::Memory {
  od::parser parser;
  std::string line;       // with simdjson's padding behind it
  std::string unescaped;  // room for all text of a line

  template <class Row>
  Result<Row> read(std::string_view text) {
    line.assign(text);
    line.append(simdjson::SIMDJSON_PADDING, '\0');
    if (unescaped.size() < line.size()) unescaped.resize(line.size());
    RowReader reader(parser, reinterpret_cast<std::uint8_t*>(unescaped.data()));
    Row row;
    if (!reader.run(simdjson::padded_string_view(line.data(), text.size(), line.size()), row))
      return fail(Errc::Malformed, printable(reader.fault));
    return row;
  }
};

RowDecoder::RowDecoder() : memory_(std::make_unique<Memory>()) {}
RowDecoder::~RowDecoder() = default;

Result<DeviceRow> RowDecoder::device(std::string_view line) { return memory_->read<DeviceRow>(line); }
Result<UserRow> RowDecoder::user(std::string_view line) { return memory_->read<UserRow>(line); }

void append_line(std::string& out, const DeviceRow& row) {
  const Device& device = row.device;
  out += '{';
  append_json_member(out, "app_id", row.app.value);
  append_json_member(out, "user_id", row.user_id);
  append_json_member(out, "device_id", device.device_id);
  append_json_member(out, "platform", name_of(device.platform));
  append_json_member(out, "certificate_id", device.certificate.value);
  append_json_member(out, "token", device.token.text());
  append_json_member(out, "token_kind", name_of(device.token.kind()));
  append_json_member(out, "registered_at", to_ms(device.registered_at));
  append_json_member(out, "state", name_of(device.state));
  append_json_member(out, "badge_base", std::int64_t{device.badge_base});
  append_json_member(out, "language", device.language);
  out += "}\n";
}

void append_line(std::string& out, const UserRow& row) {
  std::span<const Mute> left = row.mutes;
  do {
    out += '{';
    append_json_member(out, "app_id", row.app.value);
    append_json_member(out, "user_id", row.user_id);
    if (row.settings) {
      append_json_flag(out, "push", row.settings->enabled);
      append_json_flag(out, "badge", row.settings->badge);
      append_json_member(out, "language", row.settings->language);
      append_json_member(out, "sound_c2c", row.settings->sound_c2c);
      append_json_member(out, "sound_group", row.settings->sound_group);
    }
    out += ",\"mutes\":[";
    const auto here = left.first(std::min(left.size(), kMutesPerLine));
    for (const Mute& mute : here) {
      out += out.ends_with('[') ? "{" : ",{";
      append_json_member(out, "kind", name_of(mute.kind));
      append_json_member(out, "target", mute.target);
      if (mute.until == WallTime::max())
        out += ",\"until\":null";
      else
        append_json_member(out, "until", to_ms(mute.until));
      append_json_flag(out, "unless_mentioned", mute.unless_mentioned);
      out += '}';
    }
    out += "]}\n";
    left = left.subspan(here.size());
  } while (!left.empty());
}

}  // namespace nightpost::app
