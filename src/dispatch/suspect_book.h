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

/// Of one version of one certificate, shared by the shards of a process: thread-safe. At most `suspects_max` tokens
/// that were doubted, `suspects_noted_max` that were only noted and `removals_kept_max` whose removal is held, so that
/// none takes the others' room; each for `suspects_kept`. While one is full new ones are not remembered, so that those
/// it has come to an end. Tokens are known by a hash. While no token is in doubt, an acceptance takes no lock.
class SuspectBook {
 public:
  explicit SuspectBook(const Options& options)
      : doubts_{options.suspects_max, {}, {}},
        notes_{options.suspects_noted_max, {}, {}},
        held_{options.removals_kept_max, {}, {}},
        live_share_(options.mass_removal_live_share),
        kept_(options.suspects_kept),
        apart_(options.suspects_apart),
        lately_(options.proof_kept) {}

  /// Likely: something of the credential was accepted in between. Surely: so much that of it and of all that are as
  /// accused as this one, `mass_removal_live_share` lives; a credential that is wrong for all but a few comes not so
  /// far.
  enum class Proof : std::uint8_t { None, Likely, Surely };
  /// The answer to a push that was sent at `sent_at` puts the token in doubt. Not None: it is the second to do so, to a
  /// push sent `suspects_apart` after the first, and between the two the vendor took something of the credential: the
  /// token is dead, and forgotten here.
  Proof doubt(std::string_view token, MonoTime sent_at, MonoTime now);
  /// Such a token stays all the same: its next doubt proves it again.
  void keep(std::string_view token, MonoTime now);
  /// It was called gone, and stays for now. It is in no doubt by that.
  void hold(std::string_view token, MonoTime now);
  /// It is called gone again. True: surely it is, and is forgotten here.
  bool is_gone_again(std::string_view token, MonoTime now);
  /// As doubt(), but such doubts are no proof, however many there are. One that is doubted already stays so.
  void note(std::string_view token, MonoTime now);
  bool is_in_doubt(std::string_view token) const;
  /// The vendor took a push to the token, which is above doubt by that.
  void accepted(std::string_view token, MonoTime now);
  /// So many tokens were noted since the vendor took something of the credential that it is hardly theirs to blame.
  bool noted_many() const noexcept { return noted_.load(std::memory_order_relaxed) >= kNotedMost; }
  /// Something of the credential, in the last `proof_kept`.
  bool accepted_lately(MonoTime now) const noexcept;
  /// Tokens in doubt.
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  static constexpr std::uint32_t kNotedMost = 20;

 private:
  using Hash = std::size_t;
  struct Suspect {
    Hash token = 0;
    MonoTime since{};
    std::uint32_t accepted = 0;  // accepted_ at that time
    std::uint64_t live = 0;      // live_ likewise
  };
  struct Shelf {
    std::size_t max;
    std::list<Suspect> suspects;  // the oldest first
    std::unordered_map<Hash, std::list<Suspect>::iterator> places;
  };
  /// Null: it is full.
  Suspect* add(Shelf& shelf, Hash token, MonoTime now);
  void erase(Shelf& shelf, Hash token);
  void forget_old(MonoTime now);
  void count() noexcept;
  bool is_sure(const Shelf& shelf, const Suspect& known) const noexcept;

  static constexpr milliseconds kToldEvery{100};

  Shelf doubts_, notes_, held_;  // no token is on the first two at once; by mutex_
  const double live_share_;
  const milliseconds kept_;
  const milliseconds apart_;
  const milliseconds lately_;
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> empty_{true};              // those that are held counted, too
  std::atomic<MonoTime::rep> accepted_at_{0};  // up to kToldEvery early; 0: never
  std::atomic<std::uint32_t> noted_{0};        // tokens, since the last acceptance

  mutable std::mutex mutex_;    // guards the shelves and what follows
  std::uint32_t accepted_ = 0;  // rises with the first acceptance after a doubt
  bool doubted_since_ = false;  // since it rose last
  std::uint64_t live_ = 0;      // acceptances while anything was remembered
};

}  // namespace nightpost::dispatch
