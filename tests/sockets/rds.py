#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Two RDS sockets, of 10.0.0.1 and 10.0.0.2, each on a device of its own, and what one sends to the
other. RDS's kernel side is the consumer of RDMA; a program has messages, and reads and writes of the
other's memory by cookies.

rds.py connect     until a message has arrived
rds.py messages    of all kinds of sizes, both ways at a time
rds.py rdma        WRITE and READ of memory at odd addresses
rds.py dax FILE    the same on a mapped file, which the kernel registers on demand; and atomics
"""
import ctypes
import json
import mmap
import random
import socket
import struct
import subprocess
import sys

from kit import counter, ipv4, libc, must, pattern, same, until

AF_RDS, SOL_RDS = 21, 276
SO_RDS_TRANSPORT, TRANSPORT_IB = 8, 0
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
MSG_DONTWAIT = 0x40
# Control messages.
RDMA_ARGS, RDMA_DEST, RDMA_MAP, RDMA_STATUS = 1, 2, 3, 4
ATOMIC_FADD, ATOMIC_CSWP = 6, 7
# Flags of them.
READWRITE, USE_ONCE, NOTIFY_ME = 0x1, 0x8, 0x20
TOKEN = 0x70ce0
ROOM = 4 << 20
GUARD = 64


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


def cmsg(kind, data):
    """One control message."""
    header = struct.pack("@Nii", 16 + len(data), SOL_RDS, kind)
    return header + data + bytes(-len(data) % 8)


def cmsgs(raw):
    """Kinds and contents of control messages."""
    while len(raw) >= 16:
        size, level, kind = struct.unpack_from("@Nii", raw)
        if level == SOL_RDS:
            yield kind, raw[16:size]
        raw = raw[(size + 7) & ~7:]


class Rds:
    """A socket, by the C library: Python knows no addresses of this family."""

    def __init__(self, address):
        self.fd = must(libc.socket(AF_RDS, socket.SOCK_SEQPACKET, 0), "socket")
        self.option(SOL_RDS, SO_RDS_TRANSPORT, TRANSPORT_IB)
        self.option(socket.SOL_SOCKET, SO_SNDBUFFORCE, ROOM)
        self.option(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        self.name = ipv4(address, 4321)
        must(libc.bind(self.fd, self.name, 16), f"bind to {address}")

    def option(self, level, name, value):
        word = ctypes.c_int(value)
        must(libc.setsockopt(self.fd, level, name, ctypes.byref(word), 4), f"option {name}")

    def call(self, function, data, name, control, flags):
        header = Msghdr()
        header.name = ctypes.addressof(name)
        header.namelen = len(name)
        header.iov = ctypes.pointer(Iovec(ctypes.addressof(data), ctypes.sizeof(data)))
        header.iovlen = 1
        if len(control):
            header.control = ctypes.addressof(control)
            header.controllen = len(control)
        return function(self.fd, ctypes.byref(header), flags), header

    def send(self, to, data, control=b""):
        """Return: False while there is no room, or no connection."""
        sent, _ = self.call(libc.sendmsg, ctypes.create_string_buffer(data, len(data)),
                            ctypes.create_string_buffer(to.name, 16),
                            ctypes.create_string_buffer(control, len(control)), MSG_DONTWAIT)
        if sent < 0 and ctypes.get_errno() in (11, 105, 19):    # EAGAIN, ENOBUFS, ENODEV
            return False
        if must(sent, "sendmsg") != len(data):
            sys.exit(f"sendmsg of {len(data)} bytes: sent {sent}")
        return True

    def receive(self):
        """A message and its control messages, or None."""
        data = ctypes.create_string_buffer(2 << 20)
        control = ctypes.create_string_buffer(256)
        got, header = self.call(libc.recvmsg, data, ctypes.create_string_buffer(16), control,
                                MSG_DONTWAIT)
        if got < 0 and ctypes.get_errno() == 11:
            return None
        must(got, "recvmsg")
        return data.raw[:got], list(cmsgs(control.raw[:header.controllen]))


def connect(a, b):
    """A message each way; the first one makes the connection."""
    for number, (one, other) in enumerate(((a, b), (b, a))):
        until(60, "a message can be sent", one.send, other, pattern(number, 77))
        same("the first message", until(60, "the first message", other.receive)[0],
             pattern(number, 77))


def messages(a, b):
    """Both ways at a time, in order; sizes around those of fragments and packets."""
    sizes = [1, 2, 7, 511, 1023, 1025, 4047, 4095, 4096, 4097, 8191, 12289, 65535, 65537, 262145,
             1048575, 1048576] + [random.Random(5).randrange(1, 20000) for _ in range(200)]
    before = counter("rxe1", "sent_bytes"), counter("rxe2", "sent_bytes")
    todo = {a: list(enumerate(sizes)), b: list(enumerate(reversed(sizes)))}
    awaited = {b: list(todo[a]), a: list(todo[b])}
    peer = {a: b, b: a}
    seed = {a: 1000, b: 2000}

    def step():
        for one in a, b:
            while todo[one] and one.send(peer[one], pattern(seed[one] + todo[one][0][0],
                                                            todo[one][0][1])):
                todo[one].pop(0)
            while awaited[one]:
                got = one.receive()
                if not got:
                    break
                number, size = awaited[one].pop(0)
                same(f"message {number} of {size} bytes", got[0],
                     pattern(seed[peer[one]] + number, size))
        return not (awaited[a] or awaited[b])

    until(60, "all messages", step)
    for device, was in zip(("rxe1", "rxe2"), before):
        sent = counter(device, "sent_bytes") - was
        if sent < sum(sizes):
            sys.exit(f"{device} has sent {sent} bytes of {sum(sizes)}")
    print(f"# {len(sizes)} messages each way, {sum(sizes)} bytes")


class Memory:
    """Bytes within a buffer, with guards around."""

    def __init__(self, buffer, off, size, seed):
        self.buffer, self.off, self.size = buffer, off, size
        self.fill = pattern(seed, size + 2 * GUARD)
        buffer[off - GUARD:off + size + GUARD] = self.fill
        self.addr = ctypes.addressof(ctypes.c_char.from_buffer(buffer)) + off

    def check(self, what, want):
        """It holds WANT, and the guards are as they were."""
        end = self.off + self.size
        same(what, bytes(self.buffer[self.off:end]), want)
        same("before it", bytes(self.buffer[self.off - GUARD:self.off]), self.fill[:GUARD])
        same("behind it", bytes(self.buffer[end:end + GUARD]), self.fill[-GUARD:])

    def content(self):
        """As it was filled."""
        return self.fill[GUARD:-GUARD]


def cookie_of(a, b, remote, flags):
    """What names A's memory to B; it comes with a message."""
    args = struct.pack("@QQQQ", remote.addr, remote.size, 0, USE_ONCE | flags)
    until(30, "a cookie can be sent", a.send, b, b"take it", cmsg(RDMA_MAP, args))
    data, control = until(30, "the cookie", b.receive)
    same("the message with the cookie", data, b"take it")
    return dict(control)[RDMA_DEST]


def operate(a, b, operation):
    """B does what the control message OPERATION says, with A's memory; it ends well."""
    until(30, "the operation can be sent", b.send, a, b"it is done", operation)
    data, _ = until(30, "the message behind the operation", a.receive)
    same("the message behind the operation", data, b"it is done")
    status = dict(until(30, "the notification", b.receive)[1])[RDMA_STATUS]
    if struct.unpack("@Qi", status[:12]) != (TOKEN, 0):
        sys.exit(f"the operation ended with {struct.unpack('@Qi', status[:12])}")


def one_rdma(a, b, remote, local, write):
    """B writes, or reads, A's memory."""
    cookie = cookie_of(a, b, remote, READWRITE if write else 0)
    pieces, at = [], 0
    for part in (local.size // 7, local.size // 3, local.size):
        part = min(part, local.size - at)
        if part:
            pieces.append((local.addr + at, part))
        at += part
    vector = (ctypes.c_uint64 * (2 * len(pieces)))(*[word for piece in pieces for word in piece])
    args = cookie + struct.pack("@QQQQQQ", 0, local.size, ctypes.addressof(vector), len(pieces),
                                NOTIFY_ME | (READWRITE if write else 0), TOKEN)
    operate(a, b, cmsg(RDMA_ARGS, args))
    remote.check("the memory of the cookie", local.content() if write else remote.content())
    local.check("the memory of the caller", local.content() if write else remote.content())


def rdma_on(a, b, buffers, sizes):
    """WRITEs and READs between two buffers."""
    done = 0
    for number, size in enumerate(sizes):
        for write in True, False:
            remote = Memory(buffers[0], 4096 + 13 * number + 1, size, 10 * number)
            local = Memory(buffers[1], 4096 + 29 * number + 3, size, 10 * number + 1)
            one_rdma(a, b, remote, local, write)
            done += 1
    print(f"# {done} operations")


def rdma(a, b):
    """On memory of the program."""
    connect(a, b)
    rdma_on(a, b, [bytearray(1 << 20), bytearray(1 << 20)],
            [1, 8, 511, 1025, 4095, 4096, 4097, 9001, 65537, 300001])


def one_atomic(a, b, remote, local, kind, operands):
    """B adds to, or compares and swaps, a word of A's."""
    word, = struct.unpack("@Q", remote.content())
    first, second = operands(word)
    args = cookie_of(a, b, remote, READWRITE) + struct.pack(
        "@QQQQQQQQ", local.addr, 0, first, second, 0, 0, NOTIFY_ME, TOKEN)
    operate(a, b, cmsg(kind, args))
    if kind == ATOMIC_FADD:
        word = (word + first) % 2 ** 64
    elif word == first:
        word = second
    remote.check("the word of the cookie", struct.pack("@Q", word))
    local.check("what the word was", remote.content())


def atomics_on(a, b, buffers):
    """Adds, swaps, and swaps that find something else."""
    base = ctypes.addressof(ctypes.c_char.from_buffer(buffers[1])) % 8
    kinds = [(ATOMIC_FADD, lambda word: (word ^ 0x8123456789abcdef, 0)),
             (ATOMIC_CSWP, lambda word: (word, word ^ 0x123456789abcdef0)),
             (ATOMIC_CSWP, lambda word: (word ^ 1, 0x1122334455667788))]
    before = counter("rxe1", "rx_atomic_requests")
    for number in range(12):
        kind, operands = kinds[number % 3]
        remote = Memory(buffers[0], 4096 * number + 8 * (number + 9), 8, 500 + 2 * number)
        local = Memory(buffers[1], 4096 * number + 8 * (number + 20) - base, 8, 501 + 2 * number)
        one_atomic(a, b, remote, local, kind, operands)
    if counter("rxe1", "rx_atomic_requests") - before != 12:
        sys.exit(f"rxe1 has done {rx_atomics('rxe1') - before} atomics, expected 12")
    print("# 12 atomics")


def listed():
    """What the consumer has registered on demand, as the tool tells it."""
    command = ["rdma", "-j", "-dd", "resource", "show", "mr", "dev", "rxe1"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [region["drv_access"] for region in json.loads(text)
            if region.get("drv_kind") == "on_demand"]


def dax(a, b, path):
    """On a file whose pages must not be pinned: what the kernel registers for a program is on demand,
    and is written in order, as nobody has asked for less."""
    connect(a, b)
    with open(path, "wb") as file:
        file.write(bytes(1 << 20))
    with open(path, "r+b") as file:
        mapped = mmap.mmap(file.fileno(), 1 << 20)
    remote = Memory(mapped, 8192 + 5, 70001, 77)
    args = struct.pack("@QQQQ", remote.addr, remote.size, 0, READWRITE)
    until(30, "a cookie can be sent", a.send, b, b"keep it", cmsg(RDMA_MAP, args))
    until(30, "the cookie", b.receive)
    found = listed()
    if len(found) != 1 or not found[0].endswith("strict"):
        sys.exit(f"regions on demand of the kernel: {found}, expected one, strict")
    print(f"# {found[0]}")
    buffers = [mapped, bytearray(1 << 20)]
    rdma_on(a, b, buffers, [1, 511, 4097, 65537, 300001])
    atomics_on(a, b, buffers)


def main():
    """Exit status 0 if all is as it should be."""
    a, b = Rds("10.0.0.1"), Rds("10.0.0.2")
    {"connect": connect, "messages": messages, "rdma": rdma, "dax": dax}[sys.argv[1]](
        a, b, *sys.argv[2:])


main()
