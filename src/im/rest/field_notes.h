// What a command's decoder asks for, noted while it reads nothing: the API's document (openapi.h) is made of it, so the
// two cannot differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>

namespace nightpost::im {

struct FieldNote {
  enum class Is : std::uint8_t { Text, Integer, Number, Texts, Objects, Object, Component, Any };
  std::string name, old;  // `old`: what earlier versions of the API call it; empty: nothing else
  Is is = Is::Any;
  bool required = false;
  std::int64_t least = 0, most = 0;  // Integer
  std::size_t count_max = 0;         // Texts, Objects
  std::string component;             // Component: it is described on its own, under this name
  std::list<FieldNote> members;      // Object; Objects: of each
  std::string ignored;               // why it changes nothing; empty: it counts
};

/// A decoder is run twice: as if each member that it looks for by has() were there, and as if none were.
struct FieldNotes {
  std::list<FieldNote> fields;  // in the order of reading; references stay
  bool has = false;
  bool ended = false;  // where its handler would answer a fault
};

/// The note of that name, made where there is none. What is read in several ways is of any type.
FieldNote& note_field(std::list<FieldNote>& fields, std::string_view name, std::string_view old, FieldNote::Is is,
                      bool required);
/// What both runs found. Required is what both require.
std::list<FieldNote> merged(std::list<FieldNote> one, const std::list<FieldNote>& other);

}  // namespace nightpost::im
