// What ops are told of nodes: in the store, and on the metrics page.
#include <chrono>

#include "im/store/node_reader.h"
#include "nodes_world.h"

namespace nightpost::im {
namespace {

TEST_CASE("im nodes: what each says of itself stands in the store", "[im][service][postgres][nodes]") {
  Nodes nodes;
  nodes.b.service->set_peers(nullptr);
  nodes.wire_a.lost = true;
  nodes.b.options.node_facts = {.message_bytes_max = 70'000, .channel = "redis://r shop:im"};
  nodes.b.clock.pass(milliseconds(3'600'000));
  nodes.b.restart();
  Nodes::keep(nodes.a);
  Nodes::keep(nodes.b);
  const auto seen = read_nodes(nodes.a.url, nodes.a.store_options);
  REQUIRE(seen);
  REQUIRE(seen->nodes.size() == 2);
  const NodeRow &a = seen->nodes[0], &b = seen->nodes[1];
  CHECK(a.name == "a");
  CHECK(a.facts.message_bytes_max == 0);
  CHECK(a.facts.channel.empty());
  CHECK(b.facts.message_bytes_max == 70'000);
  CHECK(b.facts.channel == "redis://r shop:im");
  const milliseconds apart = b.facts.clock_ahead - a.facts.clock_ahead;  // the server's clock is today's
  CHECK(std::chrono::abs(apart - milliseconds(3'600'000)) < milliseconds(60'000));
  CHECK(std::chrono::abs(seen->now - a.seen_at) < std::chrono::minutes(5));
  CHECK(nodes.a.metrics.leads.read() == 1);
  CHECK(nodes.b.metrics.leads.read() == 0);

  nodes.kill_a();
  nodes.b.sql("UPDATE im_nodes SET process = '' WHERE name = 'a'");
  CHECK(read_nodes(nodes.b.url, nodes.b.store_options)->nodes.size() == 1);
}

TEST_CASE("im nodes: who looks at nodes is told what is wrong", "[im][service][postgres][nodes]") {
  World world({}, StoreKind::Postgres);
  const auto why = [&] {
    const auto seen = read_nodes(world.url, world.store_options);
    return seen ? std::string("good") : seen.error().detail;
  };
  CHECK(why() == "good");
  world.service.reset();
  world.sql("UPDATE im_schema SET version = version + 1");
  CHECK_THAT(why(), Catch::Contains("this binary knows"));
  world.sql("DROP TABLE im_schema");
  CHECK_THAT(why(), Catch::Contains("no companion yet"));
}

TEST_CASE("im nodes: a node that is given up counts at who did it", "[im][service][postgres][nodes]") {
  Nodes nodes(milliseconds(200));
  nodes.kill_a();
  for (int turn = 0; turn < 10'000 && nodes.b.taken == 0; ++turn) Nodes::keep(nodes.b);
  CHECK(nodes.b.metrics.given_up.read() == 1);
  CHECK(nodes.b.metrics.leads.read() == 1);
}

TEST_CASE("im nodes: what waits for the order shows, with its age", "[im][service][postgres][nodes]") {
  Nodes nodes;
  for (World* const world : {&nodes.a, &nodes.b}) Nodes::keep(*world);  // which commits now and then
  nodes.settle();
  const std::int64_t last = nodes.last();
  Committed later;
  later.number = last + 2;
  nodes.b.service->heard(later);
  CHECK(nodes.b.metrics.order_held.read() == 1);
  CHECK(nodes.b.metrics.order_oldest_ms.read() == 0);
  nodes.b.loop.pass(nodes.b.options.peer_wait - milliseconds(10));
  later.number += 1;
  nodes.b.service->heard(later);
  CHECK(nodes.b.metrics.order_held.read() == 2);
  CHECK(nodes.b.metrics.order_oldest_ms.read() == 90);
  Committed first;
  first.number = last + 1;
  nodes.b.service->heard(first);
  CHECK(nodes.b.metrics.order_held.read() == 0);
  CHECK(nodes.b.metrics.order_oldest_ms.read() == 0);
}

}  // namespace
}  // namespace nightpost::im
