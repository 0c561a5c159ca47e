#!/bin/sh
# The exported profile under container runtimes: a container that does what its
# promises say works; its twin that does more is denied.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_views

# profile PROMISES OPTION…: "any" is a profile that allows everything
profile()
{
    promises=$1
    shift
    if [ "$promises" = any ]; then
        echo '{"defaultAction": "SCMP_ACT_ALLOW"}'
    else
        "$VOW" export oci -p "$promises" "$@" 2>lost
    fi >profile.json
}

# prepared PROMISES COMMAND…: a container's configuration
prepared()
{
    profile "$1" --arch "$(uname -m)" || return 1
    shift
    python3 - "$@" <<'EOF'
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
}

# with_cgroups COMMAND…: where cgroups are of the old kind, crun and podman see
# a new mount of the new kind.
with_cgroups()
{
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --mount sh -c '
        if [ ! -e /sys/fs/cgroup/cgroup.procs ]; then
            umount -R /sys/fs/cgroup
            mount -t cgroup2 none /sys/fs/cgroup
        fi
        exec "$@"' sh "$@"
}

# by_…: PROMISES COMMAND… in a container
by_crun()
{
    prepared "$@" && with_cgroups crun --root "$HERE/state" --cgroup-manager=disabled run "vow-$$"
}

by_runc()
{
    prepared "$@" && runc --root "$HERE/state" run "vow-$$"
}

# The profile for all architectures, and limits that anybody may set.
by_podman()
{
    profile "$1" || return 1
    shift
    with_cgroups podman --root "$HERE/storage" --runroot "$HERE/runroot" --storage-driver vfs \
        --runtime crun --cgroup-manager cgroupfs run --quiet --rm --network none --cgroups disabled \
        --log-driver none --ulimit nofile=64:64 --ulimit nproc=64:64 --security-opt no-new-privileges \
        --security-opt seccomp=profile.json --rootfs "$HERE/rootfs" "$@"
}

if [ "$(id -u)" != 0 ]; then
    skip 'a container' 'root: it is needed here'
    done_testing
fi
command -v busybox >/dev/null || { skip 'a container' 'busybox: not installed'; done_testing; }

mkdir -p rootfs/bin rootfs/dev rootfs/proc state
cp "$(command -v busybox)" rootfs/bin/busybox
for applet in cat echo ls mkdir rmdir sh; do ln -s busybox rootfs/bin/$applet; done
echo text >rootfs/file

for runtime in crun runc podman; do
    # shellcheck disable=SC2034 # tap.sh reads it
    tap_prefix="$runtime: "
    command -v $runtime >/dev/null || { skip 'a container' "$runtime: not installed"; continue; }
    container() { by_$runtime "$@"; }
    plain=$(run container any /bin/echo text)
    [ "$plain" = 'text [0]' ] || { skip 'a container' "attempt: none starts here: $plain"; continue; }
    is 'stdio: echo works' "$(run container stdio /bin/echo text)" 'text [0]'
    like 'stdio: ls is denied' "$(run container stdio /bin/ls /)" "ls: can't open '/': * \[1\]"
    like 'rpath: ls works' "$(run container 'stdio rpath' /bin/ls /)" '*file* \[0\]'
    like 'rpath: mkdir is denied' "$(run container 'stdio rpath' /bin/mkdir /made)" \
        '*Operation not permitted* \[1\]'
    is 'cpath: mkdir works' "$(run container 'stdio rpath cpath' /bin/mkdir /made)" ' [0]'
    is 'cpath: rmdir works' "$(run container 'stdio rpath cpath' /bin/rmdir /made)" ' [0]'
    like 'no proc: a shell cannot fork' \
        "$(run container 'stdio rpath exec' /bin/sh -c '/bin/cat /file; echo')" "*can't fork*"
    is 'proc and exec: it can' \
        "$(run container 'stdio rpath proc exec' /bin/sh -c '/bin/cat /file; exit 3')" 'text [3]'
done
done_testing
