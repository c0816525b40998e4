#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench-table.py RESULT: the figures of bench.sh (lines ROUND METRIC VARIANT VALUE) as a Markdown
table: median and range of each figure and of what it compares with, and the median of the ratios
of figures that were measured in turn."""
import statistics
import sys
from collections import defaultdict


def registrations():
    for what, metric in (("Registration", "reg_us"), ("End of a region", "dereg_us")):
        smallest = [(metric, "1GiB", 1)]
        yield (f"{what} of 1 GiB", smallest, "1 GiB pinned", [(metric, "pinned", 1)], "us")
        yield ("the same", smallest, "a call of getppid()", [("reg_us", "call", 1)], "us")
        for variant, name in (
            ("64GiB", "64 GiB"),
            ("1TiB", "1 TiB"),
            ("64TiB", "64 TiB"),
            ("implicit", "the address space"),
        ):
            yield (f"{what} of {name}", [(metric, variant, 1)], "1 GiB on demand", smallest, "us")


def transfers():
    kinds = {"on_demand": "on demand", "implicit": "implicit"}
    for place, prefix, variants in (
        ("one process", "", ("on_demand", "implicit")),
        ("perftest", "perftest_", ("on_demand",)),
    ):
        for verb in ("write", "read"):
            for metric, name, unit in (("bw", "64 KiB", "MiB/s"), ("lat", "8 B", "us")):
                for variant in variants:
                    yield (
                        f"{verb.upper()} {name}, {place}: {kinds[variant]}",
                        [(f"{prefix}{verb}_{metric}", variant, 1)],
                        "pinned",
                        [(f"{prefix}{verb}_{metric}", "pinned", 1)],
                        unit,
                    )


# What it is; the figures that make it up, each with a factor; the same of what it compares with; the
# unit. A sum is made round by round.
ROWS = [
    *registrations(),
    ("Kernel memory of a region of 1 GiB", [("reg_bytes", "1GiB", 1)], "", [], "bytes"),
    *(
        (
            f"Kernel memory of a region of {name}",
            [("reg_bytes", variant, 1)],
            "1 GiB",
            [("reg_bytes", "1GiB", 1)],
            "bytes",
        )
        for variant, name in (
            ("64GiB", "64 GiB"),
            ("1TiB", "1 TiB"),
            ("64TiB", "64 TiB"),
            ("implicit", "the address space"),
        )
    ),
    ("Kernel memory of a page that RDMA was on", [("page_bytes", "on_demand", 1)], "", [], "bytes"),
    (
        "Kernel memory of 1 GiB that RDMA was on by 1,000 regions",
        [("shared_bytes", "thousand", 1 / 1024)],
        "by one of the 1,000",
        [("shared_bytes", "one", 1 / 1024)],
        "KiB",
    ),
    *transfers(),
    (
        "WRITE of 1 GiB to new pages",
        [("first_cpu", "cold", 1)],
        "the CPU's first touch + WRITE to the same pages again",
        [("first_cpu", "touch", 1), ("first_cpu", "warm", 1)],
        "CPU s/GiB",
    ),
    (
        "the same, by the clock",
        [("first_wall", "cold", 1)],
        "the same",
        [("first_wall", "touch", 1), ("first_wall", "warm", 1)],
        "s/GiB",
    ),
    (
        "WRITE of 8 B to a new page, less one to a page that is there",
        [("fault_us", "cold", 1), ("fault_us", "warm", -1)],
        "the CPU's first touch of a page",
        [("fault_us", "touch", 1)],
        "us",
    ),
    (
        "the difference",
        [("fault_us", "cold", 1), ("fault_us", "warm", -1), ("fault_us", "touch", -1)],
        "the limit: 10 us more",
        [],
        "us",
    ),
    (
        "munmap of 1 GiB that the CPU and RDMA touched",
        [("munmap_ms", "both", 1)],
        "touched by the CPU, no region",
        [("munmap_ms", "cpu", 1)],
        "ms",
    ),
    (
        "munmap of 1 GiB that only RDMA touched",
        [("munmap_ms", "rdma", 1)],
        "touched by the CPU, no region",
        [("munmap_ms", "cpu", 1)],
        "ms",
    ),
]


def read(path):
    figures = defaultdict(lambda: defaultdict(list))
    with open(path, encoding="ascii") as result:
        for line in result:
            round_, metric, variant, value = line.split()
            figures[metric, variant][int(round_)].append(value)
    return figures


def values(figures, terms):
    """All figures of a single term; of several, the sum of their medians for each round."""
    for metric, variant, _ in terms:
        rounds = figures.get((metric, variant), {}).values()
        if not rounds or any("failed" in values for values in rounds):
            return None
    if len(terms) == 1:
        ((metric, variant, factor),) = terms
        return [factor * float(v) for r in figures[metric, variant].values() for v in r]
    rounds = set.intersection(*(set(figures[m, v]) for m, v, _ in terms))
    return [
        sum(f * statistics.median(map(float, figures[m, v][r])) for m, v, f in terms)
        for r in sorted(rounds)
    ]


def number(value):
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def cell(figures, terms):
    if not terms:
        return ""
    found = values(figures, terms)
    if not found:
        return "failed"
    return f"{number(statistics.median(found))} ({number(min(found))} to {number(max(found))})"


def ratio(figures, ours, peer):
    above, below = values(figures, ours), values(figures, peer) if peer else None
    if not above or not below or len(above) != len(below) or 0 in below:
        return ""
    middle = statistics.median(a / b for a, b in zip(above, below))
    if 0.5 <= middle < 2:
        return f"{middle:.3f}"
    return f"{middle:.2f}" if middle >= 0.1 else f"{middle:.5f}"


def main():
    figures = read(sys.argv[1])
    print("| what | figure | compared with | its figure | ratio | unit |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, ours, other, peer, unit in ROWS:
        cells = (name, cell(figures, ours), other, cell(figures, peer), ratio(figures, ours, peer))
        print(f"| {' | '.join(cells)} | {unit} |")


if __name__ == "__main__":
    main()
