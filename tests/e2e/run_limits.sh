#!/bin/sh
# shellcheck disable=SC3045 # ulimit: not in POSIX, in every sh
# What --limit really bounds, each with what stays possible.
. "$SOURCE/tests/e2e/tap.sh"
cp "$TRY" try

for identity in $(identities); do
    $identity
    rw="-v rwc:$HERE"
    like 'no core files' "$(run vow -p stdio -- ./try limits)" 'core=1/1*'
    like 'as many descriptors as before' "$(run vow -p stdio -- ./try limits)" \
        "*nofile=$(ulimit -n)/$(ulimit -Hn) \[0\]"
    is 'files: so many' "$(run vow -p stdio --limit files=64 -- ./try dup 63)" 'ok [0]'
    is 'files: no more' "$(run vow -p stdio --limit files=64 -- ./try dup 64)" 'EBADF [1]'
    is 'files: for good' "$(run vow -p 'stdio proc id' --limit files=64 -- ./try raise)" 'EPERM [1]'
    is 'fsize: so many bytes' "$(run vow -p 'stdio wpath cpath' $rw --limit fsize=4K -- ./try fill "$HERE/f" 4096)" 'ok [0]'
    is 'fsize: no more' "$(run vow -p 'stdio wpath cpath' $rw --limit fsize=4K -- ./try fill "$HERE/f" 1)" 'EFBIG [1]'
    rm -f f
    is 'mem: so much' "$(run vow -p stdio --limit mem=200M -- ./try memory 100)" 'ok [0]'
    is 'mem: no more' "$(run vow -p stdio --limit mem=200M -- ./try memory 300)" 'ENOMEM [1]'
    is 'mem: what is only reserved does not count' \
        "$(run vow -p stdio --limit mem=200M -- ./try reserve 3000)" 'ok [0]'
    like 'cpu: no more' "$(run vow -p stdio --limit cpu=1 -- ./try spin)" '* \[152\]'
    if [ "$identity" = as_root ]; then
        like 'procs: not for root' "$(run vow -p stdio --limit procs=10 -- ./try limits)" \
            "*the kernel does not count root's processes* \[125\]"
    else
        is 'procs: no more' "$(run vow -p 'stdio proc' --view none --limit procs=1 -- sh -c '(:)&& echo ok' | sed 's/.*\[/[/')" '[2]'
        is 'procs: so many' "$(run vow -p 'stdio proc' --view none --limit procs=500 -- sh -c '(:)&& echo ok')" 'ok [0]'
    fi
    case $(cat /proc/sys/kernel/core_pattern) in
    '|'* | @*) cores="*a crash would start the program in core_pattern* \\[125\\]" ;;
    *) cores='core=0/0*' ;;
    esac
    like 'core files: a limit of 0 is enough where a crash starts nothing' \
        "$(ulimit -c 0; run vow -p stdio -- ./try limits)" "$cores"
    like 'above the limit in force' "$(ulimit -n 100; run vow -p stdio --limit files=101 -- ./try limits)" \
        '*the limit in force is lower* \[125\]'
done
done_testing
