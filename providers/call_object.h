// A call as the app's code reads it, where a vendor hands data to the app: PushKit's payload, FCM's data.
#pragma once

#include <string>

#include "core/notification.h"

namespace nightpost {

/// {"id":"…","from":"…","name":"…","group":"…","expires_at":1795225947405}: the time in ms, so that an app that was
/// woken late knows that it rings no more. What is empty has no key. REQUIRED: the notification is a call.
std::string call_object(const Notification& notification);

}  // namespace nightpost
