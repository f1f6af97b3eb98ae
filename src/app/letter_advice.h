// Why a letter is dead and what to do, in sentences: the words of `nightpost dlq show`. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nightpost::app {

struct LetterAdvice {
  std::string_view reason;  // the letter's header
  std::string_view todo;
};
/// Of each reason that a letter may have, sorted.
std::span<const LetterAdvice> letter_advice() noexcept;

/// "the vendor refuses the credential". Total: a reason of another version has words too.
std::string_view why_dead(std::string_view reason) noexcept;
/// "replace the credential (nightpost cert update), then replay". Total.
std::string_view what_to_do(std::string_view reason) noexcept;
/// "while a push was sent", by the header `stage`. Empty: an unknown one.
std::string_view when_dead(std::string_view stage) noexcept;

}  // namespace nightpost::app
