#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A table of suites by kernels, in reStructuredText.

Reads lines "NAME GROUND PASSED FAILED SKIPPED SECONDS [older]", where NAME is SUITE, uml-SUITE or
stock-KERNEL-SUITE; a cell is passed/failed/skipped, with a star if it is of an older state.
"""
import re
import sys

HOST, UML = "host", "user-mode Linux"


def place(name):
    """The column and the row of a suite's name."""
    stock = re.fullmatch(r"stock-([0-9.]+(?:-sid|-trixie)?)-(.+)", name)
    if stock:
        return stock.groups()
    if name.startswith("uml-"):
        return UML, name.removeprefix("uml-")
    return HOST, name


def main():
    cells = {}
    rows, columns = [], []
    for line in sys.stdin:
        name, _, passed, failed, skipped, _, *older = line.split()
        column, row = place(name)
        if row not in rows:
            rows.append(row)
        if column not in columns:
            columns.append(column)
        cells[row, column] = f"{passed}/{failed}/{skipped}" + (" \\*" if older else "")
    head = ["suite"] + columns
    body = [[row] + [cells.get((row, column), "") for column in columns] for row in rows]
    # The first column of a simple table may not be empty, others may.
    width = [max(len(line[i]) for line in [head] + body) for i in range(len(head))]
    rule = "  ".join("=" * w for w in width)
    print(f"\n{rule}")
    for number, line in enumerate([head] + body):
        print("  ".join(cell.ljust(w) for cell, w in zip(line, width)).rstrip())
        if number == 0:
            print(rule)
    print(f"{rule}\n")


main()
