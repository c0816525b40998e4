#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Byte order: sparse over the wire room, where every __be field must be converted exactly once.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

command -v sparse >/dev/null || skip "sparse is not installed (package sparse)"
multiarch=/usr/include/$(gcc -print-multiarch)

files "^$RXE/wire/.*\.c$" | while IFS= read -r file; do
	sparse -std=gnu11 -Wbitwise -Wcast-truncate -Wno-decl -I tests/unit/shim -I include \
		-I "$multiarch" "$file" 2>&1 || true
done | offences
