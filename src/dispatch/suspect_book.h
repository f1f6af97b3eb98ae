// Which tokens of a credential the vendor has put in doubt: answers that may blame the token as well as the credential,
// the environment or the vendor's mood. One doubt proves nothing; a second one does, if the vendor took something of
// the same credential in between.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "core/time.h"
#include "dispatch/options.h"

namespace nightpost::dispatch {

/// Of one version of one certificate, shared by the shards of a process: thread-safe. At most `suspects_max` tokens,
/// each for `suspects_kept`; while it is full new ones are not remembered, so that those it has come to an end. Tokens
/// are known by a hash. While no token is in doubt, an acceptance takes no lock.
class SuspectBook {
 public:
  explicit SuspectBook(const Options& options)
      : max_(options.suspects_max),
        kept_(options.suspects_kept),
        apart_(options.suspects_apart),
        lately_(options.proof_kept) {}

  /// The answer to a push that was sent at `sent_at` puts the token in doubt. True: it is the second to do so, to a
  /// push sent `suspects_apart` after the first, and between the two the vendor took something of the credential: the
  /// token is dead, and forgotten here.
  bool doubt(std::string_view token, MonoTime sent_at, MonoTime now);
  /// Such a token stays all the same: its next doubt proves it again.
  void keep(std::string_view token, MonoTime now);
  /// As doubt(), but such doubts are no proof, however many there are.
  void note(std::string_view token, MonoTime now);
  bool is_in_doubt(std::string_view token) const;
  /// The vendor took a push to the token, which is above doubt by that.
  void accepted(std::string_view token, MonoTime now);
  /// So many tokens were noted since the vendor took something of the credential that it is hardly theirs to blame.
  bool noted_many() const noexcept { return noted_.load(std::memory_order_relaxed) >= kNotedMost; }
  /// Something of the credential, in the last `proof_kept`.
  bool accepted_lately(MonoTime now) const noexcept;
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  static constexpr std::uint32_t kNotedMost = 20;

 private:
  using Hash = std::size_t;
  struct Suspect {
    Hash token = 0;
    MonoTime since{};
    std::uint32_t accepted = 0;  // accepted_ at that time
    bool counts = false;         // as a first doubt
  };
  using Place = std::list<Suspect>::iterator;
  void add(Hash token, bool counts, MonoTime now);
  void erase(Place place);
  void forget_old(MonoTime now);

  static constexpr milliseconds kToldEvery{100};

  const std::size_t max_;
  const milliseconds kept_;
  const milliseconds apart_;
  const milliseconds lately_;
  std::atomic<std::size_t> size_{0};
  std::atomic<MonoTime::rep> accepted_at_{0};  // up to kToldEvery early; 0: never
  std::atomic<std::uint32_t> noted_{0};        // tokens, since the last acceptance

  mutable std::mutex mutex_;     // guards what follows
  std::list<Suspect> suspects_;  // the oldest first
  std::unordered_map<Hash, Place> places_;
  std::uint32_t accepted_ = 0;  // rises with the first acceptance after a doubt
  bool doubted_since_ = false;  // since it rose last
};

}  // namespace nightpost::dispatch
