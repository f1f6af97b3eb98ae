// What a message may be made of: an array of elements, each of one kind. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "im/domain/codes.h"
#include "im/domain/reword.h"

namespace nightpost::im {

struct ElementLimits {
  std::size_t count_max = 50;         // elements a message; REQUIRED: at most 1000, which an offline event may have
  std::size_t bytes_max = 12 * 1024;  // of the canonical JSON
};

inline constexpr std::size_t kPreviewMax = 256;  // bytes

struct CheckedElements {
  std::string canonical;  // JSON without blanks, "type" first, fields in the table's order, null left out
  std::string preview;    // one line: texts and descriptions as they are, the rest as "[image]"
};

/// JSON array of element objects. A kind or a field that is not in the table of elements.cpp is refused by its name:
/// what a server does not know it could neither bound nor promise to hand on; an app's own things go into "custom" or
/// the message's cloud_data. Malformed: `why` names the place ("elements[0].images[2].url: …"). TooLarge: `why` names
/// the limit in bytes.
Answer<CheckedElements> check_elements(std::string_view json, const ElementLimits& limits);

/// Checked elements with what `reword` says for their texts that people read; nullopt: as they are. Elements of the
/// server's own making (a tip, a call's step) stay.
std::optional<std::string> reworded_elements(std::string_view canonical, const Reword& reword);

}  // namespace nightpost::im
