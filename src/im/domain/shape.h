// What a JSON text of a client's may be, as tables of fields: read strictly and written again in one form, so that
// whoever reads it later meets only what stands in the table. Nothing is passed over: a field that the table does not
// name is refused by its name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "im/domain/codes.h"
#include "im/domain/reword.h"

namespace nightpost::im {

struct Shape;

enum class Is : std::uint8_t {
  Text,      // string of least..most bytes
  Plain,     // such a string without control characters: ids, names
  WebUrl,    // "http://…" or "https://…" of printable ASCII without blanks, at most `most` bytes
  HttpsUrl,  // "https://…" alone
  Word,      // string out of `words`
  Count,     // integer of 0..2^53-1: what every JSON reader holds exactly; greater ids are strings
  Degrees,   // number of -180..180
  Flag,      // true or false
  Texts,     // array of least..most strings of at most `item_most` bytes
  Object,    // of the shape `inside`
  Objects,   // array of least..most of those
};

inline constexpr std::size_t kTextsItemMax = 512;

struct Field {
  std::string_view name;
  Is is;
  std::size_t most = 0;
  bool required = false;
  std::size_t least = 0;
  const Shape* inside = nullptr;
  std::span<const std::string_view> words = {};
  std::size_t item_most = kTextsItemMax;  // bytes of one of Texts
  bool shown = false;                     // people read it, so an app's words are sought in it
};

/// Fields are written in this order. REQUIRED: at most 16.
struct Shape {
  std::span<const Field> fields;
  std::string_view either, or_else;  // names of two fields, one of which is needed; empty: no such rule
};

/// What is written of what says nothing: "", false, {}. null is never written.
enum class Nothing : std::uint8_t { Keep, Leave };

/// `json`, one object of `shape`, written again, with what `reword` says for texts of `shown` fields. `place` stands
/// before the names in `why` ("push"). Malformed: it is no such object; no text holds U+0000, which PostgreSQL cannot.
/// TooLarge: more than `bytes_max` when written.
Answer<std::string> reshaped(std::string_view json, const Shape& shape, Nothing nothing, std::string_view place,
                             std::size_t bytes_max, const Reword* reword = nullptr);

/// One kind of an array's objects: its member "type" says which.
struct TaggedShape {
  std::string_view type;
  Shape shape;
  std::string_view shows;     // the field that a preview shows; empty: "[type]"
  bool one_an_array = false;  // a second one is refused
};

struct Reshaped {
  std::string json;
  std::string preview;  // one line of at most `preview_max` bytes, whole characters
};

/// Likewise an array of 1..count_max objects, each of the shape that its "type" names.
Answer<Reshaped> reshaped_array(std::string_view json, std::span<const TaggedShape> kinds, std::string_view place,
                                std::size_t count_max, std::size_t bytes_max, std::size_t preview_max,
                                const Reword* reword = nullptr);

}  // namespace nightpost::im
