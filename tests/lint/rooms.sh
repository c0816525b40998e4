#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a room must never know, comments aside: base no QP of the core, packet buffer or page; wire
# no kernel object; mem no packet, QP or completion; net no QP or memory region; qp no user command
# and no mapping of pages; core nothing of this driver.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

declare -A never=(
	["$RXE/base"]='struct (ib_qp|sk_buff|page)\b'
	["$RXE/wire"]='struct (ib_\w+|sk_buff|net_device|page)\b'
	["$RXE/mem"]='struct (sk_buff|rxe_pkt|rxe_qp|ib_qp|ib_wc)\b'
	["$RXE/net"]='struct (rxe_qp|rxe_mr|ib_qp|ib_mr|rxe_pkt)\b'
	["$RXE/qp"]='\b(struct ib_udata|kmap_\w+|ib_copy_(from|to)_udata)\b'
	["drivers/infiniband/core"]='\b(rxe_\w+|struct (sk_buff|ib_qp|rxe_\w+))\b'
)

# Comments are blanked, line numbers kept; an include of a file so named is layers.sh's business.
# shellcheck disable=SC2016 # perl's own variable
strip='s{(/\*.*?\*/|//[^\n]*|^\s*#\s*include[^\n]*)}{ $1 =~ tr/\n//cdr }gmse'

for room in "${!never[@]}"; do
	files "^$room/.*\.[ch]$" | while IFS= read -r file; do
		perl -0pe "$strip" "$file" | { grep -nP "${never[$room]}" || true; } |
			sed "s,^\([0-9]*\):,$file:\1: not for this room: ,"
	done
done | offences
