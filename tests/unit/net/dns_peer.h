// A name server on loopback that answers as told, or not at all.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nightpost::net {

struct DnsQuestion {
  std::string name;
  bool six = false;  // AAAA, else A
};
struct DnsAnswer {
  std::vector<std::string> addresses;  // none: no such name
  std::uint32_t ttl = 300;
  std::uint8_t code = 0;  // RCODE; 3: NXDOMAIN, 2: SERVFAIL
};

class DnsPeer {
 public:
  explicit DnsPeer(boost::asio::io_context& loop) : state_(std::make_shared<State>(loop)) { receive(state_); }
  ~DnsPeer() { state_->socket.close(); }
  std::string servers() const { return "127.0.0.1:" + std::to_string(state_->socket.local_endpoint().port()); }
  const std::vector<DnsQuestion>& questions() const { return state_->questions; }
  /// Nothing: no answer comes.
  std::function<std::optional<DnsAnswer>(const DnsQuestion&)>& script() { return state_->script; }
  std::size_t count(const std::string& name) const {
    std::size_t n = 0;
    for (const DnsQuestion& q : questions()) n += q.name == name && !q.six;
    return n;
  }

 private:
  using Udp = boost::asio::ip::udp;
  struct State {
    explicit State(boost::asio::io_context& loop) : socket(loop, {boost::asio::ip::address_v4::loopback(), 0}) {}
    Udp::socket socket;
    Udp::endpoint from;
    std::array<char, 512> packet{};
    std::vector<DnsQuestion> questions;
    std::function<std::optional<DnsAnswer>(const DnsQuestion&)> script = [](const DnsQuestion&) {
      return std::optional<DnsAnswer>();
    };
  };

  static void receive(const std::shared_ptr<State>& state) {
    state->socket.async_receive_from(boost::asio::buffer(state->packet), state->from,
                                     [state](boost::system::error_code failed, std::size_t size) {
                                       if (failed) return;
                                       answer(*state, std::string(state->packet.data(), size));
                                       receive(state);
                                     });
  }

  static void answer(State& state, const std::string& query) {
    DnsQuestion question;
    std::size_t at = 12;  // RFC 1035 §4.1.1: the header's bytes
    while (query.at(at) != 0) {
      const auto size = static_cast<std::size_t>(query.at(at));
      question.name += (question.name.empty() ? "" : ".") + query.substr(at + 1, size);
      at += size + 1;
    }
    question.six = query.at(at + 2) == 28;
    const std::size_t end = at + 5;
    state.questions.push_back(question);
    const auto reply = state.script(question);
    if (!reply) return;
    const auto big = [](std::uint64_t value, int bytes) {
      std::string text;
      for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
      return text;
    };
    std::string packet = query.substr(0, 2) + big(0x8180u | reply->code, 2) + big(1, 2) +
                         big(reply->addresses.size(), 2) + big(0, 4) + query.substr(12, end - 12);
    for (const std::string& text : reply->addresses) {
      const auto address = boost::asio::ip::make_address(text);
      packet += big(0xc00c, 2) + big(address.is_v6() ? 28 : 1, 2) + big(1, 2) + big(reply->ttl, 4);
      if (address.is_v6()) {
        const auto bytes = address.to_v6().to_bytes();
        packet += big(bytes.size(), 2) + std::string(bytes.begin(), bytes.end());
      } else {
        const auto bytes = address.to_v4().to_bytes();
        packet += big(bytes.size(), 2) + std::string(bytes.begin(), bytes.end());
      }
    }
    boost::system::error_code ignored;
    state.socket.send_to(boost::asio::buffer(packet), state.from, 0, ignored);
  }
  std::shared_ptr<State> state_;
};

}  // namespace nightpost::net
