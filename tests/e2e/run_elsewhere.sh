#!/bin/sh
# On a machine that lacks something: an error that names it, and --best-effort,
# which says what was lost. Nothing is lost that the policy does not need.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_listener
: "${WITHOUT:?}"
cp "$TRY" try
mkdir data

# on THING...: a vow of a machine without it
on() # THING -- ARGUMENT...
{
    thing=$1
    shift 2
    $tap_as "$WITHOUT" "$thing" -- "$VOW" run --no-explain "$@"
}

lost() # NAME THING PATTERN OPTION...
{
    what=$1 thing=$2 pattern=$3
    shift 3
    like "$what: an error" "$(run on "$thing" -- "$@" ./try args ok)" \
        "vow run: not started: $pattern. --best-effort runs without; *\[125\]"
    like "$what: best effort says so" "$(run on "$thing" -- --best-effort "$@" ./try args ok)" \
        "vow run: lost: $pattern
*ok \[0\]"
}
kept() # NAME THING OPTION...
{
    what=$1 thing=$2
    shift 2
    is "$what: nothing is lost" "$(run on "$thing" -- "$@" ./try args ok)" 'ok [0]'
}

abi=$("$VOW" doctor --json | sed -n 's/.*"landlock": \([0-9]*\).*/\1/p')
for identity in $(identities); do
    $identity
    lost 'no Landlock' landlock 'Landlock is not in this kernel*' -p stdio
    lost 'Landlock not enabled' lsm 'Landlock is not enabled*lsm=*' -p stdio
    lost 'ABI 5, signals' abi=5 'signals reach *ABI 6 is needed, of Linux 6.12)' -p stdio
    lost 'ABI 5, abstract sockets' abi=5 'signals *' -p 'stdio unix'
    like '… and both are named' "$(run on abi=5 -- --best-effort -p 'stdio unix' ./try args ok)" \
        '*lost: abstract unix sockets *ok \[0\]'
    kept 'ABI 6' abi=6 -p stdio
    lost 'ABI 2, truncate' abi=2 'truncate() reaches *ABI 3 is needed, of Linux 6.2)' -p 'wpath stdio' -v "rwc:$HERE"
    kept 'no view, but none is needed' namespaces -p 'stdio rpath'
    lost 'no view, code of its own' namespaces 'without a view *map what it wrote*' \
        -p 'stdio wpath' -v "rwc:$HERE/data"
    if [ "$abi" -lt 9 ]; then
        lost 'no view, unix sockets' namespaces 'without a view *unix socket*' -p 'stdio unix'
    else
        kept 'no view, unix sockets, which Landlock knows' namespaces -p 'stdio unix'
    fi
    lost 'no view, modes of files' namespaces 'without a view *mode, times*' -p 'stdio fattr'
    lost 'no view, a rule below a rule' namespaces "the rule for $HERE/try needs a view*" \
        -p 'stdio wpath prot_exec' -v "rwc:$HERE" -v "r:$HERE/try"
    lost 'a view that was asked for' namespaces '*no mount namespace*' --view system -p stdio
    is 'a view that was not wanted' "$(run on namespaces -- --view none -p 'stdio unix' ./try args ok)" 'ok [0]'
    is 'close_range does not mark' "$(run on cloexec -- -p stdio ./try fds 5</dev/null)" '0 1 2 [0]'
    like 'ABI 1 still holds files' "$(run on abi=1 -- --best-effort --view none -p 'stdio rpath' \
        -v "r?:$HERE/none" -- ./try open /etc/passwd)" '*lost: *EACCES \[1\]'
done
done_testing
