// One client session and a server that says whatever a stream of choices picks: good answers, broken ones, resets,
// GOAWAYs, settings, rubbish, silence. What must hold is watched from outside, on the frames that went over the wire.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace nightpost::support {

/// nullopt: the story is over.
using Choices = std::function<std::optional<std::uint8_t>()>;

/// Runs until `choices` ends or the connection is lost. Empty, or the first promise that H2Session broke:
///   - each request ends once: by its Done, or by cancel(), after which no Done comes; a Done names its own stream;
///   - an answer is what the server said on that stream, to the byte;
///   - NeverSent: not one byte of it went out, nor does later. NotProcessed: its END_STREAM did not and does not, or
///   the
///     server said so (REFUSED_STREAM, a GOAWAY);
///   - a tag is called written only once its END_STREAM went out;
///   - when all streams have ended, none is open.
std::string tell_h2_story(const Choices& choices);

}  // namespace nightpost::support
