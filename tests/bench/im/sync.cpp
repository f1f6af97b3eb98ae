#include <fmt/format.h>

#include <charconv>
#include <map>
#include <stdexcept>
#include <vector>

#include "bench/im/book.h"
#include "bench/im/phases.h"

namespace nightpost::bench {
namespace {

constexpr std::size_t kPullsOpen = 16;

double ms_of(Clock::duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

/// Client 0 is the one who was away, in a browser, so that no phone needs a push; writers are [1, chats].
class Away {
 public:
  Away(const ImPlan& plan, const ImBed& bed) : plan_(plan), crowd_(bed.port(), bed.tls()), books_(plan.chats) {
    crowd_.add("away", "web");
    crowd_.login_all(0, 1);
    bed.expect_metric("nightpost_im_online", 1);
    crowd_.cut(0);
    bed.expect_metric("nightpost_im_online", 0);
    for (std::size_t i = 0; i < plan.chats; ++i) crowd_.add(writer(i));
    crowd_.login_all(1, plan.logins_at_once);
    write();
  }
  void measure(Measured& run) {
    crowd_.events.welcome = [](Crowd::Index, std::int64_t) {};
    crowd_.events.deliver = [](Crowd::Index, Crowd::Json) { throw std::runtime_error("nothing is new"); };
    const auto login = Clock::now();
    crowd_.login(0);
    crowd_.turn_until([&, before = crowd_.online()] { return crowd_.online() > before; }, "login");
    const auto start = Clock::now();
    heads();
    const auto heads_end = Clock::now();
    messages();
    const auto end = Clock::now();
    run["sync_login_ms"] = ms_of(start - login);
    run["sync_heads_ms"] = ms_of(heads_end - start);
    run["sync_all_ms"] = ms_of(end - start);
    run["sync_messages_per_s"] = static_cast<double>(plan_.chats * plan_.chat_messages) / (ms_of(end - start) / 1'000);
  }

 private:
  static std::string writer(std::size_t chat) { return fmt::format("writer-{}", chat); }

  void write() {
    std::size_t answers = 0;
    const auto send = [&](std::size_t chat) {
      crowd_.say(1 + chat,
                 fmt::format(R"({{"type":"req","id":{0},"op":"send","body":{{"to":"away","client_id":"c-{0}",)"
                             R"("elements":[{{"type":"text","text":"{0} Shall we meet at the station?"}}]}}}})",
                             books_[chat].send()));
    };
    crowd_.events.res = [&](Crowd::Index client, std::int64_t, Crowd::Json) {
      ++answers;
      if (books_.at(client - 1).sent() < std::int64_t(plan_.chat_messages)) send(client - 1);
    };
    for (std::size_t i = 0; i < books_.size(); ++i) send(i);
    crowd_.turn_until([&] { return answers == plan_.chats * plan_.chat_messages; }, "missed messages");
  }
  void heads() {
    bool more = true;
    const auto ask = [&](std::int64_t ver) {
      crowd_.say(0, fmt::format(R"({{"type":"req","id":1,"op":"sync","body":{{"ver":{},"limit":100}}}})", ver));
    };
    crowd_.events.res = [&](Crowd::Index, std::int64_t, Crowd::Json body) {
      for (const Crowd::Json chat : body["chats"].get_array()) {
        if (std::int64_t(chat["head"]) != std::int64_t(plan_.chat_messages)) throw std::runtime_error("another head");
        peers_.emplace_back(std::string_view(chat["peer"]));
      }
      more = body["more"];
      if (more) ask(body["ver"]);
    };
    ask(0);
    crowd_.turn_until([&] { return !more; }, "sync");
    if (peers_.size() != plan_.chats)
      throw std::runtime_error(fmt::format("{} conversations of {}", peers_.size(), plan_.chats));
  }
  void messages() {
    std::size_t next = 0, done = 0;
    const auto pull = [&](std::size_t chat, std::int64_t after) {
      crowd_.say(0, fmt::format(R"({{"type":"req","id":{},"op":"pull","body":{{"peer":"{}","after":{},"limit":100}}}})",
                                chat + 1, peers_[chat], after));
    };
    const auto pull_next = [&] {
      if (next < peers_.size()) pull(next++, 0);
    };
    crowd_.events.res = [&](Crowd::Index, std::int64_t id, Crowd::Json body) {
      const auto chat = static_cast<std::size_t>(id - 1);
      for (const Crowd::Json message : body["messages"].get_array()) {
        const std::string_view text = message["elements"].at(0)["text"];
        std::int64_t number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        book_of(message["from"]).came(number, message["id"]);
      }
      if (bool(body["more"])) return pull(chat, body["to"]);
      ++done;
      pull_next();
    };
    for (std::size_t i = 0; i < kPullsOpen; ++i) pull_next();
    crowd_.turn_until([&] { return done == peers_.size(); }, "pulls");
    for (const Book& book : books_)
      if (book.arrived() != std::int64_t(plan_.chat_messages)) throw std::runtime_error("missed messages are lost");
  }
  Book& book_of(std::string_view writer) {
    std::size_t number = 0;
    writer.remove_prefix(std::string_view("writer-").size());
    std::from_chars(writer.data(), writer.data() + writer.size(), number);
    return books_.at(number);
  }

  const ImPlan& plan_;
  Crowd crowd_;
  std::vector<Book> books_;
  std::vector<std::string> peers_;
};

}  // namespace

void measure_sync(const ImPlan& plan, ImBed& bed, Measured& run) { Away(plan, bed).measure(run); }

}  // namespace nightpost::bench
