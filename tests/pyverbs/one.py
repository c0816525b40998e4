#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""one.py FD FOLDER MODULE [OPTION...]: one of the distribution's own test modules, as it is, in this
process; OPTIONs are those of its run_tests.py (--dev, --port, ...).

FOLDER holds the modules. Lines on the file descriptor FD, fields separated by tabs:
    known TEST              for all tests of the module, before the first one runs
    begin TEST
    passed|failed|skipped TEST SECONDS WHY
TEST is MODULE.CLASS.METHOD. Tracebacks, and what tests print, go to the standard output.
"""
import faulthandler
import gc
import importlib
import inspect
import json
import os
import random
import subprocess
import sys
import time
import traceback
import types
import unittest


class Report(unittest.TestResult):
    """What becomes of each test, told as soon as it is known: the process may not live on."""

    def __init__(self, out, tests):
        super().__init__()
        self.out = out
        self.tests = tests
        self.state = self.why = None
        self.since = 0

    def say(self, *fields):
        line = "\t".join(" ".join(str(field).split())[:400] for field in fields)
        print(line, file=self.out, flush=True)

    def end(self, name, state, why=""):
        self.say(state, name, f"{time.monotonic() - self.since:.2f}", why)

    def startTest(self, test):
        super().startTest(test)
        self.state, self.why, self.since = "passed", "", time.monotonic()
        self.say("begin", name_of(test))

    def stopTest(self, test):
        self.end(name_of(test), self.state, self.why)
        super().stopTest(test)

    def failure(self, test, error):
        """Of a test, or of what prepares all tests of a class."""
        print(f"== {test.id()}")
        traceback.print_exception(*error)
        sys.stdout.flush()
        self.state, self.why = "failed", f"{error[0].__name__}: {error[1]}"
        if not isinstance(test, unittest.TestCase):
            self.of_class(test, "failed", self.why)

    def of_class(self, holder, state, why):
        """HOLDER's id is `setUpClass (tests.MODULE.CLASS)`; the tests of the class never start."""
        inner = holder.id().partition("(")[2].rstrip(")").removeprefix("tests.")
        self.since = time.monotonic()
        for name in self.tests:
            if name.startswith(inner + "."):
                self.end(name, state, why)

    def addError(self, test, err):
        self.failure(test, err)

    def addFailure(self, test, err):
        self.failure(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self.failure(test, err)

    def addUnexpectedSuccess(self, test):
        self.state, self.why = "failed", "success was not expected"

    def addSkip(self, test, reason):
        if not isinstance(test, unittest.TestCase):
            self.of_class(test, "skipped", reason)
        elif self.state != "failed":
            self.state, self.why = "skipped", reason


def name_of(test):
    return test.id().removeprefix("tests.")


def all_tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from all_tests(test)
        else:
            yield test


def find_netdevs():
    """Release 44 looks for a netdev below the device's parent in sysfs, which only hardware has, and
    skips all of RDMA-CM's tests without; here the kernel is asked, as later releases do."""
    base = sys.modules.get("tests.base")
    if not base or "port" in inspect.signature(base.RDMATestCase.get_net_name).parameters:
        return

    def get_ip_mac(self, dev, port, idx):
        links = json.loads(subprocess.check_output(["rdma", "-j", "link", "show"]))
        netdev = next(link["netdev"] for link in links
                      if (link["ifname"], link["port"]) == (dev, port))
        self.args.append([dev, port, idx, *self.get_ip_mac_address(netdev)])

    base.RDMATestCase._get_ip_mac = get_ip_mac


def load(folder, module):
    """The module alone: the package's __init__.py would load all of them."""
    sys.path.insert(0, folder)
    package = types.ModuleType("tests")
    package.__path__ = [folder]
    sys.modules["tests"] = package
    importlib.import_module("args_parser").parser.parse_args()
    # It and those for other hardware import each other: that ends well if it comes first, as it does
    # where all modules are loaded.
    if os.path.exists(os.path.join(folder, "utils.py")):
        importlib.import_module("tests.utils")
    loaded = importlib.import_module("tests." + module)
    find_netdevs()
    return loaded


def main():
    faulthandler.enable(sys.stdout)
    fd, folder, module = int(sys.argv[1]), *sys.argv[2:4]
    del sys.argv[1:4]
    # For this process alone: tests start others.
    os.set_inheritable(fd, False)
    out = os.fdopen(fd, "w")
    suite = unittest.defaultTestLoader.loadTestsFromModule(load(folder, module))
    tests = [name_of(test) for test in all_tests(suite)]
    report = Report(out, tests)
    for name in tests:
        report.say("known", name)
    # Sizes and counts are drawn at random: the same ones in each run, unless asked otherwise.
    random.seed(int(os.environ.get("SEED", "1")))
    # What a test leaves behind in a cycle of references, as every skip in a constructor does, pyverbs
    # destroys in the collector's order, a context before its queues, and crashes: it goes with the
    # process instead.
    gc.disable()
    suite.run(report)
    sys.stdout.flush()
    os._exit(0)


main()
