#!/bin/sh
# vow doctor says what is there, and on a machine that lacks something, what is
# not, and what to do.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_listener
: "${WITHOUT:?}"

# section NAME: the lines of the report below "enforced NAME"
section() { sed -n "/^enforced $1\$/,/^\$/p"; }

for identity in $(identities); do
    $identity
    doctor() { $tap_as "$VOW" doctor "$@"; }
    on() { $tap_as "$WITHOUT" "$1" -- "$VOW" doctor; }

    here=$(doctor)
    held=$?
    like 'the kernel' "$here" "Linux $(uname -r), $(uname -m), Landlock *"
    is 'the status says whether all is held' "$held" "$(case $here in *'enforced not'* | *'enforced app'*) echo 1 ;; *) echo 0 ;; esac)"
    like 'filters' "$(printf '%s\n' "$here" | section exactly)" '*system calls *'

    report=$(on landlock)
    like 'no Landlock' "$(printf '%s\n' "$report" | section 'not at all')" \
        '*  files *→ Landlock is not in this kernel: it takes Linux 5.13*'
    report=$(on lsm)
    like 'Landlock is not enabled' "$report" '*→ Landlock is not enabled: *lsm=*'
    report=$(on abi=5)
    like 'ABI 5: what it holds' "$(printf '%s\n' "$report" | section exactly)" '*truncating*device commands*'
    like 'ABI 5: what it does not' "$(printf '%s\n' "$report" | section 'not at all')" \
        '*signals*abstract unix sockets*→ Linux 6.12 or newer*'
    report=$(on abi=1)
    like 'ABI 1' "$(printf '%s\n' "$report" | section approximately)" \
        '*renaming between directories*→ Linux 5.19 or newer*'
    report=$(on namespaces)
    like 'no view' "$(printf '%s\n' "$report" | section 'not at all')" \
        '*names, sizes and times*code that the program wrote*→ no mount namespace*'
    is 'inside a supervisor' "$(on abi=6 | grep -c '→ another supervisor watches')" 1

    if command -v python3 >/dev/null; then
        is 'as JSON the same' "$(doctor --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)["findings"]
print("\n".join(row["what"] for row in rows if row["held"] == "exactly"))')" \
            "$(printf '%s\n' "$here" | section exactly | sed -n 's/^  \([^ ].*[^ ]\)   *[^ ].*$/\1/p' | sed 's/  .*//')"
    else
        skip 'as JSON the same' 'python3: not installed'
    fi
    # A child's status is lost where SIGCHLD is ignored, unless it is cloned without.
    # shellcheck disable=SC2016,SC2086 # perl's; tap_as is words
    ignoring() { perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV' $tap_as "$@"; }
    is 'with SIGCHLD ignored the same' "$(ignoring "$VOW" doctor)" "$here"
    is '… also where less is held' "$(ignoring "$VOW" run --no-explain -p 'stdio rpath proc exec' --rox / -- "$VOW" doctor)" \
        "$(vow -p 'stdio rpath proc exec' --rox / -- "$VOW" doctor)"
    like 'an unknown option' "$(run doctor --nonsense)" '*--nonsense*\[2\]'
done
done_testing
