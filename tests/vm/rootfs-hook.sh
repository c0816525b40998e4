#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rootfs-hook.sh ROOT: mmdebstrap's last step. Installs the newest stock kernel of $SUITE with its
# headers into ROOT, a small initrd, and the first program of the guests; drops what no guest needs.
# The kernel's version is what is before a dash in $KERNEL.
set -euo pipefail
root=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=stock-release.sh
. "$here/stock-release.sh"

# Only what a QEMU guest boots from; loading a large initrd is slow without hardware virtualisation.
small_initrd() {
	echo 'MODULES=list' >"$root/etc/initramfs-tools/conf.d/lab"
	printf '%s\n' virtio_pci virtio_blk ext4 >>"$root/etc/initramfs-tools/modules"
}

release=$(newest_release)
small_initrd
install_packages "linux-image-$release" "linux-headers-$release"
echo "$release" >"$root/etc/lab-release"

# Drivers of hardware that no guest has are most of a stock kernel's modules.
cd "$root/lib/modules/$release/kernel"
rm -rf sound drivers/net/{wireless,ethernet,usb,can,arcnet}
rm -rf drivers/{bluetooth,comedi,gpu,hwmon,iio,input,isdn,media,mfd,mtd,platform,staging,usb}
# Of SCSI, disks and what initiators over RDMA share.
find drivers/scsi -type f ! -name 'scsi_*' ! -name 'sd_mod.*' ! -name 'libiscsi.*' -delete
cd /
chroot "$root" depmod "$release"

install -m 755 "$here/guest-stage1" "$root/sbin/lab-stage1"
mkdir -p "$root"/{src,job,opt/rxe-tests}
echo rxe-lab >"$root/etc/hostname"
printf '127.0.0.1 localhost rxe-lab\n::1 localhost\n' >"$root/etc/hosts"
rm -f "$root"/etc/resolv.conf
