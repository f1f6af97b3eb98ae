// From a shard's hops to rows in the trace file: what is kept, what is dropped and counted, and that nobody waits.
#include "app/trace_recorder.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "app/ports.h"
#include "app/trace_options.h"
#include "core/uuid.h"
#include "dispatch/content.h"
#include "kafka/pending_record.h"
#include "receipt_fakes.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "nightpost-trace-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct RecorderBed {
  TempFolder folder;
  ManualClock clock;
  std::ostringstream lines;
  observe::Log log{observe::Level::Info, 100, lines, clock};
  TraceMetrics metrics;
  TraceOptions options;

  std::string path() const { return folder.file("trace.db"); }
  TraceWriter writer() { return {options, path(), clock, log, metrics}; }
  std::vector<store::TraceHop> read(const std::string& event) {
    auto opened = store::open_sqlite_trace(path());
    REQUIRE(opened);
    const auto hops = (*opened)->of_event(event, std::nullopt, 1'000);
    REQUIRE(hops);
    return *hops;
  }
};

store::TraceHop row(std::string event) {
  return {.event_id = std::move(event),
          .app = kApp,
          .user_id = "vinson",
          .device_id = "phone",
          .hop = "outcome",
          .at = kNow,
          .facts = "{}"};
}

TEST_CASE("trace queue: more than the rate, or than it holds, is dropped and counted", "[app][trace]") {
  TraceMetrics metrics;
  TraceOptions options;
  options.rows_per_second_max = 10;
  options.queue_rows_max = 15;
  TraceQueue queue(options, metrics);
  const MonoTime start{std::chrono::hours(1)};
  for (int i = 0; i < 20; ++i) queue.add(row("e"), start);
  CHECK(metrics.dropped_rate.read() == 10);
  CHECK(metrics.queued.read() == 10);
  for (int i = 0; i < 10; ++i) queue.add(row("e"), start + seconds(1));
  CHECK(metrics.dropped_rate.read() == 10);
  CHECK(metrics.dropped_queue.read() == 5);
  CHECK(queue.take(milliseconds(0)).size() == 15);
  CHECK(metrics.queued.read() == 0);
  queue.add(row("e"), start + seconds(2));
  CHECK(queue.take(milliseconds(0)).size() == 1);
  CHECK(queue.take(milliseconds(0)).empty());
}

TEST_CASE("trace queue: events that are only in the sample have half of the rate", "[app][trace]") {
  TraceMetrics metrics;
  TraceOptions options;
  options.rows_per_second_max = 80;
  TraceQueue queue(options, metrics);
  const MonoTime start{std::chrono::hours(1)};
  int admitted = 0;
  for (int i = 0; i < 100; ++i) admitted += queue.admits_sampled(start) ? 1 : 0;
  CHECK(admitted == 10);  // of four rows each
  CHECK(metrics.sampled_passed_over.read() == 90);
  CHECK(queue.admits_sampled(start + seconds(1)));
}

TEST_CASE("trace writer: rows stand in the file, old ones go", "[app][trace]") {
  RecorderBed bed;
  bed.options.keep = seconds(60);
  TraceWriter writer = bed.writer();
  writer.write({});
  CHECK_FALSE(std::filesystem::exists(bed.path()));
  const std::vector rows = {row("e1"), row("e2")};
  writer.write(rows);
  CHECK(bed.metrics.written.read() == 2);
  CHECK(bed.read("e1") == std::vector{rows[0]});
  writer.prune();
  CHECK(bed.read("e1").size() == 1);
  bed.clock.wall_now += seconds(61);
  writer.write(std::vector{row("e3")});
  writer.prune();
  CHECK(bed.metrics.deleted.read() == 2);
  CHECK(bed.read("e1").empty());
  CHECK(bed.read("e3").size() == 1);
}

TEST_CASE("trace writer: a file that cannot be written costs rows and one line, and is tried again", "[app][trace]") {
  RecorderBed bed;
  const std::string blocked = bed.folder.file("no-folder");
  std::ofstream(blocked) << "a file where the folder should be";
  TraceWriter writer(bed.options, blocked + "/trace.db", bed.clock, bed.log, bed.metrics);
  for (int i = 0; i < 3; ++i) writer.write(std::vector{row("e1"), row("e2")});
  CHECK(bed.metrics.dropped_store.read() == 6);
  CHECK(bed.metrics.written.read() == 0);
  std::filesystem::remove(blocked);
  writer.write(std::vector{row("e1")});
  CHECK(bed.metrics.dropped_store.read() == 7);  // not tried anew for a while
  bed.clock.mono_now += seconds(11);
  writer.write(std::vector{row("e1")});
  CHECK(bed.metrics.written.read() == 1);
  std::size_t failed = 0;
  const std::string lines = bed.lines.str();
  for (std::size_t at = lines.find("trace.not_written"); at != std::string::npos;
       at = lines.find("trace.not_written", at + 1))
    ++failed;
  CHECK(failed == 1);
  CHECK(lines.find("trace.written_again") != std::string::npos);
}

TEST_CASE("trace recorder: what any thread adds is in the file when it goes", "[app][trace]") {
  RecorderBed bed;
  bed.options.rows_per_second_max = 100'000;
  const SystemClock clock;
  {
    TraceRecorder recorder(bed.options, bed.path(), clock, bed.log, bed.metrics);
    std::vector<std::thread> shards;
    for (int i = 0; i < 4; ++i)
      shards.emplace_back([&recorder, i] {
        for (int n = 0; n < 100; ++n) recorder.add(row("e" + std::to_string(i)));
      });
    for (std::thread& shard : shards) shard.join();
  }
  for (int i = 0; i < 4; ++i) CHECK(bed.read("e" + std::to_string(i)).size() == 100);
  CHECK(bed.metrics.written.read() == 400);
}

TEST_CASE("trace recorder: a hop of a shard becomes a row, the first one with its coordinates", "[app][trace]") {
  RecorderBed bed;
  const SystemClock clock;
  const Topics topics;
  auto pool = kafka::PendingRecordPool::make();
  kafka::PendingRecord* const record = pool->acquire({.at = {.topic = 2, .partition = 3}}, 1233, 100);
  {
    TraceRecorder recorder(bed.options, bed.path(), clock, bed.log, bed.metrics);
    ShardTracer tracer(recorder, "host:1", topics);
    CHECK(tracer.hops_per_event_max() == bed.options.rows_per_event_max);
    using What = dispatch::Hop::What;
    tracer.record({.what = What::Consumed,
                   .record_id = record_id_of(record),
                   .event_id = "e1",
                   .app = kApp,
                   .at = kNow,
                   .facts = R"({"kind":"c2c"})"});
    tracer.record({.what = What::Outcome,
                   .record_id = record_id_of(record),
                   .event_id = "e1",
                   .app = kApp,
                   .user_id = "vinson",
                   .device_id = "phone",
                   .at = kNow,
                   .facts = R"({"outcome":"accepted"})"});
  }
  record->drop();
  pool->drain([](const kafka::PendingRecord&) {});
  const auto rows = bed.read("e1");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].hop == "consumed");
  CHECK(Json::parse(rows[0].facts) ==
        Json{{"kind", "c2c"}, {"worker", "host:1"}, {"topic", topics.retry[1]}, {"partition", 3}, {"offset", 1233}});
  CHECK(rows[1].hop == "outcome");
  CHECK(rows[1].user_id == "vinson");
  CHECK(rows[1].device_id == "phone");
  CHECK(rows[1].facts == R"({"outcome":"accepted"})");
}

TEST_CASE("trace receipts: those written are kept, by the sample or because they tell of a failure", "[app][trace]") {
  struct Row {
    const char* name;
    OutcomeKind kind;
    double sample;
    bool sink_fails;
    std::size_t rows;
  };
  const Row given = GENERATE(values<Row>({
      {"delivered, in the sample", OutcomeKind::Delivered, 1, false, 1},
      {"clicked, in the sample", OutcomeKind::Clicked, 1, false, 1},
      {"delivered, not in the sample", OutcomeKind::Delivered, 0, false, 0},
      {"token gone, not in the sample", OutcomeKind::TokenRemoved, 0, false, 1},
      {"not shown, not in the sample", OutcomeKind::Suppressed, 0, false, 1},
      {"not written, so the vendor repeats it", OutcomeKind::TokenRemoved, 1, true, 0},
  }));
  CAPTURE(given.name);
  RecorderBed bed;
  bed.options.sample = given.sample;
  const SystemClock clock;
  Outcome outcome{.kind = given.kind,
                  .rule = "receipt",
                  .event_id = "e1",
                  .app = kApp,
                  .user_id = "vinson",
                  .device_id = "phone",
                  .vendor = Vendor::Huawei,
                  .reason = "r",
                  .at = kNow};
  Outcome nameless = outcome;
  nameless.event_id.clear();
  {
    TraceRecorder recorder(bed.options, bed.path(), clock, bed.log, bed.metrics);
    auto fake = std::make_unique<FakeSink>();
    fake->failing = given.sink_fails;
    TracedReceiptSink sink(std::move(fake), recorder);
    const std::vector outcomes = {outcome, nameless};
    CHECK(sink.write(outcomes).has_value() != given.sink_fails);
  }
  const auto rows = bed.read("e1");
  CHECK(rows.size() == given.rows);
  CHECK(bed.metrics.written.read() == given.rows);
  if (!rows.empty()) CHECK(rows[0].hop == "receipt");
}

TEST_CASE("trace sample: a share of all ids, the same for an event and its receipts", "[app][trace]") {
  std::size_t taken = 0;
  for (int i = 0; i < 100'000; ++i) taken += is_in_sample("event-" + std::to_string(i), 0.01) ? 1 : 0;
  CHECK(taken > 850);
  CHECK(taken < 1'150);
  CHECK(is_in_sample("e", 1));
  CHECK_FALSE(is_in_sample("e", 0));
  for (int i = 0; i < 1'000; ++i) {
    for (const std::string& id :
         {std::string(60, 'x') + std::to_string(i), "with blank " + std::to_string(i), "plain-" + std::to_string(i)})
      CHECK(is_in_sample(id, 0.5) == is_in_sample(dispatch::receipt_tag_of(id), 0.5));
  }
  // Who is in a small sample is in every larger one.
  for (int i = 0; i < 1'000; ++i)
    if (is_in_sample("e" + std::to_string(i), 0.1)) CHECK(is_in_sample("e" + std::to_string(i), 0.2));
}

TEST_CASE("trace path: beside the store unless named", "[app][trace]") {
  const auto file = store::StoreUrl::Kind::Sqlite, server = store::StoreUrl::Kind::Postgres;
  CHECK(trace_path({}, {file, "var/nightpost.db"}) == "var/nightpost-trace.db");
  CHECK(trace_path({}, {file, "/data/store"}) == "/data/store-trace");
  CHECK(trace_path({.path = "/x/t.db"}, {file, "var/nightpost.db"}) == "/x/t.db");
  CHECK(trace_path({.path = "/x/t.db"}, {server, "postgresql://h/d"}) == "/x/t.db");
  CHECK(trace_path({}, {server, "postgresql://h/d.db"}) == "var/nightpost-trace.db");
}

}  // namespace
}  // namespace nightpost::app
