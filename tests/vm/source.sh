#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# source.sh: fetches the Linux source that user-mode Linux is built from, Debian's newest
# linux-source-7.2 of trixie-backports, and prints its folder. Once fetched, it stays until the
# cache is emptied or RXE_ODP_REFRESH is set: a new point release alone does not rebuild the labs.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=debian.sh
. "$LAB_VM/debian.sh"

LINUX=7.2
current=$LAB_CACHE/linux-source
patches=("$LAB_VM"/config/uml-*.patch)
# What the folder must have been made from.
stamp="$LINUX ${RXE_ODP_REFRESH:-} $(digest "${patches[@]}")"

fetch() {
	local work version patch
	if [ -e "$current" ] && [ "$(cat "$current/.fetched")" = "$stamp" ]; then
		return 0
	fi
	scratch work
	"$LAB_VM/deps.sh"
	say "Linux $LINUX source"
	debian_apt_update
	# The package's suffix only says for which release Debian built it.
	version=$(debian_apt apt-cache show --no-all-versions "linux-source-$LINUX" |
		sed -n 's/^Version: \([0-9.]*\).*/\1/p')
	[ -n "$version" ] || die "no linux-source-$LINUX in trixie-backports on $(debian_mirror)"
	cd "$work"
	debian_apt apt-get -q download "linux-source-$LINUX" >&2
	dpkg-deb --fsys-tarfile ./*.deb | tar -x --wildcards '*.tar.xz'
	mkdir out
	# Register descriptions of graphics cards: a quarter of the source, and of no use here.
	tar -C out --strip-components=1 --exclude='*/drivers/gpu/drm/amd/include/*' \
		-xf usr/src/*.tar.xz
	# A later point release may have another text there: the labs run without, too.
	for patch in "${patches[@]}"; do
		patch -s -d out -p1 <"$patch" >&2 ||
			say "$(basename "$patch") does not fit: see there what the debug lab lacks"
	done
	echo "$stamp" >out/.fetched
	[ ! -e "$LAB_CACHE/linux-$version" ] || mv -T "$LAB_CACHE/linux-$version" old
	mv -T out "$LAB_CACHE/linux-$version"
	ln -sfn "linux-$version" "$current"
	say "Linux $version source"
}

locked linux-source fetch
readlink -f "$current"
