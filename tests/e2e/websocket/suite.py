"""Autobahn's WebSocket cases (RFC 6455) against an echo server of the companion's codec. A line a case, a line a
section; the last line counts. Exit: 0 every case is as the RFC says, 1 not, 2 it could not be tried.

    suite.py ECHO [CASE…]        ECHO: the server's program; CASE: `6.*`, `7.1.5`; absent: all sections of the table
"""
import asyncio
import subprocess
import sys
from collections import Counter

from kosoku import FailureError, run_fuzzingclient

# Sections of the suite and how many cases each has: one that is not run is seen. 12 and 13 are compression, which the
# companion never agrees on.
SECTIONS = {
    "1": ("framing", 16),
    "2": ("pings and pongs", 11),
    "3": ("reserved bits", 7),
    "4": ("opcodes", 10),
    "5": ("fragmentation", 20),
    "6": ("UTF-8", 145),
    "7": ("close handshake", 37),
    "9": ("limits", 54),
    "10": ("many small reads", 1),
}
AT_ONCE = 24  # many cases wait for a second
PATIENCE_S = 120
# NON-STRICT is not among them: what the suite forgives, as UTF-8 that is refused late, the companion does right.
GOOD = {"OK", "INFORMATIONAL"}


async def run(port, cases):
    try:
        return await asyncio.wait_for(
            run_fuzzingclient(f"ws://127.0.0.1:{port}", cases=cases, concurrency=AT_ONCE), PATIENCE_S)
    except FailureError as failed:
        return failed.results


def order(result):
    return [int(part) for part in result.case_id.split(".")]


def tell(results, whole):
    """Prints all; how many are not good."""
    bad = 0
    counts = Counter()
    for result in sorted(results, key=order):
        verdicts = (result.behavior.value, result.behavior_close.value)
        good = set(verdicts) <= GOOD
        bad += not good
        section = result.case_id.split(".")[0]
        counts[section] += 1
        counts[section, "good"] += good
        words = " ".join(result.description.split())
        print(f"{result.case_id:8} {verdicts[0]:14} {verdicts[1]:14} {words:.100}")
        if not good:
            print(f"  FAULT {result.result} {result.result_close}")
    for section, (name, cases) in SECTIONS.items():
        if not whole and counts[section] == 0:
            continue
        print(f"section {section:3} {name:18} {counts[section, 'good']:4} of {counts[section]:4} good")
        if whole and counts[section] != cases:
            bad += 1
            print(f"  FAULT {cases} cases are in this section")
    return bad


def main():
    echo, cases = sys.argv[1], sys.argv[2:]
    with subprocess.Popen([echo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline())
            results = asyncio.run(run(port, cases or [section + ".*" for section in SECTIONS]))
        finally:
            server.stdin.close()  # its end
        code = server.wait(timeout=10)
    bad = tell(results, not cases)
    if code != 0:
        bad += 1
        print(f"FAULT the echo server ended with {code}")
    # In Catch's words, which ./dev test counts: a case has two verdicts, of its messages and of its close.
    end = f"({2 * len(results)} assertions in {len(results)} test cases)"
    print(f"{bad} faults {end}" if bad else f"All cases as the RFC says {end}")
    return 1 if bad or not results else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, asyncio.TimeoutError, subprocess.TimeoutExpired) as error:
        print(f"suite.py: {error!r}", file=sys.stderr)
        sys.exit(2)
