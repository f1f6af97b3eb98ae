#include "bench/im/bare_tls.h"

#include <sys/socket.h>

#include <iostream>
#include <string>
#include <vector>

#include "bench/im/wire.h"
#include "support/process.h"

namespace nightpost::bench {

double bare_tls_bytes(std::size_t connections) {
  support::Process server({"/proc/self/exe", "--bare-tls"}, {.talk = true});
  const auto port = static_cast<std::uint16_t>(std::stoi(server.hear(support::milliseconds(10'000))));
  const auto tls = client_tls("");
  std::vector<Wire> wires;
  std::uint64_t first_kb = 0;
  for (std::size_t i = 0; i <= connections; ++i) {
    wires.emplace_back(port, tls.get());
    server.hear(support::milliseconds(10'000));
    if (i == 0) first_kb = server.usage().rss_kb;
  }
  return static_cast<double>(server.usage().rss_kb - first_kb) * 1'024 / static_cast<double>(connections);
}

int run_bare_tls() {
  const auto tls = server_tls();
  SSL_CTX_set_mode(tls.get(), SSL_MODE_RELEASE_BUFFERS);
  const auto [listener, port] = listen_anywhere();
  std::cout << port << std::endl;
  std::vector<std::pair<Descriptor, Handle<SSL, SSL_free>>> held;
  for (;;) {
    Descriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    Handle<SSL, SSL_free> made(SSL_new(tls.get()));
    if (socket.get() < 0 || !made || SSL_set_fd(made.get(), socket.get()) != 1 || SSL_accept(made.get()) != 1) return 1;
    held.emplace_back(std::move(socket), std::move(made));
    std::cout << held.size() << std::endl;
  }
}

}  // namespace nightpost::bench
