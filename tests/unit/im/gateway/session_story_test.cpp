// A client that keeps to PROTOCOL.md amid traffic, lost connections and late answers: it is shown everything, and
// nobody believes that it has what it has not. H2_SEED=N reruns one story, H2_STORIES=N runs so many.
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <set>

#include "session_rig.h"
#include "support/story_seeds.h"

namespace nightpost::im {
namespace {

using fake::new_message;
using nlohmann::json;

/// An account whose ver counts what was committed; the loop is told of commits some time after the store has them.
class Story {
 public:
  explicit Story(std::uint64_t seed) : random_(seed) {}

  void run() {
    for (int step = 0; step < 600; ++step) {
      act(below(24));
      check();
    }
    settle();
  }

 private:
  std::uint64_t below(std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random_); }

  void act(std::uint64_t what) {
    switch (what) {
      case 0:
        if (!rig_) connect();
        return;
      case 1:
        if (below(12) == 0) disconnect();
        return;
      case 2:
      case 3:
      case 4:
        for (auto n = below(below(10) == 0 ? 90 : 4); n > 0; --n) commit(false);
        return;
      case 5:
        if (joined_ && sent_.size() < 20) commit(true);
        return;
      case 6:
      case 7:
      case 8:
        return tell(below(8) + 1);
      case 9:
      case 10:
        return login_steps();
      case 11:
      case 12:
        return sync_steps();
      case 13:
      case 14:
      case 15:
      case 16:
      case 17:
        return take_output(below(40));
      case 18:
      case 19:
      case 20:
        return acknowledge();
      case 21:
      case 22:
        return want_sync();
      default:
        if (!rig_) return;
        rig_->pass(milliseconds(below(3'000)));
        rig_->say(R"({"type":"ping"})");
    }
  }

  // ---- The service ----
  void commit(bool own) {
    ++stored_;
    own_.push_back(own);
    if (own && rig_) rig_->ask(++last_id_, "send", R"({"to":"b","client_id":"c","elements":[]})");
    if (own) sent_.push_back(stored_);
  }
  void tell(std::uint64_t count) {
    for (; told_ < stored_ && count > 0; --count) {
      ++told_;
      if (rig_) rig_->deliver(new_message("denny", told_, "[]", own_[std::size_t(told_ - 1)] ? "phone" : ""));
      answer_send();
    }
  }
  void login_steps() {
    if (!rig_ || rig_->service.logins.empty()) return;
    if (login_ver_ < 0) {
      login_ver_ = stored_;
    } else if (told_ >= login_ver_) {
      rig_->service.pop(rig_->service.logins).second(fake::login_reply("denny", "phone", ++epoch_, login_ver_));
    }
  }
  void sync_steps() {
    if (!rig_ || rig_->service.syncs.empty()) return;
    if (sync_ver_ < 0) {
      sync_from_ = rig_->service.syncs.front().first.ver.value;
      sync_ver_ = stored_;
      sync_more_ = below(3) == 0 && sync_ver_ > sync_from_ + 1;
      if (sync_more_) sync_ver_ -= 1 + std::int64_t(below(std::uint64_t(sync_ver_ - sync_from_ - 1)));
      return;
    }
    SyncReply reply;
    reply.ver = Ver{sync_ver_};
    reply.more = sync_more_;
    sync_ver_ = -1;
    rig_->service.pop(rig_->service.syncs).second(reply);
  }
  /// A commit's replies come before the loop is told of the next one.
  void answer_send() {
    if (!rig_ || sent_.empty() || sent_.front() != told_) return;
    sent_.pop_front();
    rig_->service.pop(rig_->service.sends).second(SendReply{.ver = Ver{told_}});
  }

  // ---- The client ----
  void connect() {
    rig_.emplace();
    rig_->say(fake::kHello);
    login_ver_ = sync_ver_ = -1;
    joined_ = syncing_ = welcome_ = false;
    last_pos_ = acked_pos_ = last_id_ = sync_id_ = live_ = shown_live_ = 0;
    sent_.clear();
  }
  void disconnect() {
    rig_.reset();
    joined_ = false;
  }
  void take_output(std::uint64_t frames) {
    if (!rig_) return;
    std::string bytes;
    rig_->session->pull_output(bytes, frames * 100 + 1);
    rig_->feed();
    std::string_view view = bytes;
    while (const auto event = rig_->decoder.next(view)) {
      if (event->kind == WsEvent::Kind::Text) on_frame(json::parse(event->data));
    }
  }
  void on_frame(const json& frame) {
    const std::string type = frame["type"];
    if (type == "welcome") {
      REQUIRE(frame["code"] == 0);
      welcome_ = true;
      if (frame["ver"] == cursor_) join();
    } else if (type == "deliver") {
      const std::int64_t ver = frame["ver"];
      REQUIRE(frame["pos"] == ++last_pos_);
      REQUIRE(ver > shown_live_);  // nothing overtakes, nothing comes twice on a connection
      shown_live_ = ver;
      known_.insert(ver);
      live_ = ver;
      if (joined_) cursor_ = std::max(cursor_, ver);
    } else if (type == "pong") {
    } else if (type == "behind") {
      joined_ = false;
    } else if (type == "res" && frame["id"] == sync_id_) {
      REQUIRE(frame["code"] == 0);
      syncing_ = false;
      const std::int64_t ver = frame["body"]["ver"];
      for (std::int64_t v = asked_ver_ + 1; v <= ver; ++v) known_.insert(v);
      cursor_ = std::max(cursor_, ver);
      if (!frame["body"]["more"].get<bool>()) join();
    } else if (type == "res") {
      INFO(frame.dump());
      REQUIRE(frame["code"] == 0);
      const std::int64_t ver = frame["body"]["ver"];
      known_.insert(ver);
      if (joined_) cursor_ = std::max(cursor_, ver);
    } else {
      FAIL(frame.dump());
    }
  }
  void join() {
    joined_ = true;
    cursor_ = std::max(cursor_, live_);
    rig_->ack_ver(cursor_);
  }
  void acknowledge() {
    if (!rig_ || acked_pos_ == last_pos_) return;
    acked_pos_ += 1 + std::int64_t(below(std::uint64_t(last_pos_ - acked_pos_)));
    rig_->ack(acked_pos_);
  }
  void want_sync() {
    if (!rig_ || !welcome_ || joined_ || syncing_) return;
    syncing_ = true;
    asked_ver_ = cursor_;
    sync_id_ = ++last_id_;
    rig_->ask(sync_id_, "sync", R"({"ver":)" + std::to_string(cursor_) + "}");
  }

  // ---- What must hold ----
  std::int64_t unbroken() {
    while (known_.contains(unbroken_ + 1)) ++unbroken_;
    return unbroken_;
  }
  void check() {
    REQUIRE(cursor_ <= unbroken());
    if (rig_ && !rig_->service.acks.empty()) REQUIRE(rig_->service.acks.back().value <= unbroken());
  }
  /// The traffic ends: the client has all, and is known to.
  void settle() {
    if (!rig_) connect();
    for (int turn = 0; turn < 50; ++turn) {
      login_steps();
      tell(10'000);
      take_output(100'000);
      while (acked_pos_ < last_pos_) acknowledge();
      want_sync();
      sync_steps();
      check();
    }
    commit(false);
    tell(1);
    take_output(100);
    acknowledge();
    CHECK(cursor_ == stored_);
    CHECK(unbroken() == stored_);
    CHECK(rig_->session->acknowledged() == Ver{stored_});
    CHECK(rig_->session->foreground());
  }

  std::mt19937_64 random_;
  std::optional<fake::SessionRig> rig_;
  std::int64_t stored_ = 0, told_ = 0, epoch_ = 0;
  std::vector<bool> own_;          // by ver
  std::deque<std::int64_t> sent_;  // vers of own messages that are not answered
  std::int64_t login_ver_ = -1, sync_ver_ = -1, sync_from_ = 0;
  bool sync_more_ = false;

  std::int64_t unbroken_ = 0, cursor_ = 0, live_ = 0, shown_live_ = 0, last_pos_ = 0, acked_pos_ = 0, last_id_ = 0,
               sync_id_ = 0, asked_ver_ = 0;
  bool joined_ = false, syncing_ = false, welcome_ = false;
  std::set<std::int64_t> known_;
};

TEST_CASE("session: a client amid traffic is shown everything, and no cursor runs ahead", "[im][session]") {
  const auto seeds = support::story_seeds(80);
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    CAPTURE(seed);
    Story(seed).run();
  }
}

}  // namespace
}  // namespace nightpost::im
