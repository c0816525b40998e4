#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest-build.sh: compiles the tree's test programs (`make` in each of FOLDERS) against the
# libraries that the guest $KERNEL runs (6.12, the default, has user-mode Linux' user space, too),
# in a chroot of its root file system and in a copy of the sources, so that the tree stays clean;
# prints the folder of the programs, which guests of that user space see as /opt/rxe-tests.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

FOLDERS=(tests/verbs tests/odp tests/dmabuf tests/demo)

# A copy for each tree and root file system: what make has built there already, it builds no more.
build() {
	local copy folder found=0 programs=()
	copy=$LAB_CACHE/guest-build-$(digest - <<<"$rootfs $LAB_TREE")
	mkdir -p "$copy" "$tests"
	prune "$copy" 8
	prune "$tests" 8
	# Not what was built in the tree itself, for other libraries.
	# By content, with the time of now: make builds what changed, also back to an older text.
	rsync -rlpgo --checksum --exclude=.git --filter=':- .gitignore' "$LAB_TREE/" "$copy"
	for folder in "${FOLDERS[@]}"; do
		loudly "$LAB_CACHE/guest-build.log" "${LAB_APART[@]}" "$0" --in-chroot \
			"$rootfs/root" "$copy" nice make -C "/src/$folder" -j"$(nproc)"
		mapfile -O ${#programs[@]} -t programs < <(find "$copy/$folder" -type f \
			-perm -u+x -exec sh -c '[ "$(head -c4 "$1" | tail -c3)" = ELF ]' sh {} \; \
			-print)
		[ ${#programs[@]} -gt "$found" ] || die "make -C $folder built no program"
		found=${#programs[@]}
	done
	# By rename: guests that run now keep the program they have.
	rsync -a --delete-after "${programs[@]}" "$tests/"
	say "${#programs[@]} test programs for $(user_space)"
}

in_chroot() {
	local root=$1 copy=$2
	shift 2
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --bind /dev "$root/dev"
	mount --bind "$copy" "$root/src"
	chroot "$root" env HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

if [ "${1:-}" = --in-chroot ]; then
	shift
	in_chroot "$@"
	exit
fi
export KERNEL=${KERNEL:-6.12}
rootfs=$("$LAB_VM/rootfs.sh")
tests=$(guest_tests)
locked guest-build build
echo "$tests"
