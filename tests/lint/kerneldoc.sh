#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every kernel-doc comment is well formed: all parameters described, none that does not exist.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

tool=$(kernel_script kernel-doc) || tool=$(kernel_script kernel-doc.pl) ||
	skip "no scripts/kernel-doc in $KDIR or $LINT_SOURCE"
driver_files | tr '\n' '\0' | { xargs -0 -r "$tool" -none 2>&1 || true; } |
	{ grep -iE 'warning|error' || true; } | offences
