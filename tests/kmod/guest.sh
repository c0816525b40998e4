#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: runs the cases of the module, and passes on what they printed.
#	guest.sh [MODULE]	without one it is built here, for the kernel that runs
set -euo pipefail
# shellcheck source=tests/vm/guest-net.sh
. /src/tests/vm/guest-net.sh

module=${1:-}
if [ -z "$module" ]; then
	mkdir /run/kmod
	cp /src/tests/kmod/{Kbuild,*.c,*.h} /run/kmod/
	make -C "/lib/modules/$(uname -r)/build" M=/run/kmod W=1 modules
	module=/run/kmod/rxe_kmod.ko
fi
net_one 9000
insmod "$module" device=rxe0
rmmod rxe_kmod
net_one_down
dmesg | sed -n '/enabling unsafe global rkey/d; s/.*rxe_kmod: //p' | tee /run/kmod.log
grep -q ' passed, 0 failed, ' /run/kmod.log
