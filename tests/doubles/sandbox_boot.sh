#!/bin/bash
# Turns the namespaces it is started in into a throw-away machine and becomes its systemd.
#
#   sandbox_boot.sh WORKDIR SYSTEM own|host [ro|rw:HOST_FOLDER:FOLDER...]
#
# Must run as root and as process 1 of fresh mount, uts, ipc, pid and cgroup namespaces (and of a fresh network
# namespace for "own"). The machine sees SYSTEM, the root of an installed Debian, through an overlay whose changes
# live in memory, and each HOST_FOLDER as its own FOLDER. All that is mounted here vanishes with the namespaces.
set -euo pipefail

workdir=$1 system=$2 network=$3
shift 3
root=$workdir/memory/root

mount -t tmpfs -o size=1g,mode=755 tmpfs "$workdir/memory"
mkdir "$workdir/memory/changes" "$workdir/memory/overlay" "$root"
mount -t overlay -o "lowerdir=$system,upperdir=$workdir/memory/changes,workdir=$workdir/memory/overlay" overlay "$root"

# The kernel's own file systems. /proc/sys is read-only, or systemd would set the host's kernel parameters.
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"

mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for share in "$@"; do
  IFS=: read -r mode outside inside <<<"$share"
  mkdir -p "$root$inside"
  mount --bind "$outside" "$root$inside"
  mount -o "remount,bind,$mode" "$root$inside"
done

# An identity of its own, and of the host's services only what a service under test needs: the journal, D-Bus,
# sysusers and tmpfiles. Nothing may load kernel modules or mount the host's kernel debugging.
hostname sandbox
echo sandbox >"$root/etc/hostname"
printf '127.0.0.1 localhost sandbox\n::1 localhost\n' >"$root/etc/hosts"
: >"$root/etc/machine-id"
rm -rf "$root/etc/fstab" "$root/etc/systemd/system" "$root/var/log/journal" "$root"/etc/rc?.d
mkdir -p "$root/etc/systemd/system" "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/sandbox.conf"
for unit in getty.target systemd-logind.service systemd-timesyncd.service systemd-udevd.service \
  systemd-modules-load.service modprobe@.service dev-hugepages.mount sys-fs-fuse-connections.mount \
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount; do
  ln -s /dev/null "$root/etc/systemd/system/$unit"
done
if [ "$network" = own ]; then ip link set lo up; fi

cd "$root"
mkdir -p oldroot
pivot_root . oldroot
umount -l /oldroot
rmdir /oldroot
# In a container, systemd leaves the propagation of / as it is; without this, credentials arrive as an empty folder.
mount --make-rshared /
exec env -i container=sandbox PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  /lib/systemd/systemd --system --unit=multi-user.target --show-status=no
