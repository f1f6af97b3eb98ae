// Whom a client believes: the system's authorities and, where a certificate brings one, an own authority besides.
#pragma once

#include <openssl/x509.h>

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/c_handle.h"
#include "core/result.h"

namespace nightpost::net {

/// shared: by the lanes of all shards. OpenSSL locks what a verification changes in it.
using TrustStore = std::shared_ptr<X509_STORE>;

/// One trust store for each distinct set of authorities in the process. The system's are read once, when this object is
/// made (16 to 20 ms, so that is done before a loop runs); a store with an own authority holds the same certificates by
/// reference, so it costs well below a millisecond. Any thread.
class TrustStores {
 public:
  static constexpr std::size_t kUnusedMax = 64;  // stores kept although no lane uses them at the moment

  TrustStores();
  TrustStores(const TrustStores&) = delete;
  TrustStores& operator=(const TrustStores&) = delete;

  /// Trusts the system's authorities and those of `ca_pem`, which may be empty. Malformed: `ca_pem` is not empty and
  /// holds no certificate, or one that cannot be read. Io: OpenSSL cannot read where the system keeps its authorities.
  Result<TrustStore> get(const std::string& ca_pem);
  std::size_t size() const;

 private:
  struct Entry {
    std::string ca_pem;
    TrustStore store;
  };
  Result<TrustStore> make(const std::string& ca_pem) const;

  Result<TrustStore> system_;
  std::vector<Handle<X509, X509_free>> authorities_;  // the system's
  mutable std::mutex mutex_;                          // of what follows
  std::list<Entry> entries_;                          // the latest asked for first
};

/// From `shared`, or read for this one caller where that is null (tests, and commands that open one lane).
Result<TrustStore> trust_store_from(TrustStores* shared, const std::string& ca_pem);

}  // namespace nightpost::net
