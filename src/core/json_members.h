// Members of a JSON object that somebody else wrote: what is missing, or of another type, reads as nothing. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace nightpost {

/// `Json`: nlohmann's, which this room does not know.
template <class Json>
std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->template get<std::string>() : std::string();
}

template <class Json>
std::int64_t number_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->template get<std::int64_t>() : 0;
}

}  // namespace nightpost
