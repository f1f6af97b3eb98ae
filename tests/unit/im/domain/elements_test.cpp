#include "im/domain/elements.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "dispatch/decode.h"

namespace nightpost::im {
namespace {

std::string canonical_elements(std::string_view json, const ElementLimits& limits = {}) {
  const Answer<CheckedElements> checked = check_elements(json, limits);
  return checked ? checked->canonical : "refused: " + checked.error().why;
}
std::string why(std::string_view json, const ElementLimits& limits = {}) {
  const Answer<CheckedElements> checked = check_elements(json, limits);
  if (checked) return "accepted: " + checked->canonical;
  CHECK(checked.error().code == Code::Malformed);
  return checked.error().why;
}
std::string preview(std::string_view json) {
  const Answer<CheckedElements> checked = check_elements(json, {});
  REQUIRE(checked);
  return checked->preview;
}

// One of each kind with all its fields, canonical.
const char* const kEach[] = {
    R"([{"type":"text","text":"hello"}])",
    R"([{"type":"image","uuid":"i1","format":"png","images":[{"type":"original","uuid":"o","url":"https://m.example/o","size":1,"width":2,"height":3},{"type":"thumb","url":"http://m.example/t"}]}])",
    R"([{"type":"voice","uuid":"v1","url":"https://m.example/v","size":9000,"seconds":3}])",
    R"([{"type":"video","uuid":"v1","url":"https://m.example/v","format":"mp4","size":9007199254740991,"seconds":60,"snapshot":{"uuid":"s","url":"https://m.example/s","format":"jpg","size":1,"width":2,"height":3}}])",
    R"([{"type":"file","name":"报告.pdf","uuid":"f1","url":"https://m.example/f","size":0}])",
    R"([{"type":"location","desc":"a tower","latitude":113.93,"longitude":-22.5}])",
    R"([{"type":"face","index":7,"data":"[smile]"}])",
    R"([{"type":"custom","data":"{\"cmd\":1}","desc":"a gift","ext":"e","sound":"01.caf"}])",
    R"([{"type":"merged","title":"Alice and Bob","abstract":["a: x","b: y"],"count":2,"uuid":"m1","url":"https://m.example/m"}])",
    R"([{"type":"card","user":"bob","nick":"Bob","face":"https://m.example/bob.png"}])",
};

TEST_CASE("elements: each kind comes out as it went in, and an event may carry it", "[im][domain][elements]") {
  dispatch::Decoder decoder(1'000'000, 10);
  dispatch::OfflineEvent event;
  for (const char* json : kEach) {
    CAPTURE(json);
    CHECK(canonical_elements(json) == json);
    const std::string text =
        R"({"event_id":"e","app_id":1,"occurred_at":1700000000000,"expires_at":1700000001000,"kind":"c2c",)"
        R"("from":{"user_id":"a"},"to":[{"user_id":"b"}],"message":{"id":"1-1","elements":)" +
        std::string(json) + "}}";
    const Result<void> decoded = decoder.decode(text, event);
    CAPTURE(decoded ? std::string() : decoded.error().detail);
    REQUIRE(decoded);
    REQUIRE(event.elements.size() == 1);
    CHECK(event.elements[0].type != dispatch::ElementType::Other);
  }
}

TEST_CASE("elements: the order of fields, blanks, escapes and null do not matter", "[im][domain][elements]") {
  CHECK(canonical_elements(" [ { \"text\" : \"a\\u0062\\/\" , \"type\" : \"te\\u0078t\" } ] \n") ==
        R"([{"type":"text","text":"ab/"}])");
  CHECK(canonical_elements(R"([{"type":"voice","seconds":null,"uuid":"u","url":null}])") ==
        R"([{"type":"voice","uuid":"u"}])");
  CHECK(canonical_elements(R"([{"type":"custom","data":""}])") == R"([{"type":"custom","data":""}])");
  CHECK(canonical_elements(R"([{"type":"face","data":""}])") == R"([{"type":"face","data":""}])");
  CHECK(canonical_elements(R"([{"type":"face","index":0}])") == R"([{"type":"face","index":0}])");
  CHECK(canonical_elements(R"([{"type":"text","text":"\ud83d\ude00\t\""}])") ==
        "[{\"type\":\"text\",\"text\":\"😀\\t\\\"\"}]");
  CHECK(canonical_elements(R"([{"type":"location","latitude":1e1,"longitude":-180}])") ==
        R"([{"type":"location","latitude":10,"longitude":-180}])");
  CHECK(canonical_elements(R"([{"type":"text","text":"a"},{"type":"text","text":"b"}])") ==
        R"([{"type":"text","text":"a"},{"type":"text","text":"b"}])");
}

TEST_CASE("elements: canonical_elements once is canonical_elements for good", "[im][domain][elements]") {
  for (const char* json :
       {R"([{"type":"location","latitude":0.1,"longitude":1e-7}])", R"([{"type":"text","text":"\u007f\u2028\u0001"}])",
        R"([{"type":"location","latitude":-0.0,"longitude":179.99999999999997}])"}) {
    CAPTURE(json);
    const std::string once = canonical_elements(json);
    CHECK(nlohmann::json::accept(once));
    CHECK(canonical_elements(once) == once);
  }
}

TEST_CASE("elements: what is wrong is named with its place", "[im][domain][elements]") {
  struct Row {
    std::string json;
    std::string_view why;
  };
  const Row row = GENERATE(values<Row>({
      {"", "elements: not JSON"},
      {"[", "elements: not JSON"},
      {"[]x", "elements: not JSON"},
      {"[{\"type\":\"text\",\"text\":\"\xff\"}]", "elements: not UTF-8"},
      {"{}", "elements: not an array"},
      {"null", "elements: not an array"},
      {"\"text\"", "elements: not an array"},
      {"[]", "elements: empty"},
      {"[1]", "elements[0]: not an object"},
      {"[null]", "elements[0]: not an object"},
      {"[[]]", "elements[0]: not an object"},
      {"[{}]", "elements[0].type: missing"},
      {R"([{"text":"a"}])", "elements[0].type: missing"},
      {R"([{"type":null,"text":"a"}])", "elements[0].type: not a string"},
      {R"([{"type":1}])", "elements[0].type: not a string"},
      {R"([{"type":"text","type":"text","text":"a"}])", "elements[0].type: there twice"},
      {R"([{"type":"sticker"}])", "elements[0].type: \"sticker\" is no kind of element"},
      {R"([{"type":"Text","text":"a"}])", "elements[0].type: \"Text\" is no kind of element"},
      {R"([{"type":"","text":"a"}])", "elements[0].type: \"\" is no kind of element"},
      {R"([{"type":"a\u0000\nb"}])", "elements[0].type: \"a??b\" is no kind of element"},
      {R"([{"type":"text"}])", "elements[0].text: missing"},
      {R"([{"type":"text","text":null}])", "elements[0].text: missing"},
      {R"([{"type":"text","text":""}])", "elements[0].text: empty"},
      {R"([{"type":"text","text":5}])", "elements[0].text: not a string"},
      {R"([{"type":"text","text":["a"]}])", "elements[0].text: not a string"},
      {R"([{"type":"text","text":"a","text":"b"}])", "elements[0].text: there twice"},
      {R"([{"type":"text","text":"a","\u0074ext":"b"}])", "elements[0].text: there twice"},
      {R"([{"type":"text","text":"a","bold":true}])", "elements[0]: \"bold\" is no field of it"},
      {R"([{"type":"text","text":"a","desc":"b"}])", "elements[0]: \"desc\" is no field of it"},
      {R"([{"type":"text","text":"a","":1}])", "elements[0]: \"\" is no field of it"},
      {R"([{"type":"text","text":"a"},{"type":"text","text":"a\u0000b"}])",
       "elements[1].text: has U+0000, which cannot be stored"},
      {R"([{"type":"face","index":1,"data":"\u0000"}])", "elements[0].data: has U+0000, which cannot be stored"},
      {R"([{"type":"custom","data":"\u0000"}])", "elements[0].data: has U+0000, which cannot be stored"},
      {R"([{"type":"custom"}])", "elements[0].data: missing"},
      {R"([{"type":"custom","data":{"a":1}}])", "elements[0].data: not a string"},
      {R"([{"type":"custom","data":"","sound":"a\nb"}])", "elements[0].sound: has a control character"},
      {R"([{"type":"face"}])", "elements[0]: neither index nor data"},
      {R"([{"type":"face","index":"1"}])", "elements[0].index: not an integer of 0 to 2^53-1"},
      {R"([{"type":"face","index":-1}])", "elements[0].index: not an integer of 0 to 2^53-1"},
      {R"([{"type":"face","index":1.5}])", "elements[0].index: not an integer of 0 to 2^53-1"},
      {R"([{"type":"face","index":9007199254740992}])", "elements[0].index: not an integer of 0 to 2^53-1"},
      {R"([{"type":"face","index":18446744073709551615}])", "elements[0].index: not an integer of 0 to 2^53-1"},
      {R"([{"type":"location","latitude":1}])", "elements[0].longitude: missing"},
      {R"([{"type":"location","latitude":"1","longitude":1}])", "elements[0].latitude: not a number of -180 to 180"},
      {R"([{"type":"location","latitude":180.1,"longitude":1}])", "elements[0].latitude: not a number of -180 to 180"},
      {R"([{"type":"location","latitude":NaN,"longitude":1}])", "elements: not JSON"},
      {R"([{"type":"voice"}])", "elements[0]: neither uuid nor url"},
      {R"([{"type":"voice","uuid":null}])", "elements[0]: neither uuid nor url"},
      {R"([{"type":"voice","uuid":""}])", "elements[0].uuid: empty"},
      {R"([{"type":"voice","uuid":"a"},{"type":"text","text":"b"},{"type":"voice","uuid":"c"}])",
       "elements[2]: a second voice"},
      {R"([{"type":"video","url":"javascript:alert`1`"}])", "elements[0].url: not an http or https URL"},
      {R"([{"type":"video","url":"https://m.example/a b"}])", "elements[0].url: not an http or https URL"},
      {R"([{"type":"video","url":""}])", "elements[0].url: not an http or https URL"},
      {R"([{"type":"video","uuid":"a","snapshot":{}}])", "elements[0].snapshot: neither uuid nor url"},
      {R"([{"type":"video","uuid":"a","snapshot":[]}])", "elements[0].snapshot: not an object"},
      {R"([{"type":"video","uuid":"a","snapshot":{"uuid":"b","w":1}}])",
       "elements[0].snapshot: \"w\" is no field of it"},
      {R"([{"type":"file","uuid":"a"}])", "elements[0].name: missing"},
      {R"([{"type":"image","uuid":"a"}])", "elements[0].images: missing"},
      {R"([{"type":"image","images":[]}])", "elements[0].images: fewer than 1"},
      {R"([{"type":"image","images":{}}])", "elements[0].images: not an array"},
      {R"([{"type":"image","images":[{"type":"huge","uuid":"a"}]}])",
       "elements[0].images[0].type: none of original, large, thumb"},
      {R"([{"type":"image","images":[{"uuid":"a"}]}])", "elements[0].images[0].type: missing"},
      {R"([{"type":"image","images":[{"type":"large","uuid":"a"},{"type":"thumb","url":"ftp://x"}]}])",
       "elements[0].images[1].url: not an http or https URL"},
      {R"([{"type":"image","format":"tiff","images":[{"type":"large","uuid":"a"}]}])",
       "elements[0].format: none of jpg, gif, png, bmp, other"},
      {R"([{"type":"merged","title":"t","uuid":"a","abstract":["x",1]}])", "elements[0].abstract[1]: not a string"},
      {R"([{"type":"merged","title":"","uuid":"a"}])", "elements[0].title: empty"},
      {R"([{"type":"merged","title":"t"}])", "elements[0]: neither uuid nor url"},
      {R"([{"type":"card","nick":"b"}])", "elements[0].user: missing"},
      {R"([{"type":"text","text":"\ud83d"}])", "elements: a bad escape, or half a surrogate pair"},
      {R"([{"type":"text","text":"\ude00"}])", "elements: a bad escape, or half a surrogate pair"},
      {R"([{"type":"custom","data":"a","x":[[[[[[[[[[1]]]]]]]]]]}])", "elements: nested too deep"},
  }));
  CAPTURE(row.json);
  CHECK(why(row.json) == row.why);
}

TEST_CASE("elements: how many, how long and how deep", "[im][domain][elements]") {
  const auto texts = [](std::size_t count, std::size_t length) {
    std::string json = "[";
    for (std::size_t i = 0; i < count; ++i)
      json += (i == 0 ? "" : ",") + std::string(R"({"type":"text","text":")") + std::string(length, 'a') + "\"}";
    return json + "]";
  };
  CHECK(canonical_elements(texts(50, 1)) == texts(50, 1));
  CHECK(why(texts(51, 1)) == "elements: more than 50");
  CHECK(why(texts(3, 1), {.count_max = 2}) == "elements: more than 2");

  const std::size_t around = texts(1, 0).size();
  CHECK(canonical_elements(texts(1, 12 * 1024 - around)) == texts(1, 12 * 1024 - around));
  for (const std::string& json : {texts(1, 12 * 1024 - around + 1), texts(1, 13'000), texts(2, 7000),
                                  std::string(100'000, ' '), std::string(1'000'000, '[')}) {
    const Answer<CheckedElements> checked = check_elements(json, {});
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == Code::TooLarge);
    CHECK(checked.error().why == "elements: more than 12288 bytes");
  }
  // What counts is what is stored: escapes and blanks of the sender's do not.
  std::string escaped = R"([ { "type" : "text" , "text" : ")";
  for (int i = 0; i < 12'000; ++i) escaped += "\\u0061";
  CHECK(canonical_elements(escaped + "\" } ]") == texts(1, 12'000));
  CHECK(why(std::string(60'000, '[') + std::string(6000, ']')) == "elements: nested too deep");
  CHECK(why(R"([{"type":"file","uuid":"a","name":")" + std::string(256, 'n') + "\"}]") ==
        "elements[0].name: longer than 255 bytes");
}

TEST_CASE("elements: a preview is one short line", "[im][domain][elements]") {
  CHECK(preview(R"([{"type":"text","text":"a\nb\u007f"},{"type":"image","images":[{"type":"large","uuid":"i"}]}])") ==
        "a b [image]");
  CHECK(preview(R"([{"type":"custom","data":"secret","desc":"a gift"}])") == "a gift");
  CHECK(preview(R"([{"type":"custom","data":"secret"}])").empty());
  CHECK(preview(R"([{"type":"custom","data":"secret","desc":null}])").empty());
  std::string long_text = R"([{"type":"text","text":"a)";
  for (int i = 0; i < 200; ++i) long_text += "汉";
  const std::string cut = preview(long_text + "\"},{\"type\":\"text\",\"text\":\"b\"}]");
  CHECK(cut.size() <= kPreviewMax);
  CHECK(cut.size() > kPreviewMax - 4);
  CHECK(is_valid_utf8(cut));
}

}  // namespace
}  // namespace nightpost::im
