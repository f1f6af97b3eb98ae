"""The Helm chart: helm takes it, Kubernetes' own schemas take what it makes, and the worker takes its configuration."""

import json
import pathlib
import re
import tempfile
import unittest

import bed

CHART = bed.DEPLOY / "helm" / "nightpost"
KUBERNETES = ["1.25", "1.30", "1.37"]  # the oldest that Chart.yaml allows, one between, the newest known here
PLAIN = {}
FULL = {
    "replicas": 3, "store": {"existingClaim": "store"}, "staticMembership": False, "receipts": {"enabled": True},
    "console": {"enabled": True, "publicUrl": "https://console.example.com"},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}}, "dashboard": {"enabled": True},
    "imagePullSecrets": [{"name": "registry"}],
    "image": {"repository": "registry.example.com/nightpost", "tag": "1.2.3"}, "drainLimitSeconds": 60,
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]}}},
    "podAnnotations": {"team": "push"}, "nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}],
    "priorityClassName": "high", "podDisruptionBudget": {"maxUnavailable": "50%"},
    "networkPolicy": {"consoleFrom": [{"podSelector": {"matchLabels": {"app": "ingress"}}}], "metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}], "egressPorts": [443, 9094]},
    "config": {
        "kafka": {"brokers": "a.example.com:9093,b.example.com:9093", "in_flight_max": 80000,
                  "in_flight_bytes_max": 1073741824, "client": {"security.protocol": "SSL"},
                  "client_files": {"ssl.key.pem": "/run/nightpost/secrets/kafka.key"}},
        "worker": {"shards": 4, "http_reserved_addresses": "10.0.0.0/8"},
    },
}
# Three workers on three nodes.
FLEET = {"replicas": 3, "store": {"url": "postgresql://nightpost@postgres:5432/nightpost?sslmode=verify-full"}}
# Three IM servers beside them.
COMPANION = FLEET | {
    "serviceMonitor": {"enabled": True},
    "im": {"enabled": True, "replicas": 3, "redis": {"url": "rediss://im@redis:6380", "password": True},
           "config": {"im": {"key_files": {"1400000001": "/run/nightpost/secrets/app.key"}, "trusted_proxies": "10.0.0.0/8",
                             "rest": {"administrators": {"1400000001": "administrator"}}}}},
}
ALL = PLAIN, FULL, FLEET, COMPANION


def template(values, kubernetes=KUBERNETES[-1]):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "values.json")
        path.write_text(json.dumps(values))
        done = bed.run("helm", "template", "demo", CHART, "--namespace", "push", "--values", path,
                       "--kube-version", kubernetes)
        # It says on stderr that rules and dashboard are links to the files beside the chart.
        done.stdout = re.sub(r"^walk.go:\d+: found symbolic link.*\n", "", done.stdout, flags=re.M)
        return done


def objects_of(text):
    import yaml
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(text) if one}


class Chart(unittest.TestCase):
    def made(self, values):
        done = template(values)
        self.assertEqual(done.returncode, 0, done.stdout)
        return objects_of(done.stdout)

    def sets_of(self, made):
        return [name.split("/")[1] for name in made if name.startswith("StatefulSet/")]

    def test_helm_lint_says_nothing(self):
        for values in ALL:
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "values.json")
                path.write_text(json.dumps(values))
                done = bed.run("helm", "lint", "--strict", CHART, "--values", path)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertNotIn("[WARNING]", done.stdout)

    def test_kubernetes_takes_what_it_makes(self):
        for values in ALL:
            made = self.made(values)
            made = {name: one for name, one in made.items() if "monitoring.coreos.com" not in one["apiVersion"]}
            self.assertGreaterEqual(len(made), 5)
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "objects.json")
                for name, one in made.items():
                    path.write_text(json.dumps(one))
                    for version in KUBERNETES:
                        with self.subTest(name, version=version):
                            done = bed.run("python3", "-m", "kubernetes_validate", "-k", version, "--strict", path)
                            self.assertEqual(done.returncode, 0, done.stdout)
                one["spec"]["unheardOf"] = 1  # the check bites
                path.write_text(json.dumps(one))
                self.assertNotEqual(bed.run("python3", "-m", "kubernetes_validate", "--strict", path).returncode, 0)

    def test_the_worker_takes_its_configuration(self):
        for values in ALL:
            for name, one in self.made(values).items():
                if not re.fullmatch("ConfigMap/demo-nightpost(-im)?", name):
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    path = pathlib.Path(folder, "config.json")
                    path.write_text(one["data"]["config.json"])
                    done = bed.run(bed.NIGHTPOST, "config", "check", path)
                    self.assertEqual(done.returncode, 0, done.stdout)

    def test_values_win_over_what_the_chart_knows(self):
        config = json.loads(self.made(FULL)["ConfigMap/demo-nightpost"]["data"]["config.json"])
        self.assertEqual(config["kafka"]["in_flight_bytes_max"], 1073741824)
        self.assertNotIn("group_instance_id", config["kafka"])
        self.assertEqual(config["receipts"], {"listen": "0.0.0.0:9465"})
        plain = json.loads(self.made(PLAIN)["ConfigMap/demo-nightpost"]["data"]["config.json"])
        self.assertEqual(plain["kafka"]["group_instance_id"], "{hostname}")
        self.assertNotIn("receipts", plain)
        other = json.loads(self.made({"config": {"worker": {"drain_limit_ms": 9000}}})["ConfigMap/demo-nightpost"]["data"]["config.json"])
        self.assertEqual(other["worker"]["drain_limit_ms"], 9000)

    def test_it_is_given_time_to_drain(self):
        for values in ALL:
            made = self.made(values)
            for name in self.sets_of(made):
                drain = json.loads(made[f"ConfigMap/{name}"]["data"]["config.json"])["worker"]["drain_limit_ms"] / 1000
                pod = made[f"StatefulSet/{name}"]["spec"]["template"]["spec"]
                before = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep 0"])[-1]
                self.assertGreater(pod["terminationGracePeriodSeconds"], int(before.removeprefix("sleep ")) + drain + 2)  # Service::kDrainGrace

    def test_pods_may_do_little(self):
        for values in ALL:
            made = self.made(values)
            for name in self.sets_of(made):
                pod = made[f"StatefulSet/{name}"]["spec"]["template"]["spec"]
                self.assertIs(pod["automountServiceAccountToken"], False)
                self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                for container in pod["containers"] + pod["initContainers"]:
                    self.assertEqual(container["securityContext"], {
                        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
                    self.assertIn("memory", container["resources"]["limits"])
                secret = next(volume["secret"] for volume in pod["volumes"] if "secret" in volume)
                self.assertEqual(secret["defaultMode"], 0o400)

    def test_secrets_arrive_as_the_worker_wants_them(self):
        """The init container's own command, on a folder laid out as Kubernetes lays out a Secret."""
        pod = self.made(PLAIN)["StatefulSet/demo-nightpost"]["spec"]["template"]["spec"]
        program, flag, command = pod["initContainers"][0]["command"]
        with tempfile.TemporaryDirectory() as folder:
            mounted, own = pathlib.Path(folder, "secrets"), pathlib.Path(folder, "own")
            (mounted / "..2026").mkdir(parents=True)
            own.mkdir()
            (mounted / "..data").symlink_to("..2026")
            for name in "master.key", "kafka-password":
                (mounted / "..2026" / name).write_text("c2VjcmV0")
                (mounted / "..2026" / name).chmod(0o440)
                (mounted / name).symlink_to(f"..data/{name}")
            done = bed.run(program, flag, command.replace("/run/nightpost/secrets", str(own)).replace("/secrets/*", f"{mounted}/*"))
            self.assertEqual((done.returncode, done.stdout), (0, ""))
            self.assertEqual({path.name: oct(path.stat().st_mode & 0o777) for path in own.iterdir()},
                             {"master.key": "0o600", "kafka-password": "0o600"})

    def test_several_share_a_node_and_its_volume(self):
        one = self.made(PLAIN)["StatefulSet/demo-nightpost"]["spec"]
        self.assertEqual(one["volumeClaimTemplates"][0]["metadata"]["name"], "store")
        self.assertNotIn("affinity", one["template"]["spec"])
        several = self.made(FULL)["StatefulSet/demo-nightpost"]["spec"]
        self.assertNotIn("volumeClaimTemplates", several)
        affinity = several["template"]["spec"]["affinity"]
        self.assertEqual(affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["topologyKey"],
                         "kubernetes.io/hostname")
        self.assertIn("nodeAffinity", affinity)
        refused = template({"replicas": 2})
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("store.existingClaim", refused.stdout)

    def test_with_a_server_they_share_no_node(self):
        made = self.made(FLEET)
        several = made["StatefulSet/demo-nightpost"]["spec"]
        self.assertNotIn("affinity", several["template"]["spec"])
        self.assertEqual(several["volumeClaimTemplates"][0]["metadata"]["name"], "store")
        config = json.loads(made["ConfigMap/demo-nightpost"]["data"]["config.json"])
        self.assertEqual(config["store"]["url"], FLEET["store"]["url"])
        self.assertEqual(config["store"]["password_file"], "/run/nightpost/secrets/postgres.password")
        self.assertEqual(config["trace"], {"path": "/var/lib/nightpost/trace.db"})
        self.assertIn({"protocol": "TCP", "port": 5432}, made["NetworkPolicy/demo-nightpost"]["spec"]["egress"][1]["ports"])
        self.assertNotIn("5432", json.dumps(self.made(PLAIN)["NetworkPolicy/demo-nightpost"]))
        both = template({"store": FLEET["store"] | {"existingClaim": "store"}})
        self.assertNotEqual(both.returncode, 0)
        self.assertIn("existingClaim", both.stdout)

    def test_it_brings_rules_and_dashboard(self):
        made = self.made(FULL)
        self.assertEqual(made["PrometheusRule/demo-nightpost"]["spec"], bed.yaml_of(bed.DEPLOY / "alerts.yaml"))
        dashboard = made["ConfigMap/demo-nightpost-dashboard"]
        self.assertEqual(dashboard["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertEqual(json.loads(dashboard["data"]["nightpost.json"]),
                         json.loads((bed.DEPLOY / "dashboard.json").read_text()))
        self.assertFalse([name for name in self.made(PLAIN) if "Rule" in name or "Monitor" in name or "dashboard" in name])

    def test_the_console_is_inside_the_workers(self):
        made = self.made(FULL)
        config = json.loads(made["ConfigMap/demo-nightpost"]["data"]["config.json"])
        self.assertEqual(config["console"], {"listen": "0.0.0.0:9468", "behind_tls_proxy": True,
                                             "public_url": "https://console.example.com", "connections_per_address_max": 256})
        container = made["StatefulSet/demo-nightpost"]["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["args"][-1], "--console")
        self.assertIn({"name": "console", "containerPort": 9468}, container["ports"])
        self.assertEqual(made["Service/demo-nightpost-console"]["spec"]["ports"],
                         [{"name": "console", "port": 80, "targetPort": "console"}])
        self.assertIn({"from": FULL["networkPolicy"]["consoleFrom"], "ports": [{"protocol": "TCP", "port": "console"}]},
                      made["NetworkPolicy/demo-nightpost"]["spec"]["ingress"])
        plain = self.made(PLAIN)
        self.assertNotIn("console", json.dumps({name: one for name, one in plain.items() if name != "ConfigMap/demo-nightpost-dashboard"}))
        refused = template({"console": {"enabled": True}})
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("console.publicUrl", refused.stdout)

    def test_im_servers_are_nodes_of_one_store(self):
        made = self.made(COMPANION)
        config = json.loads(made["ConfigMap/demo-nightpost-im"]["data"]["config.json"])
        self.assertEqual(config["store"]["url"], FLEET["store"]["url"])
        self.assertEqual(config["im"]["redis"], {"url": "rediss://im@redis:6380", "password_file": "/run/nightpost/secrets/redis.password"})
        self.assertEqual(config["im"]["rest"], {"listen": "0.0.0.0:9467", "administrators": {"1400000001": "administrator"}})
        self.assertNotIn("group_instance_id", config["kafka"])
        several = made["StatefulSet/demo-nightpost-im"]["spec"]  # a pod keeps its name, and with it its place
        self.assertEqual(several["replicas"], 3)
        self.assertNotIn("volumeClaimTemplates", several)
        self.assertEqual(several["template"]["spec"]["topologySpreadConstraints"][0]["topologyKey"], "kubernetes.io/hostname")
        container = several["template"]["spec"]["containers"][0]
        self.assertEqual(container["args"], ["im", "--config", "/etc/nightpost/config.json"])
        self.assertEqual(container["readinessProbe"]["httpGet"], {"path": "/readyz", "port": "metrics"})
        self.assertEqual(container["livenessProbe"]["httpGet"], {"path": "/healthz", "port": "metrics"})
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for name, listen in ("metrics", config["im"]["http_listen"]), ("clients", config["im"]["listen"]), ("rest", config["im"]["rest"]["listen"]):
            self.assertEqual(listen, f"0.0.0.0:{ports[name]}")
        self.assertEqual(made["PodDisruptionBudget/demo-nightpost-im"]["spec"]["maxUnavailable"], 1)
        self.assertIn({"protocol": "TCP", "port": 6380}, made["NetworkPolicy/demo-nightpost-im"]["spec"]["egress"][1]["ports"])
        without = self.made(COMPANION | {"im": COMPANION["im"] | {"redis": {}}})
        self.assertNotIn("redis", without["ConfigMap/demo-nightpost-im"]["data"]["config.json"])
        self.assertNotIn("6380", json.dumps(without["NetworkPolicy/demo-nightpost-im"]))
        self.assertFalse([name for name in self.made(FLEET) if name.endswith("-im")])

    def test_clients_come_back_before_the_next_im_server_goes(self):
        made = self.made(COMPANION)
        config = json.loads(made["ConfigMap/demo-nightpost-im"]["data"]["config.json"])
        spread = config["im"]["drain_spread_ms"]
        self.assertGreaterEqual(config["worker"]["drain_limit_ms"] / 3, spread)  # a third of a drain is for clients
        self.assertGreater(made["StatefulSet/demo-nightpost-im"]["spec"]["minReadySeconds"] * 1000, spread)

    def test_no_selector_of_the_workers_finds_im_servers(self):
        made = self.made(COMPANION)
        labels = {name: made[f"StatefulSet/{name}"]["spec"]["template"]["metadata"]["labels"] for name in self.sets_of(made)}
        for name, one in made.items():
            spec = one.get("spec", {})
            selector = spec.get("selector") or spec.get("podSelector")
            if selector is None or one["kind"] == "ServiceMonitor":
                continue
            wanted = selector.get("matchLabels", selector)
            found = [pods for pods, those in labels.items() if wanted.items() <= those.items()]
            self.assertEqual(found, ["demo-nightpost-im" if "-im" in name else "demo-nightpost"], name)
        for monitor, service in ("demo-nightpost", "demo-nightpost"), ("demo-nightpost-im", "demo-nightpost-im-pods"):
            wanted = made[f"ServiceMonitor/{monitor}"]["spec"]["selector"]["matchLabels"]
            scraped = [one["metadata"]["name"] for one in made.values() if one["kind"] == "Service" and
                       wanted.items() <= one["metadata"]["labels"].items() and any(port["name"] == "metrics" for port in one["spec"]["ports"])]
            self.assertEqual(scraped, [service])

    def test_wrong_values_are_refused(self):
        for values, words in [
            ({"replica": 2}, "replica"),
            ({"replicas": 0}, "replicas"),
            ({"config": {"kafka": {"brokers": ""}}}, "brokers"),
            ({"config": {"kafka": {"brokers": "kafka"}}}, "brokers"),
            ({"existingSecret": ""}, "existingSecret"),
            ({"store": {"size": "10"}}, "size"),
            ({"store": {"url": "sqlite:/tmp/store.db"}}, "url"),
            ({"store": {"url": "postgresql://nightpost:secret@postgres/nightpost"}}, "url"),
            ({"drainLimitSeconds": "25s"}, "drainLimitSeconds"),
            ({"networkPolicy": {"egressPorts": ["https"]}}, "egressPorts"),
            ({"console": {"enabled": True, "publicUrl": "http://console.example.com"}}, "publicUrl"),
            (COMPANION | {"store": {}}, "store.url"),
            (COMPANION | {"im": {"enabled": True}}, "key_files"),
            (COMPANION | {"im": COMPANION["im"] | {"redis": {"url": "redis://im:secret@redis"}}}, "url"),
            (COMPANION | {"im": COMPANION["im"] | {"redis": {"url": "redis:6379"}}}, "url"),
            (COMPANION | {"im": COMPANION["im"] | {"replicas": 0}}, "replicas"),
            (COMPANION | {"im": COMPANION["im"] | {"drain": 3}}, "drain"),
        ]:
            with self.subTest(values):
                done = template(values)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(words, done.stdout)

    def test_its_version_is_the_binary_s(self):
        chart = bed.yaml_of(CHART / "Chart.yaml")
        self.assertEqual(bed.run(bed.NIGHTPOST, "--version").stdout.split(), ["nightpost", chart["appVersion"]])


if __name__ == "__main__":
    unittest.main()
