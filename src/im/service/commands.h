// What each call does: load, decide, apply. Answers are meant only where the tables have not failed (Tables).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "im/service/actor.h"
#include "im/service/command.h"

namespace nightpost::im {

// Of one look.
inline constexpr std::size_t kRecallsMax = 100;
inline constexpr std::size_t kIntentsMax = 1'000;

/// What became of a conversation's messages, as an answer has it.
void add_changes(const std::vector<ChangeRow>& changes, PullReply& reply);

/// NotLoggedIn: the terminal's login has ended.
Answer<TerminalRow> logged_in(Tables& tables, const Terminal& who);
/// Likewise; the app's server may always.
Answer<void> may_act(Tables& tables, const Actor& who);
/// AccountUnknown: not there, or removed.
Answer<void> known(Tables& tables, const UserKey& who, std::string_view field = "user");
/// Those of a user that could be pushed to.
std::vector<PushTarget> push_targets(Tables& tables, const UserKey& who);

// accounts.cpp
struct VerifiedLogin {
  Terminal terminal;  // without the epoch
  std::string language;
  bool force = false;
  bool auto_read = false;
  WallTime issued{}, ends{};  // the signature's
};
Answer<LoginReply> login(Work& work, const VerifiedLogin& request);
Answer<void> logout(Work& work, const Terminal& who);
struct Disconnected {
  Terminal who;
  bool silent = false;
};
void disconnected(Work& work, const std::vector<Disconnected>& all);
Answer<void> set_profile(Work& work, const Terminal& who, const Profile& profile);
Answer<void> set_blacklisted(Work& work, const Terminal& who, const BlacklistChange& change);
Answer<void> import_account(Work& work, const UserKey& who, const Profile& profile);
Answer<void> kick(Work& work, const UserKey& who);            // AccountUnknown
Answer<void> remove_account(Work& work, const UserKey& who);  // AccountUnknown
/// `listed`: how many are on the blacklist; kept up to date.
Answer<void> set_blacklisted(Work& work, const UserKey& who, const BlacklistChange& change, std::size_t& listed);

// devices.cpp: what goes to the dispatcher's store.
Answer<PushStep> report_token(Work& work, const Terminal& who, const TokenReport& report);
Answer<PushStep> report_state(Work& work, const Terminal& who, const AppState& state);
Answer<PushStep> set_push_settings(Work& work, const Terminal& who, const PushSettings& settings);
Answer<PushStep> set_mute(Work& work, const Terminal& who, const Mute& mute, bool on);

// messages.cpp
struct Draft {  // a SendRequest whose content was checked
  std::string to, client_id, elements, push, cloud_data;
  bool push_disabled = false;
  Priority priority = Priority::Normal;
  bool online_only = false, no_unread = false, no_last = false;
  // The app's server alone asks for these.
  struct Named {
    std::optional<std::uint32_t> seq;  // absent: the message's own
    std::uint32_t random = 0;
  };
  std::optional<Named> name;
  /// A repeat is known under this, too, as long as it is not older than `repeat_window`.
  std::string earlier_client_id;
  milliseconds repeat_window{0};
  std::string client_id_of;  // whose client id it is; empty: the sender's
  std::optional<milliseconds> lifetime;
  bool hidden_from_sender = false;
  std::optional<WallTime> imported_at;  // brought from elsewhere: it was sent then, and is not pushed
  bool history = false;                 // likewise, and delivered to nobody
  bool untold = false;                  // no callback tells the app's server of it
  bool signal = false;                  // a step of a call: a silence does not hold it, a blacklist always does
};
Answer<SendReply> send(Work& work, const Actor& who, const Draft& draft);
/// What an equal call was answered, of a Draft or a GroupDraft.
template <class AnyDraft>
std::optional<SendReply> sent_before(Work& work, const UserKey& keeper, const AnyDraft& draft) {
  if (draft.client_id.empty()) return std::nullopt;        // a step of a call, which is decided once
  auto first = work.tables.sent(keeper, draft.client_id);  // however long this call has waited: its name is taken
  if (!first && !draft.earlier_client_id.empty()) {
    first = work.tables.sent(keeper, draft.earlier_client_id);
    if (first && work.now - first->at > draft.repeat_window) return std::nullopt;
  }
  if (!first) return std::nullopt;
  return SendReply{.id = first->id, .at = first->at, .ver = first->ver, .repeated = true};
}
/// The app's server recalls for the sender, at any time.
Answer<Ver> recall(Work& work, const Actor& who, MessageId id);
Answer<Ver> remove(Work& work, const Terminal& who, const std::vector<MessageId>& ids);

// chats.cpp
Answer<ReadReply> read(Work& work, const Actor& who, const ReadRequest& request);
Answer<Ver> change_chat(Work& work, const Actor& who, const ChatChange& change);

// upkeep.cpp
struct Acknowledgement {
  Terminal who;
  Ver ver;
};
Answer<void> save_acknowledged(Work& work, const std::vector<Acknowledgement>& all);
struct IntentChange {
  std::int64_t id = 0;
  std::int32_t events = 0;  // 0: settled
  std::vector<std::string> devices;
  bool follow_up = false;       // its row, settled
  bool callback = false;        // likewise
  std::int64_t mass_chunk = 0;  // likewise, of the push to all `id`; 0: none
};
Answer<void> save_intents(Work& work, const std::vector<IntentChange>& all);
Answer<bool> prune(Work& work);  // true: there is more

// looks.cpp: these only read.
Answer<SyncReply> sync(Work& work, const Terminal& who, const SyncRequest& request);
Answer<PullReply> pull(Work& work, const Terminal& who, const PullRequest& request);
Answer<std::vector<std::pair<std::string, Profile>>> profiles(Work& work, const Terminal& who,
                                                              const std::vector<std::string>& users);
Answer<std::vector<std::string>> blacklist(Work& work, const Terminal& who);
Answer<std::vector<Standing>> standings(Work& work, const std::vector<UserKey>& users, WallTime since);
Answer<std::vector<Intent>> intents(Work& work, std::int64_t after, std::size_t limit);
Answer<std::vector<FollowUp>> follow_ups(Work& work, std::int64_t after, std::size_t limit);

// follow_ups.cpp: each where the user has a phone that may show something else; `by_device` knows it. `less`: the total
// fell.
void tell_recalled(Work& work, const ConvRow& conv, const Message& message, Tables::Touched total, bool less);
void tell_read(Work& work, const ConvRow& conv, const ChatRow& chat, Seq to, Tables::Touched total, bool less,
               const std::string& by_device);
/// Of a group's call, to one that it is over for.
void tell_call_over(Work& work, const GroupRow& group, const Message& invite, const UserKey& to, std::int64_t ranges);
void tell_total(Work& work, const UserKey& to, Tables::Touched total, const std::string& by_device = "");

/// Moves the owner's read mark to `to`, which is above it and not above the head: unread, total, intents, his devices;
/// the other's mark of it.
void advance_read(Work& work, const ConvRow& conv, ChatRow& chat, Seq to, const std::string& except);

}  // namespace nightpost::im
