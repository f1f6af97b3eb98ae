#include "app/demo_chat.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <utility>

#include "app/app_key.h"
#include "app/chat_wire.h"
#include "app/demo_scenes.h"
#include "app/dev_account.h"
#include "app/im_server.h"
#include "app/kafka_event_sink.h"

namespace nightpost::app::demo {
namespace {

using Json = nlohmann::json;

constexpr const char* kWriter = "tove";
constexpr const char* kReader = "sami";
constexpr const char* kKey = "the key of the demo's app, for nobody else";
constexpr milliseconds kPatience{10'000};
constexpr milliseconds kAckTimeout{1'500};  // so long an app that is frozen counts as there
constexpr milliseconds kFollowUpWait{200};

/// One app on one device: a connection, and what it hears. Single-threaded; its loop turns while it waits.
class App {
 public:
  /// Connects and logs in.
  static Result<std::unique_ptr<App>> open(std::uint16_t port, const std::string& ca_pem, const Json& hello) {
    std::unique_ptr<App> app(new App);
    auto url = parse_chat_url(fmt::format("wss://127.0.0.1:{}/ws", port));
    if (!url) return std::unexpected(url.error());
    App* const self = app.get();
    auto wire = ChatWire::make(
        app->loop_, *std::move(url), ca_pem,
        {.opened = [self] { self->opened_ = true; },
         .frame = [self](std::string_view text) { self->frames_.push_back(Json::parse(text, nullptr, false)); },
         .closed = [self](std::string_view why) { self->closed_ = why.empty() ? "closed" : std::string(why); }});
    if (!wire) return std::unexpected(wire.error());
    app->wire_ = *std::move(wire);
    app->wire_->connect();
    if (!app->turn(kPatience, [self] { return self->opened_; }))
      return fail(Errc::ConnectionLost, "the companion: " + app->closed_);
    app->say(hello);
    const auto welcome = app->next("welcome", kPatience);
    if (!welcome || welcome->value("code", -1) != 0)
      return fail(Errc::Unauthorized, "the companion's welcome: " + (welcome ? welcome->dump() : app->closed_));
    // What came before is in the history; from here on its acknowledgements count.
    app->say({{"type", "ack"}, {"ver", welcome->value("ver", std::int64_t{0})}});
    return app;
  }

  void say(const Json& frame) { wire_->send(frame.dump()); }
  /// The answer's body; its code is an error.
  Result<Json> ask(const std::string& op, Json body) {
    say({{"type", "req"}, {"id", ++asked_}, {"op", op}, {"body", std::move(body)}});
    const auto answer = next("res", kPatience);
    if (!answer) return fail(Errc::Timeout, "the companion did not answer " + op);
    if (answer->value("code", -1) != 0) return fail(Errc::Malformed, op + ": " + answer->dump());
    return answer->value("body", Json::object());
  }
  /// The next frame of that type; those of others stay.
  std::optional<Json> next(std::string_view type, milliseconds wait) {
    auto found = frames_.end();
    turn(wait, [&] {
      found = std::ranges::find_if(frames_, [&](const Json& frame) { return frame.value("type", "") == type; });
      return found != frames_.end();
    });
    if (found == frames_.end()) return std::nullopt;
    Json frame = std::move(*found);
    frames_.erase(found);
    return frame;
  }

 private:
  App() = default;
  template <class Done>
  bool turn(milliseconds wait, Done done) {
    const MonoTime end = std::chrono::steady_clock::now() + wait;
    while (!done()) {
      if (!closed_.empty() || std::chrono::steady_clock::now() >= end) return false;
      loop_.restart();
      loop_.run_one_until(end);
    }
    return true;
  }

  boost::asio::io_context loop_{1};
  std::deque<Json> frames_;
  std::string closed_;
  bool opened_ = false;
  std::int64_t asked_ = 0;
  std::unique_ptr<ChatWire> wire_;
};

class ChatAct {
 public:
  ChatAct(ChatStage stage, const std::function<void(ChatLine)>& tell) : stage_(std::move(stage)), tell_(tell) {}

  Result<std::vector<std::string>> play() {
    if (const auto up = start(); !up) return std::unexpected(up.error());
    for (const auto scene : {&ChatAct::live, &ChatAct::background, &ChatAct::killed, &ChatAct::taken_back,
                             &ChatAct::read_elsewhere, &ChatAct::recalled, &ChatAct::logged_out})
      if (const auto played = (this->*scene)(); !played) return std::unexpected(played.error());
    // What should not come at all would be here by now.
    while (const auto extra = stage_.next_outcome(kAckTimeout + milliseconds(500)))
      surprises_.push_back("chat: an outcome that nothing led to: " + extra->value);
    reader_.reset();
    writer_.reset();
    if (!im_->drain(stage_.clock.mono() + kPatience))
      surprises_.emplace_back("chat: the companion kept something back");
    const std::uint64_t events = metrics_.relay.events.read(), withdrawn = metrics_.relay.withdrawn.read();
    if (events != 2) surprises_.push_back(fmt::format("chat: {} events, and not one for each of 2 pushes", events));
    if (withdrawn != 1) surprises_.push_back(fmt::format("chat: {} pushes withdrawn, and not 1", withdrawn));
    return std::move(surprises_);
  }

 private:
  Result<void> start() {
    ImOptions& im = stage_.config.im;
    im.host = "127.0.0.1";
    im.port = 0;
    im.tls = {.certificate = stage_.tls_certificate_file, .key = stage_.tls_key_file};
    im.gateway.ack_timeout = kAckTimeout;
    im.gateway.drain_spread = milliseconds(0);
    im.relay.follow_up_wait = kFollowUpWait;
    const std::string key_file = stage_.folder + "/app.key";
    if (const auto made = write_private_file(key_file, kKey); !made) return made;
    im.key_files = {{AppId{kApp}, key_file}};
    const auto outlet = [&](EventLoop& loop) -> Result<std::unique_ptr<EventOutlet>> {
      auto producer = start_event_producer(stage_.config, stage_.log, [](const Error&) {}, metrics_.producer);
      if (!producer) return std::unexpected(producer.error());
      return std::make_unique<KafkaEventSink>(*std::move(producer), stage_.config.topics.offline, loop);
    };
    auto im_server = ImServer::start(stage_.config, stage_.clock, stage_.log, outlet, metrics_);
    if (!im_server) return std::unexpected(im_server.error());
    im_ = *std::move(im_server);
    auto writer = join(kWriter);
    if (!writer) return std::unexpected(writer.error());
    writer_ = *std::move(writer);
    if (const auto named = writer_->ask("profile", {{"nick", "Tove"}}); !named) return std::unexpected(named.error());
    auto reader = join(kReader);
    if (!reader) return std::unexpected(reader.error());
    reader_ = *std::move(reader);
    const auto bound = reader_->ask("token", {{"certificate", stage_.apns.value}, {"token", chat_token()}});
    if (!bound) return std::unexpected(bound.error());
    return {};
  }

  Result<std::unique_ptr<App>> join(const std::string& user, const std::string& device = "phone",
                                    const std::string& platform = "ios") {
    const auto signature = make_signature(AppId{kApp}, user, kKey, stage_.clock.wall(), std::chrono::hours(1));
    if (!signature) return std::unexpected(signature.error());
    return App::open(im_->port(), stage_.ca_pem,
                     {{"type", "hello"},
                      {"versions", {1}},
                      {"app", kApp},
                      {"user", user},
                      {"sig", *signature},
                      {"device", user + "-" + device},
                      {"platform", platform},
                      {"language", "en"}});
  }

  /// The message's id.
  Result<std::string> write(const std::string& text) {
    const auto sent = writer_->ask("send", {{"to", kReader},
                                            {"client_id", "demo-" + std::to_string(++written_)},
                                            {"elements", Json::array({{{"type", "text"}, {"text", text}}})}});
    if (!sent) return std::unexpected(sent.error());
    return sent->value("id", "");
  }

  /// The reader's app gets the message; the frame's pos.
  std::optional<std::int64_t> delivered(const std::string& title, const std::string& id) {
    const auto frame = reader_->next("deliver", kPatience);
    const Json items = frame ? frame->value("items", Json::array()) : Json::array();
    if (items.size() == 1 && items[0].value("message", Json::object()).value("id", "") == id)
      return frame->value("pos", std::int64_t{0});
    surprises_.push_back(title + ": the open app got " + (frame ? frame->dump() : "nothing"));
    return std::nullopt;
  }

  Result<void> live() {
    const std::string title = "chat: the app is open and acknowledges";
    const auto id = write("are you there?");
    if (!id) return std::unexpected(id.error());
    const auto pos = delivered(title, *id);
    if (pos) reader_->say({{"type", "ack"}, {"pos", *pos}});
    tell_({title, to(), "no push", pos ? "the app has it: are you there?" : "nothing, though the app is open"});
    return {};
  }

  Result<void> background() {
    const auto away = reader_->ask("state", {{"foreground", false}, {"unread", 1}});
    if (!away) return std::unexpected(away.error());
    return pushed("chat: in the background", "see you at eight", "a new message: Tove:see you at eight, badge 2");
  }

  Result<void> killed() {
    reader_.reset();
    return pushed("chat: the app is killed", "bring the rope", "a new message: Tove:bring the rope, badge 3");
  }

  /// What the phone shows is replaced, and then its number falls.
  Result<void> taken_back() {
    const std::string title = "chat: a recall takes its push back";
    const auto recall = writer_->ask("recall", {{"id", last_}});
    if (!recall) return std::unexpected(recall.error());
    told(title, last_ + ".recalled", "accepted", "a new message: Tove:[Message recalled], badge 2");
    told("chat: and one is unread less", "badge.", "accepted", "badge 2");
    return {};
  }

  /// On the desk; the phone is still killed.
  Result<void> read_elsewhere() {
    auto desk = join(kReader, "desk", "desktop");
    if (!desk) return std::unexpected(desk.error());
    const auto read = (*desk)->ask("read", {{"peer", kWriter}});
    if (!read) return std::unexpected(read.error());
    const std::string title = "chat: read on another device";
    told(title, ".read", "suppressed", "it was read on another device");
    told("chat: and nothing is unread", "badge.", "accepted", "badge 0");
    return {};
  }

  /// The outcome of the event with this in its id, whichever comes first.
  void told(const std::string& title, const std::string& event_id, const std::string& kind,
            const std::string& expected) {
    const MonoTime end = stage_.clock.mono() + kPatience;
    auto found = early_.end();
    while ((found = std::ranges::find_if(
                early_, [&](const Json& each) { return each.value("event_id", "").contains(event_id); })) ==
               early_.end() &&
           stage_.clock.mono() < end)
      if (const auto message = stage_.next_outcome(kPatience))
        early_.push_back(Json::parse(message->value, nullptr, false));
    const Json outcome = found == early_.end() ? Json::object() : *found;
    if (found != early_.end()) early_.erase(found);
    const std::string heard = outcome.value("outcome", "nothing");
    const std::string said = heard == "accepted" ? shown(expected.starts_with("badge")) : outcome.value("reason", "");
    tell_({title, to(), heard, said, outcome.value("attempt", std::int64_t{0})});
    if (heard != kind || said != expected)
      surprises_.push_back(title + ": came out as " + outcome.dump() + ", the phone shows \"" + said + "\"");
  }

  Result<void> recalled() {
    const std::string title = "chat: frozen; recalled before the push is due";
    auto back = join(kReader);
    if (!back) return std::unexpected(back.error());
    reader_ = *std::move(back);
    const auto id = write("never mind");
    if (!id) return std::unexpected(id.error());
    delivered(title, *id);  // and it does not acknowledge
    const auto recall = writer_->ask("recall", {{"id", *id}});
    if (!recall) return std::unexpected(recall.error());
    tell_({title, to(), "no push", "recalled"});
    return {};
  }

  Result<void> logged_out() {
    const auto out = reader_->ask("logout", Json::object());
    if (!out) return std::unexpected(out.error());
    const auto id = write("good night");
    if (!id) return std::unexpected(id.error());
    tell_({"chat: logged out", to(), "no push", "nothing: who logged out is not rung"});
    return {};
  }

  Result<void> pushed(const std::string& title, const std::string& text, const std::string& expected) {
    const auto id = write(text);
    if (!id) return std::unexpected(id.error());
    last_ = *id;
    const auto message = stage_.next_outcome(kPatience);
    const Json outcome = message ? Json::parse(message->value, nullptr, false) : Json::object();
    const std::string kind = outcome.value("outcome", "nothing");
    const std::string said = kind == "accepted" ? shown() : outcome.value("reason", "");
    tell_({title, to(), kind, said, outcome.value("attempt", std::int64_t{0})});
    if (outcome.value("event_id", "") != *id || outcome.value("device_id", "") != to().substr(to().find('/') + 1) ||
        kind != "accepted")
      surprises_.push_back(title + ": came out as " + outcome.dump());
    else if (said != expected)
      surprises_.push_back(title + ": the phone shows \"" + said + "\" and not \"" + expected + "\"");
    return {};
  }

  /// "title: text, badge N" of the newest push that shows something; or `badge` N of the newest that does not.
  std::string shown(bool badge = false) const {
    const std::string path = "/3/device/" + chat_token();
    std::string words;
    for (const Json& request : stage_.apns_requests()) {
      if (request.value("path", "") != path) continue;
      const Json body = Json::parse(request.value("body", ""), nullptr, false);
      const Json aps = body.is_object() ? body.value("aps", Json::object()) : Json::object();
      const Json alert = aps.value("alert", Json::object());
      if (alert.empty() != badge) continue;
      words = badge ? "" : fmt::format("{}: {}, ", alert.value("title", ""), alert.value("body", ""));
      words += fmt::format("badge {}", aps.value("badge", -1));
    }
    return words;
  }

  static std::string to() { return std::string(kReader) + "/" + kReader + "-phone"; }

  ChatStage stage_;
  const std::function<void(ChatLine)>& tell_;
  std::vector<std::string> surprises_;
  std::vector<Json> early_;  // outcomes that were heard and not told yet
  std::string last_;         // message that was pushed
  ImMetrics metrics_;
  std::unique_ptr<ImServer> im_;
  std::unique_ptr<App> writer_, reader_;
  int written_ = 0;
};

}  // namespace

std::string chat_token() { return token_of(Vendor::Apns, std::string(kReader) + "/phone"); }

Result<std::vector<std::string>> play_chat(ChatStage stage, const std::function<void(ChatLine)>& tell) {
  return ChatAct(std::move(stage), tell).play();
}

}  // namespace nightpost::app::demo
