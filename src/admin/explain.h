// What a sentence about a bad credential says, by a code of its own and the values in it, so that a page can say it in
// another language. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "admin/answer.h"

namespace nightpost::admin {

struct Explanation {
  std::string_view code;      // stable: "p12_expired"
  std::string_view sentence;  // the English, with {value} where a value stands
};

/// All that the vendors' rooms, the certificate desk and its routes say of a credential.
std::span<const Explanation> explanations() noexcept;

/// [{"code", "values": {"at": "…"}, "why": {…}}]: what `message` says, in order. `why` is there where a sentence ends
/// with another one as its reason. Null where a part of it is no such sentence: it is then to be shown as it is.
nlohmann::json explained(std::string_view message);

/// The refusal with what its message says.
Refusal explained(Refusal refusal);

}  // namespace nightpost::admin
