// One of libcurl's easy handles: an HttpRequest in, an HttpResponse within bounds out. Used again and again.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/c_handle.h"
#include "core/http.h"
#include "core/result.h"
#include "net/curl_lane.h"
#include "net/origin.h"
#include "net/trust_store.h"

namespace nightpost::net {

class CurlTransfer {
 public:
  /// `options` have been checked; they and `trust` outlive it. Io: this libcurl lacks something that is needed.
  static Result<void> usable(const CurlLaneOptions& options, X509_STORE* trust);
  CurlTransfer(const CurlLaneOptions& options, X509_STORE* trust);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  /// Makes the handle ready for `request`, which is borrowed until the transfer is over. Malformed: it cannot be sent.
  Result<void> begin(const HttpRequest& request);
  /// What libcurl's last word means. REQUIRED: the handle is in no multi any longer. Takes the answer away.
  Result<HttpResponse> finish(CURLcode code);

  /// Before it waits for the next request: what an unusual one made goes. REQUIRED: the handle is in no multi.
  void trim();
  std::size_t kept_bytes() const noexcept;  // ours, without libcurl's own

  CURL* easy() const noexcept { return easy_.get(); }
  /// False: not a byte of the request can have left.
  bool began() const noexcept { return tries_ > 0; }
  bool spoke_http2() const noexcept;

  std::uint64_t owner = 0;  // whose it is, for the lane

  static CurlTransfer& of(CURL* easy);

 private:
  struct Callbacks;
  CURLcode set_up(X509_STORE* trust);
  void add_header(std::string_view name, std::string_view value);
  bool take_header(std::string_view line);
  bool take_body(std::string_view part);
  std::string words_of(CURLcode code) const;

  const CurlLaneOptions& options_;
  const Origin origin_;
  const Proxy* const proxy_;  // of the options; null: none for this origin
  Handle<CURL, curl_easy_cleanup> easy_;
  CURLcode set_up_failed_ = CURLE_OK;
  std::string header_text_;               // "name: value\0" of each header
  std::vector<std::size_t> header_ends_;  // where they begin in it
  std::vector<curl_slist> header_list_;   // and as libcurl reads them
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  bool headers_complete_ = false;
  std::string_view too_large_;  // what of the answer was; static
  int tries_ = 0;
  std::array<char, CURL_ERROR_SIZE> words_{};
};

}  // namespace nightpost::net
