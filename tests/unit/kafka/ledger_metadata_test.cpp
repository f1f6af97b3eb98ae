#include "kafka/ledger_metadata.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "core/text.h"
#include "kafka/offset_ledger.h"

namespace nightpost::kafka {
namespace {

std::string text(std::string_view bytes) { return "np1." + base64url(bytes); }

TEST_CASE("commit metadata: golden text", "[kafka][metadata]") {
  // Beside offset 10: 12 and 13 are done. Block 1 is offsets 8 to 15; 8 and 9 lie below the commit.
  CHECK(encode_done(10, std::vector<Block>{0b0011'0011}) == text(std::string("\x0a\x01\x33", 3)));
  // 16 to 63 done as well: one block in full, then a run of six.
  std::vector<Block> long_run(7, kFullBlock);
  long_run[0] = 0b0000'0011;
  CHECK(encode_done(10, long_run) == text(std::string("\x0a\x01\x03\x06", 4)));
  CHECK(encode_done(10, {}) == "");
  CHECK(encode_done(10, std::vector<Block>{0b0000'0011, 0, 0}) == "");
}

TEST_CASE("commit metadata: reads back what was written", "[kafka][metadata]") {
  const auto seed = GENERATE(take(50, random(1u, 4'000'000'000u)));
  CAPTURE(seed);
  std::mt19937 dice(seed);
  std::vector<Block> blocks{0b0000'0111};
  while (blocks.size() < 200) {
    if (dice() % 3 == 0) blocks.insert(blocks.end(), dice() % 12, kFullBlock);
    blocks.push_back(static_cast<Block>(dice()));
  }
  blocks.push_back(1);
  const auto read = parse_done(3, encode_done(3, blocks));
  REQUIRE(read.has_value());
  CHECK(*read == blocks);
}

TEST_CASE("commit metadata: what is not ours is refused by name", "[kafka][metadata]") {
  struct Row {
    const char* name;
    std::int64_t offset;
    std::string metadata;
    const char* why;
  };
  const Row row = GENERATE(values<Row>({
      {"another tool's words", 10, "consumed by somebody", "not written by this version"},
      {"a later version", 10, "np2.CgEz", "not written by this version"},
      {"prefix alone", 10, "np1.", "cut short"},
      {"not base64url", 10, "np1.Cg+z", "not base64url"},
      {"padding", 10, "np1.CgEz====", "not base64url"},
      {"beside another offset", 11, text("\x0a\x01\x33"), "another offset"},
      {"beside no offset", -1, text("\x0a\x01\x33"), "no offset"},
      {"offset alone", 10, text("\x0a"), "says nothing"},
      {"offset that never ends", 10, text(std::string(20, '\x8a')), "cut short"},
      {"literal longer than the text", 10, text("\x0a\x05\x33"), "count does not fit"},
      {"empty literal", 10, text(std::string("\x0a\x00\x33", 3)), "count does not fit"},
      {"literal of 2^62 blocks", 10, text("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x3f\x33"), "count does not fit"},
      {"run of none", 10, text(std::string("\x0a\x01\x33\x00", 4)), "run does not fit"},
      {"run beyond the window", 10, text("\x0a\x01\x33\x80\x80\x40"), "run does not fit"},
      {"runs that add up beyond it", 10, text("\x0a\x01\x33\xfe\xff\x1f\x01\x33\x05"), "run does not fit"},
      {"literal after a full window", 10, text("\x0a\x01\x33\xff\xff\x1f\x01\x33"), "count does not fit"},
      {"count cut short", 10, text("\x0a\x81"), "count does not fit"},
      {"the commit itself is done", 10, text("\x0a\x01\x37"), "contradicts"},
      {"below the commit is not done", 10, text("\x0a\x01\x30"), "contradicts"},
      {"longer than Kafka keeps", 10, "np1." + std::string(4093, 'A'), "longer"},
  }));
  CAPTURE(row.name);
  const auto read = parse_done(row.offset, row.metadata);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == Errc::Malformed);
  CHECK_THAT(read.error().detail, Catch::Contains(row.why));

  OffsetLedger ledger;
  CHECK_FALSE(ledger.restore(row.offset < 0 ? 0 : row.offset, row.metadata).has_value());
  CHECK(ledger.begin(row.offset < 0 ? 0 : row.offset) == OffsetLedger::Begin::Taken);
}

TEST_CASE("commit metadata: a set too dear to write again is refused", "[kafka][metadata]") {
  // Runs of four as counts: shorter than we would write them, so the ledger could not keep its promise.
  std::string bytes("\x0a\x01\x33", 3);
  for (int i = 0; i < 1000; ++i) bytes += std::string("\x04\x01\x00", 3);
  bytes += "\x04\x01\x01";
  const std::string metadata = text(bytes);
  REQUIRE(parse_done(10, metadata).has_value());
  OffsetLedger ledger;
  const Result<void> restored = ledger.restore(10, metadata);
  REQUIRE_FALSE(restored.has_value());
  CHECK_THAT(restored.error().detail, Catch::Contains("more than we could write"));
  CHECK(ledger.commit().metadata.empty());
}

TEST_CASE("commit metadata: damage of any kind is harmless", "[kafka][metadata][property]") {
  const auto seed = GENERATE(take(300, random(1u, 4'000'000'000u)));
  CAPTURE(seed);
  std::mt19937 dice(seed);
  std::vector<Block> blocks{0b0000'0111, kFullBlock, kFullBlock, kFullBlock, kFullBlock, kFullBlock, kFullBlock, 3, 9};
  std::string metadata = encode_done(3, blocks);
  for (auto hits = 1 + dice() % 3; hits > 0; --hits) metadata[dice() % metadata.size()] = static_cast<char>(dice());
  if (dice() % 4 == 0) metadata.resize(dice() % metadata.size());
  OffsetLedger ledger;
  if (ledger.restore(3, metadata))
    CHECK(parse_done(3, ledger.commit().metadata).has_value());
  else
    CHECK(ledger.commit().metadata.empty());
  CHECK(ledger.commit().next == 3);
}

}  // namespace
}  // namespace nightpost::kafka
