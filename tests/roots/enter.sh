#!/bin/sh
# usage: unshare --mount --pid --fork … enter.sh ROOT WAY COMMAND…
# Runs a command in a Debian root with what a container has below /proc, /sys and
# /dev. WAY "container" makes it the root of the mount namespace; "chroot" does
# what chroot(8) does, behind which the kernel makes no user namespaces.
set -eu
root=$1 way=$2
shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount -t mqueue mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do
    ln -s "/proc/self/fd/${number%:*}" "$root/dev/${number#*:}"
done
cd "$root"
if [ "$way" = container ]; then
    pivot_root . .
    umount -l .
fi
exec chroot . "$@"
