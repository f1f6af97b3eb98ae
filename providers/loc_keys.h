// Names of texts in the app that a phone shows in its own language, where a vendor knows such.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/notification.h"

namespace nightpost {

/// The text is the app's own: the one that Nightpost has must not stand beside its key, or it is shown instead.
bool has_title_key(const Notification& notification) noexcept;
bool has_body_key(const Notification& notification) noexcept;

/// `"<key_name>":"…","<args_name>":["…"]`, with a comma before it where one is due; without arguments the key alone,
/// and without a key nothing.
void append_loc(std::string& out, std::string_view key_name, std::string_view key, std::string_view args_name,
                std::span<const std::string> args);

}  // namespace nightpost
