#include "net/curl_transfer.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <charconv>
#include <new>

#include "core/text.h"
#include "net/http_connect.h"
#include "net/peak_watch.h"

namespace nightpost::net {
namespace {

constexpr std::size_t kHeaderBytesKept = 8'192;  // of a request that is over, for the next one

bool printable(std::string_view text) {  // of a path or a header's name
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}
bool header_value(std::string_view text) {  // RFC 9110 §5.5
  return std::ranges::all_of(text, [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
}

}  // namespace

/// libcurl's side. Nothing here may throw, nor call libcurl back.
struct CurlTransfer::Callbacks {
  static std::size_t header(char* data, std::size_t, std::size_t size, void* self) noexcept {
    return static_cast<CurlTransfer*>(self)->take_header({data, size}) ? size : 0;
  }
  static std::size_t body(char* data, std::size_t, std::size_t size, void* self) noexcept {
    return static_cast<CurlTransfer*>(self)->take_body({data, size}) ? size : 0;
  }
  /// Before each time that the request goes out. libcurl repeats by itself what it sent on a kept connection that then
  /// ended without an answer; whether a push is repeated is not its to decide.
  static int before_request(void* self, char*, char*, int, int) noexcept {
    return ++static_cast<CurlTransfer*>(self)->tries_ == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
  }
  static CURLcode tls(CURL*, void* context, void* trust) noexcept {
    SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(context), static_cast<X509_STORE*>(trust));
    SSL_CTX_set_options(static_cast<SSL_CTX*>(context), SSL_OP_NO_RENEGOTIATION);
    return CURLE_OK;
  }
};

CurlTransfer::CurlTransfer(const CurlLaneOptions& options, X509_STORE* trust)
    : options_(options),
      origin_(parse_origin(options.origin).value_or(Origin{})),
      proxy_(proxy_for(options.proxy, origin_.host)),
      easy_(curl_easy_init()) {
  if (!easy_) throw std::bad_alloc();
  set_up_failed_ = set_up(trust);
}

Result<void> CurlTransfer::usable(const CurlLaneOptions& options, X509_STORE* trust) {
  const CurlTransfer one(options, trust);
  if (one.set_up_failed_ == CURLE_OK) return {};
  return fail(Errc::Io, std::string("libcurl: ") + curl_easy_strerror(one.set_up_failed_));
}

/// All that no request changes.
CURLcode CurlTransfer::set_up(X509_STORE* trust) {
  CURLcode failed = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
    if (code != CURLE_OK && failed == CURLE_OK) failed = code;
  };
  const auto seconds_of = [](milliseconds time) {
    return static_cast<long>(std::max<std::int64_t>(1, time.count() / 1000));
  };
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, words_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a name server that hangs must not hold the loop when its transfer is given up
  set(CURLOPT_URL, options_.origin.c_str());
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_PROXY,
      proxy_ ? ("http://" + proxy_->authority()).c_str() : "");  // empty: none, whatever the environment says
  set(CURLOPT_NOPROXY, "");                                      // who is excepted was said above
  if (proxy_ && proxy_->credentials) {
    set(CURLOPT_PROXYAUTH, CURLAUTH_BASIC);
    set(CURLOPT_PROXYUSERNAME, proxy_->credentials->user.c_str());
    set(CURLOPT_PROXYPASSWORD, proxy_->credentials->password.c_str());
  }
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_PIPEWAIT, 1L);  // first hear whether the connection being made is HTTP/2
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  set(CURLOPT_MAXAGE_CONN, seconds_of(options_.idle_close));
  set(CURLOPT_MAXLIFETIME_CONN, seconds_of(options_.age_max));
  set(CURLOPT_UPLOAD_BUFFERSIZE, 16'384L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  // The lane's own store, read once, instead of the system's bundle parsed for every connection.
  set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
  set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  set(CURLOPT_SSL_CTX_FUNCTION, Callbacks::tls);
  set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(trust));
  set(CURLOPT_PREREQFUNCTION, Callbacks::before_request);
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, Callbacks::header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, Callbacks::body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  return failed;
}

CurlTransfer& CurlTransfer::of(CURL* easy) {
  void* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return *static_cast<CurlTransfer*>(self);
}

void CurlTransfer::add_header(std::string_view name, std::string_view value) {
  header_ends_.push_back(header_text_.size());
  header_text_.append(name);
  if (value.empty()) {
    header_text_ += ';';  // libcurl's way to say that it is there and empty
  } else {
    header_text_.append(": ").append(value);
  }
  header_text_ += '\0';
}

Result<void> CurlTransfer::begin(const HttpRequest& request) {
  response_ = {};
  header_bytes_ = 0;
  headers_complete_ = false;
  too_large_ = {};
  tries_ = 0;
  words_[0] = '\0';

  if (!request.path.starts_with('/') || !printable(request.path)) return fail(Errc::Malformed, "path is no path");
  if (request.method == "HEAD") return fail(Errc::Malformed, "HEAD is not sent here");
  header_text_.clear();
  header_ends_.clear();
  bool typed = false, accepts = false;
  for (const Header& header : request.headers) {
    if (header.name.empty() || !printable(header.name) || header.name.contains(':') || !header_value(header.value))
      return fail(Errc::Malformed, "header \"" + std::string(header.name) + "\" holds what a header cannot");
    typed |= header.name == "content-type";
    accepts |= header.name == "accept";
    add_header(header.name, trimmed(header.value));
  }
  // What libcurl would add of its own: the provider says all there is to say. A name with nothing behind takes it out.
  const auto without = [&](std::string_view line) {
    header_ends_.push_back(header_text_.size());
    header_text_.append(line);
    header_text_ += '\0';
  };
  without("expect:");
  if (!typed) without("content-type:");
  if (!accepts) without("accept:");
  header_list_.clear();
  for (const std::size_t at : header_ends_) header_list_.push_back({header_text_.data() + at, nullptr});
  for (std::size_t i = 1; i < header_list_.size(); ++i) header_list_[i - 1].next = &header_list_[i];

  CURL* const easy = easy_.get();
  CURLcode failed = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    if (failed == CURLE_OK) failed = curl_easy_setopt(easy, option, value);
  };
  set(CURLOPT_REQUEST_TARGET, request.path.c_str());
  set(CURLOPT_HTTPHEADER, header_list_.data());
  if (request.method == "GET") {
    set(CURLOPT_CUSTOMREQUEST, static_cast<char*>(nullptr));
    set(CURLOPT_HTTPGET, 1L);
  } else {
    const std::string method(request.method);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_CUSTOMREQUEST, method == "POST" ? nullptr : method.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
  }
  if (failed != CURLE_OK) return fail(Errc::Malformed, std::string("libcurl: ") + curl_easy_strerror(failed));
  return {};
}

bool CurlTransfer::take_header(std::string_view line) {
  if (headers_complete_) return true;  // trailers: nothing of ours is in them
  header_bytes_ += line.size();
  if (header_bytes_ > options_.header_bytes_max) {
    too_large_ = "the answer's header is too large";
    return false;
  }
  if (line.starts_with("HTTP/")) {  // also after an interim answer
    response_.headers.clear();
    response_.status = 0;
    if (const auto blank = line.find(' '); blank != std::string_view::npos)
      std::from_chars(line.data() + blank + 1, line.data() + line.size(), response_.status);
    return true;
  }
  line = trimmed(line);
  if (line.empty()) {
    headers_complete_ = response_.status >= 200;
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return true;
  HttpResponse::Field& field = response_.headers.emplace_back();
  field.name = line.substr(0, colon);
  for (char& c : field.name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  field.value = trimmed(line.substr(colon + 1));
  return true;
}

bool CurlTransfer::take_body(std::string_view part) {
  if (part.size() > options_.response_bytes_max - response_.body.size()) {
    too_large_ = "the answer is too large";
    return false;
  }
  response_.body.append(part);
  return true;
}

Result<HttpResponse> CurlTransfer::finish(CURLcode code) {
  if (code == CURLE_OK && headers_complete_) return std::move(response_);
  response_ = {};
  if (!too_large_.empty()) return fail(Errc::ConnectionLost, std::string(too_large_));
  if (code == CURLE_OK) return fail(Errc::ConnectionLost, "connection ended in the answer's header");
  if (code == CURLE_ABORTED_BY_CALLBACK) return fail(Errc::ConnectionLost, "connection ended without an answer");
  return fail(Errc::ConnectionLost, words_of(code));
}

std::string CurlTransfer::words_of(CURLcode code) const {
  std::string words = words_[0] != '\0' ? words_.data() : curl_easy_strerror(code);
  std::ranges::replace_if(words, [](unsigned char c) { return c < 0x20; }, ' ');
  if (!proxy_ || began()) return words;
  long answered = 0;  // by the proxy, to CONNECT
  curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &answered);
  if (answered >= 300) return tunnel_refused(*proxy_, tunnel_target(origin_), static_cast<int>(answered), {});
  // Behind it: who inspects TLS there shows an own certificate.
  return (answered >= 200 ? "behind proxy " : "proxy ") + proxy_->authority() + ": " + words;
}

void CurlTransfer::trim() {
  release(response_);
  if (kept_bytes() <= kHeaderBytesKept) return;
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));  // it points into header_list_
  release(header_text_);
  release(header_ends_);
  release(header_list_);
}

std::size_t CurlTransfer::kept_bytes() const noexcept {
  return header_text_.capacity() + bytes_of(header_ends_) + bytes_of(header_list_);
}

bool CurlTransfer::spoke_http2() const noexcept {
  long version = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_VERSION, &version);
  return version == CURL_HTTP_VERSION_2_0;
}

}  // namespace nightpost::net
