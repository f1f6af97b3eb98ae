// store_scale_bench: look-ups, writes and the change feed of a store that holds millions of devices, SQLite beside
// PostgreSQL. See ../README.md.
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <random>
#include <stdexcept>

#include "bench/spine/report.h"
#include "store/postgres.h"
#include "store/postgres_reader.h"
#include "store/sealer.h"
#include "store/store.h"
#include "support/postgres_server.h"
#include "support/process.h"

namespace nightpost::bench {
namespace {

using std::chrono::steady_clock;
using store::Store;

const AppId kApp{1400000001};
constexpr CertificateId kCertificate{1};
constexpr std::size_t kImportRows = 10'000;
constexpr std::size_t kBatch = 500;  // receivers of one look-up

struct Arguments {
  std::vector<std::string> stores = {"sqlite", "postgres"};
  std::size_t devices = 1'000'000;
  std::size_t batches = 400;
  std::size_t singles = 5'000;
  std::size_t writes = 5'000;
  std::size_t connections = 2;  // to PostgreSQL, for look-ups
  int runs = 1;
  bool json = false;
};

template <class T>
T must(Result<T> result, std::string_view doing) {
  if (!result) throw std::runtime_error(fmt::format("{}: {}", doing, result.error().detail));
  return *std::move(result);
}
void must(const Result<void>& result, std::string_view doing) {
  if (!result) throw std::runtime_error(fmt::format("{}: {}", doing, result.error().detail));
}

double seconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

double cpu_us_of_this_thread() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto us = [](const timeval& time) { return double(time.tv_sec) * 1e6 + double(time.tv_usec); };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double percentile(std::vector<double>& sorted, double share) {
  return sorted.at(std::min(sorted.size() - 1, std::size_t(double(sorted.size()) * share)));
}

std::string user(std::size_t number) { return fmt::format("user{:09}", number); }

Device phone(std::size_t number, DeviceState state = DeviceState::Background) {
  return {.device_id = "phone",
          .platform = Platform::Ios,
          .certificate = kCertificate,
          .token = DeviceToken(fmt::format("{:064x}", number * 0x9e3779b97f4a7c15)),
          .registered_at = wall_from_ms(1'795'225'887'405),
          .state = state,
          .badge_base = 0,
          .language = "zh"};
}

void fill(Store& store, std::size_t devices) {
  for (std::size_t from = 0; from < devices; from += kImportRows) {
    std::vector<Store::DeviceRow> rows;
    for (std::size_t i = from; i < std::min(from + kImportRows, devices); ++i)
      rows.push_back({kApp, user(i), phone(i)});
    const auto refused = must(store.import_devices(rows, Store::ImportMode::Write), "import");
    if (!refused.empty()) throw std::runtime_error("import: " + refused.front().why);
  }
}

using LookUp = std::function<Result<std::vector<Receiver>>(std::span<const ReceiverKey>)>;

/// As a shard looks up on PostgreSQL: a batch split among connections in pipeline mode, and one thread.
class Readers {
 public:
  Readers(const std::string& url, std::size_t connections) {
    for (std::size_t i = 0; i < connections; ++i)
      readers_.push_back(std::make_unique<store::PostgresReader>(url, store::StoreOptions{}));
    while (!std::ranges::all_of(readers_, [](const auto& reader) { return reader->connected(); })) turn();
  }

  Result<std::vector<Receiver>> receivers(std::span<const ReceiverKey> keys) {
    std::vector<Receiver> all(keys.size());
    std::optional<Error> error;
    const std::size_t parts = std::min(readers_.size(), keys.size());
    std::size_t open = parts;
    for (std::size_t i = 0; i < parts; ++i) {
      const std::size_t from = keys.size() * i / parts, to = keys.size() * (i + 1) / parts;
      readers_[i]->receivers(keys.subspan(from, to - from), steady_clock::now() + std::chrono::seconds(30),
                             [&, from](Result<std::vector<Receiver>> part) {
                               --open;
                               if (!part)
                                 error = std::move(part.error());
                               else
                                 std::ranges::move(*part, all.begin() + std::ptrdiff_t(from));
                             });
    }
    while (open > 0) turn();
    if (error) return std::unexpected(*std::move(error));
    return all;
  }

 private:
  void turn() {
    std::vector<pollfd> sockets;
    for (const auto& reader : readers_)
      sockets.push_back({.fd = reader->socket(),
                         .events = static_cast<short>(POLLIN | (reader->wants_write() ? POLLOUT : 0)),
                         .revents = 0});
    const bool all_open = std::ranges::none_of(sockets, [](const pollfd& socket) { return socket.fd < 0; });
    ::poll(sockets.data(), sockets.size(), all_open ? 1'000 : 0);
    for (std::size_t i = 0; i < readers_.size(); ++i)
      if (sockets[i].revents != 0 || sockets[i].fd < 0) readers_[i]->on_ready(steady_clock::now());
  }

  std::vector<std::unique_ptr<store::PostgresReader>> readers_;
};

/// A store, and what is done to it between the phases.
struct Place {
  std::function<std::unique_ptr<Store>()> open;
  std::function<LookUp()> look_up;  // with connections of its own
  std::function<void()> settle;     // after many writes
};

/// One store after the other; each is opened anew for each phase, so that no copy of ours is warm.
class Phases {
 public:
  Phases(const Arguments& arguments, std::string name, Place place, Measured& out)
      : arguments_(arguments), name_(std::move(name)), place_(std::move(place)), out_(out) {}

  void run() {
    import();
    look_ups("batch", kBatch, arguments_.batches);
    look_ups("single", 1, arguments_.singles);
    writes_and_feed();
  }

 private:
  void note(std::string_view what, double value) { out_[fmt::format("{}_{}", name_, what)] = value; }
  void say(std::string_view what) const { std::cerr << name_ << ": " << what << " …" << std::endl; }

  void import() {
    say(fmt::format("{} devices", arguments_.devices));
    const auto start = steady_clock::now();
    fill(*place_.open(), arguments_.devices);
    note("import_devices_per_s", double(arguments_.devices) / seconds_since(start));
    place_.settle();
  }

  void look_ups(std::string_view what, std::size_t users, std::size_t rounds) {
    say(fmt::format("{} look-ups of {}", rounds, users));
    const LookUp look_up = place_.look_up();
    std::uniform_int_distribution<std::size_t> any(0, arguments_.devices - 1);
    std::vector<double> ms;
    std::vector<ReceiverKey> keys(users);
    double cpu = 0;
    const std::size_t warm_up = rounds / 4;  // the memory that a new connection maps, not a copy of what is asked for
    for (std::size_t round = 0; round < warm_up + rounds; ++round) {
      for (ReceiverKey& key : keys) key = {kApp, user(any(random_))};
      const double cpu_before = cpu_us_of_this_thread();
      const auto start = steady_clock::now();
      const auto found = must(look_up(keys), "look-up");
      if (round >= warm_up) {
        ms.push_back(seconds_since(start) * 1e3);
        cpu += cpu_us_of_this_thread() - cpu_before;
      }
      for (const Receiver& receiver : found)
        if (receiver.devices.size() != 1) throw std::runtime_error("look-up: a user without a phone");
    }
    std::ranges::sort(ms);
    note(fmt::format("{}_p50_ms", what), percentile(ms, 0.5));
    note(fmt::format("{}_p99_ms", what), percentile(ms, 0.99));
    note(fmt::format("{}_cpu_us_per_user", what), cpu / double(rounds * users));  // this process' own
  }

  void writes_and_feed() {
    say(fmt::format("{} reports of a device's state, a commit each", arguments_.writes));
    const auto store = place_.open();
    const auto reader = place_.open();
    must(reader->changes(), "changes");
    std::uniform_int_distribution<std::size_t> any(0, arguments_.devices - 1);
    const auto start = steady_clock::now();
    for (std::size_t i = 0; i < arguments_.writes; ++i) {
      const std::size_t who = any(random_);
      must(store->set_device(kApp, user(who), phone(who, i % 2 == 0 ? DeviceState::Foreground : DeviceState::Offline)),
           "write");
    }
    note("state_writes_per_s", double(arguments_.writes) / seconds_since(start));
    const auto feed_start = steady_clock::now();
    const Changes changes = must(reader->changes(), "changes");
    const double feed = seconds_since(feed_start);
    if (changes.everything || changes.receivers.empty()) throw std::runtime_error("changes: does not name who changed");
    note("feed_us_per_change", feed * 1e6 / double(arguments_.writes));
  }

  const Arguments& arguments_;
  std::string name_;
  Place place_;
  Measured& out_;
  std::mt19937_64 random_{7};
};

Measured measure(const Arguments& arguments) {
  Measured out;
  const auto sealer = must(store::Sealer::from_key_text(store::Sealer::new_key_text()), "key");
  for (const std::string& name : arguments.stores) {
    if (name == "sqlite") {
      const support::TempFolder folder("store-bench");
      const auto open = [&] { return must(store::open_sqlite(folder.file("store.db"), sealer), "open"); };
      const auto look_up = [&]() -> LookUp {
        return [store = std::shared_ptr<Store>(open())](auto keys) { return store->receivers(keys); };
      };
      Phases(arguments, name, {open, look_up, [] {}}, out).run();
      out["sqlite_bytes_per_device"] =
          double(std::filesystem::file_size(folder.file("store.db"))) / double(arguments.devices);
    } else {
      support::PostgresServer server({"max_connections=20", "shared_buffers=512MB", "max_wal_size=4GB"});
      const std::string url = server.new_database();
      support::PostgresClient client(url);
      const auto look_up = [&]() -> LookUp {
        return [readers = std::make_shared<Readers>(url, arguments.connections)](auto keys) {
          return readers->receivers(keys);
        };
      };
      // What the server does by itself a while after many writes, and not in the middle of a measurement.
      const auto settle = [&] {
        client.run("VACUUM (ANALYZE) devices, device_states, users");
        client.run("CHECKPOINT");
      };
      Phases(arguments, name, {[&] { return must(store::open_postgres(url, sealer), "open"); }, look_up, settle}, out)
          .run();
      out["postgres_bytes_per_device"] =
          std::stod(client.text("SELECT pg_database_size(current_database())")) / double(arguments.devices);
    }
  }
  return out;
}

void bench(const Arguments& arguments) {
  const nlohmann::ordered_json before = environment();
  std::vector<Measured> runs;
  for (int run = 1; run <= arguments.runs; ++run) runs.push_back(measure(arguments));
  const nlohmann::ordered_json all = report("store", before, runs);
  std::cout << (arguments.json ? all.dump() + "\n" : as_table(all));
}

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  nightpost::bench::Arguments arguments;
  CLI::App app("Look-ups, writes and the change feed of a store of millions of devices, on SQLite and PostgreSQL.");
  app.add_option("--store", arguments.stores, "only these")->check(CLI::IsMember({"sqlite", "postgres"}));
  app.add_option("--devices", arguments.devices, "a user each")
      ->check(CLI::Range(10'000, 100'000'000))
      ->capture_default_str();
  app.add_option("--batches", arguments.batches, "look-ups of 500 users")
      ->check(CLI::Range(10, 1'000'000))
      ->capture_default_str();
  app.add_option("--singles", arguments.singles, "look-ups of one user")
      ->check(CLI::Range(10, 10'000'000))
      ->capture_default_str();
  app.add_option("--writes", arguments.writes, "reports of a device's state")
      ->check(CLI::Range(10, 10'000))
      ->capture_default_str();
  app.add_option("--connections", arguments.connections, "to PostgreSQL, for look-ups, as store.lookup_connections")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  app.add_option("--runs", arguments.runs)->check(CLI::Range(1, 100))->capture_default_str();
  app.add_flag("--json", arguments.json);
  try {
    CLI11_PARSE(app, argc, argv);
    nightpost::bench::bench(arguments);
  } catch (const std::exception& error) {
    std::cerr << "store_scale_bench: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
