#include "app/im_options.h"

#include <charconv>

#include "app/ready_file.h"

namespace nightpost::app {
namespace {

void read_key_files(JsonSection& section, std::string_view key, std::map<AppId, std::string>& out) {
  std::map<std::string, std::string> files;
  section.texts(key, files);
  for (auto& [app, file] : files) {
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(app.data(), app.data() + app.size(), id);
    if (error != std::errc{} || end != app.data() + app.size() || id < 1)
      section.mistake(key, "\"" + app + "\" is no app id");
    else if (file.empty())
      section.mistake(key, "app " + app + " has no file");
    else
      out.insert_or_assign(AppId{id}, std::move(file));
  }
}

}  // namespace

void read_im(JsonSection section, ImOptions& options) {
  std::string listen = options.host + ":" + std::to_string(options.port);
  section.text("listen", listen);
  if (auto parsed = parse_host_port(listen)) {
    options.host = std::move(parsed->host);
    options.port = parsed->port;
  } else {
    section.mistake("listen", parsed.error().detail);
  }
  section.text("tls_certificate_file", options.tls_certificate_file, true);
  section.text("tls_key_file", options.tls_key_file, true);
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty())
    section.mistake("tls_key_file", "goes with tls_certificate_file: name both or none");
  read_key_files(section, "key_files", options.key_files);
  read_key_files(section, "next_key_files", options.next_key_files);
  for (const auto& [app, file] : options.next_key_files)
    if (!options.key_files.contains(app))
      section.mistake("next_key_files", "app " + std::to_string(app.value) + " is not in key_files");
  read_server_limits(section, "", options.server);
  section.duration_ms("return_wait_ms", options.relay.return_wait, 0, 600'000);
  section.duration_ms("event_lifetime_ms", options.relay.event_lifetime, 1'000, 2'592'000'000);
  section.integer("intents_held_max", options.relay.held_max, 1'000, 10'000'000);
  section.integer("events_in_flight_max", options.relay.in_flight_max, 1, 1'000'000);
}

}  // namespace nightpost::app
