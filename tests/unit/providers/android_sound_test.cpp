#include "providers/android_sound.h"

#include <catch2/catch.hpp>

using namespace nightpost;

TEST_CASE("android sound: what can be a resource of an app", "[providers]") {
  CHECK(android_sound("chime.caf") == "chime");
  CHECK(android_sound("ding_2") == "ding_2");
  for (const char* none : {"", "default", "default.wav", ".hidden", "a.b.c.wav", "sub/dir.wav", "../x.ogg", "Chime.wav",
                           "9lives.wav", "ding dong.wav", "铃.wav"}) {
    CAPTURE(none);
    CHECK_FALSE(android_sound(none));
  }
}
