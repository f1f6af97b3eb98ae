#include "app/im_options.h"

#include <algorithm>
#include <charconv>

#include "app/im_redis.h"
#include "app/ready_file.h"
#include "app/server_options.h"
#include "core/text.h"
#include "im/domain/names.h"

namespace nightpost::app {
namespace {

/// App ids and a text each, which is a `what`.
void read_app_texts(JsonSection& section, std::string_view key, std::string_view what,
                    std::map<AppId, std::string>& out) {
  std::map<std::string, std::string> files;
  section.texts(key, files);
  for (auto& [app, file] : files) {
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(app.data(), app.data() + app.size(), id);
    if (error != std::errc{} || end != app.data() + app.size() || id < 1)
      section.mistake(key, "\"" + app + "\" is no app id");
    else if (file.empty())
      section.mistake(key, "app " + app + " has no " + std::string(what));
    else
      out.insert_or_assign(AppId{id}, std::move(file));
  }
}

void read_address(JsonSection& section, std::string_view key, std::string& host, std::uint16_t& port) {
  std::string text = host + ":" + std::to_string(port);
  section.text(key, text);
  if (auto parsed = parse_host_port(text)) {
    host = std::move(parsed->host);
    port = parsed->port;
  } else {
    section.mistake(key, parsed.error().detail);
  }
}

void read_service(JsonSection& section, im::ServiceOptions& options) {
  section.integer("commands_queued_max", options.queue_max, 1, 1'000'000);
  section.integer("reads_queued_max", options.reads_max, 1, 1'000'000);
  section.integer("commit_commands_max", options.batch_max, 1, 10'000);
  section.integer("readers", options.readers, 1, 64);
  section.duration_ms("store_reconnect_first_ms", options.reconnect.first, 1, 60'000);
  section.duration_ms("store_reconnect_max_ms", options.reconnect.max, 1, 600'000);
  if (options.reconnect.first > options.reconnect.max)
    section.mistake("store_reconnect_first_ms", "is above store_reconnect_max_ms");
  section.text("node_name", options.node_name, true);
  if (options.node_name.size() > 64 ||
      !std::ranges::all_of(options.node_name, [](char c) { return c > ' ' && c <= '~'; }))
    section.mistake("node_name", "is longer than 64 bytes, or holds others than printable ones without spaces");
  section.duration_ms("node_lease_ms", options.node_lease, 1'000, 600'000);
  section.integer("node_rows_max", options.taken_over_max, 1, 100'000);
  section.duration_ms("peer_wait_ms", options.peer_wait, 0, 10'000);
  section.integer("peer_held_bytes_max", options.peer_held_bytes_max, 65'536, std::int64_t{1} << 40);
  section.duration_ms("peer_check_ms", options.peer_check, 100, 60'000);
  section.integer("commits_logged_max", options.commits_logged, 0, 1'000'000);
  section.integer("elements_max", options.elements.count_max, 1, 1'000);
  section.integer("elements_bytes_max", options.elements.bytes_max, 256, 49'152);
  section.integer("cloud_data_bytes_max", options.cloud_data_bytes_max, 0, 16'384);
  section.duration_ms("recall_window_ms", options.recall_window, 0, 31'536'000'000);
  section.duration_ms("client_id_kept_ms", options.client_id_kept, 60'000, 31'536'000'000);
  section.duration_ms("message_kept_ms", options.message_kept, 0, 3'153'600'000'000);
  section.integer("web_slots", options.login.web_slots, 1, 100);
  section.integer("terminals_kept_max", options.login.terminals_kept, 1, 1'000);
  section.flag("blacklist_silent", options.blacklist_silent);
  section.integer("blacklist_max", options.blacklist_max, 1, 100'000);
  section.integer("friends_max", options.friends_max, 1, 100'000);
  section.integer("profile_fields_max", options.profile_fields_max, 12, 1'000);
  section.flag("auto_read", options.auto_read);
  section.flag("friends_only", options.friends_only);
  section.integer("words_max", options.words_max, 0, 100'000);
  section.flag("words_ignore_spacing", options.words_ignore_spacing);
  section.flag("words_of_app", options.words_of_app);
  section.flag("words_in_names", options.words_in_names);
  section.duration_ms("app_rules_poll_ms", options.rules_looked_at, 100, 60'000);
  section.duration_ms("acknowledged_saved_ms", options.acknowledged_saved, 10, 60'000);
}

void read_group_fields(JsonSection& section, im::GroupLimits& limits) {
  std::map<std::string, std::string> rights;
  section.texts("group_fields", rights);
  for (const auto& [field, word] : rights) {
    const auto right = im::field_right_from(word);
    if (field.empty() || field.size() > limits.field_key_bytes_max)
      section.mistake("group_fields",
                      "\"" + field + "\" is not 1-" + std::to_string(limits.field_key_bytes_max) + " bytes long");
    else if (!right)
      section.mistake("group_fields", field + ": \"" + word + "\" is not one of member, admin, owner, app");
    else
      limits.fields.insert_or_assign(field, *right);
  }
}

void read_groups(JsonSection& section, im::GroupLimits& limits) {
  section.integer("group_name_bytes_max", limits.name_bytes_max, 1, 1'000);
  section.integer("group_introduction_bytes_max", limits.introduction_bytes_max, 0, 4'000);
  section.integer("group_notification_bytes_max", limits.notification_bytes_max, 0, 4'000);
  section.integer("group_face_bytes_max", limits.face_bytes_max, 0, 1'000);
  section.integer("group_card_bytes_max", limits.card_bytes_max, 1, 500);
  section.integer("group_members_max", limits.members_max, 2, 1'000'000);
  section.integer("group_invited_max", limits.invited_max, 1, 1'000);
  section.integer("groups_per_user_max", limits.groups_per_user_max, 1, 10'000);
  section.integer("group_invitations_max", limits.invitations_max, 1, 10'000);
  section.duration_ms("group_invitation_kept_ms", limits.invitation_kept, 60'000, 31'536'000'000);
  section.integer("group_mentions_max", limits.mentions_max, 0, 1'000);
  section.integer("group_notice_bytes_max", limits.notice_bytes_max, 1, 16'384);
  section.integer("group_attributes_max", limits.attributes_max, 0, 100);
  section.integer("group_attribute_bytes_max", limits.attribute_bytes_max, 0, 16'384);
  section.integer("group_counters_max", limits.counters_max, 0, 100);
  section.integer("live_groups_max", limits.live_groups_max, 0, 1'000'000);
  section.integer("live_groups_per_owner_max", limits.live_groups_per_owner_max, 0, 1'000'000);
  section.integer("live_per_second", limits.live_per_second, 1, 10'000);
  section.integer("live_waiting_max", limits.live_waiting_max, 0, 10'000);
  section.integer("live_rules_max", limits.live_rules_max, 1, 1'000'000);
  section.duration_ms("live_lease_ms", limits.live_lease, 0, 600'000);
  section.flag("group_owner_recalls", limits.owner_recalls);
  section.flag("group_mention_passes_not_notify", limits.mention_passes_not_notify);
  section.duration_ms("group_left_kept_ms", limits.left_kept, 60'000, 31'536'000'000);
  read_group_fields(section, limits);
}

void read_calls(JsonSection& section, im::CallLimits& limits) {
  section.integer("call_invited_max", limits.invited_max, 1, 1'000);
  section.integer("calls_open_max", limits.open_max, 1, 1'000);
  section.integer("call_data_bytes_max", limits.data_bytes_max, 0, 16'384);
  section.duration_ms("call_timeout_max_ms", limits.timeout_max, 1'000, 86'400'000);
  section.duration_ms("calls_kept_ms", limits.kept, 86'400'000, 31'536'000'000);
}

void read_gateway(JsonSection& section, im::GatewayOptions& options) {
  section.integer("frame_bytes_max", options.frame_bytes_max, 4'096, 1'048'576);
  section.integer("requests_open_max", options.requests_open_max, 1, 1'000);
  section.integer("unacked_frames_max", options.unacked_frames_max, 1, 10'000);
  section.integer("unacked_bytes_max", options.unacked_bytes_max, 65'536, std::int64_t{64} << 20);
  section.integer("output_bytes_max", options.output_bytes_max, 524'288, std::int64_t{64} << 20);
  section.duration_ms("hello_timeout_ms", options.hello_timeout, 10, 600'000);
  section.duration_ms("ack_timeout_ms", options.ack_timeout, 10, 600'000);
  section.duration_ms("heartbeat_ms", options.heartbeat, 100, 3'600'000);
  section.duration_ms("drain_spread_ms", options.drain_spread, 0, 600'000);
  section.integer("connections_max", options.connections_max, 1, 1'000'000);
  section.integer("connections_per_address_max", options.connections_per_address_max, 1, 1'000'000);
  section.integer("logins_open_max", options.logins_open_max, 1, 100'000);
  section.integer("failed_logins_per_minute", options.failed_logins_per_minute, 1, 1'000'000);
  std::string proxies;
  section.text("trusted_proxies", proxies, true);
  if (auto ranges = parse_ranges(proxies))
    options.trusted_proxies = *std::move(ranges);
  else
    section.mistake("trusted_proxies", ranges.error().detail);
}

std::string app_words(AppId app) { return "app " + std::to_string(app.value); }

/// Several by commas; `from` knows their words.
template <class Set, class From>
void read_callback_words(JsonSection& section, std::string_view key, std::string_view list, From from, Set& out) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view command = trimmed(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (const auto what = from(command))
      out.add(*what);
    else
      section.mistake(key, "\"" + std::string(command) + "\" is no callback of the list in src/im/README.md");
  }
}

/// Empty: all.
void read_callback_commands(JsonSection& section, im::CallbackSet& out) {
  constexpr std::string_view kKey = "commands";
  std::string list;
  section.text(kKey, list, true);
  read_callback_words(section, kKey, list, im::callback_from, out);
  if (out.empty()) out = im::CallbackSet::all();
}

/// What apps' servers are asked before it happens.
void read_before_callbacks(JsonSection& section, ImOptions& options) {
  std::map<AppId, std::string> commands, without_answer;
  read_app_texts(section, "before_commands", "callback", commands);
  for (const auto& [app, list] : commands) {
    if (!options.callback_urls.contains(app)) section.mistake("before_commands", app_words(app) + " is not in urls");
    read_callback_words(section, "before_commands", list, im::before_from, options.service.before.wanted[app]);
  }
  read_app_texts(section, "before_without_answer", "word", without_answer);
  for (const auto& [app, word] : without_answer) {
    if (!commands.contains(app))
      section.mistake("before_without_answer", app_words(app) + " is not in before_commands");
    if (word == "refuse")
      options.before_closed.insert(app);
    else if (word != "allow")
      section.mistake("before_without_answer", app_words(app) + ": \"" + word + "\" is neither allow nor refuse");
  }
  section.duration_ms("before_timeout_ms", options.before.timeout, 100, 10'000);
  section.integer("before_open_max", options.before.open_max, 1, 1'000);
  section.integer("before_parked_max", options.service.before.parked_max, 1, 100'000);
  section.integer("before_line_max", options.service.before.line_max, 1, 10'000);
}

void read_callbacks(JsonSection section, ImOptions& options) {
  im::CallbackReach& reach = options.callback_client.reach;
  std::string allowed;
  section.text("private_addresses", allowed, true);
  if (auto ranges = parse_ranges(allowed))
    reach.private_addresses = *std::move(ranges);
  else
    section.mistake("private_addresses", ranges.error().detail);
  section.flag("plain_http", reach.plain_http);
  read_app_texts(section, "urls", "URL", options.callback_urls);
  for (const auto& [app, url] : options.callback_urls) {
    if (!options.key_files.contains(app)) section.mistake("urls", app_words(app) + " is not in im.key_files");
    if (const auto fits = im::check_callback_url(url, reach); !fits)
      section.mistake("urls", app_words(app) + ": " + fits.error().detail);
  }
  read_app_texts(section, "secret_files", "file", options.callback_secret_files);
  for (const auto& [app, file] : options.callback_secret_files)
    if (!options.callback_urls.contains(app)) section.mistake("secret_files", app_words(app) + " is not in urls");
  section.text("ca_file", options.callback_client.ca_file, true);
  im::CallbackSet wanted;
  read_callback_commands(section, wanted);
  for (const auto& [app, url] : options.callback_urls) options.service.callbacks.wanted[app] = wanted;
  section.text("results_group", options.results_group);
  section.integer("queued_max", options.service.callbacks.queued_max, 1, 100'000'000);
  section.integer("held_max", options.callbacks.held_max, 10, 100'000);
  section.integer("posts_open_max", options.callbacks.open_max, 1, 1'000);
  section.integer("posts_per_second", options.callbacks.per_second, 1, 100'000);
  section.duration_ms("timeout_ms", options.callback_client.timeout, 100, 60'000);
  section.duration_ms("retry_first_ms", options.callbacks.retry_first, 10, 3'600'000);
  section.duration_ms("retry_max_ms", options.callbacks.retry_max, 10, 86'400'000);
  if (options.callbacks.retry_first > options.callbacks.retry_max)
    section.mistake("retry_first_ms", "is above retry_max_ms");
  section.duration_ms("kept_ms", options.callbacks.kept, 1'000, 2'592'000'000);
  options.service.callbacks.kept = options.callbacks.kept;
  read_before_callbacks(section, options);
}

void read_mass_push(JsonSection section, ImOptions& options) {
  section.integer("tasks_max", options.service.mass_push.tasks_max, 0, 1'000);
  section.integer("users_per_second", options.mass_relay.users_per_second, 1, 1'000'000);
  section.integer("chunk_users_max", options.service.mass_push.chunk_users, 1, 1'000);
  section.integer("stored_chunk_users_max", options.service.mass_push.stored_chunk, 1, 1'000);
  section.integer("chunks_open_max", options.mass_relay.chunks_open_max, 1, 10'000);
}

/// App ids and names, several by commas.
void read_administrators(JsonSection& section, std::map<AppId, std::vector<std::string>>& out) {
  constexpr std::string_view kKey = "administrators";
  std::map<std::string, std::string> lists;
  section.texts(kKey, lists);
  for (const auto& [app, list] : lists) {
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(app.data(), app.data() + app.size(), id);
    if (error != std::errc{} || end != app.data() + app.size() || id < 1) {
      section.mistake(kKey, "\"" + app + "\" is no app id");
      continue;
    }
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      const std::string user(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
      if (const auto ok = im::check_user_id(user, "app " + app); !ok)
        section.mistake(kKey, ok.error().why);
      else
        out[AppId{id}].push_back(user);
    }
  }
}

void read_rest(JsonSection section, ImOptions& options) {
  read_address(section, "listen", options.rest_host, options.rest_port);
  read_tls_files(section, options.rest_tls);
  read_administrators(section, options.rest.administrators);
  for (const auto& [app, users] : options.rest.administrators)
    if (!options.key_files.contains(app))
      section.mistake("administrators", "app " + std::to_string(app.value) + " is not in im.key_files");
  section.integer("body_bytes_max", options.rest.body_bytes_max, 4'096, 1'048'576);
  section.integer("calls_open_max", options.rest.calls_open_max, 1, 100'000);
  section.integer("message_calls_per_second", options.rest.message_calls_per_second, 1, 1'000'000);
  section.integer("manage_calls_per_second", options.rest.manage_calls_per_second, 1, 1'000'000);
  section.integer("app_calls_per_second", options.rest.app_calls_per_second, 1, 1'000'000);
  section.integer("connections_max", options.rest.connections_max, 1, 100'000);
}

}  // namespace

void read_im(JsonSection section, ImOptions& options) {
  read_address(section, "listen", options.host, options.port);
  read_address(section, "http_listen", options.http_host, options.http_port);
  read_tls_files(section, options.tls);
  read_app_texts(section, "key_files", "file", options.key_files);
  read_app_texts(section, "next_key_files", "file", options.next_key_files);
  for (const auto& [app, file] : options.next_key_files)
    if (!options.key_files.contains(app))
      section.mistake("next_key_files", "app " + std::to_string(app.value) + " is not in key_files");
  section.duration_ms("return_wait_ms", options.relay.return_wait, 0, 600'000);
  section.duration_ms("event_lifetime_ms", options.relay.event_lifetime, 1'000, 2'592'000'000);
  section.integer("intents_held_max", options.relay.held_max, 1'000, 10'000'000);
  section.integer("events_in_flight_max", options.relay.in_flight_max, 1, 1'000'000);
  section.integer("events_in_flight_bytes_max", options.relay.in_flight_bytes_max, 65'536, std::int64_t{1} << 40);
  section.flag("call_events", options.relay.call_events);
  options.service.calls.rings = options.relay.call_events;
  section.duration_ms("follow_up_wait_ms", options.relay.follow_up_wait, 0, 600'000);
  section.integer("follow_ups_held_max", options.relay.follow_ups_max, 100, 10'000'000);
  section.integer("group_intents_held_max", options.group_relay.held_max, 100, 1'000'000);
  section.integer("group_waits_max", options.group_relay.waits_max, 1'000, 100'000'000);
  read_service(section, options.service);
  read_groups(section, options.service.groups);
  read_calls(section, options.service.calls);
  read_gateway(section, options.gateway);
  read_rest(section.section("rest"), options);
  read_callbacks(section.section("callbacks"), options);
  read_mass_push(section.section("mass_push"), options);
  read_redis(section.section("redis"), options);
  options.peers.directory.ack_timeout = options.gateway.ack_timeout;
}

}  // namespace nightpost::app
