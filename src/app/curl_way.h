// How libcurl reaches a server of ours.
#pragma once

#include <curl/curl.h>

#include <string>

namespace nightpost::app {

/// Straight, for what is sent holds a credential; verified by `ca_file`, or by the system's where that is empty.
inline void lead_straight_to(CURL* curl, const std::string& url, const std::string& ca_file) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
}

}  // namespace nightpost::app
