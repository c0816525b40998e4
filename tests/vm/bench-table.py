#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench-table.py RESULT: the figures of bench.sh (lines ROUND DRIVER METRIC VALUE) as a Markdown table
of medians and ranges, with the ratio of the tree's driver to the kernel's own."""
import statistics
import sys
from collections import defaultdict

# Metric, what the table calls it, its unit, and what to multiply with; a lower figure is better
# where the unit is a time.
METRICS = [
    (f"{verb}_{kind}", f"ib_{verb}_bw {label}", unit, scale)
    for kind, label, unit, scale in (
        ("rate_8", "8 B", "k messages/s", 1000),
        ("bw_4096", "4 KiB", "MiB/s", 1),
        ("bw_65536", "64 KiB", "MiB/s", 1),
        ("bw_1048576", "1 MiB", "MiB/s", 1),
    )
    for verb in ("write", "read", "send")
] + [("atomic_rate", "ib_atomic_bw", "k operations/s", 1000)] + [
    (f"{verb}_lat_8{suffix}", f"ib_{verb}_lat 8 B{label}", "us", 1)
    for suffix, label in (("", ", typical"), ("_p999", ", 99.9 %"))
    for verb in ("write", "read", "send")
] + [
    (f"{verb}_cpu_65536", f"ib_{verb}_bw -e 64 KiB, both sides", "CPU s/GiB", 1)
    for verb in ("send", "read")
]
NAMES = {"ours": "rxe-odp", "inbox": "in-box rxe"}


def number(value, scale):
    value *= scale
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(values, scale):
    if not values or "failed" in values:
        return "failed"
    figures = sorted(map(float, values))
    low, high = number(figures[0], scale), number(figures[-1], scale)
    return f"{number(statistics.median(figures), scale)} ({low} to {high})"


def ratio(ours, inbox):
    if not ours or not inbox or "failed" in ours + inbox:
        return ""
    base = statistics.median(map(float, inbox))
    return f"{statistics.median(map(float, ours)) / base:.2f}" if base else ""


def main():
    figures = defaultdict(lambda: defaultdict(list))
    drivers = []
    with open(sys.argv[1], encoding="ascii") as result:
        for line in result:
            _, driver, metric, value = line.split()
            figures[metric][driver].append(value)
            if driver not in drivers:
                drivers.append(driver)
    print("| perftest | " + " | ".join(NAMES[d] for d in drivers) + " | ratio | unit |")
    print("| --- |" + " --- |" * (len(drivers) + 2))
    for metric, name, unit, scale in METRICS:
        by = figures[metric]
        cells = [cell(by[d], scale) for d in drivers]
        print(f"| {name} | " + " | ".join(cells) + f" | {ratio(by['ours'], by['inbox'])} | {unit} |")


if __name__ == "__main__":
    main()
