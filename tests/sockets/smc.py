#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Stream sockets of SMC-R, whose kernel side is the consumer of RDMA: a program has bytes.

smc.py identify            give this host the user EID by which two hosts know that they may (v2)
smc.py serve ADDRESS       take a connection, check what comes, send as much
smc.py connect ADDRESS     the other side
"""
import ctypes
import os
import socket
import struct
import sys
import threading

from kit import ipv4, libc, must, pattern, same, until

AF_SMC = 43
PORT = 4322
EID = b"RXE-TEST-SUITE".ljust(32)
# Generic netlink.
GENL_CTRL, GET_FAMILY, FAMILY_ID, FAMILY_NAME = 0x10, 3, 1, 2
NLM_REQUEST, NLM_ACK, NLMSG_ERROR = 0x1, 0x4, 2
ADD_UEID, EID_ENTRY = 10, 1
EEXIST = 17

SIZES = [1, 2, 7, 511, 1025, 4095, 4096, 4097, 65535, 65537, 131073, 262145, 1048577, 3000001]


def attribute(kind, data):
    """One of netlink's."""
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def ask(netlink, family, command, attributes):
    """A request of generic netlink, and the answer's kind and content."""
    body = struct.pack("=BBH", command, 1, 0) + attributes
    netlink.send(struct.pack("=IHHII", 16 + len(body), family, NLM_REQUEST | NLM_ACK, 1, 0) + body)
    answer = netlink.recv(65536)
    size, kind = struct.unpack_from("=IH", answer)
    return kind, answer[16:size]


def identify():
    """Without an EID of its own each, two hosts use version 1, which needs RoCEv1."""
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
    kind, answer = ask(netlink, GENL_CTRL, GET_FAMILY,
                       attribute(FAMILY_NAME, b"SMC_GEN_NETLINK\0"))
    if kind == NLMSG_ERROR:
        sys.exit(f"no generic netlink of SMC: {os.strerror(-struct.unpack_from('=i', answer)[0])}")
    netlink.recv(65536)     # its acknowledgement
    at, family = 4, 0
    while at < len(answer):
        size, what = struct.unpack_from("=HH", answer, at)
        if what == FAMILY_ID:
            family, = struct.unpack_from("=H", answer, at + 4)
        at += (size + 3) & ~3
    kind, answer = ask(netlink, family, ADD_UEID, attribute(EID_ENTRY, EID + b"\0"))
    error = -struct.unpack_from("=i", answer)[0]
    if error not in (0, EEXIST):
        sys.exit(f"the EID is refused: {os.strerror(error)}")


def smc_socket():
    """A socket, of which Python knows no more than the descriptor."""
    return must(libc.socket(AF_SMC, socket.SOCK_STREAM, 0), "socket")


def send_all(fd, seed):
    """All sizes, one after the other, in pieces as the socket takes them."""
    for number, size in enumerate(SIZES):
        data, at = pattern(seed + number, size), 0
        while at < size:
            at += os.write(fd, data[at:])


def check_all(fd, seed):
    """The same."""
    for number, size in enumerate(SIZES):
        got = b""
        while len(got) < size:
            piece = os.read(fd, size - len(got))
            if not piece:
                sys.exit(f"the connection ended after {len(got)} bytes of {size}")
            got += piece
        same(f"piece {number} of {size} bytes", got, pattern(seed + number, size))


def exchange(fd, mine, other):
    """Both ways at a time."""
    sender = threading.Thread(target=send_all, args=(fd, mine))
    sender.start()
    check_all(fd, other)
    sender.join()
    print(f"# {sum(SIZES)} bytes each way")


def serve(address):
    """Three connections, one after the other."""
    fd = smc_socket()
    name = ctypes.create_string_buffer(ipv4(address, PORT), 16)
    yes = ctypes.c_int(1)
    must(libc.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, ctypes.byref(yes), 4),
         "SO_REUSEADDR")
    must(libc.bind(fd, name, 16), f"bind to {address}")
    must(libc.listen(fd, 1), "listen")
    print("listening", flush=True)
    for _ in range(3):
        one = must(libc.accept(fd, None, None), "accept")
        exchange(one, 1000, 2000)
        os.close(one)


def connected(address):
    """A descriptor, or 0 while nobody listens."""
    fd = smc_socket()
    if libc.connect(fd, ctypes.create_string_buffer(ipv4(address, PORT), 16), 16) == 0:
        return fd
    os.close(fd)
    return 0


def connect(address):
    """Three connections, one after the other."""
    for _ in range(3):
        fd = until(30, "a connection", connected, address)
        exchange(fd, 2000, 1000)
        os.close(fd)


def main():
    """Exit status 0 if all is as it should be."""
    {"identify": identify, "serve": serve, "connect": connect}[sys.argv[1]](*sys.argv[2:])


main()
