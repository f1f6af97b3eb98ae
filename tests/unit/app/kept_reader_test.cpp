#include "app/kept_reader.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <vector>

#include "app/wait_until.h"

namespace nightpost::app {
namespace {

constexpr KeptReader::Waits kAtOnce{.first = milliseconds(1), .max = milliseconds(2)};

/// Readers that fail when the test says so.
struct KeptBed {
  std::atomic<int> made{0}, alive{0}, refuse{0};
  std::mutex mutex;
  KeptReader::Failed failed;  // of the last one

  struct Reader {
    explicit Reader(std::atomic<int>& of) : alive(of) { ++alive; }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { --alive; }
    std::atomic<int>& alive;
  };
  KeptReader::Make maker() {
    return [this](KeptReader::Failed on) -> Result<std::shared_ptr<void>> {
      ++made;
      if (refuse > 0 && refuse-- > 0) return fail(Errc::ConnectionLost, "no broker");
      const std::lock_guard lock(mutex);
      failed = std::move(on);
      return std::make_shared<Reader>(alive);
    };
  }
  void fail_now() {
    KeptReader::Failed call;
    {
      const std::lock_guard lock(mutex);
      call = failed;
    }
    call({Errc::Io, "fenced"});
  }
  static bool soon(const std::function<bool()>& reached) {
    return wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(30), reached);
  }
  observe::Log log{observe::Level::Off};
};

TEST_CASE("kept reader: one that fails is ended and another one made, until one stays", "[app][im]") {
  KeptBed bed;
  auto kept = KeptReader::start(bed.maker(), "test.results", kAtOnce, bed.log);
  REQUIRE(kept);
  CHECK((*kept)->trouble().empty());
  CHECK(bed.alive == 1);
  bed.refuse = 3;
  bed.fail_now();
  CHECK(KeptBed::soon([&] { return bed.made == 5; }));  // the first, three in vain, the next
  CHECK(KeptBed::soon([&] { return (*kept)->trouble().empty() && bed.alive == 1; }));
  bed.fail_now();
  CHECK(KeptBed::soon([&] { return bed.made == 6 && bed.alive == 1; }));
  kept->reset();
  CHECK(bed.alive == 0);
}

TEST_CASE("kept reader: while there is none, it says why", "[app][im]") {
  KeptBed bed;
  auto kept = KeptReader::start(bed.maker(), "test.results", kAtOnce, bed.log);
  REQUIRE(kept);
  bed.refuse = 1'000'000;
  bed.fail_now();
  CHECK_FALSE((*kept)->trouble().empty());
  CHECK(KeptBed::soon([&] { return (*kept)->trouble() == "no broker"; }));
  CHECK(bed.alive == 0);
}

TEST_CASE("kept reader: without a first one there is none, and an end does not wait for the next try", "[app][im]") {
  KeptBed bed;
  bed.refuse = 1;
  const auto none = KeptReader::start(bed.maker(), "test.results", kAtOnce, bed.log);
  REQUIRE_FALSE(none);
  CHECK(none.error().detail == "no broker");
  auto kept = KeptReader::start(bed.maker(), "test.results",
                                {.first = std::chrono::hours(1), .max = std::chrono::hours(2)}, bed.log);
  REQUIRE(kept);
  bed.fail_now();
  CHECK(KeptBed::soon([&] { return bed.alive == 0; }));
  kept->reset();
  CHECK(bed.made == 2);
}

}  // namespace
}  // namespace nightpost::app
