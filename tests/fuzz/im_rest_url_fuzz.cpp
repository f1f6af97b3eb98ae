// Any text as the target of a request to the server API: a command and its parameters, or none.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "im/rest/msg_key.h"
#include "im/rest/url.h"

using namespace nightpost::im;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto url = rest_url(text)) {
    must(!url->service.empty() && !url->command.empty());
    must(!url->service.contains('/') && !url->command.contains('/') && !url->command.contains('?'));
    for (const auto* const value : {&url->app, &url->identifier, &url->signature})
      must(!*value || (*value)->size() <= size);
  }
  if (const auto key = msg_key_from(text)) must(msg_key_from(msg_key(*key)) == key);
  return 0;
}
