"""The systemd unit: systemd takes it, finds little to complain of, and gives it time to drain. No service is started
here: that needs a booted systemd."""

import pathlib
import re
import tempfile
import unittest

import bed

UNIT = bed.DEPLOY / "systemd" / "nightpost-worker.service"
EXPOSURE_MAX = 1.5  # of 10, by systemd-analyze security


class Unit(unittest.TestCase):
    text = UNIT.read_text()

    def verified(self, text):
        """By systemd-analyze, with the binary that is here."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, UNIT.name)
            path.write_text(text.replace("/usr/local/bin/nightpost", str(bed.NIGHTPOST)))
            return bed.run("systemd-analyze", "verify", "--man=no", path)

    def test_systemd_takes_it(self):
        done = self.verified(self.text)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("Restrat", self.verified(self.text.replace("Restart=", "Restrat=")).stdout)

    def test_it_is_hardened(self):
        bound = str(round(EXPOSURE_MAX * 10))
        done = bed.run("systemd-analyze", "security", "--offline=true", f"--threshold={bound}", UNIT)
        self.assertEqual(done.returncode, 0, done.stdout)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, UNIT.name)
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


if __name__ == "__main__":
    unittest.main()
