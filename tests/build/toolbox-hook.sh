#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# toolbox-hook.sh ROOT: mmdebstrap's last step. Installs the headers of the newest stock kernel of
# $SUITE into ROOT.
set -euo pipefail
root=$1
# shellcheck source=../vm/stock-release.sh
. "$(dirname "$0")/../vm/stock-release.sh"

release=$(newest_release)
install_packages "linux-headers-$release"
echo "$release" >"$root/etc/lab-release"
mkdir -p "$root/src"
