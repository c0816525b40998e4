#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# far.sh: the far guest: both links up, then an agent for each connection until one says quit.
set -euo pipefail
# shellcheck source=ends.sh
. "$(dirname "$0")/ends.sh"

end_up 2
echo "up: $(rdma link show | tr '\n' ';')"
busybox nc -ll -p "$AGENT_PORT" -e "$(dirname "$0")/agent.sh" || true
rdma statistic | tr -s ' \n' ' '
echo
