// What modify_c2c_msg and modify_group_msg share.
#pragma once

#include "im/rest/call.h"

namespace nightpost::im {

/// MsgBody, CloudCustomData: what is absent stays.
MessageEdit edit_of(Fields& body);
/// The envelope alone; a refusal names places in the caller's words.
Reply<void> as_edit_reply(Call call);

}  // namespace nightpost::im
