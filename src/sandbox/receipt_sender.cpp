#include "sandbox/receipt_sender.h"

#include <curl/curl.h>

#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <optional>

#include "core/c_handle.h"
#include "core/text.h"
#include "net/asio_loop.h"
#include "net/curl_multi.h"

namespace nightpost::sandbox {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using HeaderList = Handle<curl_slist, curl_slist_free_all>;

constexpr milliseconds kPatience{5'000};  // with a receiver that does not answer
constexpr std::size_t kAnswerBytesMax = 65'536;

bool is_this_machine(const std::string& host) {
  if (host == "localhost") return true;
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

}  // namespace

Result<ReceiptTarget> receipt_target(std::string_view url, bool anywhere) {
  ReceiptTarget target;
  if (url.starts_with("https://")) {
    target.tls = true;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return fail(Errc::Malformed, "not an http or https URL");
  }
  const std::size_t slash = std::min(url.find_first_of("/?#"), url.size());
  target.authority = url.substr(0, slash);
  target.path = slash == url.size() ? "/" : std::string(url.substr(slash));
  std::string_view host = target.authority;
  target.port = target.tls ? "443" : "80";
  const bool bracketed = host.starts_with('[');
  const std::size_t end = bracketed ? host.find(']') : host.find(':');
  if (bracketed && end == host.npos) return fail(Errc::Malformed, "not a host");
  const std::string_view rest = end == host.npos ? "" : host.substr(end + (bracketed ? 1 : 0));
  target.host = bracketed ? host.substr(1, end - 1) : host.substr(0, end);
  if (!rest.empty()) {
    target.port = rest.substr(1);
    if (rest.front() != ':' || target.port.empty() || target.port.size() > 5 ||
        target.port.find_first_not_of("0123456789") != std::string::npos)
      return fail(Errc::Malformed, "not a port");
  }
  const bool plain = target.path.starts_with('/') && target.path.find_first_of(" \r\n\t#") == std::string::npos;
  if (target.host.empty() || target.host.find_first_of("@ \r\n\t") != std::string::npos || !plain)
    return fail(Errc::Malformed, "not an http or https URL");
  if (!anywhere && !is_this_machine(target.host))
    return fail(Errc::Malformed, "not on this machine; start the sandbox with --receipts-anywhere to allow it");
  return target;
}

/// One transfer of libcurl's at a time, whose connection it keeps for the next.
struct ReceiptSender::State final : net::CurlMultiOwner, std::enable_shared_from_this<State> {
  State(asio::io_context& its_loop, ReceiptTarget its_target)
      : target(std::move(its_target)),
        wake(its_loop),
        multi(std::make_shared<net::CurlMulti>(
            its_loop, net::CurlMulti::Options{.connections_max = 1, .streams_max = 1, .unacknowledged_max = kPatience},
            *this)) {}
  ~State() {
    if (on_its_way) multi->remove(easy.get());
  }

  Result<void> set_up();
  void next();
  void post(ReceiptPost next);
  void ended(CURLcode code);
  void on_transfers_done(net::CurlMulti&, std::span<const net::CurlDone> done) override {
    if (on_its_way && !done.empty()) ended(done.front().code);
  }
  static std::size_t read(char*, std::size_t, std::size_t bytes, void* state) {
    auto& read = static_cast<State*>(state)->answer_bytes;
    read += bytes;
    return read <= kAnswerBytesMax ? bytes : 0;
  }

  ReceiptTarget target;
  asio::steady_timer wake;
  Handle<CURL, curl_easy_cleanup> easy;
  std::shared_ptr<net::CurlMulti> multi;
  HeaderList headers;  // of what is on its way
  std::optional<ReceiptPost> on_its_way;
  std::array<char, CURL_ERROR_SIZE> words{};
  std::size_t answer_bytes = 0;
  std::deque<std::pair<MonoTime, ReceiptPost>> waiting;
  bool stopped = false;
  std::int64_t posted = 0, failed = 0, dropped = 0;
  std::string last_error;
};

Result<void> ReceiptSender::State::set_up() {
  easy.reset(curl_easy_init());
  CURLcode refused = easy ? CURLE_OK : CURLE_FAILED_INIT;
  const auto set = [&](CURLoption option, auto value) {
    if (refused == CURLE_OK) refused = curl_easy_setopt(easy.get(), option, value);
  };
  const std::string url = (target.tls ? "https://" : "http://") + target.authority + target.path;
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROXY, "");  // not the environment's
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(kPatience.count()));
  set(CURLOPT_POST, 1L);
  set(CURLOPT_WRITEFUNCTION, &State::read);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, words.data());
  if (!target.ca_pem.empty()) {
    curl_blob anchors{.data = target.ca_pem.data(), .len = target.ca_pem.size(), .flags = CURL_BLOB_COPY};
    set(CURLOPT_CAINFO_BLOB, &anchors);
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (refused != CURLE_OK) return fail(Errc::Malformed, std::string("libcurl: ") + curl_easy_strerror(refused));
  return {};
}

/// Posts what is due, or comes back when it is.
void ReceiptSender::State::next() {
  if (stopped || on_its_way || waiting.empty()) return;
  if (waiting.front().first > net::clock_now()) {
    wake.expires_at(waiting.front().first);
    return wake.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled) self->next();
    });
  }
  ReceiptPost due = std::move(waiting.front().second);
  waiting.pop_front();
  post(std::move(due));
}

void ReceiptSender::State::post(ReceiptPost next) {
  on_its_way = std::move(next);
  last_error.clear();
  answer_bytes = 0;
  words[0] = '\0';
  headers.reset();
  for (const auto& [name, value] : on_its_way->headers)
    headers.reset(curl_slist_append(headers.release(), (name + ": " + value).c_str()));
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(on_its_way->body.size()));
  curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, on_its_way->body.data());
  if (!multi->add(easy.get())) ended(CURLE_OUT_OF_MEMORY);
}

void ReceiptSender::State::ended(CURLcode code) {
  on_its_way.reset();
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK && status == 200) {
    ++posted;
  } else {
    ++failed;
    last_error = code == CURLE_OK ? "answered " + std::to_string(status)
                 : words[0] != 0  ? words.data()
                                  : curl_easy_strerror(code);
  }
  next();
}

ReceiptSender::ReceiptSender(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<ReceiptSender>> ReceiptSender::make(asio::io_context& loop, ReceiptTarget target) {
  auto state = std::make_shared<State>(loop, std::move(target));
  if (auto ready = state->set_up(); !ready) return std::unexpected(std::move(ready.error()));
  return std::unique_ptr<ReceiptSender>(new ReceiptSender(std::move(state)));
}

ReceiptSender::~ReceiptSender() {
  asio::post(state_->wake.get_executor(), [state = state_] {
    state->stopped = true;
    state->waiting.clear();
    state->wake.cancel();
    if (std::exchange(state->on_its_way, std::nullopt)) state->multi->remove(state->easy.get());
  });
}

void ReceiptSender::send(std::vector<ReceiptPost> posts) {
  State& state = *state_;
  const MonoTime due = net::clock_now() + state.target.delay;
  const bool was_idle = state.waiting.empty();
  for (ReceiptPost& post : posts) {
    if (state.waiting.size() >= kWaitingMax) {
      ++state.dropped;
    } else {
      state.waiting.emplace_back(due, std::move(post));
    }
  }
  if (was_idle) state.next();
}

std::string ReceiptSender::counts_json() const {
  std::string out = "{";
  append_json_member(out, "posted", state_->posted);
  append_json_member(out, "failed", state_->failed);
  append_json_member(out, "dropped", state_->dropped);
  append_json_member(out, "waiting", static_cast<std::int64_t>(state_->waiting.size()));
  append_json_member(out, "last_error", utf8_repaired(state_->last_error));
  return out + '}';
}

}  // namespace nightpost::sandbox
