#include "app/letter_marks.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace nightpost::app {
namespace {

constexpr int kVersion = 1;

template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || number < 0) return std::nullopt;
  return number;
}

using Bits = std::bitset<LetterMarks::kBlockSize>;

/// "24576-24580,24591".
std::string ranges_of(const Bits& bits, std::int64_t first) {
  std::string text;
  for (std::size_t at = 0; at < bits.size();) {
    if (!bits.test(at)) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    while (end < bits.size() && bits.test(end)) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(first + std::int64_t(at));
    if (end - at > 1) text += '-' + std::to_string(first + std::int64_t(end) - 1);
    at = end;
  }
  return text;
}

/// nullopt: not ascending numbers of the block.
std::optional<Bits> bits_of(std::string_view text, std::int64_t first) {
  Bits bits;
  std::int64_t above = first;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    const std::size_t dash = part.find('-');
    const auto from = number_from<std::int64_t>(part.substr(0, dash));
    const auto to = dash == std::string_view::npos ? from : number_from<std::int64_t>(part.substr(dash + 1));
    if (!from || !to || *from < above || *to < *from || *to >= first + LetterMarks::kBlockSize) return std::nullopt;
    for (std::int64_t offset = *from; offset <= *to; ++offset) bits.set(std::size_t(offset - first));
    above = *to + 1;
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return bits;
}

std::unexpected<Error> damaged(std::string_view key, std::string_view what) {
  return fail(Errc::Malformed,
              "marks of dead letters, record \"" + std::string(key.substr(0, 100)) + "\": " + std::string(what));
}

}  // namespace

std::string text_of(LetterId id) { return std::to_string(id.partition) + ':' + std::to_string(id.offset); }

std::optional<LetterId> letter_id_from(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto partition = number_from<std::int32_t>(text.substr(0, colon));
  const auto offset = number_from<std::int64_t>(text.substr(colon + 1));
  if (!partition || !offset) return std::nullopt;
  return LetterId{*partition, *offset};
}

std::string_view name_of(LetterState state) noexcept {
  switch (state) {
    case LetterState::Replayed:
      return "replayed";
    case LetterState::Dropped:
      return "dropped";
    case LetterState::Open:
      break;
  }
  return "open";
}

Result<void> LetterMarks::load(const Record& record) {
  const std::size_t block_at = record.key.rfind(':');
  const std::size_t partition_at = block_at == std::string::npos ? block_at : record.key.rfind(':', block_at - 1);
  if (partition_at == std::string::npos) return damaged(record.key, "its key names no block");
  const std::string_view key = record.key;
  if (key.substr(0, partition_at) != topic_) return {};
  const auto partition = number_from<std::int32_t>(key.substr(partition_at + 1, block_at - partition_at - 1));
  const auto number = number_from<std::int64_t>(key.substr(block_at + 1));
  if (!partition || !number || *number > INT64_MAX / kBlockSize - 1)
    return damaged(record.key, "its key names no block");
  const BlockId id{*partition, *number};
  if (record.value.empty()) {
    blocks_.erase(id);
    return {};
  }
  const nlohmann::json json = nlohmann::json::parse(record.value, nullptr, false);
  if (!json.is_object()) return damaged(record.key, "its value is no JSON object");
  const auto integer = [](const nlohmann::json& object, const char* name) -> std::optional<std::int64_t> {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<std::int64_t>();
  };
  const auto ranges = [&](const char* name) -> std::optional<Bits> {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_string()) return std::nullopt;
    return bits_of(found->get_ref<const std::string&>(), id.second * kBlockSize);
  };
  if (integer(json, "v") != kVersion) return damaged(record.key, "of another version of Nightpost");
  const auto witness = json.find("witness");
  const bool has_witness = witness != json.end() && witness->is_object();
  const auto until = integer(json, "until");
  const auto offset = has_witness ? integer(*witness, "offset") : std::nullopt;
  const auto at = has_witness ? integer(*witness, "at") : std::nullopt;
  const auto replayed = ranges("replayed"), dropped = ranges("dropped");
  if (!until || !offset || !at || !replayed || !dropped) return damaged(record.key, "a member is missing or damaged");
  blocks_[id] = {*replayed, *dropped, *until, {*offset, *at}};
  return {};
}

LetterState LetterMarks::state_of(LetterId id) const {
  const auto block = blocks_.find(block_of(id));
  if (block == blocks_.end()) return LetterState::Open;
  const auto bit = static_cast<std::size_t>(id.offset % kBlockSize);
  if (block->second.replayed.test(bit)) return LetterState::Replayed;
  return block->second.dropped.test(bit) ? LetterState::Dropped : LetterState::Open;
}

std::int64_t LetterMarks::until(LetterId id) const {
  const auto block = blocks_.find(block_of(id));
  return block == blocks_.end() ? 0 : block->second.until;
}

std::size_t LetterMarks::done() const noexcept {
  std::size_t sum = 0;
  for (const auto& [id, block] : blocks_) sum += (block.replayed | block.dropped).count();
  return sum;
}

void LetterMarks::put(Block& block, const Mark& mark) {
  if (block.replayed.none() && block.dropped.none()) block.until = mark.until;
  const auto bit = static_cast<std::size_t>(mark.id.offset % kBlockSize);
  (mark.state == LetterState::Dropped ? block.dropped : block.replayed).set(bit);
  if (mark.id.offset >= block.witness.offset) block.witness = {mark.id.offset, mark.at};
}

std::vector<LetterMarks::Record> LetterMarks::records_with(std::span<const Mark> marks) const {
  std::map<BlockId, Block> changed;
  for (const Mark& mark : marks) {
    const BlockId id = block_of(mark.id);
    const auto known = blocks_.find(id);
    put(changed.try_emplace(id, known == blocks_.end() ? Block() : known->second).first->second, mark);
  }
  std::vector<Record> records;
  for (const BlockId& id : forgotten_)
    if (!changed.contains(id)) records.push_back({key_of(id), ""});
  for (const auto& [id, block] : changed) records.push_back(record_of(id, block));
  return records;
}

void LetterMarks::apply(std::span<const Mark> marks) {
  for (const Mark& mark : marks) put(blocks_[block_of(mark.id)], mark);
  forgotten_.clear();
}

std::vector<std::int32_t> LetterMarks::partitions() const {
  std::vector<std::int32_t> all;
  for (const auto& [id, block] : blocks_)
    if (all.empty() || all.back() != id.first) all.push_back(id.first);
  return all;
}

std::optional<LetterMarks::Witness> LetterMarks::witness(std::int32_t partition) const {
  const auto after = blocks_.upper_bound({partition, INT64_MAX});
  if (after == blocks_.begin()) return std::nullopt;
  const auto last = std::prev(after);
  if (last->first.first != partition) return std::nullopt;
  return last->second.witness;
}

void LetterMarks::forget(std::int32_t partition) { forget_before(partition, INT64_MAX); }

void LetterMarks::forget_before(std::int32_t partition, std::int64_t low) {
  const auto begin = blocks_.lower_bound({partition, 0});
  const auto end = blocks_.lower_bound({partition, low / kBlockSize});
  for (auto block = begin; block != end; ++block) forgotten_.insert(block->first);
  blocks_.erase(begin, end);
}

std::string LetterMarks::key_of(const BlockId& id) const {
  return topic_ + ':' + std::to_string(id.first) + ':' + std::to_string(id.second);
}

LetterMarks::Record LetterMarks::record_of(const BlockId& id, const Block& block) const {
  const std::int64_t first = id.second * kBlockSize;
  const nlohmann::ordered_json json = {
      {"v", kVersion},
      {"until", block.until},
      {"witness", {{"offset", block.witness.offset}, {"at", block.witness.at}}},
      {"replayed", ranges_of(block.replayed, first)},
      {"dropped", ranges_of(block.dropped, first)},
  };
  return {key_of(id), json.dump()};
}

}  // namespace nightpost::app
