// A broker that takes no metadata with commits, as the book hears of it.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "kafka/partition_book.h"

namespace nightpost::kafka {
namespace {

class Book {
 public:
  Book() : book({.commit_interval = milliseconds(10)}, metrics) {
    book.assign({}, 0, "").value();
    for (int i = 0; i < 40; ++i) book.offer({.at = {}, .offset = i, .value = "v"}, now(), WallTime{});
    book.hand_out([this](std::size_t, std::unique_ptr<Batch> batch) {
      for (const SourceRecord& record : batch->records()) records_.push_back(record.pending);
    });
    REQUIRE(records_.size() == 40);
  }
  ~Book() {
    for (PendingRecord* record : records_)
      if (record != nullptr) record->drop();
    book.settle();
  }
  void finish(std::size_t index) {
    std::exchange(records_[index], nullptr)->drop();
    book.settle();
  }
  /// The one partition's next commit.
  PartitionBook::Commit due() {
    time_ += milliseconds(10);
    const auto commits = book.due_commits(Group::Fresh, now());
    REQUIRE(commits.size() == 1);
    return commits.front();
  }
  void answer(std::int64_t next, bool accepted, bool too_large = false) {
    book.commit_answered(Group::Fresh, std::vector<PartitionBook::CommitAnswer>{{{}, next, accepted, too_large}});
  }
  MonoTime now() const { return time_; }

  ConsumerMetrics metrics;
  PartitionBook book;

 private:
  MonoTime time_{seconds(100)};
  std::vector<PendingRecord*> records_;
};

TEST_CASE("plain commits: after a refusal for size the same is said without metadata", "[kafka][commit]") {
  Book book;
  book.finish(0);
  book.finish(5);
  const PartitionBook::Commit rich = book.due();
  CHECK(rich.next == 1);
  CHECK_FALSE(rich.metadata.empty());
  CHECK_FALSE(book.book.commits_plainly());
  book.answer(rich.next, false, true);
  CHECK(book.book.commits_plainly());
  CHECK(read(book.metrics.commits_plain) == 1);
  CHECK(read(book.metrics.commit_errors) == 0);

  const PartitionBook::Commit plain = book.due();
  CHECK(plain.next == 1);
  CHECK(plain.metadata.empty());
  book.answer(plain.next, true);
  book.finish(7);
  const PartitionBook::Commit next = book.due();  // and so it stays
  CHECK(next.metadata.empty());
  CHECK(next.next == 1);
  book.answer(next.next, true);
  book.finish(1);
  CHECK(book.due().next == 2);  // never past an unfinished record
}

TEST_CASE("plain commits: other refusals change nothing", "[kafka][commit]") {
  Book book;
  book.finish(5);
  const PartitionBook::Commit rich = book.due();
  book.answer(rich.next, false);
  CHECK_FALSE(book.book.commits_plainly());
  CHECK(read(book.metrics.commits_plain) == 0);
  CHECK(read(book.metrics.commit_errors) == 1);
  CHECK(book.due().metadata == rich.metadata);
}

TEST_CASE("plain commits: a broker that refuses even these is an error", "[kafka][commit]") {
  Book book;
  book.finish(5);
  book.answer(book.due().next, false, true);
  book.answer(book.due().next, false, true);
  CHECK(read(book.metrics.commit_errors) == 1);
}

}  // namespace
}  // namespace nightpost::kafka
