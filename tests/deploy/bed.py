"""What the tests of config/deploy share: paths, tools, and the page of a worker that runs."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "config" / "deploy"
NIGHTPOST = pathlib.Path(os.environ.get("NIGHTPOST_BIN", ROOT / "build/release/nightpost"))
TOOLS = ROOT / "build" / "tools"


def run(*command, told=""):
    """What it says, in one, when told `told`; the tools of build/tools come first."""
    environment = os.environ | {"PATH": f"{TOOLS / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(TOOLS / "python")}
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300, env=environment, input=told)


def yaml_of(path):
    import yaml
    return yaml.safe_load(pathlib.Path(path).read_text())


@contextlib.contextmanager
def running(command, **sections):
    """A `nightpost COMMAND` with a store of its own: the process, its log, its ready file."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("master.key", "app.key"):
            key = pathlib.Path(folder, name)
            key.write_bytes(os.urandom(32).hex().encode())
            key.chmod(0o600)
        config = pathlib.Path(folder, "config.json")
        config.write_text(json.dumps({
            "store": {"url": f"sqlite:{folder}/store.db", "master_key_file": f"{folder}/master.key"},
            "worker": {"drain_limit_ms": 500},
        } | sections).replace("FOLDER", folder))
        log = pathlib.Path(folder, "log")
        ready = pathlib.Path(folder, "ready")
        with log.open("w") as stderr:
            process = subprocess.Popen([NIGHTPOST, command, "--config", config, "--ready-file", ready], stdout=subprocess.DEVNULL, stderr=stderr)  # stdout may have a log-in link
        try:
            yield process, log, ready
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def worker(**sections):
    """A worker without a broker, at `address`: it serves its page and health all the same."""
    with running("worker", kafka={"brokers": "127.0.0.1:1"}, worker={"http_listen": "127.0.0.1:0", "drain_limit_ms": 500},
                 **sections) as (process, log, _):
        yield f"127.0.0.1:{listening_port(process, log)}"


@contextlib.contextmanager
def everything():
    """`nightpost all`, which needs no broker: its page has the companion's series, and its own."""
    with running("all", worker={"http_listen": "127.0.0.1:0", "drain_limit_ms": 500},
                 im={"listen": "127.0.0.1:0", "key_files": {"1400000001": "FOLDER/app.key"}}) as (process, log, ready):
        yield announced(process, log, ready)


@contextlib.contextmanager
def postgres():
    """A PostgreSQL of its own: the URL of its database."""
    script = ROOT / "tests/support/postgres/server"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)  # root's server runs as another user, who must get through
        done = run(script, "up", "--port", "0", "--data", folder, "--owner", os.getpid(), "--set", "fsync=off")
        assert done.returncode == 0, done.stdout
        try:
            yield done.stdout.strip().splitlines()[-1]
        finally:
            run(script, "down", "--now", "--data", folder)


@contextlib.contextmanager
def companion():
    """`nightpost im` on PostgreSQL, with a Redis that is away: its page has the series of nodes."""
    with postgres() as url, running(
            "im", kafka={"brokers": "127.0.0.1:1"}, store={"url": url, "master_key_file": "FOLDER/master.key"},
            im={"listen": "127.0.0.1:0", "http_listen": "127.0.0.1:0", "key_files": {"1400000001": "FOLDER/app.key"},
                "redis": {"url": "redis://127.0.0.1:1"}}) as (process, log, ready):
        yield announced(process, log, ready)


@contextlib.contextmanager
def console():
    """`nightpost console`: the page of its own listener."""
    with running("console", console={"listen": "127.0.0.1:0", "http_listen": "127.0.0.1:0"}) as (process, log, ready):
        yield announced(process, log, ready)


def announced(process, log, ready):
    """Where it serves its page, by its ready file."""
    end = time.monotonic() + 60
    while not ready.exists():
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.05)
    return json.loads(ready.read_text())["http"].removeprefix("http://")


def listening_port(process, log):
    """The only TCP port that the process listens on, as the kernel tells."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        sockets = {os.readlink(link) for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir() if link.is_symlink()}
        for line in pathlib.Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
                return int(words[1].split(":")[1], 16)
        time.sleep(0.01)
    raise TimeoutError(log.read_text())


def page_of(address):
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return answer.read().decode()
