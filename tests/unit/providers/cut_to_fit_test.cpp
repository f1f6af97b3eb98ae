#include "providers/cut_to_fit.h"

#include <catch2/catch.hpp>

#include "providers/text_fit.h"

using namespace nightpost;

TEST_CASE("cut_to_fit: what is cut, and how far", "[providers]") {
  const std::string letters(30, 'b');
  const std::string twenty = std::string(20, 'b') + "…";
  struct Row {
    const char* name;
    std::string title;
    std::string body;
    std::size_t room;
    std::optional<Texts> want;
  };
  const std::vector<Row> rows = {
      {"whole", "title", letters, 35, Texts{"title", letters}},
      {"body by one", "title", letters, 34, Texts{"title", std::string(26, 'b') + "…"}},
      {"body to its least", "title", letters, 28, Texts{"title", twenty}},
      {"then the title", "title", letters, 27, Texts{"t…", twenty}},
      {"not even so", "title", letters, 26, std::nullopt},
      {"no title to cut", "", letters, 22, std::nullopt},
      {"no title, body at its least", "", letters, 23, Texts{"", twenty}},
      {"title longer than all room", std::string(99, 't'), letters, 29, Texts{"ttt…", twenty}},
      {"title longer, no body", std::string(99, 't'), "", 6, Texts{"ttt…", ""}},
      {"quotes count twice", "", R"("""")", 8, Texts{"", R"("""")"}},
      {"quotes over", "t", R"("""")", 8, std::nullopt},
      {"a short body is not cut", "t", "bbbb", 4, std::nullopt},
      {"nothing fits nothing", "", "", 0, Texts{"", ""}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto texts = cut_to_fit(row.title, row.body, row.room);
    REQUIRE(texts.has_value() == row.want.has_value());
    if (!texts) continue;
    CHECK(texts->title == row.want->title);
    CHECK(texts->body == row.want->body);
    CHECK(json_escaped_size(texts->title) + json_escaped_size(texts->body) <= row.room);
  }
}
