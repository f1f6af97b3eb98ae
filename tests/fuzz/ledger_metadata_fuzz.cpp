// Commit metadata from any bytes: eight bytes of offset, the rest the text. What is read is written back as it was
// meant.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "kafka/ledger_metadata.h"
#include "kafka/offset_ledger.h"

using namespace nightpost;

namespace {
void require(bool promise) {
  if (!promise) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::int64_t offset = 0;
  if (size < sizeof offset) return 0;
  std::memcpy(&offset, data, sizeof offset);
  offset &= INT64_MAX >> 1;  // no log is that long
  const std::string_view text(reinterpret_cast<const char*>(data) + sizeof offset, size - sizeof offset);

  // As it came, and as a text that at least begins like ours.
  for (const std::string& metadata : {std::string(text), "np1." + std::string(text)}) {
    const auto blocks = kafka::parse_done(offset, metadata);
    if (blocks) require(blocks->size() <= kafka::kWindowBlocksMax);

    kafka::OffsetLedger ledger;
    const auto restored = ledger.restore(offset, metadata);
    require(restored.has_value() == blocks.has_value());
    const auto commit = ledger.commit();
    require(commit.next >= offset && commit.metadata.size() <= kafka::kMetadataBytesMax);
    require(kafka::parse_done(commit.next, commit.metadata).has_value());
  }
  return 0;
}
