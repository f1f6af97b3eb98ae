// nightpost im --help: what it says of the server API is the table of commands.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "app/output.h"
#include "im/rest/commands.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

TEST_CASE("im help: every command of the server API that is offered, who calls it and since when", "[app][im_help]") {
  std::string folder = (std::filesystem::temp_directory_path() / "nightpost-im-help-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const auto ran = support::run_cli(folder, {"im", "--help"});
  std::filesystem::remove_all(folder);
  CHECK(ran.code == kDone);
  CHECK(ran.out.contains(im::command_list(im::rest_commands())));
  CHECK(ran.out.contains("called by an administrator of the app"));
  CHECK(ran.out.contains("since 0.1.0 where nothing else is said"));
  CHECK_FALSE(ran.out.contains("getappinfo"));
  CHECK_FALSE(ran.out.contains("nothing_like_it"));
}

}  // namespace
}  // namespace nightpost::app
