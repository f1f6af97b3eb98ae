// Any text as the body of a call of the server API: each part that is read is of use to the checks behind it, or is
// refused with a code and a place.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "im/domain/elements.h"
#include "im/domain/push_info.h"
#include "im/rest/tim_elements.h"
#include "im/rest/tim_push.h"

using namespace nightpost::im;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string why;
  const auto body = parse_request(text, why);
  must(body.has_value() == why.empty());
  if (!body) return 0;
  Fault fault;
  Fields fields(*body, "", 90001, fault);
  const TimBody content = elements_from_tim(fields);
  const std::string push = push_from_tim(fields, content.custom_ext).push;
  must(fault.code == 0 || !fault.info.empty());
  if (fault.code != 0) return 0;
  if (const auto checked = check_elements(content.elements, {}))
    must(elements_to_tim(checked->canonical).size() > 0);
  else
    must(!checked.error().why.empty());
  if (const auto checked = check_push(push); !checked) must(!checked.error().why.empty());
  return 0;
}
