// A vendor's receipts as values: what happened to a device, and what the vendor posts about it. Where to is the
// sandbox's to know: one taught URL a vendor, never one that a request names.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nightpost::sandbox {

/// What became of one message on one device. The text outlives the call.
struct ReceiptEvent {
  std::string_view token;
  std::string_view status;  // the vendor's own word or number; empty: delivered
  std::string_view id;      // Judgement::id of the push
  std::string_view tag;     // its tag
  std::string_view app;     // its topic
  int variant = 0;          // its variant
};

/// What the receiver knows the vendor by; empty: not configured.
struct ReceiptSecret {
  std::string user;
  std::string key;
};

struct ReceiptPost {
  std::vector<std::pair<std::string, std::string>> headers;  // content-type among them
  std::string body;
};

}  // namespace nightpost::sandbox
