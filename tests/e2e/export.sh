#!/bin/sh
# The exported profile under a container runtime: a container that does what
# its promises say works; its twin that does more is denied.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_views

# container PROMISES COMMAND…: its output and status under crun.
container()
{
    "$VOW" export oci --arch "$(uname -m)" -p "$1" 2>lost >profile.json || return 1
    shift
    python3 - "$@" <<'EOF' || return 1
import json, sys
config = {
    "ociVersion": "1.0.0",
    "root": {"path": "rootfs"},
    "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": sys.argv[1:], "env": ["PATH=/bin"],
                "noNewPrivileges": True},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {"namespaces": [{"type": t} for t in ("mount", "pid", "ipc", "uts")],
              "seccomp": json.load(open("profile.json"))},
}
json.dump(config, open("config.json", "w"))
EOF
    # Where cgroups are of the old kind, crun sees a new mount of the new kind.
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --mount sh -c '
        if [ ! -e /sys/fs/cgroup/cgroup.procs ]; then
            umount -R /sys/fs/cgroup
            mount -t cgroup2 none /sys/fs/cgroup
        fi
        exec crun --root "$1/state" --cgroup-manager=disabled run "vow-$$"' sh "$HERE"
}

if [ "$(id -u)" != 0 ]; then
    skip 'a container' 'root: crun needs it here'
    done_testing
fi
for program in crun busybox; do
    command -v $program >/dev/null || { skip 'a container' "$program: not installed"; done_testing; }
done

mkdir -p rootfs/bin rootfs/dev rootfs/proc state
cp "$(command -v busybox)" rootfs/bin/busybox
for applet in cat echo ls mkdir sh; do ln -s busybox rootfs/bin/$applet; done
echo text >rootfs/file

is 'stdio: echo works' "$(run container stdio /bin/echo text)" 'text [0]'
like 'stdio: ls is denied' "$(run container stdio /bin/ls /)" "ls: can't open '/': * \[1\]"
like 'rpath: ls works' "$(run container 'stdio rpath' /bin/ls /)" '*file* \[0\]'
like 'rpath: mkdir is denied' "$(run container 'stdio rpath' /bin/mkdir /made)" \
    '*Operation not permitted* \[1\]'
is 'cpath: mkdir works' "$(run container 'stdio rpath cpath' /bin/mkdir /made)" ' [0]'
like 'no proc: a shell cannot fork' \
    "$(run container 'stdio rpath exec' /bin/sh -c '/bin/cat /file; echo')" "*can't fork*"
is 'proc and exec: it can' \
    "$(run container 'stdio rpath proc exec' /bin/sh -c '/bin/cat /file; exit 3')" 'text [3]'
done_testing
