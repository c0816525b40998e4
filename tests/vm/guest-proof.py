#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""guest-proof.py NAME [FOLDER]: proves one kind of memory by using it: writes data that depends on
its position, makes the kernel do what the kind is about, and reads it back; of userfaultfd and of
devices only that they open. Exit status 0, or 1 with the reason."""
import ctypes
import mmap
import os
import platform
import re
import struct
import sys
import time

PAGE = 4096
HUGE = 2 << 20
MADV_PAGEOUT = 21
MAP_HUGETLB = 0x40000
MAP_SYNC = 0x80003  # and MAP_SHARED_VALIDATE
SYS_MOVE_PAGES, SYS_USERFAULTFD, SYS_MEMFD_SECRET = 279, 323, 447
LIBC = ctypes.CDLL(None, use_errno=True)


def need(condition, text):
    if not condition:
        print(text)
        sys.exit(1)


def data(size, seed):
    """Pages of numbers: of the seed and of where they stand."""
    return b"".join(struct.pack("<Q", seed << 32 | at) for at in range(0, size, 8))


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def kib(path, name):
    found = re.findall(rf"^{name}:\s+(\d+) kB", read(path), re.M)
    return sum(map(int, found))


def private(size):
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def address(area):
    return ctypes.addressof(ctypes.c_char.from_buffer(area))


def syscall(*arguments):
    result = LIBC.syscall(*arguments)
    need(result >= 0, f"system call {arguments[0]}: {os.strerror(ctypes.get_errno())}")
    return result


def swap(_):
    area, want = private(16 << 20), data(16 << 20, 1)
    area[:] = want
    area.madvise(MADV_PAGEOUT)
    out = kib("/proc/self/status", "VmSwap")
    need(out >= 8 << 10, f"{out} KiB swapped out of 16 MiB")
    need(area[:] == want, "the data came back wrong")


def ksm(_):
    with open("/sys/kernel/mm/ksm/run", "w", encoding="ascii") as run:
        run.write("1")
    area = private(64 * PAGE)
    area[:] = data(PAGE, 2) * 64
    area.madvise(mmap.MADV_MERGEABLE)
    for _ in range(200):
        if int(read("/sys/kernel/mm/ksm/pages_sharing")) > 32:
            return
        time.sleep(0.1)
    need(False, "no page was merged within 20 s")


def userfaultfd(_):
    os.close(syscall(SYS_USERFAULTFD, 0))


def memfd(_):
    fd, want = os.memfd_create("proof"), data(1 << 20, 3)
    os.ftruncate(fd, 1 << 20)
    area = mmap.mmap(fd, 1 << 20)
    area[:] = want
    need(os.pread(fd, 1 << 20, 0) == want, "the file does not have what was mapped")


def disk(folder):
    """A mapped write reaches the disk: it is there after the page cache was dropped."""
    path, want = f"{folder}/proof", data(1 << 20, 4)
    with open(path, "w+b") as file:
        file.truncate(1 << 20)
        area = mmap.mmap(file.fileno(), 1 << 20)
        area[:] = want
        area.flush()
        area.close()
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        need(file.read() == want, "the file does not have what was mapped")


def dax(folder):
    """MAP_SYNC is granted for files without a page cache only."""
    path, want = f"{folder}/proof", data(1 << 20, 5)
    with open(path, "w+b") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
        area = mmap.mmap(file.fileno(), 1 << 20, flags=MAP_SYNC)
        area[:] = want
        need(file.read() == want, "the file does not have what was mapped")


def hugetlb(_):
    area = mmap.mmap(-1, HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB)
    want = data(HUGE, 6)
    area[:] = want
    used = kib("/proc/self/smaps", "Private_Hugetlb")
    need(used == HUGE >> 10 and area[:] == want, f"{used} KiB of huge pages")


def thp(_):
    area = private(4 * HUGE)
    area.madvise(mmap.MADV_HUGEPAGE)
    area[:] = data(HUGE, 7) * 4
    used = kib("/proc/self/smaps", "AnonHugePages")
    need(used >= HUGE >> 10, f"{used} KiB of huge pages")


def numa(_):
    """A page moves to each node and keeps its data."""
    area, want = private(PAGE), data(PAGE, 8)
    area[:] = want
    for node in (1, 0, 1):
        page, status = ctypes.c_void_p(address(area)), ctypes.c_int(-1)
        syscall(SYS_MOVE_PAGES, 0, 1, ctypes.byref(page), ctypes.byref(ctypes.c_int(node)),
                ctypes.byref(status), 2)
        need(status.value == node, f"the page is on node {status.value}, expected {node}")
        need(area[:] == want, "the data moved wrongly")


def secretmem(_):
    fd, want = syscall(SYS_MEMFD_SECRET, 0), data(PAGE, 9)
    os.ftruncate(fd, PAGE)
    area = mmap.mmap(fd, PAGE)
    area[:] = want
    need(area[:] == want, "the data is wrong")


def memcg(_):
    need("memory" in read("/sys/fs/cgroup/cgroup.controllers").split(), "no memory controller")
    with open("/sys/fs/cgroup/cgroup.subtree_control", "w", encoding="ascii") as control:
        control.write("+memory")
    os.makedirs("/sys/fs/cgroup/proof", exist_ok=True)
    need(os.path.exists("/sys/fs/cgroup/proof/memory.reclaim"), "no memory.reclaim")


def compaction(_):
    with open("/proc/sys/vm/compact_memory", "w", encoding="ascii") as compact:
        compact.write("1")


def device(path):
    need(os.path.exists(path), f"no {path}")
    os.close(os.open(path, os.O_RDWR))


def main():
    need(platform.machine() == "x86_64", "system call numbers are those of x86-64")
    proofs = (
        swap, ksm, userfaultfd, memfd, disk, dax, hugetlb, thp, numa, secretmem, memcg, compaction,
        device,
    )
    {proof.__name__: proof for proof in proofs}[sys.argv[1]](*sys.argv[2:] or [None])


main()
