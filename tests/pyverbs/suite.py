#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""suite.py [--limit SECONDS] [--judge] --version N --lab LABS LIST FOLDER [MODULE...] -- OPTION...:
the test modules of FOLDER, or those named, each by one.py in a process of its own that gets
SECONDS; OPTIONs are passed on. A line for each test, at last `N passed, N failed, N skipped`.

With --judge a skip must be one that LIST allows to version N of rdma-core in one of LABS; one that
LIST has and that does not happen is a failure, too. Lines of LIST, fields separated by tabs:
    VERSIONS  LABS  TESTS  MESSAGE  REASON
VERSIONS and LABS are separated by commas, LABS may be `any`; TESTS is a glob of MODULE.CLASS.METHOD;
MESSAGE is a regular expression, found in what the test says when it skips; REASON is ours.
`failed: MESSAGE` stands for tests that fail where they should skip.
"""
import argparse
import fnmatch
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Of a module's output, when something failed.
TAIL = 120


class Entry:
    """A line of the list."""

    def __init__(self, where, tests, message, reason):
        self.where, self.tests, self.reason = where, tests, reason
        self.state = "failed" if message.startswith("failed: ") else "skipped"
        self.message = message.removeprefix("failed: ")
        self.hits = 0

    def covers(self, name):
        return fnmatch.fnmatchcase(name, self.tests)

    def explains(self, state, why):
        return state == self.state and re.search(self.message, why)


def read_list(path, version, labs_here):
    entries = []
    here = {"any", *labs_here}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = [field for field in line.rstrip("\n").split("\t") if field]
            if len(fields) != 5:
                sys.exit(f"{path}:{number}: {len(fields)} fields, expected 5")
            versions, labs = fields[0].split(","), set(fields[1].split(","))
            if version in versions and labs & here:
                entries.append(Entry(f"{os.path.basename(path)}:{number}", *fields[2:]))
    return entries


class Suite:
    def __init__(self, args, options):
        self.args, self.options = args, options
        self.entries = read_list(args.list, args.version, args.lab.split(","))
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0}

    def line(self, verdict, name, why="", seconds=None):
        self.counts[verdict] += 1
        tail = f" ({why})" if why else ""
        tail += f" {seconds}s" if seconds else ""
        print(f"{verdict} {name}{tail}", flush=True)
        return verdict == "FAIL"

    def judge(self, name, state, seconds, why):
        """One test; whether it counts as a failure."""
        entry = next((e for e in self.entries if e.covers(name)), None)
        if entry:
            entry.hits += 1
        if state == "passed":
            if entry and self.args.judge:
                return self.line("FAIL", name, f"it ran; {entry.where} has it as a skip", seconds)
            return self.line("ok", name, "", seconds)
        if entry and entry.explains(state, why):
            return self.line("skip", name, entry.reason)
        if state == "failed":
            return self.line("FAIL", name, why, seconds)
        if not self.args.judge:
            return self.line("skip", name, why)
        listed = f"for another reason than {entry.where}" if entry else "and not listed"
        return self.line("FAIL", name, f"skipped, {listed}: {why}")

    def module(self, module):
        with tempfile.TemporaryFile("w+") as output:
            report, status = self.run(module, output)
            if self.tell(module, report, status):
                output.seek(0)
                for line in output.read().splitlines()[-TAIL:]:
                    print("    | " + line)

    def run(self, module, output):
        """The lines of its report, and how it ended: a status, or None if it had to be ended."""
        reader, writer = os.pipe()
        command = [sys.executable, "-u", os.path.join(HERE, "one.py"), str(writer),
                   self.args.folder, module] + self.options
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT,
                                 stdin=subprocess.DEVNULL, pass_fds=[writer],
                                 start_new_session=True)
        os.close(writer)
        try:
            status = child.wait(self.args.limit)
        except subprocess.TimeoutExpired:
            status = None
        # Also what it started: a peer of a dead process waits for ever.
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        with os.fdopen(reader, encoding="utf-8") as lines:
            return [line.rstrip("\n").split("\t") for line in lines], status

    def tell(self, module, report, status):
        """Lines for its tests; those without an end failed. Whether anything failed."""
        bad, open_tests, running = False, [], None
        for fields in report:
            if fields[0] == "known":
                open_tests.append(fields[1])
            elif fields[0] == "begin":
                running = fields[1]
            else:
                state, name, seconds, why = (fields + [""])[:4]
                bad |= self.judge(name, state, seconds, why)
                open_tests.remove(name)
                running = None
        end = f"the module had to be ended after {self.args.limit} s" if status is None \
            else f"the module ended with status {status}"
        for name in open_tests:
            bad |= self.line("FAIL", name, end if name == running else "not run: " + end)
        if not report or (status != 0 and not bad):
            bad |= self.line("FAIL", module, end)
        return bad

    def stale(self, modules):
        for entry in self.entries if self.args.judge else ():
            ran = not self.args.modules or entry.tests.split(".")[0] in modules
            if ran and entry.hits == 0:
                self.line("FAIL", entry.where, f"no test is like {entry.tests}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--version", required=True)
    parser.add_argument("--lab", required=True)
    parser.add_argument("list")
    parser.add_argument("folder")
    parser.add_argument("modules", nargs="*")
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:cut])
    modules = args.modules or sorted(name[:-3] for name in os.listdir(args.folder)
                                     if name.startswith("test_") and name.endswith(".py"))
    suite = Suite(args, sys.argv[cut + 1:])
    start = time.monotonic()
    for module in modules:
        suite.module(module)
    suite.stale(modules)
    counts = suite.counts
    print(f"# {len(modules)} modules in {time.monotonic() - start:.0f} s")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    sys.exit(1 if counts["FAIL"] else 0)


main()
