# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Debian packages of other suites than the host's: where they come from, and a private package
# index for them, so that neither the host's sources nor its state are touched. Sourced after
# lib.sh. The mirror is $MIRROR, or else the one this machine's apt uses for Debian.

# debian_mirror: the base address of the archive.
# shellcheck disable=SC2016 # apt's own variables
debian_mirror() {
	local uri format='$(CREATED_BY) $(ORIGIN) $(COMPONENT) $(REPO_URI) $(RELEASE)'
	if [ -n "${MIRROR:-}" ]; then
		echo "$MIRROR"
		return
	fi
	uri=$(apt-get indextargets --format "$format" | grep -v -- -security |
		awk '$1 == "Packages" && $2 == "Debian" && $3 == "main" { print $4; exit }')
	if [ -z "$uri" ]; then
		die "apt knows no Debian archive: run 'apt-get update', or set MIRROR"
	fi
	echo "$uri"
}

# debian_keyring: the keyring that checks the archive's signatures.
debian_keyring() {
	local ring=/usr/share/keyrings/debian-archive-keyring
	# Debian 13 renamed it; the old name may remain, as a link or stale.
	if [ -e "$ring.pgp" ]; then
		echo "$ring.pgp"
	else
		echo "$ring.gpg"
	fi
}

# debian_sources SUITE...: the lines of a sources.list. sid's index calls itself stale after a week,
# which a mirror that is synchronised now and then exceeds; the signature counts in any case.
debian_sources() {
	local suite mirror options
	mirror=$(debian_mirror)
	for suite; do
		options=signed-by=$(debian_keyring)
		[ "$suite" != sid ] || options+=' check-valid-until=no'
		echo "deb [$options] $mirror $suite main"
	done
}

# debian_apt COMMAND ARGUMENT...: apt-get or apt-cache on the private index of trixie-backports,
# which `debian_apt_update` fetches.
debian_apt() {
	local command=$1 dir=$LAB_CACHE/apt
	shift
	"$command" -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir" \
		-o Dir::State::status=/dev/null -o APT::Sandbox::User=root "$@"
}

debian_apt_update() {
	mkdir -p "$LAB_CACHE/apt/lists/partial" "$LAB_CACHE/apt/archives/partial"
	debian_sources trixie-backports >"$LAB_CACHE/apt/sources.list"
	debian_apt apt-get -qq update ||
		die "no index of trixie-backports: is the mirror reachable ($(debian_mirror))?"
}
