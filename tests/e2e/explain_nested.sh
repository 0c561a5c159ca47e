#!/bin/sh
# Inside a supervisor there can be no second one.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_listener
p='stdio rpath proc exec'
inner="$VOW run --explain --view none -p 'stdio rpath' -v r:/usr --"
rules="-v rx:/usr -v rx:/lib64 -v r:/etc -v rx:$(dirname "$VOW")"
explain() { $tap_as "$VOW" run --explain --view none -p "$p" $rules "$@" </dev/null; }

for identity in $(identities); do
    $identity
    is 'the inner run says so, once, and works' \
        "$(explain -- sh -c "$inner cat /usr/lib/os-release" 2>&1 >/dev/null | grep '^vow run:')" \
        'vow run: explanations come from outside: a sandbox around this one refuses further filters'
    is 'its policy holds' "$(explain -- sh -c "$inner cat /etc/passwd 2>&1" 2>/dev/null | tail -n 1)" \
        'cat: /etc/passwd: Permission denied'
    like 'its twin works' "$(explain -- sh -c "$VOW run --explain --view none -p 'stdio rpath' -v r:/etc -- cat /etc/passwd" 2>/dev/null)" '*root:*'
    like 'the outer one explains what it stops itself' \
        "$(explain -- sh -c "$VOW run --view none -p 'stdio rpath' -v r:/etc -v r:/var -- ls /var" 2>&1 >/dev/null | grep '^vow: ls')" \
        'vow: ls\[*\] may not * /var*: no path rule covers it*'
    is '… and not what the inner one does without' \
        "$(explain -- "$VOW" run -p 'stdio rpath' -v r:/etc -- cat /etc/passwd 2>&1 >/dev/null |
            grep -E 'unshare|/proc/sys')" ''
done
done_testing
