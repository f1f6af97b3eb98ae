"""The Grafana dashboard loads without edits: unique ids, no overlap, a data source to choose, expressions that parse."""

import json
import pathlib
import re
import tempfile
import unittest

import bed

DASHBOARD = bed.DEPLOY / "dashboard.json"
UNITS = {"none", "short", "cps", "s", "d", "bytes", "percentunit"}


def panels_of(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions_of(dashboard):
    """Of all panels, with Grafana's variables filled in as it would."""
    for panel in panels_of(dashboard):
        for target in panel.get("targets", []):
            expr = target["expr"].replace("$__rate_interval", "5m")
            yield re.sub(r"\$(job|instance)\b", ".+", expr)


def mistakes_of(dashboard):
    """What Grafana would stumble over, or a reader."""
    found = []
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    if not any(v["type"] == "datasource" and v["query"] == "prometheus" for v in dashboard["templating"]["list"]):
        found.append("no variable for the data source")
    if "__inputs" in dashboard or dashboard.get("id") is not None:
        found.append("belongs to one Grafana: __inputs or an id")
    for name in set(re.findall(r"\$\{?([A-Za-z]\w*)", json.dumps(dashboard))) - variables:
        found.append(f"${name} is no variable")
    seen, taken = set(), {}
    for panel in panels_of(dashboard):
        name = panel.get("title") or f"panel {panel['id']}"
        if panel["id"] in seen:
            found.append(f"{name}: its id stands twice")
        seen.add(panel["id"])
        if not panel.get("title"):
            found.append(f"{name}: no title")
        at = panel["gridPos"]
        if at["x"] + at["w"] > 24:
            found.append(f"{name}: wider than the page")
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if taken.setdefault(cell, name) != name:
                found.append(f"{name}: lies over {taken[cell]}")
                break
        if panel["type"] == "row":
            continue
        if not panel.get("description"):
            found.append(f"{name}: no description")
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            found.append(f"{name}: no unit")
        if not panel.get("targets"):
            found.append(f"{name}: asks for nothing")
        for source in [panel, *panel.get("targets", [])]:
            if source.get("datasource") != {"type": "prometheus", "uid": "${datasource}"}:
                found.append(f"{name}: another data source")
        refs = [target["refId"] for target in panel.get("targets", [])]
        if len(refs) != len(set(refs)):
            found.append(f"{name}: two queries of one name")
        for target in panel.get("targets", []):
            for selector in re.findall(r"(?:nightpost|process)_\w+(\{[^}]*\})?", target["expr"]):
                if '{job=~"$job", instance=~"$instance"' not in selector:
                    found.append(f"{name}: not of the chosen workers: {target['expr']}")
            if "rate(" in target["expr"] and not re.search(r"\[(\$__rate_interval|5m)\]", target["expr"]):
                found.append(f"{name}: a rate over a fixed time: {target['expr']}")
    return found


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.dashboard = json.loads(DASHBOARD.read_text())

    def test_nothing_to_complain_of(self):
        self.assertEqual(mistakes_of(self.dashboard), [])

    def test_what_there_is_to_see(self):
        rows = [panel["title"] for panel in self.dashboard["panels"] if panel["type"] == "row"]
        self.assertEqual(rows, ["Now", "Flow", "Latency", "Vendors", "Queues and limits", "Kafka", "Process",
                                "Companion", "Companion, nodes"])

    def test_its_expressions_parse(self):
        rules = [{"record": f"panel:{i}", "expr": expr} for i, expr in enumerate(expressions_of(self.dashboard))]
        self.assertGreater(len(rules), 50)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "rules.yaml")
            path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
            done = bed.run("promtool", "check", "rules", "--lint=none", path)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_mistakes_are_found(self):
        """Each of them planted in the dashboard, and named."""
        def change(path, value):
            def apply(dashboard):
                at = dashboard
                for step in path[:-1]:
                    at = at[step]
                at[path[-1]] = value
            return apply
        graph = next(i for i, panel in enumerate(self.dashboard["panels"]) if panel["type"] == "timeseries")
        for words, apply in [
            ("data source", change(["templating", "list", 0, "query"], "loki")),
            ("__inputs", change(["id"], 12)),
            ("no variable", change(["panels", graph, "targets", 0, "expr"], 'up{job=~"$team"}')),
            ("stands twice", change(["panels", graph, "id"], 1)),
            ("no title", change(["panels", graph, "title"], "")),
            ("no description", change(["panels", graph, "description"], "")),
            ("wider", change(["panels", graph, "gridPos", "w"], 25)),
            ("lies over", change(["panels", graph, "gridPos", "y"], 0)),
            ("no unit", change(["panels", graph, "fieldConfig", "defaults"], {})),
            ("asks for nothing", change(["panels", graph, "targets"], [])),
            ("another data source", change(["panels", graph, "datasource"], {"type": "prometheus", "uid": "P1809"})),
            ("chosen workers", change(["panels", graph, "targets", 0, "expr"], "nightpost_kafka_lag")),
            ("fixed time", change(["panels", graph, "targets", 0, "expr"], "rate(up[1m])")),
        ]:
            with self.subTest(words):
                dashboard = json.loads(DASHBOARD.read_text())
                apply(dashboard)
                self.assertTrue(any(words in mistake for mistake in mistakes_of(dashboard)), mistakes_of(dashboard))


if __name__ == "__main__":
    unittest.main()
