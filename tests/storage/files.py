#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""files.py write|check|remove FOLDER SEED: files around each border of what a message of NFS over RDMA
holds by itself and what goes by READs and WRITEs of memory; many with long names, and links with
long targets, whose lists go that way, too. What is in them is a function of SEED and place."""
import os
import random
import sys

SIZES = (0, 1, 3, 1023, 3500, 4095, 4096, 4097, 8191, 65537, 262143, 1048577, 3000001)
NAMES = 120
LINKS = (1, 1021, 4000)
# What is written at a time: nothing is even.
PIECE = 77777


def content(seed, size):
    """The bytes of the file of that size."""
    return random.Random(f"{seed} {size}").randbytes(size)


def sized(folder, seed, size):
    """Its path."""
    return os.path.join(folder, f"sized.{seed}.{size}")


def long_name(seed, number):
    """Up to 200 letters, in no order."""
    generator = random.Random(f"{seed} name {number}")
    letters = "".join(generator.choices("abcdefghij-", k=generator.randrange(20, 180)))
    return f"long.{seed}.{number}.{letters}"


def link(folder, seed, length):
    """Path and target."""
    target = "".join(random.Random(f"{seed} link {length}").choices("klmnopq", k=length))
    return os.path.join(folder, f"link.{seed}.{length}"), target


def write(folder, seed):
    """All of them."""
    for size in SIZES:
        data = content(seed, size)
        with open(sized(folder, seed, size), "xb", buffering=0) as file:
            for at in range(0, size, PIECE):
                piece = data[at : at + PIECE]
                if file.write(piece) != len(piece):
                    sys.exit(f"{file.name}: short write at {at}")
            os.fsync(file.fileno())
    for number in range(NAMES):
        os.close(os.open(os.path.join(folder, long_name(seed, number)), os.O_CREAT | os.O_EXCL))
    for length in LINKS:
        path, target = link(folder, seed, length)
        os.symlink(target, path)


def check(folder, seed):
    """Every byte, name and target."""
    for size in SIZES:
        path, want = sized(folder, seed, size), content(seed, size)
        with open(path, "rb") as file:
            got = file.read()
        if got != want:
            wrong = [i for i, (g, w) in enumerate(zip(got, want)) if g != w]
            sys.exit(f"{path}: {len(got)} of {size} bytes, {len(wrong)} wrong, from {wrong[:3]}")
    names = {name for name in os.listdir(folder) if name.startswith(f"long.{seed}.")}
    if names != {long_name(seed, number) for number in range(NAMES)}:
        sys.exit(f"{folder}: {len(names)} names of {NAMES}, or others")
    for length in LINKS:
        path, target = link(folder, seed, length)
        if os.readlink(path) != target:
            sys.exit(f"{path}: leads elsewhere")


def remove(folder, seed):
    """What write() made."""
    for size in SIZES:
        os.unlink(sized(folder, seed, size))
    for number in range(NAMES):
        os.unlink(os.path.join(folder, long_name(seed, number)))
    for length in LINKS:
        os.unlink(link(folder, seed, length)[0])


{"write": write, "check": check, "remove": remove}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
