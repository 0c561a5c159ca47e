#!/bin/busybox sh
# shellcheck shell=dash
# The first process of an imitated machine. Makes a root that can be mounted
# upon (a view changes the root, which the first file system forbids), runs the
# tests that the list names there, and turns the machine off. What it prints is
# read by machine.py: lines with @@ are its own, the others a test's.
export PATH=/usr/bin:/usr/sbin LC_ALL=C

if [ "$1" != again ]; then
    /bin/busybox --install -s /usr/sbin # behind Debian's in PATH
    /bin/busybox ln -s dash /bin/sh # busybox's prefers its own programs to others
    mkdir -p /new
    mount -t tmpfs -o mode=755,size=90% none /new
    for entry in /*; do
        [ "$entry" = /new ] || cp -a "$entry" /new
    done
    exec switch_root /new /init again
fi

mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o ptmxmode=666,mode=620 none /dev/pts
mount -t tmpfs -o mode=1777 none /dev/shm
mount -t mqueue -o mode=1777 none /dev/mqueue
mount -t tmpfs -o mode=1777 none /tmp
mount -t tmpfs -o mode=1777 none /var/tmp
mount -t securityfs none /sys/kernel/security
mount --make-rshared /
ip link set lo up
hostname matrix
# As they are on a Debian system: an ordinary user may make namespaces.
sysctl -qw kernel.unprivileged_userns_clone=1 2>/dev/null

fact() { echo "@@ fact $*"; }

# run NAME USER SECONDS COMMAND…: a test's output, in one piece, and its status.
run() {
    name=$1 user=$2 seconds=$3
    shift 3
    echo "@@ begin $name"
    timeout -s KILL "$seconds" /usr/bin/setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@" \
        >/matrix/output 2>&1 </dev/null
    status=$?
    cat /matrix/output
    echo
    echo "@@ end $name $status"
}

fact release "$(uname -r)"
fact machine "$(uname -m)"
fact lsm "$(cat /sys/kernel/security/lsm)"
. /matrix/list
echo '@@ done'
sync
poweroff -f
