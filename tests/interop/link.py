#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""link.py COUNT COMMAND...: runs COMMAND with COUNT virtual Ethernet links, each a pair of connected
datagram sockets that carry one frame a datagram: no network of the host is touched. $LINK_FDS has
their descriptors, near end and far end of the first link, then of the next."""
import os
import socket
import sys

SO_SNDBUFFORCE = 32  # linux/socket.h; the module socket has no name for it
# What one end may have under way to the other: a sender that fills it loses frames.
BUFFER = 8 << 20

fds = []
for _ in range(int(sys.argv[1])):
    for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM):
        end.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER)
        os.set_inheritable(end.fileno(), True)
        fds.append(end.detach())
os.environ["LINK_FDS"] = " ".join(map(str, fds))
os.execvp(sys.argv[2], sys.argv[2:])
