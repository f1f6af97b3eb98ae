// Catch's own main(), but for a line that is out as soon as it is written: of a test that is stopped by its time-out,
// one sees how far it came.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <cstdio>

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return Catch::Session().run(argc, argv);
}
