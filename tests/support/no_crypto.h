// libcrypto that offers nothing, as one in FIPS mode offers no MD5.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdexcept>

namespace nightpost::support {

/// While it lives, no algorithm can be had in this process.
class NoCrypto {
 public:
  NoCrypto() { set("provider=none"); }
  ~NoCrypto() {
    EVP_set_default_properties(nullptr, "");
    ERR_clear_error();
  }
  NoCrypto(const NoCrypto&) = delete;
  NoCrypto& operator=(const NoCrypto&) = delete;

 private:
  static void set(const char* properties) {
    if (EVP_set_default_properties(nullptr, properties) != 1)
      throw std::runtime_error("libcrypto keeps its algorithms");
  }
};

}  // namespace nightpost::support
