#include "im/domain/names.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

namespace nightpost::im {
namespace {

std::string why(const Answer<void>& answer) {
  if (answer) return "";
  CHECK(answer.error().code == Code::Malformed);
  return answer.error().why;
}

TEST_CASE("names: user, device and client ids", "[im][domain][names]") {
  for (const char* id : {"u", "alice", "a b", " ", "~", "@TGS#", "@tim#x", "12345678901234567890123456789012"}) {
    CAPTURE(id);
    CHECK(why(check_user_id(id)).empty());
    CHECK(why(check_device_id(id)).empty());
    CHECK(why(check_client_id(id)).empty());
  }
  CHECK(why(check_user_id("")) == "user: empty");
  CHECK(why(check_user_id("", "to")) == "to: empty");
  CHECK(why(check_user_id(std::string(33, 'a'))) == "user: longer than 32 bytes");
  CHECK(why(check_user_id("@TIM#")) == "user: begins with @TIM#");
  CHECK(why(check_user_id("@TIM#SYSTEM")) == "user: begins with @TIM#");
  CHECK(why(check_device_id(std::string(64, 'a'))).empty());
  CHECK(why(check_device_id(std::string(65, 'a'))) == "device: longer than 64 bytes");
  CHECK(why(check_client_id(std::string(64, 'a'))).empty());
  CHECK(why(check_client_id(std::string(65, 'a'))) == "client_id: longer than 64 bytes");
  CHECK(why(check_client_id("")) == "client_id: empty");
  for (const std::string& id : {std::string("a\0", 2), std::string("\n"), std::string("a\tb"), std::string("\x7f"),
                                std::string("\x1f"), std::string("é"), std::string("张三"), std::string("\xff")}) {
    CAPTURE(id);
    CHECK(why(check_user_id(id)) == "user: has a byte that is not printable ASCII");
    CHECK_FALSE(why(check_device_id(id)).empty());
    CHECK_FALSE(why(check_client_id(id)).empty());
  }
}

TEST_CASE("names: each code has its own", "[im][domain][names]") {
  std::set<std::string_view> seen;
  for (int number = 0; number < 100'000; ++number)
    if (const std::string_view name = name_of(static_cast<Code>(number)); name != "unknown")
      CHECK(seen.insert(name).second);
  CHECK(seen.size() == 57);
  CHECK(name_of(Code::SigExpired) == "sig_expired");
  CHECK(name_of(Code::Malformed) == "malformed");
  CHECK(name_of(static_cast<Code>(0)) == "unknown");
}

}  // namespace
}  // namespace nightpost::im
