#!/bin/sh
# After a failure that nobody watched, one line with the command that explains it.
. "$SOURCE/tests/e2e/tap.sh"
all_needs_vow
echo text >plain
echo 'promises stdio' >policy
chmod 644 plain policy

hint() { $tap_as "$VOW" run --hint --view none "$@" </dev/null; }
# What vow itself says: a shell has something to say of a death, too.
news() { hint "$@" 2>&1 | grep '^vow: '; }
asks="to see whether vow stopped something: vow run --explain --view none"

for identity in $(identities); do
    $identity
    is 'a success is no news' "$(run hint -p 'stdio rpath' -- cat plain)" 'text [0]'
    is 'a failure is one line' "$(run hint -p 'stdio rpath' -- sh -c 'exit 7')" \
        "vow: sh ended with status 7, held to 'stdio rpath'; $asks -p 'stdio rpath' -- sh -c 'exit 7' [7]"
    is 'one by a signal' "$(news -p stdio -- sh -c 'kill -SEGV $$')" \
        "vow: sh was ended by signal 11 (Segmentation fault), held to 'stdio'; $asks -p stdio -- sh -c 'kill -SEGV \$\$'"
    is 'one by --kill' "$(news --kill -p stdio -- sh -c ls)" \
        "vow: sh was ended by signal 31 (Bad system call), held to 'stdio'; $asks --kill -p stdio -- sh -c ls"
    for signal in HUP INT TERM PIPE; do
        is "$signal is no failure" "$(news -p stdio -- sh -c "kill -$signal \$\$")" ''
    done
    is 'what did not start says why itself' "$(run hint -p stdio -- ./no-such)" \
        'vow run: ./no-such: No such file or directory [127]'
    is 'what cannot be set up as well' "$(run hint -C /no/such -p stdio -- true)" \
        'vow run: -C /no/such: No such file or directory [125]'
    is 'the policy file stands in the line' "$(run hint --policy policy -- cat plain 2>&1 | tail -n 1)" \
        "vow: cat ended with status 1, held to 'stdio'; $asks --policy policy -- cat plain [1]"
    is 'words of the program cannot reach the terminal' \
        "$(run hint -p 'stdio rpath' -- sh -c 'exit 1' "$(printf 'a\033[1m')" | tail -n 1)" \
        "vow: sh ended with status 1, held to 'stdio rpath'; $asks -p 'stdio rpath' -- sh -c 'exit 1' \$'a\\033[1m' [1]"
    $tap_as "$VOW" run --hint --view none -p 'stdio rpath' -v r:/usr -- cat /etc/issue 2>out
    sed -n 's/^vow: .*: vow run/"$VOW" run/p' out >line
    like 'the line explains' "$(VOW=$VOW $tap_as sh ./line 2>&1 </dev/null | tail -n 1)" \
        'vow: 1 operation was stopped; to allow it: *-v +r:/etc/issue -- cat /etc/issue'

    is 'the last word counts' "$(run hint --explain --no-explain -p stdio -- sh -c 'exit 3')" ' [3]'
    like 'who watches gives no hints' "$(run hint --json out -p stdio -- true)" '*--json watches*[[]125]'
    like 'inside a supervisor, too' \
        "$($tap_as "$VOW" run --explain --view none -p 'stdio proc exec rpath' -v rx:/ -- \
            "$VOW" run --hint --view none -p stdio -- sh -c 'exit 7' 2>&1 </dev/null)" \
        "*vow: sh ended with status 7, held to 'stdio'; *"
    is 'without it vow is the program' \
        "$($tap_as sh -c 'echo $$; exec "$@"' - "$VOW" run --no-explain --view none -p stdio -- sh -c 'echo $$' | uniq | wc -l)" 1
    is 'with it the parent' \
        "$($tap_as sh -c 'echo $$; exec "$@"' - "$VOW" run --hint --view none -p stdio -- sh -c 'echo $PPID' | uniq | wc -l)" 1
done
done_testing
