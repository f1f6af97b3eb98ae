#include "im/rest/fields.h"

#include <utility>

namespace nightpost::im {
namespace {

using Json = nlohmann::json;

constexpr int kDepthMax = 16;

const Json& nothing() {
  static const Json kNothing = Json::object();
  return kNothing;
}

}  // namespace

Fields::Fields(const Json& value, std::string place, std::int32_t code, Fault& fault)
    : object_(value.is_object() ? &value : nullptr), place_(std::move(place)), code_(code), fault_(fault) {
  if (object_ == nullptr) fail("", "not an object");
}

Fields::Fields(FieldNotes& notes, std::list<FieldNote>& here, Fault& fault)
    : object_(&nothing()), code_(0), fault_(fault), notes_(&notes), here_(&here) {}

bool Fields::noted_as(Names names, std::string_view component, bool required) {
  if (!noting()) return false;
  note(names, FieldNote::Is::Component, required).component = component;
  return true;
}

void Fields::note_number(Names names, std::int64_t least, std::int64_t most, bool required) {
  FieldNote& made = note(names, FieldNote::Is::Integer, required);
  made.least = least;
  made.most = most;
}

const Json* Fields::raw(Names names) {
  if (noting()) note(names, FieldNote::Is::Any, false);
  return member(names).value;
}

const Json* Fields::passed_over(Names names, std::string_view why) {
  if (noting()) note(names, FieldNote::Is::Any, false).ignored = why;
  return member(names).value;
}

Fields::Member Fields::member(Names names) const {
  if (object_ == nullptr) return {};
  for (const std::string_view name : {names.name, names.old}) {
    if (name.empty()) continue;
    const auto found = object_->find(name);
    if (found != object_->end() && !found->is_null()) return {&*found, name};  // clients write null for "not set"
  }
  return {};
}

std::string Fields::place_of(std::string_view name) const {
  if (name.empty()) return place_.empty() ? "the request" : place_;
  return place_.empty() ? std::string(name) : place_ + "." + std::string(name);
}

void Fields::fail(std::string_view name, std::string_view what, std::int32_t code) {
  if (failed() || noting()) return;
  fault_ = {code == 0 ? code_ : code, place_of(name) + ": " + std::string(what)};
}

std::optional<std::string> Fields::text_if(Names names, std::int32_t code) {
  if (noting()) note(names, FieldNote::Is::Text, false);
  const Member found = member(names);
  if (found.value == nullptr) return std::nullopt;
  if (found.value->is_string()) return found.value->get<std::string>();
  fail(found.name, "not a string", code);
  return std::nullopt;
}

std::string Fields::text(Names names, std::int32_t code) {
  if (noting()) note(names, FieldNote::Is::Text, true);
  if (member(names).value == nullptr) fail(names.name, "missing", code);
  return text_if(names, code).value_or("");
}

std::optional<std::int64_t> Fields::number_if(Names names, std::int64_t least, std::int64_t most, std::int32_t code) {
  if (noting()) note_number(names, least, most, false);
  const Member found = member(names);
  if (found.value == nullptr) return std::nullopt;
  if (!found.value->is_number_integer()) {
    fail(found.name, "not an integer", code);
    return std::nullopt;
  }
  // Unsigned ones beyond int64 would come back negative.
  const bool too_big =
      found.value->is_number_unsigned() &&
      found.value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::int64_t value = too_big ? std::numeric_limits<std::int64_t>::max() : found.value->get<std::int64_t>();
  if (value >= least && value <= most) return value;
  fail(found.name, "not in " + std::to_string(least) + "-" + std::to_string(most), code);
  return std::nullopt;
}

std::int64_t Fields::number(Names names, std::int64_t least, std::int64_t most, std::int32_t code) {
  if (noting()) note_number(names, least, most, true);
  if (member(names).value == nullptr) fail(names.name, "missing", code);
  return number_if(names, least, most, code).value_or(least);
}

std::optional<std::uint32_t> Fields::u32_if(Names names, std::int32_t code) {
  const auto value = number_if(names, 0, std::numeric_limits<std::uint32_t>::max(), code);
  return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

std::optional<double> Fields::real_if(Names names, std::int32_t code) {
  if (noting()) note(names, FieldNote::Is::Number, false);
  const Member found = member(names);
  if (found.value == nullptr) return std::nullopt;
  if (found.value->is_number()) return found.value->get<double>();
  fail(found.name, "not a number", code);
  return std::nullopt;
}

std::vector<std::string> Fields::texts_of(const Member& found, std::size_t most, std::int32_t code,
                                          std::int32_t too_many) {
  std::vector<std::string> out;
  if (!found.value->is_array()) {
    fail(found.name, "not an array", code);
    return out;
  }
  if (found.value->size() > most) {
    fail(found.name, "more than " + std::to_string(most), too_many == 0 ? code : too_many);
    return out;
  }
  for (const Json& item : *found.value) {
    if (!item.is_string()) {
      fail(std::string(found.name) + "[" + std::to_string(out.size()) + "]", "not a string", code);
      return {};
    }
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::vector<std::string> Fields::texts(Names names, std::size_t most, std::int32_t code, std::int32_t too_many) {
  if (noting()) note(names, FieldNote::Is::Texts, true).count_max = most;
  const Member found = member(names);
  if (found.value == nullptr) {
    fail(names.name, "missing", code);
    return {};
  }
  std::vector<std::string> out = texts_of(found, most, code, too_many);
  if (out.empty()) fail(found.name, "empty", code);
  return out;
}

std::vector<std::string> Fields::texts_if(Names names, std::size_t most, std::int32_t code) {
  if (noting()) note(names, FieldNote::Is::Texts, false).count_max = most;
  const Member found = member(names);
  return found.value == nullptr ? std::vector<std::string>() : texts_of(found, most, code, code);
}

void Fields::each(Names names, std::size_t most, const std::function<void(Fields&)>& read, std::int32_t code,
                  std::int32_t too_many) {
  if (noting()) {
    FieldNote& made = note(names, FieldNote::Is::Objects, true);
    made.count_max = most;
    Fields inner(*notes_, made.members, fault_);
    return read(inner);
  }
  const Member found = member(names);
  if (found.value == nullptr) return fail(names.name, "missing", code);
  if (!found.value->is_array()) return fail(found.name, "not an array", code);
  if (found.value->empty()) return fail(found.name, "empty", code);
  if (found.value->size() > most)
    return fail(found.name, "more than " + std::to_string(most), too_many == 0 ? code : too_many);
  std::size_t index = 0;
  for (const Json& item : *found.value) {
    Fields inner(item, place_of(found.name) + "[" + std::to_string(index++) + "]", code == 0 ? code_ : code, fault_);
    if (failed()) return;
    read(inner);
  }
}

void Fields::each_if(Names names, std::size_t most, const std::function<void(Fields&)>& read, std::int32_t code,
                     std::int32_t too_many) {
  if (noting()) {
    each(names, most, read);
    note(names, FieldNote::Is::Objects, false).required = false;
    return;
  }
  const Member found = member(names);
  const bool none = found.value == nullptr || (found.value->is_array() && found.value->empty());
  if (!none) each(names, most, read, code, too_many);
}

Fields Fields::object(Names names, std::int32_t code) {
  if (noting()) return {*notes_, note(names, FieldNote::Is::Object, false).members, fault_};
  const Member found = member(names);
  const std::string_view name = found.value == nullptr ? names.name : found.name;
  return {found.value == nullptr ? nothing() : *found.value, place_of(name), code == 0 ? code_ : code, fault_};
}

void Fields::require(Names names, std::int32_t code) {
  if (noting())
    for (FieldNote& asked : *here_) asked.required = asked.required || asked.name == names.name;
  else if (member(names).value == nullptr)
    fail(names.name, "missing", code);
}

std::optional<Json> parse_request(std::string_view body, std::string& why) {
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDepthMax;
    return !too_deep;
  };
  Json root = Json::parse(body, watch, false);
  if (too_deep)
    why = "the body: nested deeper than " + std::to_string(kDepthMax);
  else if (root.is_discarded())
    why = "the body: not JSON in UTF-8";
  else if (!root.is_object())
    why = "the body: not an object";
  else
    return root;
  return std::nullopt;
}

void read_callback_control(Fields& request, bool& ask_before, bool& tell_after) {
  constexpr std::size_t kCallbackWordsMax = 16;
  for (const std::string& word : request.texts_if("ForbidCallbackControl", kCallbackWordsMax)) {
    ask_before = ask_before && word != "ForbidBeforeSendMsgCallback";
    tell_after = tell_after && word != "ForbidAfterSendMsgCallback";
  }
}

}  // namespace nightpost::im
