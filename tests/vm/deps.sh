#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs what the labs need on the host, by apt and only what is missing. Debian 12 and 13.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# To build kernels and modules; to make root file systems; to run and inspect guests. And what the
# checks of the sources use.
packages=(
	build-essential flex bison bc cpio kmod libelf-dev libssl-dev patch python3 xz-utils zstd
	ca-certificates debian-archive-keyring e2fsprogs mmdebstrap rsync
	mount procps qemu-system-x86 util-linux
)
mapfile -t -O ${#packages[@]} packages < <(grep -v '^#' "$(dirname "$0")/../lint/packages.txt")

install_missing() {
	local missing=() package
	for package in "${packages[@]}"; do
		grep -q '^ii' < <(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) ||
			missing+=("$package")
	done
	[ ${#missing[@]} != 0 ] || return 0
	say "installing: ${missing[*]}"
	# An index that was never fetched, or is too old for the mirror, fails: fetch it then.
	loudly "$LAB_CACHE/deps.log" apt-get update
	DEBIAN_FRONTEND=noninteractive loudly "$LAB_CACHE/deps.log" \
		apt-get install -y -q --no-install-recommends "${missing[@]}" ||
		die "apt could not install what the labs need: see above"
}

locked deps install_missing
