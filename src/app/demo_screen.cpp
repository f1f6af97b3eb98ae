#include "app/demo_screen.h"

#include <algorithm>
#include <optional>

#include "providers/form_field.h"

namespace nightpost::app::demo {
namespace {

using Json = nlohmann::json;

struct Words {
  std::string title, text;
};

/// The first title and text anywhere inside.
void look(const Json& json, Words& found) {
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    if (text.starts_with('{') || text.starts_with('['))
      if (const Json inside = Json::parse(text, nullptr, false); !inside.is_discarded()) look(inside, found);
    return;
  }
  if (json.is_object()) {
    for (const char* name : {"body", "content", "description"})
      if (const auto text = json.find(name); found.text.empty() && text != json.end() && text->is_string())
        found.text = *text;
    if (const auto title = json.find("title"); found.title.empty() && title != json.end() && title->is_string())
      found.title = *title;
  }
  if (json.is_structured())
    for (const Json& each : json) look(each, found);
}

/// Whether the app is woken with a call, which it shows by itself.
bool rings(const Json& json) {
  if (json.is_object() && json.contains("call")) return true;
  return json.is_structured() && std::ranges::any_of(json, rings);
}

std::optional<Words> words_of(const Json& request) {
  const std::string body = request.value("body", "");
  Words found;
  if (body.starts_with('{') && rings(Json::parse(body, nullptr, false)))
    return Words{.title = "", .text = "(the app rings)"};
  // Where the simulator knows what kind of phone it is, it says what that one makes of the request; null: nothing.
  if (const auto shows = request.find("shows"); shows != request.end()) {
    look(*shows, found);
    if (found.text.empty()) return std::nullopt;
    return found;
  }
  if (body.starts_with('{')) {
    look(Json::parse(body, nullptr, false), found);
  } else {
    Json form = Json::object();
    for (const char* name : {"title", "content", "description", "message", "messages", "messageJson"})
      if (auto value = form_field(body, name)) form[name] = *std::move(value);
    look(form, found);
  }
  if (found.text.empty()) return std::nullopt;
  return found;
}

bool names(const Json& request, std::string_view token) {
  return request.value("path", "").find(token) != std::string::npos ||
         request.value("body", "").find(token) != std::string::npos;
}

}  // namespace

std::string shown(const Json& requests, std::string_view token) {
  bool reached = false;
  for (auto request = requests.rbegin(); request != requests.rend(); ++request) {
    reached = reached || names(*request, token);
    if (!reached) continue;
    if (const auto words = words_of(*request))
      return words->title.empty() || words->title == "a new message" ? words->text : words->title + ": " + words->text;
  }
  return "";
}

}  // namespace nightpost::app::demo
