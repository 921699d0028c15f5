#!/usr/bin/env bash
# Cuts the power of a machine while orctl applies, and looks at what its disk holds afterwards: see power_cut.py.
#   tests/power/run.sh            20 cuts, about half a minute each
#   tests/power/run.sh 4          four: one of each kind
#   SEED=123 tests/power/run.sh   the moments of an earlier run
# The machine is QEMU, without KVM, with Debian's own kernel. What it needs is installed, and about 70 MB of kernel downloaded, through
# apt; kernel, initrd and disk are kept in build/vm, and nothing else is written. ORCTL names the binary (default: the release build).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
[[ ${1:-20} =~ ^[1-9][0-9]*$ ]] || { echo "how many cuts? not '$1'" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "only root may mount the machine's disk" >&2; exit 2; }
"$top/tests/install.sh" power
orctl=${ORCTL:-}
if [ -z "$orctl" ]; then
  (cd "$top" && cmake --preset release >/dev/null && cmake --build --preset release --target orctl | tail -1)
  orctl=$top/build/release/orctl
fi
orctl=$(readlink -e "$orctl") || { echo "no such binary: $ORCTL" >&2; exit 2; }
vm=$top/build/vm
mkdir -p "$vm"
cd "$vm"
exec 9>lock
flock -n 9 || { echo "another run uses build/vm" >&2; exit 2; }

if [ ! -e kernel/complete ]; then
  package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9]\)/\1/p' | head -1)
  echo "downloading $package into build/vm"
  rm -rf kernel linux-image-*.deb
  apt-get download -q "$package"
  dpkg-deb -x linux-image-*.deb kernel
  rm linux-image-*.deb
  touch kernel/complete
fi
release=$(basename kernel/lib/modules/*)

if [ ! initrd -nt "$here/init" ] || [ ! initrd -nt kernel/complete ]; then
  echo "packing the initrd"
  rm -rf initrd.d
  mkdir -p initrd.d/{bin,modules,proc,sys,dev,host,above,new}
  cp /bin/busybox initrd.d/bin
  cp "$here/init" initrd.d/init
  depmod -b "$vm/kernel" "$release"
  for module in virtio_pci virtio_blk virtio_rng 9pnet_virtio 9p overlay ext4; do
    modprobe -d "$vm/kernel" -S "$release" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
    cp "$file" initrd.d/modules
    basename "$file" >>initrd.d/modules/order
  done
  (cd initrd.d && find . | cpio --quiet -o -H newc | gzip -1) >initrd.part
  mv initrd.part initrd
  rm -rf initrd.d
fi

exec /usr/bin/python3 "$here/power_cut.py" "$vm" "kernel/boot/vmlinuz-$release" "$orctl" "${1:-20}"
