"""A running worker's page: its names are as Prometheus wants them, and rules and dashboard ask for nothing else."""

import json
import re
import unittest

import bed
from test_alerts import ALERTS
from test_dashboard import DASHBOARD, expressions_of

NAME = re.compile(r"\b(?:nightpost|process)_[a-z0-9_]+")


def alert_expressions():
    return [rule["expr"] for group in bed.yaml_of(ALERTS)["groups"] for rule in group["rules"]]


def dashboard_expressions():
    return list(expressions_of(json.loads(DASHBOARD.read_text())))


class Page:
    """Names by type, and for each name the values of each label that it shows."""

    def __init__(self, text):
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.labels = {}
        for name, labels in re.findall(r"^([a-z_0-9]+)(?:\{(.*)\})? \S+$", text, re.M):
            shown = self.labels.setdefault(name, {})
            for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
                shown.setdefault(label, set()).add(value)

    def unknown_in(self, expr):
        """Names that the page does not have; labels and values that a series it shows does not have."""
        found = []
        for name, selector in re.findall(r"\b((?:nightpost|process)_[a-z0-9_]+)(?:\{([^}]*)\})?", expr):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            if self.types.get(base) != "histogram" and name not in self.types:
                found.append(name)
                continue
            shown = self.labels.get(name)
            for label, operator, value in re.findall(r'(\w+)(=~|=)"([^"]*)"', selector):
                if label in ("job", "instance") or not shown:  # those of the scrape; a series that only time brings
                    continue
                for one in value.split("|") if operator == "=~" else [re.escape(value)]:
                    if not any(re.fullmatch(one, known) for known in shown.get(label, ())):
                        one = one.replace("\\", "")
                        found.append(f'{name}{{{label}="{one}"}}')
        return found


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with bed.worker() as address:
            cls.text = bed.page_of(address)
        away = {"url": "postgresql://nobody@127.0.0.1:1/none", "master_key_file": "FOLDER/master.key"}
        with bed.worker(store=away) as address:
            cls.on_server = bed.page_of(address)
        with bed.everything() as address:
            cls.whole = bed.page_of(address)
        with bed.companion() as address:
            cls.companion = bed.page_of(address)
        with bed.console() as address:
            cls.console = bed.page_of(address)
        cls.page = Page(cls.text + cls.on_server + cls.whole + cls.companion + cls.console)

    def test_promtool_takes_the_page(self):
        for page in (self.text, self.on_server, self.whole, self.companion, self.console):
            done = bed.run("promtool", "check", "metrics", told=page)
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_a_worker_without_a_broker_is_not_ready(self):
        self.assertIn("\nnightpost_ready 0\n", self.text)
        self.assertIn("\nnightpost_kafka_in_flight_limit 40000\n", self.text)

    def test_a_node_without_its_redis_says_so(self):
        self.assertIn('\nnightpost_im_redis_up{line="subscribe"} 0\n', self.companion)
        self.assertIn("\nnightpost_im_leads 1\n", self.companion)
        self.assertIn("\nnightpost_build_info{", self.companion)
        self.assertNotIn("\nnightpost_shards ", self.companion)  # it is no worker

    def test_rules_and_dashboard_know_its_names_and_labels(self):
        for expr in alert_expressions() + dashboard_expressions():
            self.assertEqual(self.page.unknown_in(expr), [], expr)

    def test_rules_ask_for_much_of_it(self):
        asked = set(NAME.findall(" ".join(alert_expressions() + dashboard_expressions())))
        self.assertGreater(len(asked), 60)

    def test_a_wrong_name_is_found_out(self):
        for expr, unknown in [
            ("rate(nightpost_lost_total[5m])", ["nightpost_lost_total"]),
            ("nightpost_kafka_lag_bucket", ["nightpost_kafka_lag_bucket"]),
            ('nightpost_outcomes_total{outcome=~"dead|gone"}', ['nightpost_outcomes_total{outcome="gone"}']),
            ('nightpost_outcomes_total{kind="dead"}', ['nightpost_outcomes_total{kind="dead"}']),
            ("histogram_quantile(0.5, nightpost_settle_seconds_bucket)", []),
        ]:
            self.assertEqual(self.page.unknown_in(expr), unknown)

    def test_the_readmes_know_its_names(self):
        for readme in [bed.ROOT / "README.md", bed.DEPLOY / "README.md", bed.ROOT / "src/app/README.md"]:
            for name in set(NAME.findall(readme.read_text())):
                base = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertTrue(name in self.page.types or base in self.page.types or
                                any(known.startswith(name) for known in self.page.types), f"{readme}: {name}")


if __name__ == "__main__":
    unittest.main()
