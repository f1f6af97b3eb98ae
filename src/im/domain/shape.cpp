#include "im/domain/shape.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/text.h"

namespace nightpost::im {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDepthMax = 8;
constexpr std::size_t kEscapedMax = 6;  // bytes that one may take as an escape: \u0041
constexpr std::int64_t kCountMax = (std::int64_t(1) << 53) - 1;
constexpr std::size_t kNameShownMax = 40;

/// Where we are, kept on the stack and spelt out only for a fault.
struct Path {
  const Path* up = nullptr;
  std::string_view name;
  std::size_t index = 0;

  std::string text() const {
    if (up == nullptr) return std::string(name);
    return name.empty() ? up->text() + "[" + std::to_string(index) + "]" : up->text() + "." + std::string(name);
  }
};

Refusal malformed(const Path& at, std::string_view what) {
  return {Code::Malformed, at.text() + ": " + std::string(what)};
}

/// A client's own name for a field, fit to be shown.
std::string shown(std::string_view name) {
  std::string out(name.substr(0, kNameShownMax));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

bool is_web_url(std::string_view text, bool https_only) {
  if (!text.starts_with("https://") && (https_only || !text.starts_with("http://"))) return false;
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

void begin_member(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += "\":";
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

/// Writes what it reads; each of its functions says what is wrong first.
class Writer {
 public:
  Writer(Nothing nothing, const Reword* reword) : nothing_(nothing), reword_(reword) {}

  /// `tag`: the member "type" was looked at already and stands in `out`.
  std::optional<Refusal> object(const dom::element& value, const Shape& shape, const Path& at, std::string_view tag) {
    dom::object members;
    if (value.get_object().get(members) != simdjson::SUCCESS) return malformed(at, "not an object");
    dom::element found[16];
    std::uint32_t seen = 0;
    for (const auto [key, member] : members) {
      if (!tag.empty() && key == "type") continue;
      std::size_t i = 0;
      while (i < shape.fields.size() && shape.fields[i].name != key) ++i;
      if (i == shape.fields.size()) return malformed(at, "\"" + shown(key) + "\" is no field of it");
      if ((seen & 1U << i) != 0) return malformed(Path{&at, shape.fields[i].name}, "there twice");
      seen |= 1U << i;
      found[i] = member;
    }
    out += '{';
    if (!tag.empty()) append_json_member(out, "type", tag);
    bool has_either = shape.either.empty();
    for (std::size_t i = 0; i < shape.fields.size(); ++i) {
      const Field& field = shape.fields[i];
      const Path here{&at, field.name};
      if ((seen & 1U << i) == 0 || found[i].is_null()) {
        if (field.required) return malformed(here, "missing");
        continue;
      }
      const std::size_t before = out.size();
      begin_member(out, field.name);
      const std::size_t begins = out.size();
      if (std::optional<Refusal> wrong = one(found[i], field, here)) return wrong;
      const std::string_view written = std::string_view(out).substr(begins);
      const bool says_nothing = written == "\"\"" || written == "false" || written == "{}";
      if (nothing_ == Nothing::Leave && says_nothing) out.resize(before);
      has_either = has_either || field.name == shape.either || field.name == shape.or_else;
    }
    if (!has_either)
      return malformed(at, "neither " + std::string(shape.either) + " nor " + std::string(shape.or_else));
    out += '}';
    return std::nullopt;
  }

  std::string out;

 private:
  std::optional<Refusal> one(const dom::element& value, const Field& field, const Path& at) {
    switch (field.is) {
      case Is::Text:
      case Is::Plain:
      case Is::WebUrl:
      case Is::HttpsUrl:
        return text(value, field, at);
      case Is::Word:
        return word(value, field, at);
      case Is::Count:
        return count(value, at);
      case Is::Degrees:
        return degrees(value, at);
      case Is::Flag: {
        bool flag = false;
        if (value.get_bool().get(flag) != simdjson::SUCCESS) return malformed(at, "not true or false");
        out += flag ? "true" : "false";
        return std::nullopt;
      }
      case Is::Object:
        return object(value, *field.inside, at, {});
      case Is::Texts: {
        const Field item{.name = "", .is = Is::Text, .most = field.item_most, .shown = field.shown};
        return items(value, field, at,
                     [&](const dom::element& each, const Path& here) { return text(each, item, here); });
      }
      case Is::Objects:
        return items(value, field, at,
                     [&](const dom::element& each, const Path& here) { return object(each, *field.inside, here, {}); });
    }
    return malformed(at, "of no kind");
  }

  std::optional<Refusal> text(const dom::element& value, const Field& field, const Path& at) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) return malformed(at, "not a string");
    if (text.size() < field.least) return malformed(at, "empty");
    if (text.size() > field.most) return malformed(at, "longer than " + std::to_string(field.most) + " bytes");
    if (text.find('\0') != text.npos) return malformed(at, "has U+0000, which cannot be stored");
    if (field.is == Is::Plain && has_control(text)) return malformed(at, "has a control character");
    const bool url = field.is == Is::WebUrl || field.is == Is::HttpsUrl;
    const bool unset = text.empty() && nothing_ == Nothing::Leave;
    if (url && !unset && !is_web_url(text, field.is == Is::HttpsUrl))
      return malformed(at, field.is == Is::HttpsUrl ? "not an https URL" : "not an http or https URL");
    const auto other = field.shown && reword_ != nullptr ? (*reword_)(text) : std::nullopt;
    append_text(out, other ? *other : text);
    return std::nullopt;
  }

  std::optional<Refusal> word(const dom::element& value, const Field& field, const Path& at) {
    std::string_view word;
    if (value.get_string().get(word) != simdjson::SUCCESS) return malformed(at, "not a string");
    if (std::ranges::find(field.words, word) == field.words.end()) {
      std::string all;
      for (const std::string_view each : field.words) all += (all.empty() ? "" : ", ") + std::string(each);
      return malformed(at, "none of " + all);
    }
    append_text(out, word);
    return std::nullopt;
  }

  std::optional<Refusal> count(const dom::element& value, const Path& at) {
    std::int64_t number = 0;
    if (value.get_int64().get(number) != simdjson::SUCCESS || number < 0 || number > kCountMax)
      return malformed(at, "not an integer of 0 to 2^53-1");
    out += std::to_string(number);
    return std::nullopt;
  }

  std::optional<Refusal> degrees(const dom::element& value, const Path& at) {
    double number = 0;
    if (value.get_double().get(number) != simdjson::SUCCESS || !(number >= -180 && number <= 180))
      return malformed(at, "not a number of -180 to 180");
    char digits[32];
    if (number == 0) number = 0;  // not -0, which reads back as another
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
    return std::nullopt;
  }

  template <class Visit>
  std::optional<Refusal> items(const dom::element& value, const Field& field, const Path& at, Visit visit) {
    dom::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return malformed(at, "not an array");
    std::size_t index = 0;
    out += '[';
    for (const dom::element each : array) {
      if (index == field.most) return malformed(at, "more than " + std::to_string(field.most));
      if (index > 0) out += ',';
      const Path here{&at, {}, index++};
      if (std::optional<Refusal> wrong = visit(each, here)) return wrong;
    }
    if (index < field.least) return malformed(at, "fewer than " + std::to_string(field.least));
    out += ']';
    return std::nullopt;
  }

  Nothing nothing_;
  const Reword* reword_;
};

Refusal too_large(const Path& at, std::size_t bytes_max) {
  return {Code::TooLarge, at.text() + ": more than " + std::to_string(bytes_max) + " bytes"};
}

/// The root; `parser` holds it.
Answer<dom::element> parsed(std::string_view json, dom::parser& parser, const Path& at, std::size_t bytes_max) {
  if (json.size() > bytes_max * kEscapedMax) return std::unexpected(too_large(at, bytes_max));
  if (parser.allocate(std::max<std::size_t>(json.size(), 1), kDepthMax) != simdjson::SUCCESS)
    return refuse(Code::Busy, at.text() + ": no memory to read it");
  dom::element root;
  const simdjson::error_code error = parser.parse(json.data(), json.size()).get(root);
  if (error == simdjson::DEPTH_ERROR) return std::unexpected(malformed(at, "nested too deep"));
  if (error == simdjson::UTF8_ERROR) return std::unexpected(malformed(at, "not UTF-8"));
  if (error == simdjson::STRING_ERROR) return std::unexpected(malformed(at, "a bad escape, or half a surrogate pair"));
  if (error != simdjson::SUCCESS) return std::unexpected(malformed(at, "not JSON"));
  return root;
}

void append_preview(std::string& preview, std::string_view text, std::size_t preview_max) {
  std::size_t room = preview_max - preview.size();
  if (text.size() > room) {
    while (room > 0 && (static_cast<unsigned char>(text[room]) & 0xc0) == 0x80) --room;
    text = text.substr(0, room);
  }
  for (const char c : text) preview += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
}

}  // namespace

Answer<std::string> reshaped(std::string_view json, const Shape& shape, Nothing nothing, std::string_view place,
                             std::size_t bytes_max, const Reword* reword) {
  const Path at{nullptr, place};
  dom::parser parser;
  const Answer<dom::element> root = parsed(json, parser, at, bytes_max);
  if (!root) return std::unexpected(root.error());
  Writer writer(nothing, reword);
  if (std::optional<Refusal> wrong = writer.object(*root, shape, at, {})) return std::unexpected(*std::move(wrong));
  if (writer.out.size() > bytes_max) return std::unexpected(too_large(at, bytes_max));
  return std::move(writer.out);
}

Answer<Reshaped> reshaped_array(std::string_view json, std::span<const TaggedShape> kinds, std::string_view place,
                                std::size_t count_max, std::size_t bytes_max, std::size_t preview_max,
                                const Reword* reword) {
  const Path at{nullptr, place};
  dom::parser parser;
  const Answer<dom::element> root = parsed(json, parser, at, bytes_max);
  if (!root) return std::unexpected(root.error());
  dom::array array;
  if (root->get_array().get(array) != simdjson::SUCCESS) return std::unexpected(malformed(at, "not an array"));

  Writer writer(Nothing::Keep, reword);
  std::string preview;
  std::size_t index = 0;
  std::uint64_t met = 0;
  writer.out = "[";
  for (const dom::element each : array) {
    if (index == count_max) return std::unexpected(malformed(at, "more than " + std::to_string(count_max)));
    if (index > 0) writer.out += ',';
    const Path here{&at, {}, index++};
    dom::object members;
    if (each.get_object().get(members) != simdjson::SUCCESS) return std::unexpected(malformed(here, "not an object"));
    std::string_view type;
    int types = 0;
    for (const auto [key, value] : members) {
      if (key != "type") continue;
      if (++types > 1) return std::unexpected(malformed(Path{&here, "type"}, "there twice"));
      if (value.get_string().get(type) != simdjson::SUCCESS)
        return std::unexpected(malformed(Path{&here, "type"}, "not a string"));
    }
    if (types == 0) return std::unexpected(malformed(Path{&here, "type"}, "missing"));
    const auto kind = std::ranges::find(kinds, type, &TaggedShape::type);
    if (kind == kinds.end())
      return std::unexpected(malformed(Path{&here, "type"}, "\"" + shown(type) + "\" is no kind of element"));
    const std::uint64_t bit = std::uint64_t(1) << (kind - kinds.begin());
    if (kind->one_an_array && (met & bit) != 0)
      return std::unexpected(malformed(here, "a second " + std::string(kind->type)));
    met |= bit;
    if (std::optional<Refusal> wrong = writer.object(each, kind->shape, here, kind->type))
      return std::unexpected(*std::move(wrong));
    if (writer.out.size() >= bytes_max) return std::unexpected(too_large(at, bytes_max));
    std::string_view text;
    if (kind->shows.empty())
      append_preview(preview, "[" + std::string(kind->type) + "]", preview_max);
    else if (members.at_key(kind->shows).get_string().get(text) == simdjson::SUCCESS)
      append_preview(preview, text, preview_max);
  }
  if (index == 0) return std::unexpected(malformed(at, "empty"));
  writer.out += ']';
  return Reshaped{std::move(writer.out), std::move(preview)};
}

}  // namespace nightpost::im
