# SPDX-License-Identifier: GPL-2.0
"""What the programs here share: sockets of families that Python knows no addresses of, by the C
library, data that is a function of seed and position, and waiting with an end."""
import ctypes
import os
import random
import select
import socket
import struct
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    """RESULT of a call of the C library."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def ipv4(address, port):
    """A struct sockaddr_in."""
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + \
        socket.inet_aton(address) + bytes(8)


def pattern(seed, size):
    """Each byte a function of seed and position."""
    return random.Random(seed).randbytes(size)


def same(what, got, want):
    """Bytes."""
    if got == want:
        return
    if len(got) != len(want):
        sys.exit(f"{what}: {len(got)} bytes, expected {len(want)}")
    wrong = [i for i, (a, b) in enumerate(zip(got, want)) if a != b]
    sys.exit(f"{what}: {len(wrong)} bytes of {len(want)} are wrong, the first is {wrong[0]}")


def until(seconds, what, function, *args):
    """The first result of FUNCTION that is one."""
    end = time.monotonic() + seconds * int(os.environ.get("RXE_SLOW", "1"))
    while True:
        result = function(*args)
        if result:
            return result
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {seconds} s")
        select.select([], [], [], 0.01)


def counter(device, name):
    """A counter of the device."""
    path = f"/sys/class/infiniband/{device}/ports/1/hw_counters/{name}"
    with open(path, encoding="ascii") as file:
        return int(file.read())
