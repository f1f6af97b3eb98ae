"""The systemd units: systemd takes them, finds little to complain of, and gives them time to drain. No service is started
here: that needs a booted systemd."""

import pathlib
import re
import tempfile
import unittest

import bed

EXPOSURE_MAX = 1.5  # of 10, by systemd-analyze security


class UnitChecks:
    """For each unit: `path`, `text`."""

    def verified(self, text):
        """By systemd-analyze, with the binary that is here."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, self.path.name)
            path.write_text(text.replace("/usr/local/bin/nightpost", str(bed.NIGHTPOST)))
            return bed.run("systemd-analyze", "verify", "--man=no", path)

    def test_systemd_takes_it(self):
        done = self.verified(self.text)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("Restrat", self.verified(self.text.replace("Restart=", "Restrat=")).stdout)

    def test_it_is_hardened(self):
        bound = str(round(EXPOSURE_MAX * 10))
        done = bed.run("systemd-analyze", "security", "--offline=true", f"--threshold={bound}", self.path)
        self.assertEqual(done.returncode, 0, done.stdout)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, self.path.name)
            path.write_text(self.text.replace("ProtectSystem=strict\n", "").replace("SystemCallFilter", "#"))
            soft = bed.run("systemd-analyze", "security", "--offline=true", f"--threshold={bound}", path)
            self.assertNotEqual(soft.returncode, 0)

    def test_it_is_given_time_to_drain(self):
        drain = re.search(r"`worker.drain_limit_ms` \| (\d+)", (bed.ROOT / "config/README.md").read_text())
        stop = re.search(r"^TimeoutStopSec=(\d+)s$", self.text, re.M)
        self.assertGreater(int(stop.group(1)), int(drain.group(1)) / 1000 + 2)  # Service::kDrainGrace

    def test_its_account_can_be_made(self):
        done = bed.run("systemd-sysusers", "--dry-run", bed.DEPLOY / "systemd" / "nightpost.sysusers")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(self.text, r"(?m)^User=nightpost$")


class Worker(UnitChecks, unittest.TestCase):
    path = bed.DEPLOY / "systemd" / "nightpost-worker.service"
    text = path.read_text()


class Console(UnitChecks, unittest.TestCase):
    path = bed.DEPLOY / "systemd" / "nightpost-console.service"
    text = path.read_text()

    def test_its_log_in_link_is_not_in_the_journal(self):
        self.assertRegex(self.text, r"(?m)^StandardOutput=null$")
        self.assertRegex(self.text, r"(?m)^StandardError=journal$")  # its log

    def test_it_shares_what_the_worker_has(self):
        for key in ("User", "Group", "StateDirectory", "StateDirectoryMode", "WorkingDirectory", "UMask"):
            pattern = rf"(?m)^{key}=.*$"
            self.assertEqual(re.findall(pattern, self.text), re.findall(pattern, Worker.text), key)


class Im(UnitChecks, unittest.TestCase):
    path = bed.DEPLOY / "systemd" / "nightpost-im.service"
    text = path.read_text()

    def test_it_has_descriptors_for_its_clients(self):
        most = re.search(r"`im.connections_max` \| (\d+)", (bed.ROOT / "config/README.md").read_text())
        limit = re.search(r"^LimitNOFILE=(\d+)$", self.text, re.M)
        self.assertGreater(int(limit.group(1)), int(most.group(1)) * 2)

    def test_it_may_do_no_more_than_the_worker(self):
        hardened = "# It needs the network"
        self.assertEqual(self.text.partition(hardened)[2], Worker.text.partition(hardened)[2])


if __name__ == "__main__":
    unittest.main()
