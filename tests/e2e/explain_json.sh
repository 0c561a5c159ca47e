#!/bin/sh
# --json: the channel that a program cannot write to.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_listener
leans_on_views
explain() { $tap_as "$VOW" run "$@" </dev/null; }
# field EXPRESSION: of the lines in `out`, a list of objects called e.
field() { python3 -c "import json, sys; e = [json.loads(line) for line in open('out')]; print(ascii(($1)))"; }
p='stdio rpath proc exec'

for identity in $(identities); do
    $identity
    rm -f out
    is 'the program alone has the terminal' \
        "$(run explain --json "$HERE/out" --view none -p 'stdio rpath' -v r:/usr -- cat /etc/issue)" \
        'cat: /etc/issue: Permission denied [1]'
    is 'events' "$(field '[o["event"] for o in e]')" "['start', 'denial', 'end']"
    is 'the start' "$(field 'e[0]["schema"], e[0]["command"], e[0]["promises"]')" \
        "(1, 'cat /etc/issue', ['stdio', 'rpath'])"
    is 'the denial' \
        "$(field '[e[1][k] for k in ("call", "operation", "program", "object", "killed")]')" \
        "['openat', 'open-read', 'cat', '/etc/issue', False]"
    is 'of the process that was started' "$(field 'e[0]["pid"] == e[1]["pid"]')" True
    is 'what is missing' "$(field 'e[1]["missing"]')" \
        "{'promises': [], 'paths': [{'path': '/etc/issue', 'perms': 'r'}]}"
    is 'the end' "$(field '[e[2][k] for k in ("operations", "denials", "exit")]')" '[1, 1, 1]'
    $tap_as sh -c "$(python3 -c "import json; print(json.loads(open('out').readlines()[2])['rerun'].replace('vow', '$VOW', 1))") >copy" </dev/null
    is 'the line that it ends with works' "$(cat copy)" "$(cat /etc/issue)"
    is '… and is the denial'"'"'s' "$(field '[o["event"] for o in e]')" "['start', 'end']"
    rm -f out copy

    explain --json "$HERE/out" -p "$p" -- sh -c 'kill -KILL $$' 2>/dev/null
    is 'an end by a signal' "$(field 'e[-1]["signal"]')" 9
    rm -f out
    explain --json "$HERE/out" --kill -p stdio -- sh -c '(:)' 2>/dev/null
    is 'an end by --kill' "$(field 'e[1]["call"] in ("clone", "fork", "vfork"), e[1]["killed"], e[2]["signal"]')" '(True, True, 31)'

    explain --json 3 -p "$p" -- sh -c 'echo "{}" >&3' 3>out 2>/dev/null
    is 'the program cannot write to it' "$(field '[o["event"] for o in e]')" "['start', 'end']"
    explain --json 3 -p "$p" --fd 4 -- sh -c 'echo fine >&4' 3>out 4>other
    is '… but to what it was given' "$(cat other)" fine

    explain --json 3 -p "$p" -- sh -c 'echo "{}" >&3' /dev/fd/3 3>out 2>/dev/null
    is '… whatever its arguments are called' "$(field '[o["event"] for o in e]')" "['start', 'end']"
    explain --json out -p "$p" -v rx:/usr -- sh -c 'for n in 3 4 5 6 7 8 9; do echo "{}" >&$n; done' \
        /dev/fd/3 /dev/fd/4 /dev/fd/5 /dev/fd/6 /dev/fd/7 /dev/fd/8 /dev/fd/9 2>/dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    is '… nor to what vow opened itself' "$(field '[o["event"] for o in e]')" "['start', 'end']"
    rm -f out
    # Nor by the file's name, where it may write beside it.
    write='stdio rpath wpath cpath proc exec'
    explain --json out -p "$write" -v rx:/usr -v rwc:. -- sh -c 'echo fine >other; echo "{}" >>out; mv out x; rm -f out' 2>/dev/null
    is 'nor by name' "$(field '[o["event"] for o in (e[0], e[-1])], len(e) > 3')" "(['start', 'end'], True)"
    is '… but beside it' "$(cat other)" fine
    is '… unless a rule says so' "$(run explain --json out -p "$write" -v rx:/usr -v rwc:. -v rwc:out -- sh -c 'echo "{}" >>out')" ' [0]'
    like 'nor without a view' "$(run explain --json out --view none -p "$write" -v rwc:. -- true)" \
        'vow run: not started: the rule for */out needs a view: *\[125\]'
    rm -f out other
    $tap_as sh -c 'echo kept >out'
    is 'a dry run leaves the file alone' "$(explain --dry-run --json out -p stdio true >/dev/null; cat out)" kept
    explain --dry-run --json absent -p stdio true >/dev/null
    is '… and makes none' "$(ls absent 2>/dev/null)" ''
    rm -f out

    # Bytes that are no UTF-8, and text that would forge an event.
    name=$(printf 'a\377"}\n{"event":"x\033[m')
    explain --json 3 --view none -p 'stdio rpath' -v r:/usr -- cat "$HERE/$name" 3>out 2>/dev/null
    is 'a file that is not there' "$(field 'len(e)')" 2
    echo x >"$name"
    explain --json 3 --view none -p 'stdio rpath' -v r:/usr -- cat "$HERE/$name" 3>out 2>/dev/null
    is 'a hostile name stays a name' "$(field 'len(e), e[1]["object"].split("/")[-1], bytes.fromhex(e[1]["object_hex"]).split(b"/")[-1]')" \
        "(3, 'a\\ufffd\"}\\n{\"event\":\"x\\x1b[m', b'a\\xff\"}\\n{\"event\":\"x\\x1b[m')"
    rm -f "$name" out other
done
done_testing
