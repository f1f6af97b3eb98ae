// TIM's message elements and ours: {"MsgType":"TIMTextElem","MsgContent":{"Text":"…"}} ↔ {"type":"text","text":"…"}.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "im/rest/fields.h"

namespace nightpost::im {

struct TimBody {
  std::string elements;    // ours, for domain/elements to check
  std::string custom_ext;  // the pass-through of its custom element; empty: none
};
/// The member MsgBody. Faults: 90002, 90007, 90010.
TimBody elements_from_tim(Fields& request);
inline constexpr std::string_view kMsgBody = "MsgBody";  // as the API's document calls it
/// Each kind's MsgType with the members of its MsgContent, as the decoder reads them.
std::vector<std::pair<std::string_view, std::list<FieldNote>>> element_notes();
/// Stored elements as a MsgBody. What TIM has no word for (merged messages, cards) becomes a TIMCustomElem whose Data
/// is our element: typed clients know the eight kinds alone. Empty, as of a recalled message: an empty array.
RestJson elements_to_tim(std::string_view elements);
/// A refusal's "elements[2].url" as "MsgBody[2].url".
std::string as_msg_body(std::string why);

}  // namespace nightpost::im
