// Strict typed reading of a request's JSON: each member is asked for by name, old name, type and range. The first fault
// is kept, with its place ("AccountList[2].UserID: not a string"); what is read after it is of no use. Members that
// nobody asks for are passed over: the contract says so.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "im/rest/field_notes.h"

namespace nightpost::im {

using RestJson = nlohmann::ordered_json;

inline constexpr std::int64_t kU32Max = std::numeric_limits<std::uint32_t>::max();  // of what the API calls an integer

struct Fault {
  std::int32_t code = 0;  // 0: none
  std::string info;
};

/// A member's name and the name that earlier versions of the API gave it.
struct Names {
  std::string_view name, old;
  constexpr Names(const char* only) : name(only) {}  // NOLINT: a name is enough
  constexpr Names(const char* now, const char* before) : name(now), old(before) {}
};

/// Borrows all it is made of. A `code` of 0 is the reader's own.
class Fields {
 public:
  /// `place`: what stands before names; empty: the request itself.
  Fields(const nlohmann::json& value, std::string place, std::int32_t code, Fault& fault);
  /// Reads nothing and notes what it is asked for: each member is empty, and nothing is a fault.
  Fields(FieldNotes& notes, std::list<FieldNote>& here, Fault& fault);

  bool has(Names names) const { return noting() ? notes_->has : member(names).value != nullptr; }
  /// True: the member is noted as the component of that name, and there is nothing to read.
  bool noted_as(Names names, std::string_view component, bool required);
  /// Missing is a fault, as is another type.
  std::string text(Names names, std::int32_t code = 0);
  std::optional<std::string> text_if(Names names, std::int32_t code = 0);
  std::optional<std::int64_t> number_if(Names names, std::int64_t least, std::int64_t most, std::int32_t code = 0);
  std::int64_t number(Names names, std::int64_t least, std::int64_t most, std::int32_t code = 0);
  std::uint32_t u32(Names names, std::int32_t code = 0) {
    return static_cast<std::uint32_t>(number(names, 0, std::numeric_limits<std::uint32_t>::max(), code));
  }
  std::optional<std::uint32_t> u32_if(Names names, std::int32_t code = 0);
  std::optional<double> real_if(Names names, std::int32_t code = 0);
  /// Array of strings. `code`: it is missing or of another type; `too_many`: more than `most`, 0: likewise.
  std::vector<std::string> texts(Names names, std::size_t most, std::int32_t code = 0, std::int32_t too_many = 0);
  std::vector<std::string> texts_if(Names names, std::size_t most, std::int32_t code = 0);
  /// Array of objects, each read by `read`; missing is a fault.
  void each(Names names, std::size_t most, const std::function<void(Fields&)>& read, std::int32_t code = 0,
            std::int32_t too_many = 0);
  /// Absent or empty: nothing is read.
  void each_if(Names names, std::size_t most, const std::function<void(Fields&)>& read, std::int32_t code = 0,
               std::int32_t too_many = 0);
  /// An object; absent: one without members.
  Fields object(Names names, std::int32_t code = 0);
  /// It has no members.
  bool empty() const { return object_ == nullptr || object_->empty(); }
  /// Missing is a fault. REQUIRED: the member is asked for by another call.
  void require(Names names, std::int32_t code = 0);
  /// The member as it came; null: not there.
  const nlohmann::json* raw(Names names);
  /// Likewise of a member that changes nothing; its note says why.
  const nlohmann::json* passed_over(Names names, std::string_view why);

  void fail(std::string_view name, std::string_view what, std::int32_t code = 0);
  bool failed() const noexcept { return fault_.code != 0; }
  std::string place_of(std::string_view name) const;

 private:
  struct Member {
    const nlohmann::json* value = nullptr;
    std::string_view name;
  };
  Member member(Names names) const;
  bool noting() const noexcept { return notes_ != nullptr; }
  FieldNote& note(Names names, FieldNote::Is is, bool required) {
    return note_field(*here_, names.name, names.old, is, required);
  }
  void note_number(Names names, std::int64_t least, std::int64_t most, bool required);
  std::vector<std::string> texts_of(const Member& found, std::size_t most, std::int32_t code, std::int32_t too_many);

  const nlohmann::json* object_;  // null: it is none
  std::string place_;
  std::int32_t code_;
  Fault& fault_;
  FieldNotes* notes_ = nullptr;           // not null: nothing is read
  std::list<FieldNote>* here_ = nullptr;  // likewise: the notes of this object
};

/// ForbidCallbackControl: whether the app's server is asked before and told afterwards what it says itself.
void read_callback_control(Fields& request, bool& ask_before, bool& tell_after);

/// The request's object. nullopt: not JSON, nested too deep, not UTF-8, no object; `why` says so.
std::optional<nlohmann::json> parse_request(std::string_view body, std::string& why);

}  // namespace nightpost::im
