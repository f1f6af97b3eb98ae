// The calls of AdminService: what can be refused by looking at it is, on the loop; the rest becomes a command.
#include <algorithm>
#include <limits>
#include <memory>

#include "core/text.h"
#include "core/uuid.h"
#include "im/domain/elements.h"
#include "im/domain/names.h"
#include "im/domain/push_info.h"
#include "im/service/admin_commands.h"
#include "im/service/checks.h"
#include "im/service/store_service.h"

namespace nightpost::im {
namespace {

/// An equal call within it gets the first result. Server SDKs repeat for 10 s, and a killed server takes longer.
constexpr seconds kRepeatWindow{300};
constexpr std::size_t kHistoryMax = 100;
constexpr std::string_view kNoPush = R"({"disabled":true})";  // of what is imported: also when it is recalled
constexpr std::size_t kFriendTextMax = 120;                   // bytes: the longest of remark, wording, source, label
constexpr std::size_t kLabelsMax = 32;
constexpr std::size_t kTagMax = 64;
constexpr std::size_t kFieldMax = 512;  // bytes of JSON; the API allows 500 of text

Answer<void> check_key(const UserKey& who) { return check_user_id(who.user); }

std::string text_of(const std::optional<std::uint32_t>& number) { return number ? std::to_string(*number) : "none"; }

/// Content as a client's would be checked.
Answer<Draft> checked(std::string to, std::string_view elements, std::string_view push, std::string cloud_data,
                      const ServiceOptions& options) {
  if (auto ok = check_user_id(to, "To_Account"); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = check_text(cloud_data, "CloudCustomData", options.cloud_data_bytes_max); !ok)
    return std::unexpected(std::move(ok.error()));
  auto content = check_elements(elements, options.elements);
  if (!content) return std::unexpected(std::move(content.error()));
  auto wishes = check_push(push);
  if (!wishes) return std::unexpected(std::move(wishes.error()));
  return Draft{.to = std::move(to),
               .client_id = {},
               .elements = std::move(content->canonical),
               .push = std::move(wishes->canonical),
               .cloud_data = std::move(cloud_data),
               .push_disabled = wishes->disabled};
}

std::string repeat_key(const Draft& draft, const AdminSend& message, std::int64_t window) {
  return "rest-" + hex_of({draft.to, text_of(message.wire_seq), std::to_string(message.wire_random), draft.elements,
                           draft.cloud_data, std::to_string(window)});
}

template <class Item, class Check>
Answer<void> check_all(const std::vector<Item>& all, Check check) {
  for (const Item& each : all)
    if (auto ok = check(each); !ok) return ok;
  return {};
}

Answer<void> check_friend(const FriendChange& change) {
  const auto line = [](const std::string& text, std::string_view field) -> Answer<void> {
    if (text.contains('\n')) return refuse(Code::Malformed, std::string(field) + ": has a line break");
    return check_text(text, field, kFriendTextMax);
  };
  for (const auto& [text, field] : {std::pair(&change.source, "AddSource"), std::pair(&change.remark, "Remark"),
                                    std::pair(&change.wording, "AddWording")})
    if (auto ok = line(text->value_or(""), field); !ok) return ok;
  if (!change.labels) return {};
  if (change.labels->size() > kLabelsMax)
    return refuse(Code::Malformed, "GroupName: more than " + std::to_string(kLabelsMax));
  return check_all(*change.labels, [&](const std::string& label) { return line(label, "GroupName"); });
}

/// The answers of the good items and the refusals of the others, in the order of all.
template <class Item>
struct Sorted {
  std::vector<Item> good;
  AdminService::Each refused;  // in the place of a good one: an empty answer

  template <class Check>
  Sorted(std::vector<Item>&& all, Check check) {
    for (Item& each : all) {
      refused.push_back(check(each));
      if (refused.back()) good.push_back(std::move(each));
    }
  }
  AdminService::Each merged(AdminService::Each&& done) {
    auto next = done.begin();
    for (Answer<void>& each : refused)
      if (each && next != done.end()) each = std::move(*next++);
    return std::move(refused);
  }
};

/// Hands on what became of the good ones, with the rest.
template <class Item>
Reply<AdminService::Each> with_refused(std::shared_ptr<Sorted<Item>> sorted, Reply<AdminService::Each> reply) {
  return [sorted = std::move(sorted), reply = std::move(reply)](Answer<AdminService::Each> done) mutable {
    if (!done) return reply(std::unexpected(std::move(done.error())));
    reply(sorted->merged(*std::move(done)));
  };
}

}  // namespace

Answer<UserSig> StoreService::verify(AppId app, std::string_view user, std::string_view signature) const {
  const auto keys = keys_.find(app);
  if (keys == keys_.end()) return refuse(Code::AppUnknown, "app: no such app");
  return verify_user_sig(signature, app, user, keys->second, around_.clock.wall());
}

void StoreService::import_account(UserKey who, Profile profile, Reply<void> reply) {
  auto ok = check_key(who);
  if (ok) ok = check_profile(profile, options_);
  if (ok && !keys_.contains(who.app)) ok = refuse(Code::AppUnknown, "app: no such app");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([who = std::move(who),
               profile = std::move(profile)](Work& work) { return im::import_account(work, who, profile); },
              std::move(reply));
}

void StoreService::import_accounts(AppId app, std::vector<AccountImport> all, Reply<Each> reply) {
  auto sorted = std::make_shared<Sorted<AccountImport>>(std::move(all), [&](const AccountImport& each) {
    auto ok = check_user_id(each.user);
    return ok ? check_profile(each.profile, options_) : ok;
  });
  auto good = std::move(sorted->good);
  write<Each>([app, good = std::move(good)](Work& work) { return im::import_accounts(work, app, good); },
              with_refused(std::move(sorted), std::move(reply)));
}

void StoreService::kick(UserKey who, Reply<void> reply) {
  write<void>([who = std::move(who)](Work& work) { return im::kick(work, who); }, std::move(reply));
}

void StoreService::remove_account(UserKey who, Reply<void> reply) {
  write<void>([who = std::move(who)](Work& work) { return im::remove_account(work, who); }, std::move(reply));
}

void StoreService::remove_accounts(AppId app, std::vector<std::string> users, Reply<Each> reply) {
  write<Each>([app, users = std::move(users)](Work& work) { return im::remove_accounts(work, app, users); },
              std::move(reply));
}

void StoreService::accounts(AppId app, std::vector<std::string> users, Reply<std::vector<AccountState>> reply) {
  look<std::vector<AccountState>>(
      [app, users = std::move(users)](Work& work) { return im::account_states(work, app, users); }, std::move(reply));
}

void StoreService::send_as(UserKey from, AdminSend message, Reply<AdminSent> reply) {
  auto draft = checked(std::move(message.to), message.elements, message.push, std::move(message.cloud_data), options_);
  if (!draft) return refuse_later(std::move(draft.error()), std::move(reply));
  const std::int64_t window =
      std::chrono::floor<seconds>(around_.clock.wall().time_since_epoch()).count() / kRepeatWindow.count();
  draft->client_id = repeat_key(*draft, message, window);
  draft->earlier_client_id = repeat_key(*draft, message, window - 1);
  draft->repeat_window = kRepeatWindow;
  draft->name = {message.wire_seq, message.wire_random};
  draft->lifetime = message.lifetime;
  draft->online_only = message.online_only;
  draft->no_unread = message.no_unread;
  draft->no_last = message.no_last;
  draft->hidden_from_sender = message.hidden_from_sender;
  draft->untold = !message.tell_after;
  if (!message.ask_before) {
    return write<AdminSent>(
        [from = std::move(from), draft = *std::move(draft)](Work& work) { return im::send_as(work, from, draft); },
        std::move(reply));
  }
  std::string line = line_of_chat(from.user, draft->to);
  write_asked<AdminSent>(
      Before::Send, {std::move(from), std::nullopt}, std::move(line), *std::move(draft),
      [](Work& work, const Actor& who, const Draft& said) { return im::send_as(work, who.user, said); },
      std::move(reply));
}

void StoreService::import_message(UserKey from, MessageImport message, Reply<void> reply) {
  auto draft = checked(std::move(message.to), message.elements, kNoPush, std::move(message.cloud_data), options_);
  if (draft && message.at > around_.clock.wall() + kSigSkewMax)
    draft = refuse(Code::Malformed, "MsgTimeStamp: in the future");
  if (!draft) return refuse_later(std::move(draft.error()), std::move(reply));
  const auto [one, other] = std::minmax(from.user, draft->to);
  draft->client_id = "import-" + hex_of({one, other, text_of(message.wire_seq), std::to_string(message.wire_random),
                                         std::to_string(to_ms(message.at))});
  draft->client_id_of = one;
  draft->name = {message.wire_seq, message.wire_random};
  draft->imported_at = message.at;
  draft->history = !message.live;
  write<void>(
      [from = std::move(from), draft = *std::move(draft)](Work& work) -> Answer<void> {
        if (auto sent = im::send_as(work, from, draft); !sent) return std::unexpected(std::move(sent.error()));
        return {};
      },
      std::move(reply));
}

void StoreService::history(UserKey who, HistoryRequest request, Reply<HistoryReply> reply) {
  if (request.limit < 1 || request.limit > kHistoryMax)
    return refuse_later({Code::Malformed, "MaxCnt: not in 1-" + std::to_string(kHistoryMax)}, std::move(reply));
  look<HistoryReply>(
      [who = std::move(who), request = std::move(request)](Work& work) { return im::history(work, who, request); },
      std::move(reply));
}

void StoreService::recall_as(UserKey from, std::string to, WireId message, Reply<void> reply) {
  write<void>([from = std::move(from), to = std::move(to),
               message](Work& work) { return im::recall_named(work, from, to, message); },
              std::move(reply));
}

void StoreService::read_as(UserKey who, ReadRequest request, Reply<ReadReply> reply) {
  write<ReadReply>(
      [who = std::move(who), request = std::move(request)](Work& work) -> Answer<ReadReply> {
        if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
        return im::read(work, {who, std::nullopt}, request);
      },
      std::move(reply));
}

void StoreService::unread(UserKey who, std::vector<std::string> peers, Reply<UnreadReply> reply) {
  look<UnreadReply>(
      [who = std::move(who), peers = std::move(peers)](Work& work) { return im::unread(work, who, peers); },
      std::move(reply));
}

void StoreService::recent_chats(UserKey who, std::size_t skip, std::size_t limit, Reply<RecentReply> reply) {
  look<RecentReply>(
      [who = std::move(who), skip, limit](Work& work) { return im::recent_chats(work, who, skip, limit); },
      std::move(reply));
}

void StoreService::remove_chat(UserKey who, std::string peer, bool with_messages, Reply<void> reply) {
  ChatChange change{.peer = std::move(peer), .pinned = {}, .mark = {}, .remove = true, .with_messages = with_messages};
  write<void>(
      [who = std::move(who), change = std::move(change)](Work& work) -> Answer<void> {
        if (auto ok = known(work.tables, who); !ok) return ok;
        auto done = im::change_chat(work, {who, std::nullopt}, change);
        if (done || done.error().code == Code::MessageUnknown) return {};  // none there: it is not in the list
        return std::unexpected(std::move(done.error()));
      },
      std::move(reply));
}

void StoreService::set_full_profile(UserKey who, Profile profile, std::vector<ProfileField> fields, Reply<void> reply) {
  auto ok = check_profile(profile, options_);
  for (const ProfileField& field : fields) {
    if (ok) ok = check_text(field.tag, "Tag", kTagMax);
    if (ok) ok = check_text(field.value, field.tag, kFieldMax);
  }
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([who = std::move(who), profile = std::move(profile),
               fields = std::move(fields)](Work& work) { return im::set_full_profile(work, who, profile, fields); },
              std::move(reply));
}

void StoreService::full_profiles(AppId app, std::vector<std::string> users, Reply<std::vector<FullProfile>> reply) {
  look<std::vector<FullProfile>>(
      [app, users = std::move(users)](Work& work) { return im::full_profiles(work, app, users); }, std::move(reply));
}

void StoreService::set_silence(UserKey who, SilenceChange change, Reply<void> reply) {
  write<void>([who = std::move(who), change](Work& work) { return im::set_silence(work, who, change); },
              std::move(reply));
}

void StoreService::silence(UserKey who, Reply<Silence> reply) {
  look<Silence>([who = std::move(who)](Work& work) { return im::silence(work, who); }, std::move(reply));
}

void StoreService::change_blacklist(UserKey who, std::vector<std::string> users, bool on, Reply<Each> reply) {
  write<Each>([who = std::move(who), users = std::move(users),
               on](Work& work) { return im::change_blacklist(work, who, users, on); },
              std::move(reply));
}

void StoreService::blacklist_of(UserKey who, Reply<std::vector<BlockedUser>> reply) {
  look<std::vector<BlockedUser>>([who = std::move(who)](Work& work) { return im::blacklist_of(work, who); },
                                 std::move(reply));
}

void StoreService::check_blacklist(UserKey who, std::vector<std::string> users, Reply<std::vector<Relation>> reply) {
  look<std::vector<Relation>>(
      [who = std::move(who), users = std::move(users)](Work& work) { return im::check_blacklist(work, who, users); },
      std::move(reply));
}

void StoreService::save_friends(UserKey who, std::vector<FriendChange> all, Befriend how, bool both,
                                Reply<Each> reply) {
  auto sorted = std::make_shared<Sorted<FriendChange>>(std::move(all), check_friend);
  auto good = std::move(sorted->good);
  if (how == Befriend::Change) {
    return write<Each>([who = std::move(who), good = std::move(good),
                        both](Work& work) { return im::save_friends(work, who, good, Befriend::Change, both); },
                       with_refused(std::move(sorted), std::move(reply)));
  }
  struct Adds {
    std::vector<FriendChange> all;
    Befriend how;
    bool both;
  };
  write_asked<Each>(
      Before::FriendAdd, {std::move(who), std::nullopt}, "", Adds{std::move(good), how, both},
      [](Work& work, const Actor& by, const Adds& adds) {
        return im::save_friends(work, by.user, adds.all, adds.how, adds.both);
      },
      with_refused(std::move(sorted), std::move(reply)));
}

void StoreService::remove_friends(UserKey who, std::vector<std::string> users, bool both, Reply<Each> reply) {
  write<Each>([who = std::move(who), users = std::move(users),
               both](Work& work) { return im::remove_friends(work, who, users, both); },
              std::move(reply));
}

void StoreService::remove_all_friends(UserKey who, bool both, Reply<void> reply) {
  write<void>([who = std::move(who), both](Work& work) { return im::remove_all_friends(work, who, both); },
              std::move(reply));
}

void StoreService::friends(UserKey who, std::size_t skip, std::size_t limit, Reply<FriendsReply> reply) {
  look<FriendsReply>([who = std::move(who), skip, limit](Work& work) { return im::friends(work, who, skip, limit); },
                     std::move(reply));
}

void StoreService::friends_named(UserKey who, std::vector<std::string> users,
                                 Reply<std::vector<std::optional<Friend>>> reply) {
  look<std::vector<std::optional<Friend>>>(
      [who = std::move(who), users = std::move(users)](Work& work) { return im::friends_named(work, who, users); },
      std::move(reply));
}

void StoreService::check_friends(UserKey who, std::vector<std::string> users, Reply<std::vector<Relation>> reply) {
  look<std::vector<Relation>>(
      [who = std::move(who), users = std::move(users)](Work& work) { return im::check_friends(work, who, users); },
      std::move(reply));
}

}  // namespace nightpost::im
