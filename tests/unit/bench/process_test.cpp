#include "support/process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <optional>

namespace nightpost::support {
namespace {

using namespace std::chrono_literals;

TEST_CASE("process: how it ended", "[support]") {
  struct Row {
    const char* name;
    std::vector<std::string> argv;
    int want;
  };
  const Row row = GENERATE(values<Row>({
      {"well", {"true"}, 0},
      {"badly", {"false"}, 1},
      {"with a code", {"sh", "-c", "exit 42"}, 42},
      {"by a signal", {"sh", "-c", "kill -9 $$"}, 128 + SIGKILL},
      {"never began", {"/no/such/program"}, 127},
  }));
  CAPTURE(row.name);
  Process process(row.argv);
  CHECK(process.wait(10s) == row.want);
  CHECK(process.wait(0ms) == row.want);
  CHECK_FALSE(process.running());
  process.signal(SIGTERM);  // too late, and harmless
}

TEST_CASE("process: it goes with its owner", "[support]") {
  pid_t pid = 0;
  {
    Process process({"sleep", "600"});
    pid = process.pid();
    CHECK(process.running());
    CHECK(process.wait(5ms) == std::nullopt);
  }
  CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("process: talk", "[support]") {
  Process echo({"cat"}, {.talk = true});
  echo.say("one");
  echo.say("two");
  CHECK(echo.hear(10s) == "one");
  CHECK(echo.hear(10s) == "two");
  CHECK_THROWS_WITH(echo.hear(5ms), Catch::Contains("silent"));
  echo.end_input();
  CHECK_THROWS_WITH(echo.hear(10s), Catch::Contains("closed"));
  CHECK(echo.wait(10s) == 0);
  CHECK_THROWS(echo.say("anyone?"));
}

TEST_CASE("process: who outlives its owner hears the end of its input", "[support]") {
  const TempFolder folder("outlive");
  const std::string noted = folder.file("noted");
  const pid_t owner = ::fork();
  if (owner == 0) {  // killed without a chance to tidy up
    const Process guard({"sh", "-c", "cat; echo tidy >" + noted}, {.talk = true, .outlives_us = true});
    ::raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(owner, &status, 0) == owner);
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(eventually(10s, [&] { return std::filesystem::exists(noted) && read_file(noted) == "tidy\n"; }));
}

TEST_CASE("process: environment, folder, log", "[support]") {
  const TempFolder folder("process");
  const std::string log = folder.file("log");
  Process process({"sh", "-c", "echo $NIGHTPOST_TEST; pwd; echo oops >&2"},
                  {.environment = {"NIGHTPOST_TEST=here"}, .folder = folder.path(), .log_file = log});
  REQUIRE(process.wait(10s) == 0);
  CHECK(read_file(log) == "here\n" + folder.path() + "\noops\n");
}

TEST_CASE("process: what it has used", "[support]") {
  Process busy({"sh", "-c", "while :; do :; done"});
  REQUIRE(eventually(10s, [&] { return busy.usage().cpu > 20ms; }));
  const Usage used = busy.usage();
  CHECK(used.rss_kb > 0);
  CHECK(used.rss_max_kb >= used.rss_kb);
  busy.signal(SIGKILL);
  REQUIRE(busy.wait(10s) == 128 + SIGKILL);
}

TEST_CASE("command: output and patience", "[support]") {
  const Ran ran = run_command({"sh", "-c", "echo said; exit 3"}, 10s);
  CHECK(ran.out == "said\n");
  CHECK(ran.exit_code == 3);
  CHECK(run_command({"cat"}, 10s).out.empty());  // its input is at its end
  CHECK_THROWS_WITH(run_command({"sleep", "600"}, 20ms), Catch::Contains("still talking"));
}

TEST_CASE("folder: private and gone afterwards", "[support]") {
  std::string path;
  {
    const TempFolder folder("folder");
    path = folder.path();
    const std::string file = folder.write("secret", "bytes");
    CHECK(read_file(file) == "bytes");
    CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK(read_file(folder.write("empty", "")).empty());
    CHECK_THROWS(read_file(folder.file("absent")));
    CHECK_THROWS(folder.write("no/such/folder", ""));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("port: free, and not the same for ever", "[support]") { CHECK(free_port() != 0); }

}  // namespace
}  // namespace nightpost::support
