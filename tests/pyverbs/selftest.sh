#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# selftest.sh: suite.py with modules made for it, in which tests end in every way there is: each
# must be told for what it is. Needs no device.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

modules() {
	cat >"$work/args_parser.py" <<-'END'
		class parser:
		  parse_args = staticmethod(lambda: None)
	END
	cat >"$work/test_ways.py" <<-'END'
		import unittest
		class Ways(unittest.TestCase):
		  def test_fine(self): pass
		  def test_wrong(self): self.assertEqual(1, 2)
		  def test_error(self): raise OSError("in here")
		  def test_skips(self): self.skipTest("as listed")
		  def test_skips_new(self): self.skipTest("as nobody listed")
		  def test_skips_else(self): self.skipTest("no")
		  def test_listed(self): pass
		  def test_breaks(self): raise OSError("as listed")
		  def test_part(self):
		    for i in range(3):
		      with self.subTest(i=i): self.assertNotEqual(i, 1)
		class WholeSkips(unittest.TestCase):
		  @classmethod
		  def setUpClass(cls): raise unittest.SkipTest("as listed")
		  def test_1(self): pass
		class WholeFails(unittest.TestCase):
		  @classmethod
		  def setUpClass(cls): raise OSError("not for long")
		  def test_1(self): pass
	END
	# These import each other.
	echo 'from tests.other import TestCase' >"$work/utils.py"
	printf 'import %s\n' 'tests.utils' 'unittest' >"$work/other.py"
	echo 'TestCase = unittest.TestCase' >>"$work/other.py"
	cat >"$work/test_circle.py" <<-'END'
		from tests.other import TestCase
		class Circle(TestCase):
		  def test_1(self): pass
	END
	cat >"$work/test_hangs.py" <<-'END'
		import time, unittest
		class Hangs(unittest.TestCase):
		  def test_1(self): pass
		  def test_2(self): time.sleep(60)
		  def test_3(self): pass
	END
	cat >"$work/test_dies.py" <<-'END'
		import os, unittest
		class Dies(unittest.TestCase):
		  def test_1(self): os.kill(os.getpid(), 9)
	END
	echo 'import nothing_of_that_name' >"$work/test_broken.py"
	echo 'import unittest' >"$work/test_empty.py"
}

list() {
	tr ' ' '\t' <<-'END'
		1,2 any test_ways.Ways.test_skips as.listed known
		1 any test_ways.Ways.test_skips_else as.listed known
		1 there,here test_ways.Ways.test_listed as.listed known
		2 any test_ways.Ways.test_fine of.another.release known
		1 there test_ways.Ways.test_fine of.another.lab known
		1 any test_ways.WholeSkips.* as.listed known
		1 any test_ways.Ways.test_gone as.listed known
	END
	printf '1\tany\ttest_ways.Ways.test_breaks\tfailed: as.listed\tknown\n'
}

# What has to come out, in any order.
wanted() {
	cat <<-'END'
		ok test_circle.Circle.test_1
		ok test_hangs.Hangs.test_1
		ok test_ways.Ways.test_fine
		skip test_ways.Ways.test_breaks (known)
		skip test_ways.Ways.test_skips (known)
		skip test_ways.WholeSkips.test_1 (known)
		FAIL list:7 (no test is like test_ways.Ways.test_gone)
		FAIL test_broken (the module ended with status 1)
		FAIL test_dies.Dies.test_1 (the module ended with status -9)
		FAIL test_empty (the module ended with status 0)
		FAIL test_hangs.Hangs.test_2 (the module had to be ended after 2 s)
		FAIL test_hangs.Hangs.test_3 (not run: the module had to be ended after 2 s)
		FAIL test_ways.Ways.test_error (OSError: in here)
		FAIL test_ways.Ways.test_listed (it ran; list:3 has it as a skip)
		FAIL test_ways.Ways.test_part (AssertionError: 1 == 1)
		FAIL test_ways.Ways.test_skips_else (skipped, for another reason than list:2: no)
		FAIL test_ways.Ways.test_skips_new (skipped, and not listed: as nobody listed)
		FAIL test_ways.Ways.test_wrong (AssertionError: 1 != 2)
		FAIL test_ways.WholeFails.test_1 (OSError: not for long)
		3 passed, 13 failed, 3 skipped
	END
}

modules
list >"$work/list"
wanted | sort >"$work/wanted"
"$here/suite.py" --judge --limit 2 --version 1 --lab here "$work/list" "$work" >"$work/all" ||
	[ $? = 1 ]
grep -E '^(ok|FAIL|skip|[0-9])' "$work/all" | sed 's/ [0-9.]*s$//' | sort >"$work/got"
count=$(wc -l <"$work/wanted")
if diff "$work/wanted" "$work/got"; then
	echo "$count passed, 0 failed, 0 skipped"
else
	missing=$(comm -23 "$work/wanted" "$work/got" | wc -l)
	echo "$((count - missing)) passed, $((missing > 0 ? missing : 1)) failed, 0 skipped"
	exit 1
fi
