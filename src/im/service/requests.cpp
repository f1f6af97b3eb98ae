// The calls of the service: what can be refused by looking at it is, on the loop; the rest becomes a command.
#include <algorithm>
#include <string_view>

#include "im/domain/names.h"
#include "im/domain/user_sig.h"
#include "im/service/checks.h"
#include "im/service/store_service.h"
#include "store/limits.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kRemovedMax = 30;
constexpr std::size_t kProfilesMax = 100;

Answer<Draft> draft_of(SendRequest&& request, const ServiceOptions& options) {
  if (auto ok = check_user_id(request.to, "to"); !ok) return std::unexpected(std::move(ok.error()));
  auto draft = checked_content<Draft>(request, options);
  if (draft) draft->to = std::move(request.to);
  return draft;
}

Answer<void> check_page(const PullRequest& request) {
  if (auto ok = check_peer_id(request.peer); !ok) return ok;
  if (request.after && request.before) return refuse(Code::Malformed, "after, before: one of them");
  if (request.limit < 1 || request.limit > kPulledMax)
    return refuse(Code::Malformed, "limit: not in 1-" + std::to_string(kPulledMax));
  return {};
}

}  // namespace

void StoreService::login(LoginRequest request, Reply<LoginReply> reply) {
  const auto checked = [&]() -> Answer<UserSig> {
    const auto keys = keys_.find(request.app);
    if (keys == keys_.end()) return refuse(Code::AppUnknown, "app: no such app");
    if (auto ok = check_user_id(request.user); !ok) return std::unexpected(std::move(ok.error()));
    if (auto ok = check_device_id(request.device); !ok) return std::unexpected(std::move(ok.error()));
    if (!platform_from(name_of(request.platform))) return refuse(Code::Malformed, "platform: not one of the list");
    if (auto ok = check_text(request.language, "language", store::kLanguageBytesMax); !ok)
      return std::unexpected(std::move(ok.error()));
    return verify_user_sig(request.signature, request.app, request.user, keys->second, around_.clock.wall());
  }();
  if (!checked) return refuse_later(checked.error(), std::move(reply));
  VerifiedLogin verified{.terminal = {.user = {request.app, std::move(request.user)},
                                      .device = std::move(request.device),
                                      .epoch = {},
                                      .platform = request.platform,
                                      .address = std::move(request.address)},
                         .language = std::move(request.language),
                         .force = request.force,
                         .auto_read = request.auto_read,
                         .issued = checked->issued,
                         .ends = checked->ends};
  write<LoginReply>([verified = std::move(verified)](Work& work) { return im::login(work, verified); },
                    Reply<LoginReply>([this, reply = std::move(reply)](Answer<LoginReply> in) mutable {
                      if (in)
                        if (const ConvId room = rooms_.came(in->terminal); room.value != 0) in->groups.push_back(room);
                      reply(std::move(in));
                    }));
}

void StoreService::logout(const Terminal& who, Reply<void> reply) {
  write<void>([who](Work& work) { return im::logout(work, who); }, std::move(reply));
}

void StoreService::send(const Terminal& who, SendRequest request, Reply<SendReply> reply) {
  auto draft = draft_of(std::move(request), options_);
  if (!draft) return refuse_later(std::move(draft.error()), std::move(reply));
  std::string line = line_of_chat(who.user.user, draft->to);
  write_asked<SendReply>(Before::Send, actor_of(who), std::move(line), *std::move(draft), im::send, std::move(reply));
}

void StoreService::recall(const Terminal& who, MessageId id, Reply<Ver> reply) {
  write<Ver>([who, id](Work& work) { return im::recall(work, actor_of(who), id); }, std::move(reply));
}

void StoreService::remove(const Terminal& who, std::vector<MessageId> ids, Reply<Ver> reply) {
  if (ids.empty() || ids.size() > kRemovedMax)
    return refuse_later({Code::Malformed, "ids: not 1-" + std::to_string(kRemovedMax)}, std::move(reply));
  write<Ver>([who, ids = std::move(ids)](Work& work) { return im::remove(work, who, ids); }, std::move(reply));
}

void StoreService::read(const Terminal& who, ReadRequest request, Reply<ReadReply> reply) {
  if (auto ok = check_peer_id(request.peer); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  if (request.seq && request.until) return refuse_later({Code::Malformed, "seq, until: one of them"}, std::move(reply));
  write<ReadReply>([who, request = std::move(request)](Work& work) { return im::read(work, actor_of(who), request); },
                   std::move(reply));
}

void StoreService::change_chat(const Terminal& who, ChatChange change, Reply<Ver> reply) {
  auto ok = check_peer_id(change.peer);
  if (ok) ok = check_text(change.mark.value_or(""), "mark", kMarkBytesMax);
  if (ok && change.with_messages && !change.remove)
    ok = refuse(Code::Malformed, "with_messages: only together with remove");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<Ver>([who, change = std::move(change)](Work& work) { return im::change_chat(work, actor_of(who), change); },
             std::move(reply));
}

void StoreService::sync(const Terminal& who, SyncRequest request, Reply<SyncReply> reply) {
  if (request.ver.value < 0) return refuse_later({Code::Malformed, "ver: negative"}, std::move(reply));
  if (request.limit < 1 || request.limit > options_.chats_max)
    return refuse_later({Code::Malformed, "limit: not in 1-" + std::to_string(options_.chats_max)}, std::move(reply));
  look<SyncReply>([who, request](Work& work) { return im::sync(work, who, request); }, std::move(reply));
}

void StoreService::pull(const Terminal& who, PullRequest request, Reply<PullReply> reply) {
  if (auto ok = check_page(request); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<PullReply>([who, request = std::move(request)](Work& work) { return im::pull(work, who, request); },
                  std::move(reply));
}

void StoreService::report_token(const Terminal& who, TokenReport report, Reply<void> reply) {
  write(std::make_unique<PushCommand>(
      [who, report = std::move(report)](Work& work) { return im::report_token(work, who, report); }, std::move(reply)));
}

void StoreService::report_state(const Terminal& who, AppState state, Reply<void> reply) {
  if (state.unread < 0) return refuse_later({Code::Malformed, "unread: negative"}, std::move(reply));
  write(std::make_unique<PushCommand>([who, state](Work& work) { return im::report_state(work, who, state); },
                                      std::move(reply)));
}

void StoreService::set_push_settings(const Terminal& who, PushSettings settings, Reply<void> reply) {
  write(std::make_unique<PushCommand>(
      [who, settings = std::move(settings)](Work& work) { return im::set_push_settings(work, who, settings); },
      std::move(reply)));
}

void StoreService::set_mute(const Terminal& who, Mute mute, bool on, Reply<void> reply) {
  write(std::make_unique<PushCommand>(
      [who, mute = std::move(mute), on](Work& work) { return im::set_mute(work, who, mute, on); }, std::move(reply)));
}

void StoreService::set_profile(const Terminal& who, Profile profile, Reply<void> reply) {
  if (auto ok = check_profile(profile, options_); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([who, profile = std::move(profile)](Work& work) { return im::set_profile(work, who, profile); },
              std::move(reply));
}

void StoreService::profiles(const Terminal& who, std::vector<std::string> users,
                            Reply<std::vector<std::pair<std::string, Profile>>> reply) {
  auto ok = Answer<void>();
  if (users.empty() || users.size() > kProfilesMax)
    ok = refuse(Code::Malformed, "users: not 1-" + std::to_string(kProfilesMax));
  for (const std::string& user : users)
    if (ok) ok = check_user_id(user, "users");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  look<std::vector<std::pair<std::string, Profile>>>(
      [who, users = std::move(users)](Work& work) { return im::profiles(work, who, users); }, std::move(reply));
}

void StoreService::set_blacklisted(const Terminal& who, BlacklistChange change, Reply<void> reply) {
  if (auto ok = check_user_id(change.user); !ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<void>([who, change = std::move(change)](Work& work) { return im::set_blacklisted(work, who, change); },
              std::move(reply));
}

void StoreService::blacklist(const Terminal& who, Reply<std::vector<std::string>> reply) {
  look<std::vector<std::string>>([who](Work& work) { return im::blacklist(work, who); }, std::move(reply));
}

void StoreService::intents(std::int64_t after, std::size_t limit, Reply<std::vector<Intent>> reply) {
  look<std::vector<Intent>>([after, limit](Work& work) { return im::intents(work, after, limit); }, std::move(reply));
}

void StoreService::follow_ups(std::int64_t after, std::size_t limit, Reply<std::vector<FollowUp>> reply) {
  look<std::vector<FollowUp>>([after, limit](Work& work) { return im::follow_ups(work, after, limit); },
                              std::move(reply));
}

}  // namespace nightpost::im
