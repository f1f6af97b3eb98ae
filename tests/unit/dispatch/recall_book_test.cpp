#include "dispatch/recall_book.h"

#include <catch2/catch.hpp>
#include <string>

#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

constexpr milliseconds kKept{1'000};

OfflineEvent message(std::string_view id = "m1") {
  OfflineEvent e;
  e.app = AppId{7};
  e.message_id = id;
  e.message_seq = 5;
  e.from_user = "denny";
  e.to = {{.user_id = "vinson"}};
  return e;
}
OfflineEvent recall_of(OfflineEvent e) {
  e.kind = EventKind::Cancel;
  return e;
}
OfflineEvent read_up_to(OfflineEvent e, std::int64_t seq) {
  e.kind = EventKind::Cancel;
  e.cancel = CancelReason::Read;
  e.message_seq = seq;
  return e;
}

}  // namespace

TEST_CASE("recall book: one message, for one user of one app", "[dispatch][recall]") {
  RecallBook book(100, kKept);
  CHECK(book.rule_of(message(), "vinson", kToday) == Rule::None);
  book.note(recall_of(message()), kToday);
  struct Row {
    const char* name;
    void (*change)(OfflineEvent& event);
    const char* user;
    Rule want;
  };
  const auto row = GENERATE(values<Row>({
      {"the message", [](OfflineEvent&) {}, "vinson", Rule::Recalled},
      {"from somebody else: its id says who it is", [](OfflineEvent& e) { e.from_user = "den"; }, "vinson",
       Rule::Recalled},
      {"another user", [](OfflineEvent&) {}, "vin", Rule::None},
      {"another message", [](OfflineEvent& e) { e.message_id = "m11"; }, "vinson", Rule::None},
      {"another app", [](OfflineEvent& e) { e.app = AppId{70}; }, "vinson", Rule::None},
      {"the cancel itself", [](OfflineEvent& e) { e.kind = EventKind::Cancel; }, "vinson", Rule::None},
      {"a call", [](OfflineEvent& e) { e.kind = EventKind::Call; }, "vinson", Rule::Recalled},
      {"a badge", [](OfflineEvent& e) { e.kind = EventKind::Badge; }, "vinson", Rule::None},
  }));
  CAPTURE(row.name);
  OfflineEvent event = message();
  row.change(event);
  CHECK(book.rule_of(event, row.user, kToday) == row.want);
}

TEST_CASE("recall book: a conversation, up to what was read", "[dispatch][recall]") {
  RecallBook book(100, kKept);
  book.note(read_up_to(message(), 5), kToday);
  struct Row {
    const char* name;
    void (*change)(OfflineEvent& event);
    const char* user;
    Rule want;
  };
  const auto row = GENERATE(values<Row>({
      {"the newest that was read", [](OfflineEvent&) {}, "vinson", Rule::ReadElsewhere},
      {"an older one", [](OfflineEvent& e) { e.message_seq = 1, e.message_id = "m0"; }, "vinson", Rule::ReadElsewhere},
      {"a newer one", [](OfflineEvent& e) { e.message_seq = 6; }, "vinson", Rule::None},
      {"one without a number", [](OfflineEvent& e) { e.message_seq = 0; }, "vinson", Rule::None},
      {"from another", [](OfflineEvent& e) { e.from_user = "den"; }, "vinson", Rule::None},
      {"another reader", [](OfflineEvent&) {}, "vin", Rule::None},
      {"a call: it is answered, not read", [](OfflineEvent& e) { e.kind = EventKind::Call; }, "vinson", Rule::None},
      {"in a group of that name", [](OfflineEvent& e) { e.kind = EventKind::Group, e.group_id = "denny"; }, "vinson",
       Rule::None},
  }));
  CAPTURE(row.name);
  OfflineEvent event = message();
  row.change(event);
  CHECK(book.rule_of(event, row.user, kToday) == row.want);
}

TEST_CASE("recall book: a read mark only advances, and a group is read, too", "[dispatch][recall]") {
  RecallBook book(100, kKept);
  const auto of_group = [] {
    OfflineEvent e = message();
    e.kind = EventKind::Group;
    e.group_id = "g1";
    return e;
  };
  book.note(read_up_to(of_group(), 9), kToday);
  book.note(read_up_to(of_group(), 3), kToday);
  OfflineEvent in_group = of_group();
  CHECK(book.rule_of(in_group, "vinson", kToday) == Rule::ReadElsewhere);
  in_group.from_user = "another member";
  CHECK(book.rule_of(in_group, "vinson", kToday) == Rule::ReadElsewhere);
  in_group.message_seq = 10;
  CHECK(book.rule_of(in_group, "vinson", kToday) == Rule::None);
}

TEST_CASE("recall book: it forgets in time", "[dispatch][recall]") {
  RecallBook book(100, kKept);
  book.note(recall_of(message()), kToday);
  CHECK(book.rule_of(message(), "vinson", kToday + kKept - milliseconds(1)) == Rule::Recalled);
  CHECK(book.rule_of(message(), "vinson", kToday + kKept) == Rule::None);
  book.note(recall_of(message()), kToday + milliseconds(500));  // anew: the time begins anew
  CHECK(book.rule_of(message(), "vinson", kToday + kKept) == Rule::Recalled);
  book.note(recall_of(message("m2")), kToday + kKept);  // what is over makes room
  CHECK(book.size() == 2);
  CHECK(book.rule_of(message(), "vinson", kToday + kKept) == Rule::Recalled);
  book.note(recall_of(message("m2")), kToday + 2 * kKept);
  CHECK(book.size() == 1);
}

TEST_CASE("recall book: full, the oldest go first", "[dispatch][recall]") {
  RecallBook book(10, kKept);
  for (int i = 0; i < 25; ++i) {
    const std::string id = "m" + std::to_string(i);
    book.note(recall_of(message(id)), kToday);
    CHECK(book.size() == std::size_t(std::min(i + 1, 10)));
  }
  for (int i = 0; i < 25; ++i) {
    const std::string id = "m" + std::to_string(i);
    CAPTURE(i);
    CHECK(book.rule_of(message(id), "vinson", kToday) == (i < 15 ? Rule::None : Rule::Recalled));
  }
  for (int i = 0; i < 100; ++i) book.note(read_up_to(message(), i + 1), kToday);  // one note, however often
  CHECK(book.size() <= 10);
  CHECK(book.rule_of(message(), "vinson", kToday) == Rule::ReadElsewhere);
}

TEST_CASE("recall book: which devices were spared", "[dispatch][recall]") {
  RecallBook book(100, kKept);
  book.note_unsent(message(), "vinson", "phone", kToday);
  const OfflineEvent cancel = recall_of(message());
  CHECK(book.is_unsent(cancel, "vinson", "phone", kToday));
  CHECK_FALSE(book.is_unsent(cancel, "vinson", "pad", kToday));
  CHECK_FALSE(book.is_unsent(cancel, "vin", "phone", kToday));
  CHECK_FALSE(book.is_unsent(cancel, "vinson", "phone", kToday + kKept));
  CHECK_FALSE(book.is_unsent(recall_of(message("m2")), "vinson", "phone", kToday));
  CHECK(book.rule_of(message(), "vinson", kToday) == Rule::None);  // that alone takes nothing back
}
