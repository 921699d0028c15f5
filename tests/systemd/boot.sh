#!/usr/bin/env bash
# Boots systemd as PID 1 of namespaces of its own: once for each line of standard input, answered by the number of the new PID 1.
# When the input ends, so does all of it, and nothing is left: no process, mount, control group or file. host.py speaks to it.
# Runs as root in a mount namespace of its own: unshare --mount boot.sh
set -euo pipefail

# What is written below these folders is kept from one boot to the next, and never reaches the real ones; all else is read-only.
kept=(etc opt var usr)

# What Debian starts by itself and a namespace cannot have: devices, the network, consoles, what writes to the real /sys and /dev.
masked=(dbus.service dbus.socket getty.target systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket
  systemd-udev-trigger.service systemd-networkd.service systemd-resolved.service systemd-timesyncd.service systemd-logind.service
  systemd-sysctl.service systemd-modules-load.service systemd-tmpfiles-setup-dev.service systemd-remount-fs.service
  systemd-pstore.service systemd-random-seed.service proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount)

# The first process of the new namespaces, which becomes systemd.
inside() {
  read -r pid _ </proc/self/stat # /proc is still the one outside, so this is our number there
  echo "$pid" >&3
  exec 3>&-
  mount -t proc proc /proc
  for folder in "${kept[@]}"; do
    mkdir -p "/mnt/$folder/upper" "/mnt/$folder/work"
    mount -t overlay overlay -o "lowerdir=/$folder,upperdir=/mnt/$folder/upper,workdir=/mnt/$folder/work" "/$folder"
  done
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir /run/lock
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  mount -o remount,bind,ro /
  umount -R /sys/fs/cgroup 2>/dev/null || umount -l /sys/fs/cgroup 2>/dev/null || true
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  umount -l /mnt/cgroup /mnt
  ip link set lo up
  if [ ! -e /etc/machine-of-orctl-tests ]; then
    # a host that was just installed: of its services only those start that a test asks for
    rm -rf /etc/systemd/system/*.wants /etc/systemd/system/*.requires
    for unit in "${masked[@]}"; do ln -sfn /dev/null "/etc/systemd/system/$unit"; done
    mkdir -p /etc/systemd/journald.conf.d
    printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' >/etc/systemd/journald.conf.d/tests.conf
    rm -rf /var/log/journal
    touch /etc/machine-of-orctl-tests
  fi
  export container=other
  exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=0
}

[ "${1:-}" != inside ] || inside

mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/cgroup
mount -t cgroup2 cgroup2 /mnt/cgroup
# below a control group of its own no systemd stops units of another
group=/mnt/cgroup/orctl-test.$$
mkdir "$group"
child=

# The kernel says when the last process of the control group has gone.
wait_empty() {
  timeout 5 /usr/bin/python3 -c '
import select, sys
with open(sys.argv[1]) as events:
    told = select.poll()
    told.register(events, select.POLLPRI)
    while "populated 1" in events.read():
        told.poll()
        events.seek(0)
' "$group/cgroup.events"
}

end() {
  trap '' TERM INT HUP
  if [ -n "$child" ]; then
    # with PID 1 the kernel ends all the others; unshare ends when they are gone
    first=$(cat "/proc/$child/task/$child/children" 2>/dev/null || true)
    kill -KILL ${first:-"$child"} 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  wait_empty || true
  find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  [ ! -d "$group" ] || echo "the control group $(basename "$group") is not empty" >&2
}
trap end EXIT
trap exit TERM INT HUP

exec 3>&1 >&2
while read -r _; do
  [ -z "$child" ] || wait "$child" || true
  (
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --pid --fork --kill-child=SIGKILL --mount --uts --ipc --net --cgroup "$BASH" "$(readlink -f "$0")" inside </dev/null
  ) &
  child=$!
done
