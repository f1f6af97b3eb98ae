// Any bytes: read or refused with a path, never a crash; and what is read is the same once it was written and read
// again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dispatch/remainder.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Result<Remainder> read = read_remainder(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!read) {
    must(read.error().code == Errc::Malformed && read.error().detail.starts_with("$"));
    return 0;
  }
  must(!read->left.empty());
  for (ReceiverLeft& receiver : read->left) {
    must(!receiver.user_id.empty());
    for (DeviceLeft& device : receiver.devices) {
      must(!device.device_id.empty() && device.sent >= 0 && device.unheard >= 0 && device.hops >= 0);
      device.code.clear();  // which is cut when it is written
    }
  }
  const Result<Remainder> again = read_remainder(to_json(*read));
  must(again && *again == *read);
  return 0;
}
