# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Which stock kernel a root file system gets, for the hooks that install it or its headers. Sourced;
# wants $root, $KERNEL and $SUITE.

: "${root:?}" "${KERNEL:?}" "${SUITE:?}"

# newest_release: of the version that is before a dash in $KERNEL. Point releases come and go on
# mirrors: the newest is found by pattern, never by a fixed name.
newest_release() {
	local version=${KERNEL%-*} release
	release=$(chroot "$root" apt-cache pkgnames linux-image- |
		sed -nE 's/^linux-image-('"${version//./\\.}"'\.[0-9][^-]*(-[0-9]+)?-amd64)$/\1/p' |
		sort -V | tail -n 1)
	if [ -z "$release" ]; then
		echo "no package linux-image-$version.*-amd64 on the mirror" >&2
		return 1
	fi
	echo "$release"
}

# install_packages PACKAGE...: those of backports only if asked for, with what they need.
install_packages() {
	local from=()
	[[ $SUITE != *-backports ]] || from=(-t "$SUITE")
	chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		--no-install-recommends "${from[@]}" "$@"
}
