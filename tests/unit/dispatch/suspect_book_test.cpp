#include "dispatch/suspect_book.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

struct Doubts {
  Doubts() { options.suspects_apart = milliseconds(0); }
  Options options;
  MonoTime now = MonoTime(std::chrono::hours(1));
  std::unique_ptr<SuspectBook> made;
  SuspectBook& book() {
    if (!made) made = std::make_unique<SuspectBook>(options);
    return *made;
  }
  /// To a push that was sent a second ago.
  bool doubt(const std::string& token) {
    return book().doubt(token, now - seconds(1), now) != SuspectBook::Proof::None;
  }
  void accept(const std::string& token) { book().accepted(token, now); }
  void pass(milliseconds time) { now += time; }
};

}  // namespace

TEST_CASE("suspects: a second doubt is proof only after a while, for a vendor may doubt a throttled phone",
          "[dispatch][suspects]") {
  Doubts f;
  f.options.suspects_apart = std::chrono::hours(1);
  CHECK_FALSE(f.doubt("a"));
  f.accept("b");
  f.pass(seconds(3'600));
  CHECK_FALSE(f.doubt("a"));  // sent a second ago
  f.pass(seconds(1));
  CHECK(f.doubt("a"));
  f.book().keep("a", f.now);
  f.pass(seconds(2));
  CHECK(f.doubt("a"));
}

TEST_CASE("suspects: a second doubt is proof, if something was accepted in between", "[dispatch][suspects]") {
  Doubts f;
  CHECK_FALSE(f.doubt("a"));
  f.pass(seconds(5));
  SECTION("as it was") {
    f.accept("b");
    CHECK(f.doubt("a"));
    CHECK(f.book().size() == 0);
    CHECK_FALSE(f.doubt("a"));  // it begins anew
  }
  SECTION("nothing was accepted: the credential may be wrong") {
    for (int i = 0; i < 10; ++i) CHECK_FALSE(f.doubt("a"));
    f.accept("b");
    CHECK(f.doubt("a"));
  }
  SECTION("accepted before the first doubt only") {
    f.accept("b");
    CHECK_FALSE(f.doubt("c"));
    f.pass(seconds(5));
    CHECK_FALSE(f.doubt("c"));
  }
  SECTION("the second push was sent before the first was answered") {
    f.accept("b");
    CHECK(f.book().doubt("a", f.now - seconds(6), f.now) == SuspectBook::Proof::None);
    CHECK(f.doubt("a"));
  }
  SECTION("the token itself was accepted") {
    f.accept("a");
    CHECK(f.book().size() == 0);
    CHECK_FALSE(f.doubt("a"));
  }
  SECTION("another token is doubted") {
    f.accept("b");
    CHECK_FALSE(f.doubt("c"));
    CHECK(f.book().size() == 2);
  }
  SECTION("it is too long ago") {
    f.accept("b");
    f.pass(f.options.suspects_kept);
    CHECK_FALSE(f.doubt("a"));
    CHECK(f.book().size() == 1);
  }
}

TEST_CASE("suspects: what is only noted is in doubt, and no first doubt", "[dispatch][suspects]") {
  Doubts f;
  f.book().note("a", f.now);
  CHECK(f.book().is_in_doubt("a"));
  CHECK_FALSE(f.book().is_in_doubt("b"));
  f.accept("b");
  f.pass(seconds(5));
  f.book().note("a", f.now);
  CHECK_FALSE(f.doubt("a"));
  f.accept("b");
  f.pass(seconds(5));
  CHECK(f.doubt("a"));
  CHECK_FALSE(f.book().is_in_doubt("a"));
}

TEST_CASE("suspects: while it is full new ones are not remembered, and those in it come to an end",
          "[dispatch][suspects]") {
  Doubts f;
  f.options.suspects_max = 3;
  for (const char* token : {"a", "b", "c", "d"}) CHECK_FALSE(f.doubt(token));
  CHECK(f.book().size() == 3);
  f.accept("x");
  f.pass(seconds(5));
  CHECK_FALSE(f.doubt("d"));
  for (const char* token : {"a", "b", "c"}) CHECK(f.doubt(token));
  CHECK_FALSE(f.doubt("d"));
  CHECK(f.book().size() == 1);
}

TEST_CASE("suspects: doubts and notes take no room from each other", "[dispatch][suspects]") {
  Doubts f;
  f.options.suspects_max = 2;
  f.options.suspects_noted_max = 3;
  SECTION("many notes") {
    for (int i = 0; i < 100; ++i) f.book().note("n" + std::to_string(i), f.now);
    CHECK(f.book().size() == 3);
    CHECK(f.book().is_in_doubt("n2"));
    CHECK_FALSE(f.book().is_in_doubt("n3"));
    CHECK_FALSE(f.doubt("a"));
    CHECK_FALSE(f.doubt("b"));
    CHECK(f.book().size() == 5);
    f.accept("x");
    f.pass(seconds(5));
    CHECK(f.doubt("a"));
    CHECK(f.doubt("b"));
    CHECK(f.book().size() == 3);
  }
  SECTION("many doubts") {
    for (int i = 0; i < 100; ++i) CHECK_FALSE(f.doubt("d" + std::to_string(i)));
    CHECK(f.book().size() == 2);
    f.book().note("n", f.now);
    CHECK(f.book().is_in_doubt("n"));
    f.book().note("d1", f.now);  // it is doubted already, and stays so
    CHECK(f.book().size() == 3);
    f.accept("x");
    f.pass(seconds(5));
    CHECK(f.doubt("d1"));
  }
  SECTION("a noted one that is doubted makes room for another note") {
    for (const char* token : {"a", "b", "c"}) f.book().note(token, f.now);
    CHECK_FALSE(f.doubt("a"));
    CHECK(f.book().size() == 3);
    f.book().note("d", f.now);
    CHECK(f.book().is_in_doubt("d"));
    CHECK(f.book().is_in_doubt("a"));
  }
  SECTION("while doubts are full a noted one stays noted") {
    f.book().note("a", f.now);
    CHECK_FALSE(f.doubt("b"));
    CHECK_FALSE(f.doubt("c"));
    CHECK_FALSE(f.doubt("a"));
    CHECK(f.book().is_in_doubt("a"));
    f.accept("a");
    CHECK_FALSE(f.book().is_in_doubt("a"));
    CHECK(f.book().size() == 2);
  }
  SECTION("notes are forgotten, too") {
    f.book().note("a", f.now);
    f.pass(f.options.suspects_kept + milliseconds(1));
    f.book().note("b", f.now);
    CHECK(f.book().size() == 1);
  }
}

TEST_CASE("suspects: a second doubt is sure once a share of the credential's tokens lives", "[dispatch][suspects]") {
  struct Row {
    int doubted, live;
    SuspectBook::Proof proof;
  };
  const auto row = GENERATE(values<Row>({
      {1, 0, SuspectBook::Proof::None},
      {1, 1, SuspectBook::Proof::Surely},
      {90, 1, SuspectBook::Proof::Likely},
      {90, 9, SuspectBook::Proof::Likely},
      {90, 10, SuspectBook::Proof::Surely},
      {1'000, 100, SuspectBook::Proof::Likely},
  }));
  CAPTURE(row.doubted, row.live);
  Doubts f;
  f.accept("before");  // proves nothing
  for (int i = 0; i < row.doubted; ++i) CHECK_FALSE(f.doubt("d" + std::to_string(i)));
  for (int i = 0; i < row.live; ++i) f.accept("l");
  f.pass(seconds(5));
  CHECK(f.book().doubt("d0", f.now, f.now) == row.proof);
}

TEST_CASE("suspects: a token whose removal was held is surely gone once it is called so again and others live",
          "[dispatch][suspects]") {
  Doubts f;
  f.options.removals_kept_max = 20;
  CHECK_FALSE(f.book().is_gone_again("a", f.now));
  for (const char* token : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}) f.book().hold(token, f.now);
  CHECK(f.book().size() == 0);
  CHECK_FALSE(f.book().is_in_doubt("a"));
  f.accept("x");
  CHECK_FALSE(f.book().is_gone_again("a", f.now));
  f.accept("j");  // lives after all, so nine are left, and two live
  CHECK(f.book().is_gone_again("a", f.now));
  CHECK_FALSE(f.book().is_gone_again("a", f.now));  // it was forgotten
  CHECK_FALSE(f.book().is_gone_again("j", f.now));
  CHECK_FALSE(f.book().is_gone_again("k", f.now));
  SECTION("held again, it begins anew") {
    f.book().hold("a", f.now);
    CHECK_FALSE(f.book().is_gone_again("a", f.now));
  }
  SECTION("not for ever") {
    f.pass(f.options.suspects_kept + milliseconds(1));
    CHECK_FALSE(f.book().is_gone_again("b", f.now));
  }
  SECTION("nor more than is kept") {
    for (int i = 0; i < 100; ++i) f.book().hold("n" + std::to_string(i), f.now);
    for (int i = 0; i < 100; ++i) f.accept("x");
    CHECK(f.book().is_gone_again("n0", f.now));
    CHECK_FALSE(f.book().is_gone_again("n99", f.now));
  }
}

TEST_CASE("suspects: none is remembered, so none is proven", "[dispatch][suspects]") {
  Doubts f;
  f.options.suspects_max = 0;
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(f.doubt("a"));
    f.accept("b");
    f.pass(seconds(5));
  }
  CHECK(f.book().size() == 0);
}

TEST_CASE("suspects: lately is an option", "[dispatch][suspects]") {
  Doubts f;
  CHECK_FALSE(f.book().accepted_lately(f.now));
  CHECK_FALSE(f.doubt("a"));
  CHECK_FALSE(f.book().accepted_lately(f.now));
  f.accept("b");
  CHECK(f.book().accepted_lately(f.now));
  CHECK(f.book().accepted_lately(f.now + f.options.proof_kept));
  CHECK_FALSE(f.book().accepted_lately(f.now + f.options.proof_kept + milliseconds(1)));
}

TEST_CASE("suspects: shards may doubt and accept at once", "[dispatch][suspects]") {
  Doubts f;
  SuspectBook& book = f.book();
  constexpr int kTokens = 500;
  std::vector<std::thread> shards;
  for (int shard = 0; shard < 4; ++shard)
    shards.emplace_back([&book, now = f.now, shard] {
      for (int i = 0; i < kTokens; ++i) {
        const std::string token = std::to_string(shard) + "-" + std::to_string(i);
        book.doubt(token, now, now);
        book.accepted("live", now);
        book.doubt(token, now, now);
        book.is_in_doubt(token);
      }
    });
  for (std::thread& each : shards) each.join();
  CHECK(book.size() == 0);  // each was proven by its second doubt
}
