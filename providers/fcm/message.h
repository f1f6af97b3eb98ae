// The body of a request: a notification as FCM's JSON, in snake_case, always within FCM's limit.
#pragma once

#include <string>

#include "core/ids.h"
#include "core/notification.h"
#include "core/result.h"
#include "providers/settings.h"

namespace nightpost::fcm {

/// What the certificate says of every message.
struct Style {
  std::string channel_id;    // empty: the app's default channel
  std::string collapse_key;  // empty: an offline phone keeps every push
  Click click;
};

/// One notification's body without its target, so that it is written once for any number of tokens.
class Message {
 public:
  /// Too big: the body is cut first, then the title; never ids or URLs, and for an ext that leaves no room a reference
  /// stands (ext_form.h). Malformed: does not fit even so, or there
  /// is neither title nor body. Extras read: fcm.channel, which wins over the style's, and on iOS those of Aps.
  static Result<Message> of(const Notification& notification, const Style& style);

  /// {"message":{"token":"…","data":{…},"android":{…}}}, or "fid" where the token is an installation id; "apns" instead
  /// of "android" where the notification's platform is iOS, which shows nothing of the other. A call has no
  /// notification on Android: title, body and "call" (call_object.h) stand in "data".
  std::string to(const DeviceToken& token) const;

 private:
  explicit Message(std::string rest) : rest_(std::move(rest)) {}
  std::string rest_;  // from behind the target's value on
};

}  // namespace nightpost::fcm
