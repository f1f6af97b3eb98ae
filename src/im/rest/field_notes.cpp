#include "im/rest/field_notes.h"

#include <algorithm>
#include <utility>

namespace nightpost::im {

FieldNote& note_field(std::list<FieldNote>& fields, std::string_view name, std::string_view old, FieldNote::Is is,
                      bool required) {
  const auto found = std::ranges::find(fields, name, &FieldNote::name);
  if (found == fields.end())
    return fields.emplace_back(
        FieldNote{.name = std::string(name), .old = std::string(old), .is = is, .required = required});
  if (found->is != is) found->is = FieldNote::Is::Any;
  found->required = found->required || required;
  if (found->old.empty()) found->old = old;
  return *found;
}

std::list<FieldNote> merged(std::list<FieldNote> one, const std::list<FieldNote>& other) {
  for (FieldNote& note : one) {
    const auto same = std::ranges::find(other, note.name, &FieldNote::name);
    note.required = note.required && same != other.end() && same->required;
    if (same != other.end()) note.members = merged(std::move(note.members), same->members);
  }
  for (const FieldNote& note : other) {
    if (std::ranges::find(one, note.name, &FieldNote::name) != one.end()) continue;
    one.push_back(note);
    one.back().required = false;
  }
  return one;
}

}  // namespace nightpost::im
