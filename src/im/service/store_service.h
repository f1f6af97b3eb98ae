// The Service over SQLite or PostgreSQL: checks what is asked on the loop, has it done by one writer and some readers,
// and tells the loop. What it promises stands in service.h.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/event_loop.h"
#include "core/result.h"
#include "im/service/admin_service.h"
#include "im/service/app_rules.h"
#include "im/service/asked_call.h"
#include "im/service/before_gate.h"
#include "im/service/call_requests.h"
#include "im/service/callback_book.h"
#include "im/service/commands.h"
#include "im/service/commit_log.h"
#include "im/service/commit_order.h"
#include "im/service/file_lock.h"
#include "im/service/group_admin.h"
#include "im/service/group_commands.h"
#include "im/service/live_rooms.h"
#include "im/service/mailbox.h"
#include "im/service/mass_push.h"
#include "im/service/node_duties.h"
#include "im/service/peers.h"
#include "im/service/readers.h"
#include "im/service/service.h"
#include "im/service/service_metrics.h"
#include "im/service/service_options.h"
#include "im/service/writer.h"
#include "im/store/node.h"
#include "observe/log.h"
#include "store/store.h"
#include "store/store_url.h"

namespace nightpost::im {

class Listener {
 public:
  virtual ~Listener() = default;
  // On the loop.
  virtual void committed(Committed what) = 0;  // before the replies of the same commit; those of other nodes, too
  /// Of other nodes' commits some were not heard of: what these clients here were not told since then is to be looked
  /// up.
  virtual void missed(WallTime /*since*/, const Concerned& /*whom*/) {}
  /// What must be done once for all nodes falls to this one from now on (StoreService::leads).
  virtual void leads() {}
  /// The store has intents and follow-ups of this node's that another one left.
  virtual void took_over() {}
};

class StoreService final : public Service,
                           public AdminService,
                           public GroupService,
                           public CallService,
                           public GroupAdmin,
                           public GroupIntentBook,
                           public CallbackBook,
                           public MassPushService,
                           public MassPushBook,
                           public PeerEars {
 public:
  /// What outlives the service. `loop` takes posts from any thread; `clock` is read on several.
  struct Surroundings {
    EventLoop& loop;
    const Clock& clock;
    Listener& listener;
    observe::Log& log;
    ServiceMetrics* metrics = nullptr;  // null: nothing is counted
    /// The process must end: the other IM servers have given this one up, or the store's server forgot what was
    /// answered. Any thread.
    Node::Deposed deposed{};
  };
  /// `url`: the store. `push_store`: a connection of its own to it, for the dispatcher's tables; its calls come from
  /// the writer's thread. Malformed: the store is another program's or a newer Nightpost's. Overloaded: another IM
  /// server has the file, or one that shares with none has the database.
  static Result<std::unique_ptr<StoreService>> open(const store::StoreUrl& url, const store::StoreOptions& store,
                                                    std::unique_ptr<store::Store> push_store, AppKeys keys,
                                                    const ServiceOptions& options, const Surroundings& around);
  /// As stop(). REQUIRED: on the loop, and not from inside `committed` or a reply.
  ~StoreService() override;
  StoreService(const StoreService&) = delete;
  StoreService& operator=(const StoreService&) = delete;

  /// Ends with the commit in hand and saves what was to be saved. Tells and answers, inside this call, all that was
  /// committed; what was not is answered Busy.
  void stop();
  /// Who asks apps' servers before a command; null: nobody is asked. It outlives the service, or is taken away before.
  void set_asker(BeforeAsker* asker) { gate_.set_asker(asker); }
  /// Who tells other nodes; null: nobody, and what they commit is read from the store. It outlives the service, or is
  /// taken away before.
  void set_peers(Peers* peers);
  /// What must be done once for all nodes falls to this one: apps' callbacks, pushes to all; and here, expiry. Never
  /// ends.
  bool leads() const noexcept { return leads_; }
  void heard(Committed commit) override;
  void may_have_missed() override;
  std::int64_t told_up_to() const noexcept override { return order_.told(); }
  std::vector<LiveRooms::Count> live_counts(std::size_t most) const override { return rooms_.counts(most); }
  /// Why the store is away; empty: it is not. Any thread.
  std::string trouble() const { return writer_.trouble(); }
  /// From now on; logins that stand go on.
  void set_keys(AppKeys keys) { keys_ = std::move(keys); }

  void login(LoginRequest request, Reply<LoginReply> reply) override;
  void logout(const Terminal& who, Reply<void> reply) override;
  void send(const Terminal& who, SendRequest request, Reply<SendReply> reply) override;
  void recall(const Terminal& who, MessageId id, Reply<Ver> reply) override;
  void remove(const Terminal& who, std::vector<MessageId> ids, Reply<Ver> reply) override;
  void read(const Terminal& who, ReadRequest request, Reply<ReadReply> reply) override;
  void change_chat(const Terminal& who, ChatChange change, Reply<Ver> reply) override;
  void sync(const Terminal& who, SyncRequest request, Reply<SyncReply> reply) override;
  void pull(const Terminal& who, PullRequest request, Reply<PullReply> reply) override;
  void report_token(const Terminal& who, TokenReport report, Reply<void> reply) override;
  void report_state(const Terminal& who, AppState state, Reply<void> reply) override;
  void set_push_settings(const Terminal& who, PushSettings settings, Reply<void> reply) override;
  void set_mute(const Terminal& who, Mute mute, bool on, Reply<void> reply) override;
  void set_profile(const Terminal& who, Profile profile, Reply<void> reply) override;
  void profiles(const Terminal& who, std::vector<std::string> users,
                Reply<std::vector<std::pair<std::string, Profile>>> reply) override;
  void set_blacklisted(const Terminal& who, BlacklistChange change, Reply<void> reply) override;
  void blacklist(const Terminal& who, Reply<std::vector<std::string>> reply) override;
  void standings(std::vector<UserKey> users, WallTime since, Reply<std::vector<Standing>> reply) override;
  void disconnected(const Terminal& who, bool silent) override;
  void acknowledged(const Terminal& who, Ver ver) override;
  void intents(std::int64_t after, std::size_t limit, Reply<std::vector<Intent>> reply) override;
  void intent_published(std::int64_t id, std::int32_t events, std::vector<std::string> devices) override;
  void intent_settled(std::int64_t id) override;
  void follow_ups(std::int64_t after, std::size_t limit, Reply<std::vector<FollowUp>> reply) override;
  void follow_up_settled(std::int64_t id) override;

  void create_group(const Actor& who, GroupCreate request, Reply<GroupCreated> reply) override;
  void dismiss_group(const Actor& who, std::string group, Reply<Ver> reply) override;
  void change_group(const Actor& who, GroupInfoChange change, Reply<Ver> reply) override;
  void transfer_group(const Actor& who, std::string group, std::string owner, Reply<Ver> reply) override;
  void group_infos(const Actor& who, std::vector<std::string> groups, Reply<GroupInfos> reply) override;
  void joined_groups(const Actor& who, JoinedRequest request, Reply<JoinedGroups> reply) override;
  void join_group(const Actor& who, std::string group, std::string note, Reply<JoinReply> reply) override;
  void applications(const Actor& who, std::string group, Reply<std::vector<Application>> reply) override;
  void decide_application(const Actor& who, Decision decision, Reply<Ver> reply) override;
  void invitations(const Actor& who, Reply<std::vector<Invitation>> reply) override;
  void answer_invitation(const Actor& who, InvitationAnswer answer, Reply<JoinReply> reply) override;
  void quit_group(const Actor& who, std::string group, Reply<Ver> reply) override;
  void invite(const Actor& who, MembersChange change, Reply<MembersChanged> reply) override;
  void kick_members(const Actor& who, MembersChange change, Reply<MembersChanged> reply) override;
  void change_member(const Actor& who, MemberChange change, Reply<Ver> reply) override;
  void members(const Actor& who, MembersRequest request, Reply<MembersPage> reply) override;
  void members_named(const Actor& who, std::string group, std::vector<std::string> users,
                     Reply<std::vector<GroupMember>> reply) override;
  void send_to_group(const Actor& who, GroupSendRequest request, Reply<SendReply> reply) override;
  void recall_in_group(const Actor& who, MessageId id, Reply<Ver> reply) override;
  void read_group(const Actor& who, GroupReadRequest request, Reply<ReadReply> reply) override;
  void pull_group(const Actor& who, GroupPullRequest request, Reply<PullReply> reply) override;
  void change_group_chat(const Actor& who, GroupChatChange change, Reply<Ver> reply) override;
  void group_intents(std::int64_t after, std::size_t limit, Reply<std::vector<GroupIntent>> reply) override;
  void group_receivers(MessageId message, std::int64_t range, std::int64_t ranges,
                       Reply<std::vector<GroupReceiver>> reply) override;
  void group_intent_done(std::int64_t id, std::int64_t ranges) override;
  void group_intent_settled(std::int64_t id) override;

  void invite_to_call(const Terminal& who, CallInvite invite, Reply<CallReply> reply) override;
  void answer_call(const Terminal& who, CallAnswer answer, Reply<SendReply> reply) override;
  void open_calls(const Terminal& who, Reply<std::vector<OpenCall>> reply) override;

  void callbacks(AppId app, std::int64_t after, std::size_t limit, Reply<std::vector<CallbackJob>> reply) override;
  void callback_settled(std::int64_t id) override;
  void push_outcomes(std::vector<PushOutcome> all, Reply<void> reply) override;

  void push_to_all(AppId app, MassPush push, Reply<std::int64_t> reply) override;
  void cancel_push(AppId app, std::int64_t task, Reply<void> reply) override;
  void push_reports(AppId app, std::vector<std::int64_t> tasks, Reply<std::vector<MassPushReport>> reply) override;
  void set_attribute_names(AppId app, std::map<std::int64_t, std::string> names, Reply<void> reply) override;
  void attribute_names(AppId app, Reply<std::map<std::int64_t, std::string>> reply) override;
  void set_attributes(AppId app, std::vector<UserAttributes> all, Reply<void> reply) override;
  void remove_attributes(AppId app, std::vector<UserAttributes> all, Reply<void> reply) override;
  void attributes(AppId app, std::vector<std::string> users, Reply<std::vector<UserAttributes>> reply) override;
  void add_tags(AppId app, std::vector<UserTags> all, Reply<void> reply) override;
  void remove_tags(AppId app, std::vector<UserTags> all, Reply<void> reply) override;
  void remove_all_tags(AppId app, std::vector<std::string> users, Reply<void> reply) override;
  void tags(AppId app, std::vector<std::string> users, Reply<std::vector<UserTags>> reply) override;
  void mass_pushes(Reply<std::vector<MassPushTask>> reply) override;
  void mass_push_step(std::int64_t task, Reply<MassPushStep> reply) override;
  void mass_push_chunk(std::int64_t task, std::int64_t chunk, Reply<std::optional<MassPushChunk>> reply) override;
  void mass_push_chunk_done(std::int64_t task, std::int64_t chunk) override;

  // AdminService (admin_requests.cpp).
  Answer<UserSig> verify(AppId app, std::string_view user, std::string_view signature) const override;
  void import_account(UserKey who, Profile profile, Reply<void> reply) override;
  void import_accounts(AppId app, std::vector<AccountImport> all, Reply<Each> reply) override;
  void kick(UserKey who, Reply<void> reply) override;
  void remove_account(UserKey who, Reply<void> reply);
  void remove_accounts(AppId app, std::vector<std::string> users, Reply<Each> reply) override;
  void accounts(AppId app, std::vector<std::string> users, Reply<std::vector<AccountState>> reply) override;
  void send_as(UserKey from, AdminSend message, Reply<AdminSent> reply) override;
  void import_message(UserKey from, MessageImport message, Reply<void> reply) override;
  void history(UserKey who, HistoryRequest request, Reply<HistoryReply> reply) override;
  void recall_as(UserKey from, std::string to, WireId message, Reply<void> reply) override;
  void read_as(UserKey who, ReadRequest request, Reply<ReadReply> reply) override;
  void unread(UserKey who, std::vector<std::string> peers, Reply<UnreadReply> reply) override;
  void recent_chats(UserKey who, std::size_t skip, std::size_t limit, Reply<RecentReply> reply) override;
  void remove_chat(UserKey who, std::string peer, bool with_messages, Reply<void> reply) override;
  void set_full_profile(UserKey who, Profile profile, std::vector<ProfileField> fields, Reply<void> reply) override;
  void full_profiles(AppId app, std::vector<std::string> users, Reply<std::vector<FullProfile>> reply) override;
  void set_silence(UserKey who, SilenceChange change, Reply<void> reply) override;
  void silence(UserKey who, Reply<Silence> reply) override;
  void change_blacklist(UserKey who, std::vector<std::string> users, bool on, Reply<Each> reply) override;
  void blacklist_of(UserKey who, Reply<std::vector<BlockedUser>> reply) override;
  void check_blacklist(UserKey who, std::vector<std::string> users, Reply<std::vector<Relation>> reply) override;
  void save_friends(UserKey who, std::vector<FriendChange> all, Befriend how, bool both, Reply<Each> reply) override;
  void remove_friends(UserKey who, std::vector<std::string> users, bool both, Reply<Each> reply) override;
  void remove_all_friends(UserKey who, bool both, Reply<void> reply) override;
  void friends(UserKey who, std::size_t skip, std::size_t limit, Reply<FriendsReply> reply) override;
  void friends_named(UserKey who, std::vector<std::string> users,
                     Reply<std::vector<std::optional<Friend>>> reply) override;
  void check_friends(UserKey who, std::vector<std::string> users, Reply<std::vector<Relation>> reply) override;
  // … and GroupAdmin (group_admin_requests.cpp).
  void edit_as(UserKey from, std::string to, WireId message, MessageEdit edit, Reply<void> reply) override;
  void add_friend_groups(UserKey who, std::vector<std::string> names, std::vector<std::string> users,
                         Reply<Each> reply) override;
  void remove_friend_groups(UserKey who, std::vector<std::string> names, Reply<void> reply) override;
  void friend_groups(UserKey who, Reply<std::vector<FriendGroup>> reply) override;
  void group_ids(AppId app, GroupIdsRequest request, Reply<GroupIds> reply) override;
  void member_names(AppId app, std::string group, Reply<std::vector<std::string>> reply) override;
  void notify_group(AppId app, GroupNotice notice, Reply<void> reply) override;
  void import_members(AppId app, std::string group, std::vector<MemberImport> all,
                      Reply<std::vector<MemberOutcome>> reply) override;
  void import_to_group(AppId app, std::string group, std::vector<GroupMessageImport> all,
                       Reply<Imported> reply) override;
  void edit_in_group(AppId app, std::string group, Seq seq, MessageEdit edit, Reply<void> reply) override;
  void recall_of_sender(AppId app, std::string group, std::string sender, Seq below, Reply<Seq> reply) override;
  void set_group_unread(UserKey who, std::string group, std::int64_t unread, Reply<void> reply) override;
  void receipts(AppId app, std::string group, std::vector<Seq> seqs, Reply<std::vector<Receipt>> reply) override;
  void receipt_users(AppId app, ReceiptUsersRequest request, Reply<ReceiptUsers> reply) override;
  void group_attributes(AppId app, std::string group, Reply<GroupAttributes> reply) override;
  void change_group_attributes(AppId app, std::string group, AttributesChange change, Reply<void> reply) override;
  void group_counters(AppId app, std::string group, Reply<GroupCounters> reply) override;
  void change_group_counters(AppId app, std::string group, CountersChange change, Reply<GroupCounters> reply) override;

 private:
  StoreService(std::optional<FileLock> lock, std::unique_ptr<Node> node, std::vector<Tables> tables,
               std::unique_ptr<store::Store> push_store, AppKeys keys, const ServiceOptions& options,
               const Surroundings& around, RulesRead rules);
  template <class T>
  void refuse_later(Refusal refusal, Reply<T> reply) {
    around_.loop.post([refusal = std::move(refusal), reply = std::move(reply)]() mutable {
      reply(std::unexpected(std::move(refusal)));
    });
  }
  void answer_later(std::unique_ptr<Command> command);
  void write(std::unique_ptr<Command> command, Writer::Kind kind = Writer::Kind::Call);
  void look(std::unique_ptr<Command> command);
  template <class T, class Run>
  void write(Run run, Reply<T> reply) {
    write(make_command<T>(std::move(run), std::move(reply)));
  }
  template <class T, class Run>
  void look(Run run, Reply<T> reply) {
    look(make_command<T>(std::move(run), std::move(reply)));
  }
  /// Writes it once the app's server, where the app wants to be asked, has said yes. `line`: of those that are to be
  /// written in the order in which they came; empty: none.
  template <class T, class Request>
  void write_asked(Before what, const Actor& who, std::string line, Request request,
                   typename AskedCall<T, Request>::Run run, Reply<T> reply);
  void opened(Done done);
  void set_back(std::int64_t number);
  // Nodes (node_upkeep.cpp).
  void tell_in_order();
  void measure_order();
  void tell(Done done);
  void look_for_missed();
  void read_log();
  Concerned whom_missed();
  void keep_nodes();
  void kept_nodes(const Answer<NodeUpkeep>& kept);
  void change_intent(IntentChange change);
  void save_acknowledged();
  void save_intents();
  void change_group_intent(GroupIntentChange change);
  void save_group_intents();
  void save_disconnected();
  void sweep_calls_at(WallTime until);
  void sweep_calls();
  /// With the live room that the user is in now.
  Actor placed(const Actor& who) const;
  void look_at_rooms();
  void arm_rooms();
  // Live rooms among nodes (node_live.cpp).
  std::int64_t live_members(ConvId room) const;
  void shape_for_peers(Committed& told);
  void tell_peers_of_rooms();
  void doubt_rooms(const Concerned& whom);
  void check_rooms();
  void prune();
  void look_for_rules();
  void take_rules(RulesRead read);

  const std::optional<FileLock> lock_;  // of a file
  const std::unique_ptr<Node> node_;
  const ServiceOptions options_;
  const Surroundings around_;
  AppKeys keys_;
  bool stopped_ = false;

  struct Acked {
    UserKey user;
    std::string device;
    bool operator==(const Acked&) const = default;
  };
  struct AckedHash {
    std::size_t operator()(const Acked& key) const noexcept {
      return std::hash<UserKey>{}(key.user) * 31 + std::hash<std::string>{}(key.device);
    }
  };
  std::unordered_map<Acked, Acknowledgement, AckedHash> acknowledged_;  // one a device: bounded by those connected
  std::vector<IntentChange> intent_changes_;
  std::vector<GroupIntentChange> group_intent_changes_;
  // What a command of ours is to save now; null: nothing.
  std::shared_ptr<std::vector<Acknowledgement>> acknowledged_on_its_way_;
  std::shared_ptr<std::vector<IntentChange>> intents_on_their_way_;
  std::shared_ptr<std::vector<GroupIntentChange>> group_intents_on_their_way_;
  // Ends of connections, for callbacks: one command of them is at the writer at a time, however many end at once.
  std::vector<Disconnected> disconnected_;
  std::shared_ptr<std::vector<Disconnected>> disconnected_on_their_way_;
  const std::unique_ptr<LoopTimer> acknowledged_timer_, intents_timer_, group_intents_timer_, disconnected_timer_,
      prune_timer_, calls_timer_, rooms_timer_, nodes_timer_, order_timer_, check_timer_, rules_timer_;
  MonoTime calls_at_ = MonoTime::max();  // when the timer fires
  bool sweeping_calls_ = false;
  LiveRooms rooms_{options_.groups};
  MonoTime rooms_looked_at_{};
  std::set<ConvId> rooms_in_doubt_;  // something of theirs may have been missed
  bool checking_rooms_ = false;

  Peers* peers_ = nullptr;
  bool leads_;
  std::size_t live_nodes_ = 1;
  bool took_over_ = false;  // rows of a node, of which there may be more
  CommitOrder order_;
  bool looking_for_missed_ = false;
  bool reading_log_ = false;
  std::uint64_t histories_ = 0;            // times set_back() was called: what a look of before found is void, too
  std::map<std::int64_t, Concerned> log_;  // of what order_ gives up next
  WallTime complete_at_;                   // nothing of before was missed

  BeforeGate gate_;
  RuleCell rules_;
  const std::shared_ptr<Mailbox> mailbox_;
  Writer writer_;
  Readers readers_;
};

template <class T, class Request>
void StoreService::write_asked(Before what, const Actor& who, std::string line, Request request,
                               typename AskedCall<T, Request>::Run run, Reply<T> reply) {
  using Asked = AskedCall<T, Request>;
  const auto call =
      std::make_shared<Asked>(Asked{.who = who, .request = std::move(request), .run = run, .reply = std::move(reply)});
  const auto write_it = [this, call] {
    write<T>([call](Work& work) { return call->run(work, call->who, call->request); },
             [call](Answer<T> done) { call->finish(std::move(done)); });
  };
  if (!gate_.asks(who.user.app, what)) return write_it();
  const auto heard = [this, call, write_it](Answer<BeforeVerdict> verdict) {
    if (!verdict) return call->finish(std::unexpected(std::move(verdict.error())));
    if (verdict->is == BeforeVerdict::Is::Refused) return call->finish(std::unexpected(std::move(verdict->refusal)));
    if (verdict->is == BeforeVerdict::Is::Dropped) return call->finish(dropped<T>(around_.clock.wall(), call->ver));
    take_verdict(*call, *verdict);
    write_it();
  };
  const auto begin = [this, call, what, heard](Answer<BeforeGate::Pass> pass) {
    if (!pass) return call->finish(std::unexpected(std::move(pass.error())));
    call->pass = *std::move(pass);
    const auto question = std::make_shared<std::string>();  // of the look ahead, for what comes after it
    look<T>(
        [call, question](Work& work) {
          work.question = question.get();
          return call->run(work, call->who, call->request);
        },
        [this, call, what, heard, question](Answer<T> got) {
          if (!got || question->empty()) return call->finish(std::move(got));  // refused, or over already
          if constexpr (std::is_same_v<T, SendReply>) call->ver = got->ver;
          const Actor& of = call->who;
          gate_.ask({.app = of.user.app,
                     .what = what,
                     .client_ip = of.terminal ? of.terminal->address : std::string(),
                     .platform = std::string(callback_platform(of)),
                     .body = std::move(*question)},
                    heard);
        });
  };
  if (gate_.enter(who.user.app, std::move(line), begin)) return;
  refuse_later<T>({Code::Busy, "as many requests wait for the app's server as may: nothing happened, try again"},
                  std::move(call->reply));
}

}  // namespace nightpost::im
