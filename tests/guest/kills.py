#!/usr/bin/env python3
"""usage: kills.py PROGRAM BROKERS GUESTS
Kills the broker of a box, as often as BROKERS says, while a program (kills.c)
writes: what it was told to be durable is there afterwards, and e2fsck finds
nothing. Then kills processes of one box, GUESTS of them, from outside: the box
goes on, and holds nothing of the dead. Speaks TAP."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VOW, program = os.environ["VOW"], Path(sys.argv[1]).resolve()
BROKERS, GUESTS = int(sys.argv[2]), int(sys.argv[3])
PATIENCE = 60
SETTLED = 15  # seconds; three times what a change may stay in memory
GROWTH = 8 << 10  # KiB of the broker's own memory: caches that fill


def children(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def start(image, *arguments):
    return subprocess.Popen([VOW, "box", image, "--", program, *arguments], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def broker_of(box):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and box.poll() is None:
        for pid in children(box.pid):
            if children(pid):
                return pid
    raise AssertionError(f"the box did not start: {box.communicate()}")


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE, check=False)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_gone(pids):
    end = time.monotonic() + PATIENCE
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < end, "processes outlive their broker"
        time.sleep(0.01)


def kill_broker(image, promised):
    """The promises as they are then."""
    box = start(image, "record")
    broker = broker_of(box)
    guests = children(broker)
    before = "".join(box.stdout.readline() for _ in range(random.randrange(12)))
    time.sleep(random.random() * 0.02)
    os.kill(broker, signal.SIGKILL)
    output, errors = before + box.stdout.read(), box.stderr.read()
    box.wait(timeout=PATIENCE)
    assert "the broker died of signal 9" in errors, errors
    wait_gone(guests)
    whole = output[: output.rfind("\n") + 1].split()
    return int(whole[-1]) if whole else promised


def brokers(image):
    promised = 0
    for i in range(BROKERS):
        promised = kill_broker(image, promised)
        if i % 2:  # e2fsck replays the journal, or we do
            done = run("e2fsck", "-p", image)
            assert done.returncode in (0, 1), done.stdout
        done = run(VOW, "box", image, "--", program, "check", str(promised))
        assert (done.returncode, done.stdout) == (0, "kept\n"), f"{promised} promised: {done.stdout}"
        done = run("e2fsck", "-fn", image)
        assert done.returncode == 0, done.stdout
    assert promised > BROKERS // 4, f"only {promised} promises"
    return f"{promised} promises kept"


def settled(image):
    """What nobody made durable is so when some seconds have passed."""
    box = start(image, "write")
    broker = broker_of(box)
    promised = int(box.stdout.readline())
    time.sleep(SETTLED)
    os.kill(broker, signal.SIGKILL)
    box.communicate(timeout=PATIENCE)
    done = run(VOW, "box", image, "--", program, "check", str(promised))
    assert (done.returncode, done.stdout) == (0, "kept\n"), f"{promised} promised: {done.stdout}"
    return f"{promised} is there"


def resident(pid):
    """KiB of its own, without what it shares with the guests."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError("no RssAnon")


def guests(image):
    box = start(image, "work", str(os.getpid()))
    broker = broker_of(box)
    first, killed, before = children(broker)[0], 0, None
    end = time.monotonic() + PATIENCE + GUESTS
    while killed < GUESTS:
        assert box.poll() is None, box.communicate()
        assert time.monotonic() < end, f"{killed} killed: too few are started"
        victims = [pid for pid in children(broker) if pid != first]
        if killed == GUESTS // 4 and before is None:
            before = resident(broker)
        if victims:
            try:
                os.kill(random.choice(victims), signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
        time.sleep(random.random() * 0.005)
    grown = resident(broker) - before
    output, errors = box.communicate(timeout=PATIENCE)
    assert box.returncode == 0 and output.endswith("whole\n"), (box.returncode, output[-200:], errors)
    assert grown < GROWTH, f"the broker grew by {grown} KiB"
    done = run("e2fsck", "-fn", image)
    assert done.returncode == 0, done.stdout
    return f"{killed} killed"


def main():
    print("1..3")
    failed = False
    random.seed(int(os.environ.get("KILLS_SEED", "0")) or None)
    with tempfile.TemporaryDirectory(prefix="vow-kills-") as name:
        image = Path(name) / "image"
        run(VOW, "box", "pack", "-o", image, "--no-data", "--size", "64M", program).check_returncode()
        for number, test in enumerate((brokers, settled, guests), 1):
            try:
                print(f"# {test(image)}\nok {number} - {test.__name__}", flush=True)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failed = True
                print("".join(f"# {line}\n" for line in str(error).splitlines()[:20]) + f"not ok {number} - {test.__name__}")
    sys.exit(failed)


main()
