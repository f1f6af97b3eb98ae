// `nightpost device|user import` and `export`, run as a user runs them, in this process.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/export_run.h"
#include "app/import_run.h"
#include "app/output.h"
#include "app/row_line.h"
#include "app/stop_signal.h"
#include "store/connection.h"
#include "store/store.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

/// A folder with a config and a store: app 1 has certificate 1 (APNs), app 2 has certificate 2 (FCM).
class Yard {
 public:
  Yard() {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    configure("config.json", "store.db");
    const auto sealed =
        store::open_sqlite(file("store.db"), store::Sealer::from_key_text(store::Sealer::new_key_text()).value());
    REQUIRE(sealed);
    for (const std::int64_t app : {1, 2})
      REQUIRE((*sealed)->add_certificate({.facts = {.app = {app},
                                                    .vendor = app == 1 ? Vendor::Apns : Vendor::Fcm,
                                                    .name = "n",
                                                    .environment = Environment::Production},
                                          .secret = {"key", "", ""}}));
  }
  Yard(const Yard&) = delete;
  Yard& operator=(const Yard&) = delete;
  ~Yard() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
    return file(name);
  }
  std::string read(const std::string& name) const {
    std::ifstream in(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void configure(const std::string& name, const std::string& store) const {
    write(name, Json{{"store", {{"url", "sqlite:" + file(store)}, {"devices_per_user_max", 3}}}}.dump());
  }
  support::CliRan run(std::vector<std::string> arguments, const std::string& config = "config.json") const {
    arguments.insert(arguments.end(), {"--config", file(config)});
    return support::run_cli(folder_, std::move(arguments));
  }
  std::unique_ptr<store::Store> store() const {
    auto opened = store::open_sqlite(file("store.db"), nullptr);
    REQUIRE(opened);
    return *std::move(opened);
  }
  std::size_t devices() const {
    const auto rows = store()->devices_after({}, {}, 100'000);
    REQUIRE(rows);
    return rows->size();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) all.push_back(entry.path().filename());
    return all;
  }

 private:
  std::string folder_ = "/tmp/nightpost-files-XXXXXX";
};

/// What stdin is for as long as it lives.
class StdinFrom {
 public:
  explicit StdinFrom(const std::string& path) : saved_(::dup(STDIN_FILENO)) {
    const int fd = ::open(path.c_str(), O_RDONLY);
    REQUIRE(fd >= 0);
    ::dup2(fd, STDIN_FILENO);
    ::close(fd);
  }
  StdinFrom(const StdinFrom&) = delete;
  StdinFrom& operator=(const StdinFrom&) = delete;
  ~StdinFrom() {
    ::dup2(saved_, STDIN_FILENO);
    ::close(saved_);
  }

 private:
  int saved_;
};

std::string device_line(const std::string& user, const std::string& more = "", int app = 1) {
  return R"({"app_id":)" + std::to_string(app) + R"(,"user_id":")" + user +
         R"(","device_id":"phone","platform":"ios","certificate_id":)" + std::to_string(app) + R"(,"token":"SECRET-)" +
         user + R"(","registered_at":1795225887405)" + more + "}\n";
}

TEST_CASE("device import: a good file, and the same again", "[app][import]") {
  const Yard yard;
  const std::string file = yard.write("d.ndjson", device_line("a") + "\n" + device_line("b") + device_line("a", "", 2));
  for (int i = 0; i < 2; ++i) {
    const auto ran = yard.run({"device", "import", file});
    CAPTURE(ran.err);
    CHECK(ran.code == kDone);
    CHECK(ran.out == "         3  devices written\n");
    CHECK(ran.err.empty());
    CHECK(yard.devices() == 3);
  }
  const auto found = yard.store()->devices({1}, "a", 10);
  REQUIRE(found);
  CHECK(found->at(0).device.token.text() == "SECRET-a");
}

TEST_CASE("device import: bad lines are named with file and line, and left out", "[app][import]") {
  const Yard yard;
  const std::string file = yard.write("d.ndjson",
                                      "\xef\xbb\xbf" + device_line("a") +       // 1: a byte order mark is no part of it
                                          "nonsense\n" +                        // 2
                                          device_line("b", R"(,"tokn":"x")") +  // 3
                                          device_line("c", "", 3) +             // 4: no certificate of that app
                                          device_line("d", R"(,"badge_base":-1)") +         // 5
                                          std::string(kRowLineBytesMax + 1, ' ') + "\n" +   // 6
                                          device_line("") +                                 // 7: what the store refuses
                                          device_line("e", R"(,"token_kind":"fid")") +      // 8: APNs has no such
                                          device_line("f", R"(,"token_kind":"fid")", 2) +   // 9
                                          device_line("g", R"(,"token_kind":"voip")", 2) +  // 10: nor FCM this
                                          device_line("h", R"(,"token_kind":"voip")"));     // 11: no phone's
  const auto ran = yard.run({"device", "import", file});
  CHECK(ran.code == kNotAllWell);
  CHECK(ran.out == "         2  devices written, 9 lines left out\n");
  CHECK(yard.devices() == 2);
  std::size_t from = 0;
  for (const char* what :
       {":2: $", ":3: $.tokn: unknown member", ":4: $.certificate_id: app 3 has no such certificate: 3",
        ":5: $.badge_base: -1", ":6: longer than 1048576 bytes", ":7: user id: missing",
        ":8: $.token_kind: only fcm has fid, not apns", ":10: $.token_kind: only apns has voip, not fcm",
        ":11: device id: of a voip token"}) {
    CAPTURE(what, ran.err);
    const std::size_t at = ran.err.find(file + what, from);
    CHECK(at != std::string::npos);
    from = std::min(at, ran.err.size());
  }
  CHECK_FALSE(ran.err.contains("SECRET"));
}

TEST_CASE("device import: of many bad lines the first are named, the others counted", "[app][import]") {
  const Yard yard;
  std::string lines;
  for (int i = 0; i < 6'000; ++i) lines += "{}\n";
  const auto ran = yard.run({"device", "import", yard.write("d.ndjson", lines + device_line("a"))});
  CHECK(ran.code == kNotAllWell);
  std::size_t named = 0;
  for (std::size_t at = 0; (at = ran.err.find("d.ndjson:", at)) != ran.err.npos; ++at) ++named;
  CHECK(named == 100);
  CHECK(ran.err.contains("d.ndjson:100: "));
  CHECK_FALSE(ran.err.contains("d.ndjson:101: "));
  CHECK(ran.err.contains("… and 5900 more bad lines"));
  CHECK(yard.devices() == 1);
}

TEST_CASE("device import: a dry run writes nothing", "[app][import]") {
  const Yard yard;
  const std::string file = yard.write("d.ndjson", device_line("a") + "{}\n");
  const auto ran = yard.run({"device", "import", file, "--dry-run"});
  CHECK(ran.code == kNotAllWell);
  CHECK(ran.out == "         1  devices would be written, 1 lines left out\n");
  CHECK(yard.devices() == 0);
}

TEST_CASE("device import: stdin, several files, and where to begin", "[app][import]") {
  const Yard yard;
  const std::string one = yard.write("1", device_line("a") + "{}\n" + device_line("b")),
                    two = yard.write("2", device_line("c"));
  {
    const StdinFrom from(one);
    const auto ran = yard.run({"device", "import", two, "-"});
    CHECK(ran.code == kNotAllWell);
    CHECK(ran.err.contains("stdin:2: $.app_id: missing"));
    CHECK(yard.devices() == 3);
  }
  const auto behind = yard.run({"device", "import", one, "--from-line", "3", "--json"});
  CHECK(behind.code == kDone);
  CHECK(Json::parse(behind.out) == Json::parse(R"({"dry_run":false,"lines":1,"written":1,"left_out":0,"stopped":false,
                                                   "error":null,"file":null,"from_line":null})"));
  CHECK(Json::parse(yard.run({"device", "import", one, "--from-line", "4", "--json"}).out)["lines"] == 0);
}

TEST_CASE("device import: bad usage and what is not there", "[app][import]") {
  const Yard yard;
  const std::string good = yard.write("1", device_line("a"));
  for (const std::vector<std::string>& asked : {std::vector<std::string>{},
                                                {yard.file("none")},
                                                {good, yard.file("none")},
                                                {good, good, "--from-line", "2"},
                                                {good, "--from-line", "0"},
                                                {good, "--until-line", "2"}}) {
    std::vector<std::string> all = {"device", "import"};
    all.insert(all.end(), asked.begin(), asked.end());
    const auto ran = yard.run(all);
    CHECK(ran.code == kBadUsage);
    CHECK_FALSE(ran.err.empty());
  }
  CHECK(yard.devices() == 0);
  const auto folder = yard.run({"device", "import", yard.file("")});
  CHECK(folder.code == kUnreachable);
  CHECK(folder.err.contains("ended before line 1"));
}

constexpr std::size_t kBatch = 100;

ImportHooks quiet() {
  return {.stopped = [] { return false; }, .progress = [](const ImportTally&) {}, .bad_line = [](auto&&...) {}};
}

TEST_CASE("import run: a user's limit holds across batches", "[app][import]") {
  const Yard yard;
  std::string lines;
  for (const char* id : {"1", "2", "3", "4", "2"}) {
    std::string line = device_line("a");
    line.replace(line.find("SECRET-a"), 8, "SECRET-" + std::string(id));
    lines += line.replace(line.find("phone"), 5, id);
  }
  auto store = store::open_sqlite(yard.file("store.db"), nullptr, {.devices_per_user_max = 3});
  REQUIRE(store);
  ImportHooks hooks = quiet();
  std::vector<std::uint64_t> bad;
  hooks.bad_line = [&](const std::string&, std::uint64_t line, const std::string&) { bad.push_back(line); };
  const ImportEnd end = import_devices(
      **store, {.files = {yard.write("d.ndjson", lines)}, .batch_lines = GENERATE(1u, 2u, 5u, 6u)}, hooks);
  CHECK_FALSE(end.error);
  CHECK(end.tally.lines == 5);
  CHECK(end.tally.written == 4);
  CHECK(bad == std::vector<std::uint64_t>{4});
  CHECK(yard.devices() == 3);
}

TEST_CASE("import run: an interruption stores what was read, and says where to go on", "[app][import]") {
  const Yard yard;
  std::string lines;
  for (std::size_t i = 0; i < 3 * kBatch; ++i) lines += device_line("u" + std::to_string(i));
  const std::string file = yard.write("d.ndjson", lines);
  const auto store = yard.store();
  ImportHooks hooks = quiet();
  bool stop = false;
  hooks.stopped = [&] { return stop; };
  hooks.progress = [&](const ImportTally& tally) {
    CHECK(tally.written == (stop ? 2 * kBatch : 0));  // the first batch is being written when it is told
    CHECK(tally.bytes > 0);
    CHECK(tally.bytes < lines.size());
    stop = true;
  };
  const ImportEnd end = import_devices(*store, {.files = {file}, .batch_lines = kBatch}, hooks);
  CHECK(end.stopped);
  CHECK(end.next_line == 2 * kBatch + 1);
  CHECK(end.file == file);
  CHECK(yard.devices() == 2 * kBatch);
  stop = false;
  hooks = quiet();
  const ImportEnd rest =
      import_devices(*store, {.files = {file}, .from_line = end.next_line, .batch_lines = kBatch}, hooks);
  CHECK_FALSE(rest.stopped);
  CHECK(rest.tally.written == kBatch);
  CHECK(yard.devices() == 3 * kBatch);
}

TEST_CASE("import run: what a silent pipe has said is stored when a stop comes", "[app][import]") {
  const Yard yard;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::string text = device_line("a") + device_line("b") + "{\"app_id\":";
  REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ImportHooks hooks = quiet();
  int asked = 0;
  hooks.stopped = [&] { return ++asked > 1; };
  const auto store = yard.store();
  const ImportEnd end = import_devices(*store, {.files = {"/dev/fd/" + std::to_string(ends[0])}}, hooks);
  CHECK(end.stopped);
  CHECK(end.next_line == 3);
  CHECK(end.tally.written == 2);
  CHECK(yard.devices() == 2);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("import run: a store that fails ends it at the batch's first line", "[app][import]") {
  const Yard yard;
  std::string lines = "{}\n";
  for (std::size_t i = 0; i < kBatch; ++i) lines += device_line("u" + std::to_string(i));
  auto store = store::open_sqlite(yard.file("store.db"), nullptr, {.busy_timeout = milliseconds(1)});
  REQUIRE(store);
  auto other = store::Connection::open(yard.file("store.db"), {});
  REQUIRE(other);
  std::optional<store::Transaction> held;
  ImportHooks hooks = quiet();
  // Told once the first batch is stored, and before the next one is handed over.
  hooks.bad_line = [&](const std::string&, std::uint64_t, const std::string&) {
    auto begun = store::Transaction::begin(other->get(), store::Transaction::Kind::Write);
    REQUIRE(begun);
    held.emplace(*std::move(begun));
  };
  const ImportEnd end =
      import_devices(**store, {.files = {yard.write("d.ndjson", lines)}, .batch_lines = kBatch}, hooks);
  REQUIRE(end.error);
  CHECK(end.error->code == Errc::Overloaded);
  CHECK(end.next_line == kBatch + 1);
  CHECK(end.tally.written == kBatch - 1);
  CHECK(end.tally.left_out == 1);
}

TEST_CASE("stop signal: remembers that one came", "[app][import]") {
  StopSignal signal;
  CHECK_FALSE(signal.came());
  std::raise(SIGTERM);
  CHECK(signal.came());
  CHECK(signal.came());
}

TEST_CASE("device export: to a private file, by app, and into another store", "[app][import]") {
  const Yard yard;
  std::string lines;
  for (int i = 0; i < 2'500; ++i) lines += device_line("u" + std::to_string(i), R"(,"language":"zh")", 1 + i % 2);
  REQUIRE(yard.run({"device", "import", yard.write("in", lines)}).code == kDone);

  const std::string out = yard.write("out.ndjson", "older");
  ::chmod(out.c_str(), 0644);
  const auto ran = yard.run({"device", "export", out});
  CHECK(ran.code == kDone);
  CHECK(ran.out == "      2500  devices exported\n");
  CHECK(ran.err.empty());
  struct stat found{};
  REQUIRE(::stat(out.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  const std::string all = yard.read("out.ndjson");
  CHECK(std::ranges::count(all, '\n') == 2'500);

  const auto of_one = yard.run({"device", "export", "--app", "2"});
  CHECK(of_one.code == kDone);
  CHECK(std::ranges::count(of_one.out, '\n') == 1'250);
  CHECK(of_one.err == "nightpost: 1250 devices exported\n");
  CHECK(Json::parse(yard.run({"device", "export", yard.file("json"), "--json"}).out) == Json{{"written", 2'500}});
  CHECK(std::ranges::none_of(yard.names(), [](const std::string& name) { return name.starts_with("out.ndjson."); }));

  const Yard other;
  CHECK(other.run({"device", "import", out}).code == kDone);
  CHECK(other.run({"device", "export"}).out == all);
}

TEST_CASE("device export: what cannot be written to", "[app][import]") {
  const Yard yard;
  CHECK(yard.run({"device", "export", yard.file("no/such/folder")}).code == kUnreachable);
  const auto pipe = yard.run({"device", "export", "/dev/null"});
  CHECK(pipe.code == kBadUsage);
  CHECK(pipe.err.contains("no ordinary file"));
  CHECK(std::filesystem::exists("/dev/null"));
  std::filesystem::create_symlink(yard.file("config.json"), yard.file("link"));
  CHECK(yard.run({"device", "export", yard.file("link")}).code == kBadUsage);
  CHECK(yard.run({"device", "export", "--app", "0"}).code == kBadUsage);
  const auto empty = yard.run({"device", "export"});
  CHECK(empty.code == kDone);
  CHECK(empty.out.empty());
}

TEST_CASE("export run: one that was stopped leaves no file", "[app][import]") {
  const Yard yard;
  REQUIRE(yard.run({"device", "import", yard.write("in", device_line("a"))}).code == kDone);
  const std::size_t before = yard.names().size();
  {
    auto file = PrivateFile::create(yard.file("part"));
    REQUIRE(file);
    PrivateFile moved(*std::move(file));
    REQUIRE(moved.write("some"));
  }
  CHECK_FALSE(std::filesystem::exists(yard.file("part")));
  CHECK(yard.names().size() == before);
  std::uint64_t asked = 0;
  const auto store = yard.store();
  const auto rows = export_devices(*store, {},
                                   {.write = [](std::string_view) { return Result<void>(); },
                                    .stopped = [&] { return ++asked > 1; },
                                    .progress = [](std::uint64_t) {}});
  CHECK(rows == 1u);
  const auto full = export_devices(*store, {},
                                   {.write = [](std::string_view) { return Result<void>(fail(Errc::Io, "full")); },
                                    .stopped = [] { return false; },
                                    .progress = [](std::uint64_t) {}});
  CHECK_FALSE(full);
}

TEST_CASE("user import and export: settings and mutes, there and back", "[app][import]") {
  const Yard yard;
  const std::string file = yard.write(
      "u.ndjson",
      R"({"app_id":1,"user_id":"a","push":false,"badge":true,"language":"zh","sound_c2c":"d","sound_group":"","mutes":[]})"
      "\n"
      R"({"app_id":1,"user_id":"b","mutes":[{"kind":"all"},{"kind":"group","target":"g","until":5}]})"
      "\n"
      R"({"app_id":2,"user_id":"b","push":true,"mutes":[{"kind":"peer"}]})"
      "\n");
  const auto ran = yard.run({"user", "import", file});
  CHECK(ran.code == kNotAllWell);
  CHECK(ran.out == "         2  users written, 1 lines left out\n");
  CHECK(ran.err.contains("u.ndjson:3: mutes[0]: mute target: missing"));
  const auto out = yard.run({"user", "export"});
  CHECK(out.code == kDone);
  CHECK(out.err == "nightpost: 2 users exported\n");

  yard.configure("other.json", "other.db");
  REQUIRE(yard.run({"user", "import", yard.write("again", out.out)}, "other.json").code == kDone);
  CHECK(yard.run({"user", "export"}, "other.json").out == out.out);
  const Json shown = Json::parse(yard.run({"user", "show", "--app", "1", "--user", "b", "--json"}, "other.json").out);
  CHECK(shown["push"] == true);
  CHECK(shown["mutes"].size() == 2);

  // A line without settings leaves them, one with a setting gives the others their defaults.
  REQUIRE(
      yard.run({"user", "import", yard.write("more", R"({"app_id":1,"user_id":"a","mutes":[{"kind":"all"}]})")}).code ==
      kDone);
  const auto show = [&] { return Json::parse(yard.run({"user", "show", "--app", "1", "--user", "a", "--json"}).out); };
  CHECK(show()["push"] == false);
  CHECK(show()["mutes"].size() == 1);
  REQUIRE(yard.run({"user", "import", yard.write("more", R"({"app_id":1,"user_id":"a","badge":false})")}).code ==
          kDone);
  CHECK(show()["push"] == true);
  CHECK(show()["language"] == "");
  CHECK(show()["mutes"].size() == 1);
}

TEST_CASE("device and user files: help says what a line is, and that tokens are in it", "[app][import]") {
  const Yard yard;
  for (const char* rows : {"device", "user"}) {
    CHECK(support::run_cli(yard.file(""), {rows, "import", "--help"}).out.contains("user_id"));
    CHECK(support::run_cli(yard.file(""), {rows, "export", "--help"}).out.contains("0600"));
  }
  CHECK(support::run_cli(yard.file(""), {"device", "export", "--help"}).out.contains("tokens"));
}

}  // namespace
}  // namespace nightpost::app
