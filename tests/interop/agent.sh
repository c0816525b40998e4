#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# agent.sh: one connection to the far guest. Its first line is a command, which may be a function of
# ends.sh; the output goes back, and at last a line "far-status N". If the other side closes the
# connection first, the command ends: nothing is left behind by a case that was ended.
set -euo pipefail
# The listener ignores SIGCHLD, and bash cannot take that back: programs would miss their children.
[ -n "${AGENT_SIGNALS:-}" ] || exec env --default-signal=CHLD AGENT_SIGNALS=1 "$0"
# shellcheck source=ends.sh
. "$(dirname "$0")/ends.sh"

# quit: the listener ends; the far guest's work is done.
# shellcheck disable=SC2317 # a command, see above
quit() {
	kill "$PPID"
}

read -r line
set -m
(eval "$line") </dev/null 2>&1 &
command=$!
exec {connection}<&0
(
	cat >/dev/null
	kill -- "-$command"
) <&"$connection" >/dev/null 2>&1 &
watch=$!
set +m
status=0
wait "$command" || status=$?
echo "far-status $status"
kill -- "-$watch" 2>/dev/null || true
