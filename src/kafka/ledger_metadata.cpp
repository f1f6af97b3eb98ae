#include "kafka/ledger_metadata.h"

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace nightpost::kafka {
namespace {

constexpr std::string_view kPrefix = "np1.";

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 63 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

Block below(std::int64_t offset) { return static_cast<Block>((1u << (offset % kOffsetsPerBlock)) - 1); }

}  // namespace

std::string encode_done(std::int64_t offset, std::span<const Block> blocks) {
  while (!blocks.empty() && blocks.back() == 0) blocks = blocks.first(blocks.size() - 1);
  if (blocks.empty() || (blocks.size() == 1 && blocks.front() == below(offset))) return {};

  std::string bytes;
  append_varint(bytes, static_cast<std::uint64_t>(offset));
  const auto append_literal = [&bytes](auto from, auto to) {
    append_varint(bytes, static_cast<std::uint64_t>(to - from));
    bytes.append(from, to);
  };
  for (auto at = blocks.begin(); at != blocks.end();) {
    const auto run = std::search_n(at, blocks.end(), kRunMin, kFullBlock);
    append_literal(at, run);
    at = std::find_if(run, blocks.end(), [](Block block) { return block != kFullBlock; });
    if (run != blocks.end()) append_varint(bytes, static_cast<std::uint64_t>(at - run));
  }
  return std::string(kPrefix) + base64url(bytes);
}

Result<std::vector<Block>> parse_done(std::int64_t offset, std::string_view metadata) {
  std::vector<Block> blocks;
  if (metadata.empty()) return blocks;
  if (offset < 0) return fail(Errc::Malformed, "commit metadata: beside no offset");
  if (metadata.size() > kMetadataBytesMax) return fail(Errc::Malformed, "commit metadata: longer than we write it");
  if (!metadata.starts_with(kPrefix)) return fail(Errc::Malformed, "commit metadata: not written by this version");
  const std::optional<std::string> decoded = from_base64url(metadata.substr(kPrefix.size()));
  if (!decoded) return fail(Errc::Malformed, "commit metadata: not base64url");

  std::string_view rest = *decoded;
  const std::optional<std::uint64_t> written_beside = take_varint(rest);
  if (!written_beside) return fail(Errc::Malformed, "commit metadata: cut short");
  if (*written_beside != static_cast<std::uint64_t>(offset))
    return fail(Errc::Malformed, "commit metadata: written beside another offset");

  while (!rest.empty()) {
    const std::optional<std::uint64_t> literal = take_varint(rest);
    if (!literal || *literal == 0 || *literal > std::min(rest.size(), kWindowBlocksMax - blocks.size()))
      return fail(Errc::Malformed, "commit metadata: a count does not fit");
    blocks.insert(blocks.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(*literal));
    rest.remove_prefix(*literal);
    if (rest.empty()) break;
    const std::optional<std::uint64_t> run = take_varint(rest);
    if (!run || *run == 0 || *run > kWindowBlocksMax - blocks.size())
      return fail(Errc::Malformed, "commit metadata: a run does not fit");
    blocks.insert(blocks.end(), *run, kFullBlock);
  }
  if (blocks.empty()) return fail(Errc::Malformed, "commit metadata: says nothing");
  const Block known = below(offset);
  if ((blocks.front() & known) != known || (blocks.front() >> (offset % kOffsetsPerBlock) & 1) != 0)
    return fail(Errc::Malformed, "commit metadata: contradicts its offset");
  return blocks;
}

}  // namespace nightpost::kafka
