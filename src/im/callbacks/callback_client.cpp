#include "im/callbacks/callback_client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/c_handle.h"

namespace nightpost::im {
namespace {

using CurlEasy = Handle<CURL, curl_easy_cleanup>;
using CurlMultiHandle = Handle<CURLM, curl_multi_cleanup>;
using CurlHeaders = Handle<curl_slist, curl_slist_free_all>;

constexpr std::size_t kAnswerBytesMax = 65'536;
constexpr int kPollMs = 1'000;  // curl_multi_wakeup() ends it

std::optional<server::AddressBytes> address_of(const curl_sockaddr& address) noexcept {
  // libcurl keeps room for every family behind the `sockaddr` that it declares.
  const auto* const raw = reinterpret_cast<const unsigned char*>(&address) + offsetof(curl_sockaddr, addr);
  if (address.family == AF_INET && address.addrlen >= sizeof(sockaddr_in)) {
    sockaddr_in in;
    std::memcpy(&in, raw, sizeof in);
    return server::bytes_of(boost::asio::ip::address_v4(ntohl(in.sin_addr.s_addr)));
  }
  if (address.family == AF_INET6 && address.addrlen >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in;
    std::memcpy(&in, raw, sizeof in);
    server::AddressBytes bytes;
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return bytes;
  }
  return std::nullopt;
}

/// The loop's side: what is awaited, by number. Posts that come after the client's end find nothing.
struct Awaited {
  std::unordered_map<std::uint64_t, CallbackQuestioner::Answered> by_number;
};

/// A post on its way, on the client's thread.
struct CallbackTransfer {
  std::uint64_t number = 0;
  CallbackPost post;
  const CallbackReach* reach = nullptr;
  milliseconds timeout{0};
  unsigned int unacknowledged_max_ms = 0;
  bool keeps_answer = false;
  CurlEasy easy;
  CurlHeaders headers;
  std::array<char, CURL_ERROR_SIZE> words{};
  std::size_t answer_bytes = 0;
  std::string answer;
  bool refused_address = false;

  static std::size_t take(char* bytes, std::size_t, std::size_t size, void* self) noexcept {
    auto& transfer = *static_cast<CallbackTransfer*>(self);
    transfer.answer_bytes += size;
    if (transfer.answer_bytes > kAnswerBytesMax) return 0;
    if (transfer.keeps_answer) transfer.answer.append(bytes, size);
    return size;
  }
  static curl_socket_t open(void* self, curlsocktype, curl_sockaddr* address) noexcept {
    auto& transfer = *static_cast<CallbackTransfer*>(self);
    const auto bytes = address_of(*address);
    if (!bytes || !may_reach(*bytes, *transfer.reach)) {
      transfer.refused_address = true;
      return CURL_SOCKET_BAD;
    }
    const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    // libcurl keeps an HTTP/2 connection whose posts timed out: without this all later ones go into it until TCP gives
    // up, a quarter of an hour later.
    const unsigned int patience = transfer.unacknowledged_max_ms;
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    return fd;
  }
};

}  // namespace

struct CallbackClient::Impl {
  Impl(CallbackClientOptions given, EventLoop& on) : options(std::move(given)), loop(on) {
    [[maybe_unused]] static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi.reset(curl_multi_init());
    if (!multi) throw std::bad_alloc();
    curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options.connections_max));
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections_max));
    thread = std::thread([this] {
      pthread_setname_np(pthread_self(), "im-callbacks");
      run();
    });
  }
  ~Impl() {
    closing = true;
    curl_multi_wakeup(multi.get());
    thread.join();
    for (const auto& [easy, transfer] : open) curl_multi_remove_handle(multi.get(), easy);
    open.clear();
  }

  void run() {
    while (!closing) {
      std::vector<std::unique_ptr<CallbackTransfer>> begin;
      {
        const std::lock_guard lock(mutex);
        begin.swap(waiting);
      }
      for (auto& transfer : begin) start(std::move(transfer));
      int running = 0;
      curl_multi_perform(multi.get(), &running);
      int left = 0;
      while (const CURLMsg* const message = curl_multi_info_read(multi.get(), &left))
        if (message->msg == CURLMSG_DONE) end(message->easy_handle, message->data.result);
      if (!closing) curl_multi_poll(multi.get(), nullptr, 0, kPollMs, nullptr);
    }
  }

  void start(std::unique_ptr<CallbackTransfer> transfer) {
    transfer->easy.reset(curl_easy_init());
    CURL* const easy = transfer->easy.get();
    if (easy == nullptr || !prepare(*transfer) || curl_multi_add_handle(multi.get(), easy) != CURLM_OK)
      return tell(transfer->number, fail(Errc::Io, "libcurl has no memory, or lacks an option"));
    open.emplace(easy, std::move(transfer));
  }

  /// False: libcurl refuses an option, so what it stands for would not hold.
  bool prepare(CallbackTransfer& transfer) const {
    for (const auto& [name, value] : transfer.post.headers) {
      curl_slist* const longer = curl_slist_append(transfer.headers.get(), (name + ": " + value).c_str());
      if (longer == nullptr) return false;
      (void)transfer.headers.release();  // the list goes on under the same head, or has its first
      transfer.headers.reset(longer);
    }
    CURL* const easy = transfer.easy.get();
    bool good = true;
    const auto set = [&](CURLoption option, auto value) {
      good = good && curl_easy_setopt(easy, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, transfer.post.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, transfer.post.url.starts_with("http://") ? "http" : "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");  // not the environment's: it would be whose address is looked at
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a name server that hangs does not hold the end
    set(CURLOPT_ERRORBUFFER, transfer.words.data());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(transfer.timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(transfer.timeout.count()));
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_PIPEWAIT, 1L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) {
      set(CURLOPT_CAINFO, options.ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    set(CURLOPT_USERAGENT, "nightpost");
    set(CURLOPT_HTTPHEADER, transfer.headers.get());
    set(CURLOPT_POSTFIELDS, transfer.post.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.post.body.size()));
    set(CURLOPT_WRITEFUNCTION, CallbackTransfer::take);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
    set(CURLOPT_OPENSOCKETFUNCTION, CallbackTransfer::open);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&transfer));
    return good;
  }

  void end(CURL* easy, CURLcode code) {
    curl_multi_remove_handle(multi.get(), easy);
    const auto found = open.find(easy);
    const std::unique_ptr<CallbackTransfer> transfer = std::move(found->second);
    open.erase(found);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    const bool too_long = status > 0 && transfer->answer_bytes > kAnswerBytesMax;
    if (too_long && transfer->keeps_answer)
      return tell(transfer->number,
                  fail(Errc::Malformed, "its answer is longer than " + std::to_string(kAnswerBytesMax) + " bytes"));
    if (code != CURLE_OK && !too_long) return tell(transfer->number, std::unexpected(words_of(*transfer, code)));
    tell(transfer->number, CallbackAnswer{static_cast<int>(status), std::move(transfer->answer)});
  }

  static Error words_of(const CallbackTransfer& transfer, CURLcode code) {
    if (transfer.refused_address)
      return {Errc::Unauthorized, "its name stands for an address that is not public: nothing was sent"};
    std::string words = curl_easy_strerror(code);
    if (transfer.words[0] != '\0') words.append(": ").append(transfer.words.data());
    std::ranges::replace_if(words, [](unsigned char c) { return c < 0x20; }, ' ');
    return {code == CURLE_OPERATION_TIMEDOUT ? Errc::Timeout : Errc::ConnectionLost, std::move(words)};
  }

  void tell(std::uint64_t number, Result<CallbackAnswer> answer) {
    loop.post([weak = std::weak_ptr(awaited), number, answer = std::move(answer)]() mutable {
      const auto those = weak.lock();
      if (!those) return;
      auto found = those->by_number.extract(number);
      if (found) found.mapped()(std::move(answer));
    });
  }

  void begin(CallbackPost what, milliseconds timeout, bool keeps_answer, CallbackQuestioner::Answered answered) {
    auto transfer = std::make_unique<CallbackTransfer>();
    transfer->number = next_number++;
    transfer->post = std::move(what);
    transfer->reach = &options.reach;
    transfer->timeout = timeout;
    transfer->unacknowledged_max_ms = static_cast<unsigned int>(timeout.count());
    transfer->keeps_answer = keeps_answer;
    awaited->by_number.emplace(transfer->number, std::move(answered));
    {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi.get());
  }

  const CallbackClientOptions options;
  EventLoop& loop;
  const std::shared_ptr<Awaited> awaited = std::make_shared<Awaited>();  // shared with posts to the loop, which look
  std::uint64_t next_number = 1;                                         // the loop's
  std::mutex mutex;
  std::vector<std::unique_ptr<CallbackTransfer>> waiting;  // by the mutex
  std::atomic<bool> closing{false};
  CurlMultiHandle multi;
  std::unordered_map<CURL*, std::unique_ptr<CallbackTransfer>> open;  // the thread's
  std::thread thread;
};

CallbackClient::CallbackClient(CallbackClientOptions options, EventLoop& loop)
    : impl_(std::make_unique<Impl>(std::move(options), loop)) {}

CallbackClient::~CallbackClient() = default;

void CallbackClient::post(CallbackPost what, Posted posted) {
  impl_->begin(std::move(what), impl_->options.timeout, false,
               [posted = std::move(posted)](Result<CallbackAnswer> answer) mutable {
                 posted(answer ? Result<int>(answer->status) : std::unexpected(std::move(answer.error())));
               });
}

void CallbackClient::ask(CallbackPost what, milliseconds timeout, Answered answered) {
  impl_->begin(std::move(what), timeout, true, std::move(answered));
}

}  // namespace nightpost::im
