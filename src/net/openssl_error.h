// What OpenSSL's error queue of this thread says, for people and for loops over PEM.
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <string>

namespace nightpost::net {

/// The last error in one line; the queue is empty afterwards.
inline std::string take_openssl_error() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_peek_last_error();
  if (code == 0) return "unknown error";
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

/// After a PEM reader gave nothing: whether there was nothing more to read, rather than something unreadable. Then the
/// queue is empty afterwards.
inline bool end_of_pem() {
  const unsigned long code = ERR_peek_last_error();
  if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE) return false;
  ERR_clear_error();
  return true;
}

}  // namespace nightpost::net
