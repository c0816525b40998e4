#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Kernel differences live in compat/ alone: no other file tests a kernel version or a capability.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

tests='\b(LINUX_VERSION_\w+|KERNEL_VERSION|RXC_HAVE_\w+)\b|__has_include'
files '^(drivers|include)/|(^|/)(Kbuild|Kconfig|Makefile)$' "^$RXE/compat/|^tests/" |
	tr '\n' '\0' |
	{ xargs -0 -r grep -HnE "$tests" || true; } | offences
