#include "providers/meizu/signature.h"

#include <catch2/catch.hpp>

using nightpost::meizu::signature_of;

// Spec §5.2: the first is the vendor's own published one.
TEST_CASE("meizu signature: the vendor's vectors", "[meizu]") {
  const std::string id = "RA50c6348036344485d01776773577c64740465480a6b";
  CHECK(signature_of(
            {{"appId", "10000"},
             {"messageJson", R"({"title":"title","content":"content","pushTimeInfo":{"offLine":1,"validTime":24}})"},
             {"pushIds", id}},
            "<APP_SECRET>") == "ac076ff25d9900015a681cb5172aa53b");
  CHECK(signature_of({{"appId", "110"},
                      {"messageJson", R"({"noticeBarInfo":{"noticeBarType":0,"title":"标题","content":"内容"}})"},
                      {"pushIds", "p1,p2"}},
                     "sec") == "5f66a0f5438de577ee06f79b1daa06ed");
  CHECK(
      signature_of(
          {{"appId", "110"},
           {"messageJson",
            R"({"noticeBarInfo":{"noticeMsgType":1,"title":"A+B & C=50%","content":"第1行"},"clickTypeInfo":{"clickType":2,"url":"https://example.com/p?a=1&b=2"},"pushTimeInfo":{"offLine":1,"validTime":24}})"},
           {"pushIds", "RA0000000000000000000000000000000000000000001"}},
          "mzsecret") == "024f5b514698b5bdf98e7c8ea42ec4a3");
  CHECK(signature_of({{"appId", "110"},
                      {"messageJson", R"({"noticeBarInfo":{"title":"😀","content":"👨‍👩‍👧"}})"},
                      {"pushIds", "p1"}},
                     "sec") == "2765ca3f78805f7f63bf29e8f0a35790");
  CHECK(signature_of({{"taskId", "20457"}, {"pushIds", "p1,p2"}, {"appId", "110"}}, "sec") ==
        "97a056a3143e55e94d92e3d20b2a45f6");
  CHECK(signature_of({{"restrictedPackageNames", ""}, {"pushIds", "p1"}, {"messageJson", "{}"}, {"appId", "110"}},
                     "sec") == "7c516febb2e6dad2b9efe19d72fac0be");
}

// Spec §5.8, examples 1 and 3.
TEST_CASE("meizu signature: the examples' requests", "[meizu]") {
  const char* secret = "5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c";
  const std::string id = "RA50c6348036344485d01776773577c64740465480a6b";
  const std::string two = id + ",RA00000000000000000000000000000000000000bad";
  CHECK(
      signature_of(
          {{"appId", "110123"},
           {"pushIds", two},
           {"messageJson",
            R"({"noticeBarInfo":{"noticeMsgType":1,"noticeBarType":0,"title":"张三","content":"晚上一起吃饭？"},"noticeExpandInfo":{"noticeExpandType":0},"clickTypeInfo":{"clickType":1,"activity":"com.example.im.ChatActivity","parameters":{"conv":"g_42","seq":"1001"}},"pushTimeInfo":{"offLine":1,"validTime":24},"advanceInfo":{"clearNoticeBar":1,"notificationType":{"vibrate":1,"lights":1,"sound":1},"notifyKey":"c2_42"},"extra":{"callback":"https://push.example.com/cb/meizu","callback.param":"m-1001","callback.type":"3"}})"}},
          secret) == "50d07e575a7887817fa05a6893faedcb");
  CHECK(signature_of({{"appId", "110123"}, {"taskId", "20457"}, {"pushIds", id}}, secret) ==
        "123bfa95437fc578ded16c7c78e9b445");
}

TEST_CASE("meizu signature: one byte makes another", "[meizu]") {
  const std::string good = signature_of({{"a", "1"}, {"b", "2"}}, "sec");
  CHECK(good.size() == 32);
  CHECK(signature_of({{"b", "2"}, {"a", "1"}}, "sec") == good);
  CHECK(signature_of({{"a", "1"}, {"b", "2 "}}, "sec") != good);
  CHECK(signature_of({{"a", "1"}, {"b", "2"}}, "sed") != good);
  CHECK(signature_of({{"a", "1"}}, "b=2sec") == good);  // nothing parts the values: that is how the vendor does it
}
