#include "im/rest/url.h"

#include <catch2/catch.hpp>

#include "im/rest/msg_key.h"

namespace nightpost::im {
namespace {

TEST_CASE("rest url: what clients send", "[im][rest][url]") {
  struct Row {
    const char* name;
    std::string query;
    std::optional<std::string> app, identifier, signature;
  };
  const Row row = GENERATE(values<Row>({
      {"the usual order", "?sdkappid=14&identifier=admin&usersig=a*b-c_&random=7&contenttype=json", "14", "admin",
       "a*b-c_"},
      {"sorted names", "?contenttype=json&identifier=admin&random=1&sdkappid=14&usersig=x", "14", "admin", "x"},
      {"escaped", "?sdkappid=14&identifier=ad%6Din&usersig=a%2Ab%2D", "14", "admin", "a*b-"},
      {"lower-case escapes", "?usersig=%2a", std::nullopt, std::nullopt, "*"},
      {"an escaped name", "?us%65rsig=x", std::nullopt, std::nullopt, "x"},
      {"random as a UUID", "?random=0123456789abcdef0123456789abcdef&sdkappid=14", "14", std::nullopt, std::nullopt},
      {"empty values", "?sdkappid=&identifier=&usersig=", "", "", ""},
      {"twice: the first", "?sdkappid=1&sdkappid=2", "1", std::nullopt, std::nullopt},
      {"a plus stays", "?identifier=a+b", std::nullopt, "a+b", std::nullopt},
      {"a lone percent", "?identifier=100%&usersig=%zz%4", std::nullopt, "100%", "%zz%4"},
      {"an equals sign in a value", "?usersig=a=b", std::nullopt, std::nullopt, "a=b"},
      {"a name without a value", "?sdkappid&&=", std::nullopt, std::nullopt, std::nullopt},
      {"case counts", "?SdkAppid=14", std::nullopt, std::nullopt, std::nullopt},
      {"no query", "", std::nullopt, std::nullopt, std::nullopt},
      {"an empty query", "?", std::nullopt, std::nullopt, std::nullopt},
  }));
  CAPTURE(row.name);
  const auto url = rest_url("/v4/openim/sendmsg" + row.query);
  REQUIRE(url);
  CHECK(url->service == "openim");
  CHECK(url->command == "sendmsg");
  CHECK(url->app == row.app);
  CHECK(url->identifier == row.identifier);
  CHECK(url->signature == row.signature);
}

TEST_CASE("rest url: what is no command's", "[im][rest][url]") {
  for (const char* target : {"", "/", "/v4", "/v4/", "/v4/openim", "/v4/openim/", "/v4//sendmsg", "/v3/openim/sendmsg",
                             "/v4/openim/sendmsg/more", "v4/openim/sendmsg", "/V4/openim/sendmsg", "?sdkappid=1"}) {
    CAPTURE(target);
    CHECK_FALSE(rest_url(target));
  }
}

TEST_CASE("rest: a MsgKey and back", "[im][rest][key]") {
  const WireId id{48374, 2837546, 1557481126};
  CHECK(msg_key(id) == "48374_2837546_1557481126");
  CHECK(msg_key_from("48374_2837546_1557481126") == id);
  CHECK(msg_key_from("0_0_0") == WireId{});
  CHECK(msg_key_from("4294967295_4294967295_253402300799") == WireId{4294967295, 4294967295, 253402300799});
  CHECK(msg_key({4294967295, 4294967295, 253402300799}).size() <= 50);
  for (const char* key :
       {"", "1", "1_2", "1_2_", "1_2_3_", "1_2_3_4", "_1_2", "1__3", "-1_2_3", "1_-2_3", "1_2_-3", "4294967296_0_0",
        "0_4294967296_0", "0_0_253402300800", "a_b_c", "1_2_3x", " 1_2_3", "1 _2_3", "99999999999999999999_1_1"}) {
    CAPTURE(key);
    CHECK_FALSE(msg_key_from(key));
  }
}

}  // namespace
}  // namespace nightpost::im
