"""The container file: hadolint takes it, its list of libraries is the binary's, its health check works, and what it
copies is enough to configure. No image is built here: that needs an engine and a base image."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest

import bed

CONTAINERFILE = bed.DEPLOY / "Containerfile"


def libraries_named_by(binary):
    """Debian packages of the shared libraries that the binary itself names, not of those that these need."""
    found = dict(re.findall(r"^\s*(\S+) => (\S+)", bed.run("ldd", binary).stdout, re.M))
    packages = set()
    for name in re.findall(r"NEEDED.*\[(.+)\]", bed.run("readelf", "-d", binary).stdout):
        # dpkg knows a file by the path it was packed with: /lib is a link to /usr/lib.
        real = found[name].removeprefix("/usr")
        owner = re.search(r"^(\S+?):", bed.run("dpkg", "-S", real, f"/usr{real}").stdout.replace("dpkg-query: ", ""), re.M)
        packages.add(owner.group(1))
    return packages


class Container(unittest.TestCase):
    text = CONTAINERFILE.read_text()

    def test_hadolint_says_nothing(self):
        done = bed.run("hadolint", CONTAINERFILE)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        bad = bed.run("hadolint", "-", told="FROM debian\nRUN cd /tmp && sudo apt-get install x\n")
        self.assertNotEqual(bad.returncode, 0)

    def test_it_installs_what_the_binary_needs(self):
        installed = set(re.search(r"--no-install-recommends \\\n(.*?)&&", self.text, re.S).group(1).replace("\\", "").split())
        basic = {"libc6", "libgcc-s1"}  # of every Debian
        self.assertEqual(installed - {"ca-certificates"}, libraries_named_by(bed.NIGHTPOST) - basic)

    def test_what_it_copies_can_be_configured(self):
        with tempfile.TemporaryDirectory() as folder:
            for line in re.findall(r"^COPY (?!--from)(.+)$", self.text.split("\nFROM")[1], re.M):
                *sources, target = line.split()
                for source in sources:
                    if (bed.ROOT / source).is_dir():
                        shutil.copytree(bed.ROOT / source, f"{folder}/{target}")
                    else:
                        shutil.copy(bed.ROOT / source, folder)
            done = subprocess.run(["cmake", "--preset", "release"], cwd=folder, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_its_health_check_tells_life_from_death(self):
        health = json.loads(re.search(r"^HEALTHCHECK.*?CMD (\[.*\])$", self.text, re.M | re.S).group(1))
        with bed.worker() as address:
            here = [word.replace("127.0.0.1/9464", address.replace(":", "/")) for word in health]
            self.assertNotEqual(here, health)
            done = bed.run(*here)
            self.assertEqual(done.returncode, 0, done.stdout)
            absent = [word.replace("/healthz", "/nothing") for word in here]
            self.assertNotEqual(bed.run(*absent).returncode, 0)
        self.assertNotEqual(bed.run(*here).returncode, 0)

    def test_it_runs_as_nobody(self):
        self.assertRegex(self.text, r"\nUSER [1-9]\d*:[1-9]\d*\n")
        self.assertEqual(self.text.count("\nUSER "), 1)


if __name__ == "__main__":
    unittest.main()
