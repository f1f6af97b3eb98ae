// What the sender of callbacks asks of the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "im/domain/callback.h"
#include "im/domain/codes.h"

namespace nightpost::im {

/// What became of the push of a message to a device.
struct PushOutcome {
  AppId app;
  std::string event_id;  // "<conv>-<seq>", of a group's message with ".<range>"
  std::string user;      // empty: not known any more
  std::string device;
  std::int32_t platform = 0;  // Push.OfflinePush's number of the vendor; 0: none
  std::int32_t stage = 1;     // 1 the vendor has it, or does not want it; 2 the phone has it; 3 it was tapped on
  std::int64_t code = 0;      // 0: success
  std::string info;
  std::string push_id;
  WallTime at{};
};

/// Threads and replies as Service.
class CallbackBook {
 public:
  virtual ~CallbackBook() = default;
  /// What waits for this app's server, by id, those above `after`.
  virtual void callbacks(AppId app, std::int64_t after, std::size_t limit, Reply<std::vector<CallbackJob>> reply) = 0;
  virtual void callback_settled(std::int64_t id) = 0;  // taken, or given up: the row goes
  /// Writes a callback for each that is of a message of an app that wants to know. Once answered they are durable.
  virtual void push_outcomes(std::vector<PushOutcome> all, Reply<void> reply) = 0;
};

}  // namespace nightpost::im
