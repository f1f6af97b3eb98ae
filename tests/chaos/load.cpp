#include "chaos/load.h"

#include <array>
#include <chrono>
#include <numeric>

#include "support/process.h"
#include "support/spine/fleet.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

constexpr std::uint32_t kGroups = 1'000'000;  // conversations from here on are groups
constexpr auto kRest = 10ms;
constexpr auto kFlush = 120s;

}  // namespace

VendorNumber vendor_of_user(std::size_t user, std::size_t users_each) {
  return static_cast<VendorNumber>(user / users_each);
}

Load::Load(std::string brokers, Options options, Book& book)
    : options_(std::move(options)),
      topics_(std::move(brokers), {{"linger.ms", "1"}, {"log_level", "0"}}),
      book_(book),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Load::~Load() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Load::pace(double per_s) { per_s_ = per_s; }

void Load::end() {
  thread_.request_stop();
  thread_.join();
  if (failed_) std::rethrow_exception(failed_);
}

void Load::run(const std::stop_token& stop) {
  try {
    double pace = 0;
    std::size_t since = 0;
    auto start = system_clock::now();
    while (!stop.stop_requested()) {
      if (const double wanted = per_s_; wanted != pace) {
        pace = wanted;
        start = system_clock::now();
        since = 0;
      }
      if (pace <= 0) {
        support::pause_for(kRest);
        continue;
      }
      const auto due = start + std::chrono::duration_cast<system_clock::duration>(
                                   std::chrono::duration<double>(double(since) / pace));
      if (const auto early = due - system_clock::now(); early > 1ms) {
        support::pause_for(std::min(std::chrono::ceil<support::milliseconds>(early), support::milliseconds(kRest)));
        continue;
      }
      produce_one(std::chrono::duration_cast<support::milliseconds>(due.time_since_epoch()).count());
      ++since;
    }
    topics_.flush(kFlush);
  } catch (...) {
    failed_ = std::current_exception();
  }
}

void Load::produce_one(std::int64_t due_ms) {
  const std::size_t i = produced_++;
  const bool group = i % options_.group_every == options_.group_every - 1;
  const std::size_t row = i / kVendors % options_.users_each;
  std::array<VendorNumber, kVendors> all;
  std::iota(all.begin(), all.end(), VendorNumber{0});
  const VendorNumber vendor = static_cast<VendorNumber>(i % kVendors);
  const std::size_t user = vendor * options_.users_each + row;
  const std::span<const VendorNumber> vendors = group ? std::span<const VendorNumber>(all) : std::span(&vendor, 1);
  const EventNumber event = book_.with([&](Book::Pages& pages) {
    for (const VendorNumber one : vendors) pages.offered.add(one, due_ms);
    return pages.ledger.send(due_ms, group ? kGroups + std::uint32_t(row) : std::uint32_t(user), vendors);
  });
  const std::string id = mark_of(event);
  const std::string ext = R"({"conv":"chaos","id":")" + id + R"("})";
  if (!group)
    return topics_.produce(options_.topic, support::user_name(user), support::event_json(id, user, ext, due_ms));
  std::array<std::size_t, kVendors> users;
  for (std::size_t v = 0; v < kVendors; ++v) users[v] = v * options_.users_each + row;
  const std::string name = "group-" + std::to_string(row);
  topics_.produce(options_.topic, name, support::group_event_json(id, name, users, ext, due_ms));
}

}  // namespace nightpost::chaos
