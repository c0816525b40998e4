#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build.sh FOLDER MAKE-ARGUMENT...: the test exporter, in FOLDER, for the kernel that the arguments
# name (-C build folder); every warning is an error. It needs the probe and the header by which the
# driver tells kernels apart.
set -euo pipefail

folder=${1:?usage: build.sh FOLDER MAKE-ARGUMENT...}
shift
here=$(cd "$(dirname "$0")" && pwd)
compat=$here/../../drivers/infiniband/sw/rxe/compat
mkdir -p "$folder"
cp "$here"/{Kbuild,exporter.c,exporter.h} "$compat"/{probe.sh,rxc_dmabuf.h} "$folder/"
nice make "$@" M="$folder" W=1 KCFLAGS=-Werror modules
