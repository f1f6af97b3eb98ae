"""The alert rules: promtool reads them, and every one of them fires in a story and is silent in others."""

import json
import pathlib
import tempfile
import unittest

import bed

ALERTS = bed.DEPLOY / "alerts.yaml"
PAGE, TICKET = "page", "ticket"


def series(name, values, **labels):
    labels = {"job": "n", "instance": "a"} | {key.rstrip("_"): value for key, value in labels.items()}
    return {"series": name + "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}", "values": values}


def np(name, values, **labels):
    return series("nightpost_" + name, values, **labels)


def near(use, limit):
    return f"{use} is near its limit", [np(use, "91x70"), np(limit, "100x70")], {9: [], 11: [("LimitNear", TICKET)]}


# A good load: 6000 events a minute, everything used to three quarters of what is alarming.
CALM = [
    np("ready", "1x70"), series("process_start_time_seconds", "1000x70"), np("internal_errors_total", "0x70"),
    np("server_handler_failures_total", "0x70", listener="http"), np("lane_stray_answers_total", "0x70"),
    np("http_stray_answers_total", "0x70", for_="pushes"), np("loop_stalls_total", "0+1x70", part="other"),
    np("events_open", "15000x70"), np("events_open_limit", "20000x70"),
    np("events_open_bytes", "9999x70"), np("events_open_limit_bytes", "268435456x70"),
    np("pushes_waiting", "10x70"), np("pushes_waiting_limit", "100000x70"),
    np("kafka_in_flight", "30000x70"), np("kafka_in_flight_limit", "40000x70"),
    np("kafka_in_flight_bytes", "9999x70"), np("kafka_in_flight_limit_bytes", "268435456x70"),
    np("kafka_produce_queued", "20x70"), np("kafka_produce_queued_limit", "500000x70"),
    np("server_connections", "4x70", listener="http"), np("server_connections_limit", "1024x70", listener="http"),
    series("process_open_fds", "90x70"), series("process_max_fds", "1024x70"),
    np("kafka_brokers_down", "0x70"), np("kafka_topic_unusable", "0x70", role="results"), np("kafka_lag", "3000x70"),
    np("events_settled_total", "0+6000x70"), np("kafka_oldest_unsettled_seconds", "4x70"),
    np("kafka_retention_lost_total", "0x70"), np("kafka_commit_errors_total", "0+1x70"),
    np("kafka_commits_total", "0+200x70"), np("kafka_assignments_lost_total", "0x70"),
    np("kafka_rebalances_total", "2x70"), np("settle_seconds_bucket", "0+6000x70", le="10"),
    np("settle_seconds_bucket", "0+6000x70", le="+Inf"), np("settle_seconds_count", "0+6000x70"),
    np("dead_letters_total", "0x70"), np("outcomes_total", "0+6000x70", outcome="accepted"),
    np("outcomes_total", "0+10x70", outcome="dead"), np("events_malformed_total", "0x70"), np("put_off_total", "0+600x70", reason="failure"),
    np("resolve_store_errors_total", "0x70"), np("store_available", "1x70"), np("attempts_total", "0+6000x70", vendor="apns", verdict="accepted"),
    np("attempts_total", "0+60x70", vendor="apns", verdict="transient"),
    np("attempts_total", "0+60x70", vendor="apns", verdict="throttled"),
    np("attempts_total", "0x70", vendor="apns", verdict="misconfigured"),
    np("vendor_seconds_bucket", "0+6000x70", vendor="apns", le="5"),
    np("vendor_seconds_bucket", "0+6000x70", vendor="apns", le="+Inf"),
    np("vendor_seconds_count", "0+6000x70", vendor="apns"), np("breakers_opened_total", "0x70"),
    np("grant_failures_total", "0x70", code="timeout"), np("held_removals_errors_total", "0x70"),
    np("removal_holds", "0x70", vendor="apns", certificate="1"),
    np("breaker_state", "0x70", vendor="apns", certificate="1"), np("pause_seconds", "0x70", vendor="apns", certificate="1"),
    np("lane_overloads_total", "0x70"), np("http_overloads_total", "0x70", for_="pushes"),
    np("lane_connects_failed_total", "0x70"), np("http_connects_failed_total", "0x70", for_="pushes"),
    np("clock_skew_seconds", "-3x70", vendor="apns"), np("signers", "3x70", vendor="apns", state="healthy"),
    np("signers", "0x70", vendor="apns", state="silent"), np("signers", "0x70", vendor="apns", state="failing"),
    np("quota_left", "9000x70", vendor="vivo", per="day"),
    np("certificate_not_after_timestamp_seconds", "2592000x70", certificate="1", app="14", vendor="apns"),
    np("server_certificate_not_after_timestamp_seconds", "2592000x70", listener="receipts"),
    np("receipt_calls_refused_total", "0x70", reason="store"),
    np("receipt_calls_refused_total", "0+5x70", reason="unauthorized"),
    np("im_relay_lag_seconds", "2x70"), np("im_logins_total", "0+600x70", result="ok"),
    np("im_logins_total", "0+300x70", result="refused"), np("im_logins_total", "0x70", result="put_off"),
    np("im_behind_total", "0+5x70"), np("im_delivered_total", "0+6000x70"),
    np("im_nodes", "3x70"), np("im_peers", "2x70"), np("im_peers_limit", "64x70"), np("im_leads", "1x70"), np("im_leads", "0x70", instance="b"),
    np("im_redis_up", "1x70", line="publish"), np("im_redis_up", "1x70", line="subscribe"),
    np("im_nodes_given_up_total", "0x70"), np("im_store_set_back_total", "0x70"), np("im_peers_silent_total", "0x70"), np("im_missed_commits_total", "0 1x69"),
    np("im_order_oldest_seconds", "0 0.2 0x68"), np("im_peer_messages_refused_total", "0x70", why="unknown"),
    np("im_order_held_bytes", "9000x70"), np("im_order_held_limit_bytes", "67108864x70"),
    np("im_redis_queued_bytes", "9000x70"), np("im_redis_queued_limit_bytes", "8388608x70"),
    np("im_remote_devices", "9000x70"), np("im_remote_devices_limit", "200000x70"),
    np("all_unsettled_bytes", "900000x70"), np("all_unsettled_bytes_limit", "1048576x70"), np("all_unreadable_total", "0x70"),
]
IDLE = [one | {"values": "0x70"} if one["values"].startswith("0+") or "_lag" in one["series"] else one for one in CALM]

# Name, series, and by the minute which alerts fire: these and no other.
STORIES = [
    ("a good load", CALM, {65: []}),
    ("no load at all", IDLE, {65: []}),
    ("not ready", [np("ready", "1 0x9")], {2: [], 3: [("WorkerNotReady", PAGE)]}),
    ("three restarts, and three of another program",
     [series("process_start_time_seconds", "1 2 3 4 4 4"),
      series("process_start_time_seconds", "1 2 3 4 4 4", instance="b")], {2: [], 4: [("WorkerRestarts", PAGE)]}),
    ("an exception", [np("internal_errors_total", "0 1x9")], {5: [("InternalError", TICKET)]}),
    ("a handler threw", [np("server_handler_failures_total", "0 1x9", listener="http")], {5: [("InternalError", TICKET)]}),
    ("a stray answer", [np("lane_stray_answers_total", "0 1x9")], {5: [("InternalError", TICKET)]}),
    ("a stray answer of curl", [np("http_stray_answers_total", "0 1x9", for_="grants")], {5: [("InternalError", TICKET)]}),
    ("many stalls, of two parts",
     [np("loop_stalls_total", "0+2x70", part="store"), np("loop_stalls_total", "0+2x70", part="flush")],
     {30: [("LoopStalls", TICKET)]}),
    near("events_open", "events_open_limit"),
    near("events_open_bytes", "events_open_limit_bytes"),
    near("pushes_waiting", "pushes_waiting_limit"),
    near("kafka_in_flight", "kafka_in_flight_limit"),
    near("kafka_in_flight_bytes", "kafka_in_flight_limit_bytes"),
    near("kafka_produce_queued", "kafka_produce_queued_limit"),
    near("server_connections", "server_connections_limit"),
    ("descriptors are short, and those of another program",
     [series("process_open_fds", "91x70"), series("process_max_fds", "100x70"),
      series("process_open_fds", "91x70", instance="b"), series("process_max_fds", "100x70", instance="b")],
     {11: [("LimitNear", TICKET)]}),
    ("no broker answers", [np("kafka_brokers_down", "1x70")], {0: [], 2: [("BrokersDown", PAGE)]}),
    ("a topic refuses", [np("kafka_topic_unusable", "1x70", role="dead")], {0: [], 2: [("TopicUnusable", PAGE)]}),
    ("six minutes of work wait", [np("kafka_lag", "36000x70"), np("events_settled_total", "0+6000x70")],
     {20: [("FallingBehind", PAGE)]}),
    ("what waits in delay topics is not late", [np("kafka_lag", "36000x70", topic="retry_1h"), np("events_settled_total", "0+6000x70")],
     {20: []}),
    ("work waits and none is done", [np("kafka_lag", "1x70"), np("events_settled_total", "7x70")],
     {20: [("FallingBehind", PAGE)]}),
    ("one event hangs", [np("kafka_oldest_unsettled_seconds", "0+60x70")], {9: [], 12: [("EventStuck", PAGE)]}),
    ("retention was shorter than the outage", [np("kafka_retention_lost_total", "0 40x9")], {5: [("RetentionLost", PAGE)]}),
    ("commits fail", [np("kafka_commit_errors_total", "0+5x70"), np("kafka_commits_total", "9x70")],
     {20: [("CommitsFail", PAGE)]}),
    ("lost once", [np("kafka_assignments_lost_total", "0 1x20")], {10: []}),
    ("lost twice", [np("kafka_assignments_lost_total", "0 1 1 2x20")], {10: [("AssignmentsLost", TICKET)]}),
    ("rebalances without end", [np("kafka_rebalances_total", "0+1x70")], {40: [("Rebalancing", TICKET)]}),
    ("slow for everybody",
     [np("settle_seconds_bucket", "0+100x70", le="10"), np("settle_seconds_bucket", "0+200x70", le="60"),
      np("settle_seconds_bucket", "0+200x70", le="+Inf"), np("settle_seconds_count", "0+200x70")],
     {30: [("Slow", TICKET)]}),
    ("one slow push a minute, in the night",
     [np("settle_seconds_bucket", "0x70", le="10"), np("settle_seconds_bucket", "0+1x70", le="60"),
      np("settle_seconds_bucket", "0+1x70", le="+Inf"), np("settle_seconds_count", "0+1x70")], {30: []}),
    ("one dead letter", [np("dead_letters_total", "0 1x20")], {5: [("DeadLetters", TICKET)], 15: []}),
    ("two of a hundred die",
     [np("outcomes_total", "0+98x70", outcome="accepted"), np("outcomes_total", "0+2x70", outcome="dead")],
     {30: [("ManyDie", PAGE)]}),
    ("a quarter is put off",
     [np("outcomes_total", "0+75x70", outcome="accepted"), np("put_off_total", "0+20x70", reason="failure"),
      np("put_off_total", "0+5x70", reason="throttle")], {10: [], 30: [("ManyPutOff", TICKET)]}),
    ("a producer writes nonsense", [np("events_malformed_total", "0 3x20")], {5: [("MalformedEvents", TICKET)]}),
    ("the store fails", [np("resolve_store_errors_total", "0+1x70")], {20: [("StoreErrors", PAGE)]}),
    ("the store's server restarts", [np("store_available", "1 0 1x20")], {1: [], 3: [], 10: []}),
    ("the store's server is away", [np("store_available", "1 0x20")], {1: [], 3: [("StoreAway", PAGE)]}),
    ("one vendor is silent, another works",
     [np("attempts_total", "0+6000x70", vendor="fcm", verdict="accepted"),
      np("attempts_total", "0+60x70", vendor="oppo", verdict="transient")], {20: [("VendorFailing", PAGE)]}),
    ("an app's day is used up", [np("quota_left", "0x70", vendor="vivo", per="day")], {4: [], 10: [("QuotaSpent", TICKET)]}),
    ("a second's quota is used up", [np("quota_left", "0x70", vendor="oppo", per="second")], {30: []}),
    ("a fifth is throttled",
     [np("attempts_total", "0+80x70", vendor="vivo", verdict="accepted"),
      np("attempts_total", "0+20x70", vendor="vivo", verdict="throttled")], {30: [("VendorThrottles", TICKET)]}),
    ("a vendor is slow",
     [np("vendor_seconds_bucket", "0+100x70", vendor="honor", le="5"),
      np("vendor_seconds_bucket", "0+200x70", vendor="honor", le="10"),
      np("vendor_seconds_bucket", "0+200x70", vendor="honor", le="+Inf"),
      np("vendor_seconds_count", "0+200x70", vendor="honor")], {30: [("VendorSlow", TICKET)]}),
    ("a vendor is silent", [np("signers", "0 0 1x8 0x60", vendor="apns", state="silent")],
     {3: [], 5: [("VendorSilent", TICKET)], 12: []}),
    ("a vendor fails everything", [np("signers", "2x70", vendor="apns", state="failing")], {3: [("VendorSilent", TICKET)]}),
    ("a credential is refused", [np("breakers_opened_total", "0 1x20")], {5: [("BreakerOpened", PAGE)], 15: []}),
    ("a credential stays refused", [np("breaker_state", "2x70", vendor="apns", certificate="1")],
     {25: [], 40: [("CredentialRests", TICKET)]}),
    ("a breaker opens and closes", [np("breaker_state", "2 2 1 0x70", vendor="apns", certificate="1")], {40: []}),
    ("a vendor wants a long pause", [np("pause_seconds", "3600-60x70", vendor="oppo", certificate="4")],
     {5: [], 20: [("VendorPauses", TICKET)], 65: []}),
    ("a short pause", [np("pause_seconds", "600x70", vendor="oppo", certificate="4")], {40: []}),
    ("no grant", [np("grant_failures_total", "0+1x70", code="unauthorized")], {30: [("GrantsFail", PAGE)]}),
    ("a channel is missing",
     [np("attempts_total", "0+99x70", vendor="xiaomi", verdict="accepted"),
      np("attempts_total", "0+1x70", vendor="xiaomi", verdict="misconfigured")], {20: [("Misconfigured", TICKET)]}),
    ("removals are held", [np("removal_holds", "0 1x20", vendor="apns", certificate="1")],
     {5: [("TokenRemovalsHeld", PAGE)]}),
    ("held removals are not kept", [np("held_removals_errors_total", "0+6x70")],
     {4: [], 12: [("HeldRemovalsNotKept", TICKET)]}),
    ("lanes are full", [np("lane_overloads_total", "0+5x70")], {5: [], 20: [("LanesFull", TICKET)]}),
    ("lanes of curl are full", [np("http_overloads_total", "0+5x70", for_="pushes")], {20: [("LanesFull", TICKET)]}),
    ("no way to a vendor", [np("lane_connects_failed_total", "0+2x70")], {30: [("ConnectsFail", TICKET)]}),
    ("no way to a token endpoint", [np("http_connects_failed_total", "0+2x70", for_="grants")],
     {30: [("ConnectsFail", TICKET)]}),
    ("our clock is behind", [np("clock_skew_seconds", "-11x70", vendor="fcm")], {4: [], 6: [("ClockSkew", PAGE)]}),
    ("two weeks are left, and a month",
     [np("certificate_not_after_timestamp_seconds", "1209600x70", certificate="1", app="14", vendor="apns"),
      np("server_certificate_not_after_timestamp_seconds", "2592000x70", listener="receipts")],
     {50: [], 62: [("CertificateEndsSoon", TICKET)]}),
    ("our listener has two days left",
     [np("server_certificate_not_after_timestamp_seconds", "172800x70", listener="receipts")],
     {10: [("CertificateEnds", PAGE)], 62: [("CertificateEnds", PAGE), ("CertificateEndsSoon", TICKET)]}),
    ("receipts are not taken", [np("receipt_calls_refused_total", "0+1x70", reason="kafka")],
     {30: [("ReceiptsNotTaken", TICKET)]}),
    ("a result that is no outcome", [np("all_unreadable_total", "0 1x9")], {5: [("InternalError", TICKET)]}),
    ("events of the companion wait", [np("im_relay_lag_seconds", "59 61x9")], {2: [], 4: [("ImRelayLag", PAGE)]}),
    ("the signer has another key",
     [np("im_logins_total", "0+10x70", result="ok"), np("im_logins_total", "0+11x70", result="refused")],
     {5: [], 20: [("ImLoginsRefused", TICKET)]}),
    ("a few wrong logins, and no others",
     [np("im_logins_total", "0x70", result="ok"), np("im_logins_total", "0+5x70", result="refused")], {60: []}),
    ("a restart under many clients", [np("im_logins_total", "0 500 500x70", result="put_off")], {5: [], 25: []}),
    ("logins are put off on and on", [np("im_logins_total", "0+5x70", result="put_off")],
     {5: [], 20: [("ImLoginsPutOff", TICKET)]}),
    ("clients do not keep up", [np("im_behind_total", "0+2x70"), np("im_delivered_total", "0+100x70")],
     {15: [], 40: [("ImClientsBehind", TICKET)]}),
    ("as many unfinished pushes as may be",
     [np("all_unsettled_bytes", "1000000x70"), np("all_unsettled_bytes_limit", "1048576x70")],
     {5: [], 12: [("AllUnsettledNear", TICKET)]}),
    near("im_redis_queued_bytes", "im_redis_queued_limit_bytes"),
    near("im_order_held_bytes", "im_order_held_limit_bytes"),
    near("im_remote_devices", "im_remote_devices_limit"),
    near("im_peers", "im_peers_limit"),
    ("Redis restarts", [np("im_redis_up", "1 0 1x20", line="publish"), np("im_redis_up", "1 0 1x20", line="subscribe")],
     {1: [], 4: [], 10: []}),
    ("Redis is away", [np("im_redis_up", "1 0x20", line="publish"), np("im_redis_up", "1 0x20", line="subscribe")],
     {2: [], 4: [("ImRedisAway", PAGE)]}),
    ("one line to Redis is cut", [np("im_redis_up", "1x20", line="publish"), np("im_redis_up", "1 0x20", line="subscribe")],
     {2: [], 4: [("ImRedisAway", PAGE)]}),
    ("a node is given up", [np("im_nodes_given_up_total", "0 1x30")], {5: [("ImNodeGivenUp", PAGE)], 15: []}),
    ("a node falls silent", [np("im_peers_silent_total", "0 1x30")], {5: [("ImNodeSilent", TICKET)], 15: []}),
    ("a node starts, and is heard a little later",
     [np("im_nodes", "2 3x30"), np("im_peers", "1 1 1 2x30"), np("im_redis_up", "1x30", line="publish")], {3: [], 20: []}),
    ("a node is on another channel",
     [np("im_nodes", "3x30"), np("im_peers", "1x30"), np("im_redis_up", "1x30", line="publish")],
     {4: [], 6: [("ImNodeUnheard", TICKET)]}),
    ("without Redis commits are missed, as they must be", [np("im_missed_commits_total", "0+600x30")], {20: []}),
    ("with Redis they are not", [np("im_missed_commits_total", "0+600x30"), np("im_redis_up", "1x30", line="publish")],
     {4: [], 20: [("ImCommitsMissed", TICKET)]}),
    ("a standby takes over", [np("im_store_set_back_total", "0 1x30")], {5: [("ImStoreSetBack", TICKET)], 15: []}),
    ("the order stands", [np("im_order_oldest_seconds", "0 6 66 126 186 0x30")], {1: [], 3: [("ImOrderStands", PAGE)], 10: []}),
    ("the first node went, and the next takes its place", [np("im_leads", "1 0 0 1x30")], {2: [], 4: [], 20: []}),
    ("nobody leads", [np("im_leads", "0x30"), np("im_leads", "0x30", instance="b")], {1: [], 3: [("ImNobodyLeads", PAGE)]}),
    ("somebody else publishes on the channel", [np("im_peer_messages_refused_total", "0+3x40", why="malformed")],
     {5: [], 20: [("ImChannelNoise", TICKET)]}),
    ("a change is not in the audit log", [np("console_not_recorded_total", "0x10 1x60")],
     {9: [], 12: [("ConsoleNotRecorded", PAGE)], 30: []}),
    ("the console fails on and on", [np("console_answers_total", "0+1x70", result="failed")],
     {4: [], 20: [("ConsoleFails", TICKET)]}),
    ("the console is too slow for those who ask", [np("console_answers_total", "0+2x70", result="busy")],
     {4: [], 20: [("ConsoleBusy", TICKET)]}),
    ("somebody tries credentials at the console", [np("console_unauthorized_total", "0+20x70")],
     {4: [], 20: [("ConsoleLoginsRefused", TICKET)]}),
    ("a console that is used, with a mistake now and then",
     [np("console_not_recorded_total", "0x70"), np("console_answers_total", "0 0 0 1 2 3x66", result="failed"),
      np("console_answers_total", "0 3 6x68", result="busy"), np("console_answers_total", "0+300x70", result="done"),
      np("console_unauthorized_total", "0+5x70")], {20: [], 60: []}),
]
STORIES = [(name, [np("build_info", "1x70"), np("shards", "4x70")] + given, fires) for name, given, fires in STORIES]
STORIES.append(("an IM server alone is scraped", [np("build_info", "1x70")], {1: [], 3: [("NoWorker", PAGE)]}))
STORIES.append(("nobody is scraped", [], {1: [], 3: [("NoWorker", PAGE)]}))


def as_test(name, given, fires):
    """As promtool reads it: which alerts fire, all of them, by Prometheus' own series ALERTS."""
    return {
        "name": name, "interval": "1m", "input_series": given,
        "promql_expr_test": [{
            "expr": 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": f'{{alertname="Nightpost{alert}", severity="{severity}"}}', "value": 1}
                            for alert, severity in expected],
        } for minute, expected in fires.items()],
    }


def rule_tests(tests):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "stories.yaml")
        path.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}))
        return bed.run("promtool", "test", "rules", path)


class Alerts(unittest.TestCase):
    rules = [rule for group in bed.yaml_of(ALERTS)["groups"] for rule in group["rules"]]

    def test_promtool_takes_them(self):
        done = bed.run("promtool", "check", "rules", "--lint-fatal", ALERTS)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_each_says_how_bad_it_is_and_what_to_do(self):
        for rule in self.rules:
            with self.subTest(rule["alert"]):
                self.assertRegex(rule["alert"], "^Nightpost[A-Z][A-Za-z]+$")
                self.assertIn(rule["labels"]["severity"], (PAGE, TICKET))
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "todo"})
                for words in rule["annotations"].values():
                    self.assertGreater(len(words), 20)
        names = [rule["alert"] for rule in self.rules]
        self.assertEqual(len(names), len(set(names)))

    def test_each_fires_when_it_should_and_no_other_does(self):
        done = rule_tests([as_test(*story) for story in STORIES])
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_there_is_a_story_for_each(self):
        told = {f"Nightpost{alert}" for _, _, fires in STORIES for expected in fires.values() for alert, _ in expected}
        self.assertEqual(told, {rule["alert"] for rule in self.rules})

    def test_a_wrong_story_is_found_out(self):
        done = rule_tests([as_test("a broker is down, and nobody is to hear of it",
                                   [np("build_info", "1x9"), np("shards", "4x9"), np("kafka_brokers_down", "1x9")], {5: []})])
        self.assertNotEqual(done.returncode, 0)

    def test_what_is_read_at_night(self):
        done = rule_tests([{
            "interval": "1m",
            "input_series": [np("build_info", "1x70"), np("shards", "4x70"), np("kafka_oldest_unsettled_seconds", "400x70"),
                             np("certificate_not_after_timestamp_seconds", "172800x70", certificate="7", app="14", vendor="apns")],
            "alert_rule_test": [{
                "alertname": "NightpostEventStuck", "eval_time": "10m",
                "exp_alerts": [{
                    "exp_labels": {"severity": PAGE, "job": "n", "instance": "a"},
                    "exp_annotations": self.words("NightpostEventStuck") | {"summary": "a holds an event for 6m 40s"},
                }],
            }, {
                "alertname": "NightpostCertificateEnds", "eval_time": "0m",
                "exp_alerts": [{
                    "exp_labels": {"severity": PAGE, "job": "n", "instance": "a", "certificate": "7", "app": "14", "vendor": "apns"},
                    "exp_annotations": self.words("NightpostCertificateEnds") | {
                        "summary": "A certificate ends in 2d 0h 0m 0s, or has ended",
                        "description": "Certificate 7 of app 14 (apns)"},
                }],
            }],
        }])
        self.assertEqual(done.returncode, 0, done.stdout)

    def words(self, name):
        return next(rule["annotations"] for rule in self.rules if rule["alert"] == name)


if __name__ == "__main__":
    unittest.main()
