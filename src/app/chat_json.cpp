#include "app/chat_json.h"

namespace nightpost::app {

using nlohmann::json;

std::optional<json> parse_frame(std::string_view text) {
  constexpr int kDepthMax = 16;
  bool too_deep = false;
  // Deeper levels are not built: to write or free them would recurse as deep.
  const auto callback = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kDepthMax;
    return depth <= kDepthMax;
  };
  json frame = json::parse(text, callback, false);
  if (too_deep || !frame.is_object()) return std::nullopt;
  return frame;
}

std::string text_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::int64_t number_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;
}

bool flag_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

const json& array_of(const json& object, const char* name) {
  static const json kEmpty = json::array();
  const auto it = object.find(name);
  return it != object.end() && it->is_array() ? *it : kEmpty;
}

std::string shown_text(const json& elements) {
  std::string text;
  for (const json& each : elements) {
    const std::string type = text_of(each, "type");
    if (type == "text")
      text += text_of(each, "text");
    else if (const std::string desc = text_of(each, "desc"); type == "custom" && !desc.empty())
      text += desc;
    else if (type == "call")
      text += "[call " + text_of(each, "step") + (text_of(each, "call").empty() ? "" : " " + text_of(each, "call")) +
              "]" + (desc.empty() ? "" : " " + desc);
    else
      text += "[" + type + "]";
  }
  return text;
}

}  // namespace nightpost::app
