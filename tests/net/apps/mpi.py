#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""mpi.py [TEST...]: two ranks send each other data of which every byte is a function of a seed and
its position, in all of MPI's ways, and check what arrives, guard bytes around it included. The last
line is `# N bytes checked`; what is wrong aborts both ranks.

TESTs: point, exchange, many, reduce, collect, windows, counters; all of them unless named.
"""
import array
import hashlib
import sys

from mpi4py import MPI

WORLD = MPI.COMM_WORLD
RANK = WORLD.Get_rank()
PEER = 1 - RANK
# Around one packet, UCX' thresholds from one protocol to the next, and page edges.
SIZES = [0, 1, 7, 63, 257, 1023, 4095, 4097, 8191, 65537, 262147, 1048579]
GUARD = 61


def stream(seed, length):
    """The first LENGTH bytes of stream SEED; a longer piece begins with the shorter one."""
    return hashlib.shake_128(str(seed).encode()).digest(length)


class Place:
    """LENGTH bytes at an odd offset in a larger buffer, with guards on both sides."""

    def __init__(self, length, memory=None):
        size = length + 2 * GUARD
        self.memory = bytearray(size) if memory is None else memory
        self.guard = stream(("guard", length), 2 * GUARD)
        self.memory[:GUARD], self.memory[size - GUARD:size] = self.guard[:GUARD], self.guard[GUARD:]
        self.length = length
        self.view = memoryview(self.memory)[GUARD:GUARD + length]

    def fill(self, seed):
        self.view[:] = stream(seed, self.length)
        return self

    def check(self, seed, what):
        """All of the place: the data of SEED, between guards as they were."""
        want = self.guard[:GUARD] + stream(seed, self.length) + self.guard[GUARD:]
        compare(bytes(self.memory[:len(want)]), want, what)


def compare(got, want, what):
    compare.total += len(want)
    if got == want:
        return
    wrong = [at for at in range(len(want)) if got[at] != want[at]]
    wrong = wrong or ["length"]
    print(f"rank {RANK}: {what}: {len(wrong)} of {len(want)} bytes are wrong, the first at {wrong[0]}",
          flush=True)
    WORLD.Abort(1)


compare.total = 0


def point():
    """There and back again, each size; the way back with synchronous sends."""
    for size in SIZES:
        seed = ("point", size)
        if RANK == 0:
            WORLD.Send(Place(size).fill(seed).view, dest=1, tag=size)
            back = Place(size)
            WORLD.Recv(back.view, source=1, tag=size + 1)
            back.check((seed, "back"), f"back, {size} bytes")
        else:
            there = Place(size)
            status = MPI.Status()
            WORLD.Recv(there.view, source=MPI.ANY_SOURCE, tag=MPI.ANY_TAG, status=status)
            assert status.Get_tag() == size and status.Get_count(MPI.BYTE) == size
            there.check(seed, f"there, {size} bytes")
            WORLD.Ssend(Place(size).fill((seed, "back")).view, dest=0, tag=size + 1)


def exchange():
    """Both ways at once, with other sizes on either way."""
    for size, other in zip(SIZES, reversed(SIZES)):
        out, back = (size, other) if RANK == 0 else (other, size)
        got = Place(back)
        WORLD.Sendrecv(Place(out).fill(("exchange", RANK, out)).view, dest=PEER, recvbuf=got.view,
                       source=PEER)
        got.check(("exchange", PEER, back), f"exchange, {back} bytes")


def many():
    """Many messages under way, asked for in another order than they are sent."""
    sizes = [(number * 2039) % 30011 for number in range(60)]
    out = [Place(size).fill(("many", RANK, tag)) for tag, size in enumerate(sizes)]
    got = [Place(size) for size in sizes]
    requests = [WORLD.Irecv(got[tag].view, source=PEER, tag=tag) for tag in reversed(range(60))]
    requests += [WORLD.Isend(place.view, dest=PEER, tag=tag) for tag, place in enumerate(out)]
    MPI.Request.Waitall(requests)
    for tag, place in enumerate(got):
        place.check(("many", PEER, tag), f"message {tag} of many")


def reduce():
    """The exclusive or of both ranks' bytes; sums of numbers; each rank has both."""
    for size in SIZES[1:]:
        mine, theirs = (stream(("reduce", rank, size), size) for rank in (RANK, PEER))
        got = Place(size)
        WORLD.Allreduce([bytearray(mine), MPI.UNSIGNED_CHAR], [got.view, MPI.UNSIGNED_CHAR],
                        op=MPI.BXOR)
        want = int.from_bytes(mine, "big") ^ int.from_bytes(theirs, "big")
        compare(bytes(got.view), want.to_bytes(size, "big"), f"allreduce, {size} bytes")
    for count in (1, 3, 1021, 20011):
        numbers = [array.array("q", stream(("sum", rank), 7 * count + count))
                   for rank in (RANK, PEER)]
        for values in numbers:
            for at, value in enumerate(values):
                values[at] = value >> 2
        got = array.array("q", bytes(8 * count))
        WORLD.Allreduce(numbers[0], got, op=MPI.SUM)
        want = array.array("q", (one + two for one, two in zip(*numbers)))
        compare(got.tobytes(), want.tobytes(), f"sum of {count} numbers")


def collect():
    """Broadcasts, gathers, and all to all."""
    for size in SIZES[1:]:
        place = Place(size)
        if RANK == 1:
            place.fill(("collect", size))
        WORLD.Bcast(place.view, root=1)
        place.check(("collect", size), f"broadcast, {size} bytes")
        got = bytearray(2 * size)
        WORLD.Allgather(bytearray(stream(("gather", RANK, size), size)), got)
        want = b"".join(stream(("gather", rank, size), size) for rank in (0, 1))
        compare(bytes(got), want, f"allgather, {size} bytes")
        out = b"".join(stream(("all", RANK, to, size), size) for to in (0, 1))
        WORLD.Alltoall(bytearray(out), got)
        want = b"".join(stream(("all", rank, RANK, size), size) for rank in (0, 1))
        compare(bytes(got), want, f"alltoall, {size} bytes")


def windows():
    """One-sided: put into the peer's window and get from it, at odd places, fenced and locked."""
    for size in SIZES[1:]:
        place = Place(size).fill(("window", RANK, size))
        window = MPI.Win.Create(place.memory, 1, MPI.INFO_NULL, WORLD)
        window.Fence()
        got = Place(size)
        window.Get(got.view, PEER, target=(GUARD, size, MPI.BYTE))
        window.Fence()
        got.check(("window", PEER, size), f"get, {size} bytes")
        # The origin of a put may not change before it has ended.
        out = Place(size).fill(("put", RANK, size))
        window.Put(out.view, PEER, target=(GUARD, size, MPI.BYTE))
        window.Fence()
        place.check(("put", PEER, size), f"put, {size} bytes")
        WORLD.Barrier()
        out.fill(("locked", RANK, size))
        window.Lock(PEER, MPI.LOCK_EXCLUSIVE)
        window.Put(out.view, PEER, target=(GUARD, size, MPI.BYTE))
        window.Flush(PEER)
        window.Get(got.view, PEER, target=(GUARD, size, MPI.BYTE))
        window.Unlock(PEER)
        got.check(("locked", RANK, size), f"put and got, {size} bytes")
        WORLD.Barrier()
        window.Lock(RANK)
        window.Unlock(RANK)
        place.check(("locked", PEER, size), f"put under a lock, {size} bytes")
        window.Free()


def counters():
    """Atomics: both ranks count in one word, and each number is given out once."""
    rounds = 200
    memory = array.array("q", [0, 0])
    window = MPI.Win.Create(memory, 8, MPI.INFO_NULL, WORLD)
    one, seen = array.array("q", [1]), []
    window.Lock_all()
    for _ in range(rounds):
        before = array.array("q", [-1])
        window.Fetch_and_op(one, before, 0, 0, op=MPI.SUM)
        window.Flush(0)
        seen.append(before[0])
    expected, swapped = array.array("q", [0]), array.array("q", [-1])
    window.Compare_and_swap(array.array("q", [RANK + 1]), expected, swapped, 0, 1)
    window.Flush(0)
    window.Unlock_all()
    WORLD.Barrier()
    numbers = sorted(sum(WORLD.allgather(seen), []))
    compare(array.array("q", numbers).tobytes(), array.array("q", range(2 * rounds)).tobytes(),
            "numbers given out")
    winners = [rank for rank, old in enumerate(WORLD.allgather(swapped[0])) if old == 0]
    final = WORLD.bcast(memory.tolist())
    compare(array.array("q", final).tobytes(),
            array.array("q", [2 * rounds, winners[0] + 1 if len(winners) == 1 else -1]).tobytes(),
            "the counter and the swapped word")
    window.Free()


def main():
    assert WORLD.Get_size() == 2, "two ranks, no more and no less"
    tests = [point, exchange, many, reduce, collect, windows, counters]
    wanted = sys.argv[1:] or [test.__name__ for test in tests]
    for test in tests:
        if test.__name__ in wanted:
            test()
            WORLD.Barrier()
    total = WORLD.allreduce(compare.total)
    if RANK == 0:
        print(f"# {total} bytes checked", flush=True)


main()
