// Signed calls that were taken already: whoever caught one on its way may send it again, with a body of his own where
// the signature does not cover it.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_set>

#include "core/ids.h"
#include "core/time.h"

namespace nightpost::app {

/// Remembers for `life`, at most `max` calls: beyond that the oldest go. One thread.
class ReceiptMemory {
 public:
  ReceiptMemory(std::size_t max, milliseconds life) : max_(max), life_(life) {}

  bool knows(CertificateId certificate, const std::string& nonce, MonoTime now) {
    forget(now);
    return known_.contains(key_of(certificate, nonce));
  }
  void add(CertificateId certificate, const std::string& nonce, MonoTime now) {
    const auto [key, is_new] = known_.insert(key_of(certificate, nonce));
    if (!is_new) return;
    order_.push_back({now, &*key});
    forget(now);
  }
  std::size_t size() const noexcept { return order_.size(); }

 private:
  struct Entry {
    MonoTime at;
    const std::string* key;  // in known_, whose elements stay where they are
  };
  static std::string key_of(CertificateId certificate, const std::string& nonce) {
    return std::to_string(certificate.value) + '/' + nonce;
  }
  void forget(MonoTime now) {
    while (!order_.empty() && (order_.size() > max_ || now - order_.front().at >= life_)) {
      known_.erase(known_.find(*order_.front().key));
      order_.pop_front();
    }
  }

  const std::size_t max_;
  const milliseconds life_;
  std::deque<Entry> order_;  // oldest first
  std::unordered_set<std::string> known_;
};

}  // namespace nightpost::app
