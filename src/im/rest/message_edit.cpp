#include "im/rest/message_edit.h"

#include <utility>

#include "im/rest/tim_elements.h"

namespace nightpost::im {

MessageEdit edit_of(Fields& body) {
  MessageEdit edit;
  if (body.has("MsgBody")) edit.elements = elements_from_tim(body).elements;
  edit.cloud_data = body.text_if("CloudCustomData");
  return edit;
}

Reply<void> as_edit_reply(Call call) {
  return [call = std::move(call)](const Answer<void>& done) mutable {
    if (!done) return std::move(call).refuse({done.error().code, as_msg_body(done.error().why)});
    std::move(call).answer({});
  };
}

}  // namespace nightpost::im
