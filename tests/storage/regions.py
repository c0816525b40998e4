#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""regions.py DEVICE TRANSPORT relaxed|strict: what `rdma resource show mr` says of the ordering of
regions: two of this program, one of them registered with IBV_ACCESS_RELAXED_ORDERING, and all of the
kernel's own consumer on DEVICE, which are to be as the last word says."""
import json
import os
import subprocess
import sys

from pyverbs.device import Context
from pyverbs.mr import MR
from pyverbs.pd import PD
import pyverbs.enums as e

CONSUMERS = {"nvme": "nvme_rdma", "iser": "ib_iser", "srp": "ib_srp", "nfs": "rpcrdma"}


def regions(device):
    """What the tool lists, as dictionaries."""
    command = ["rdma", "-j", "-dd", "resource", "show", "mr", "dev", device]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(text)


def lkey(region):
    """The tool writes hexadecimal digits."""
    return int(region["lkey"], 16)


def ordering(region):
    """Its last access flag tells."""
    return region["drv_access"].split(",")[-1]


def want(what, found, expected):
    """All of FOUND, at least one, are as EXPECTED."""
    got = {ordering(region) for region in found}
    if got != {expected}:
        sys.exit(f"{what}: {len(found)} regions are {got or 'none'}, expected {expected}")
    print(f"# {what}: {len(found)} regions, {expected}")


def main():
    """Exit status 0 if all is as it should be."""
    device, transport, kernel = sys.argv[1:]
    owner = CONSUMERS[transport]
    with Context(name=device) as context, PD(context) as pd:
        plain = MR(pd, 5001, e.IBV_ACCESS_LOCAL_WRITE)
        relaxed = MR(pd, 5001, e.IBV_ACCESS_LOCAL_WRITE | e.IBV_ACCESS_RELAXED_ORDERING)
        found = regions(device)
        mine = {lkey(region): region for region in found if region.get("pid") == os.getpid()}
        if not mine.keys() >= {plain.lkey, relaxed.lkey}:
            sys.exit(f"{plain.lkey:#x} or {relaxed.lkey:#x} is not listed: {found[:3]}")
        want("a program's", [mine[plain.lkey]], "strict")
        want("a program's with the flag", [mine[relaxed.lkey]], "relaxed")
        want(owner, [r for r in found if r.get("comm", "").strip("[]") == owner], kernel)


main()
