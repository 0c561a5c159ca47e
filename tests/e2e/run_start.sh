#!/bin/sh
# The program starts, whatever it is, and nothing else does.
. "$SOURCE/tests/e2e/tap.sh"
: "${TRY:?}" # the program try, and TRY_STATIC, TRY_I386, TRY_MUSL where they could be built

cp "$TRY" try
printf 'text\n' >data
printf '#!/bin/sh -e\necho "$0 $-" "$@"\n' >script
printf '#!/usr/bin/env sh\necho "$0" "$@"\n' >through-env
printf '#!/usr/bin/env -S sh -f\necho "$0 $-" "$@"\n' >through-env-words
printf '#!/usr/bin/env -S A=1 sh\necho $A\n' >through-env-more
printf '#!%s/script deep\n' "$HERE" >nested
printf 'echo no first line "$@"\n' >plain
cp script closed
cp "$TRY" unreadable
# The same, but its file asks for a stack that is executable.
if command -v python3 >/dev/null; then python3 - <<'EOF'; fi
import os
import struct
data = bytearray(open("try", "rb").read())
wide = data[4] == 2
at = struct.unpack_from("=Q" if wide else "=I", data, 32 if wide else 28)[0]
size, count = struct.unpack_from("=HH", data, 54 if wide else 42)
for header in range(at, at + size * count, size):
    if struct.unpack_from("=I", data, header)[0] == 0x6474E551:
        struct.pack_into("=I", data, header + (4 if wide else 24), 7)
open("executable-stack", "wb").write(data)
os.chmod("executable-stack", 0o755)
EOF
chmod 755 script through-env through-env-words through-env-more nested plain try
chmod 644 closed
chmod 711 unreadable

# What holds for a program of any libc and class.
confined() # NAME PROGRAM
{
    is "$1: starts" "$(run vow -p stdio -- "$2" args a 'b c')" 'a|b c [0]'
    is "$1: a path in view" "$(run vow -p 'stdio rpath' -v "r:$HERE/data" -- "$2" open "$HERE/data")" 'ok [0]'
    is "$1: a path out of view" "$(run vow -p 'stdio rpath' --view none -v "r:$HERE/script" -- "$2" open "$HERE/data")" 'EACCES [1]'
    is "$1: no rpath" "$(run vow -p stdio --view none -v "r:$HERE/data" -- "$2" open "$HERE/data")" 'EACCES [1]'
    is "$1: threads" "$(run vow -p stdio -- "$2" thread)" 'ok [0]'
    is "$1: threads that end themselves" "$(run vow -p stdio -- "$2" thread-exit)" 'ok [0]'
    is "$1: no children" "$(run vow -p stdio -- "$2" fork)" 'EPERM [1]'
    is "$1: children with proc" "$(run vow -p 'stdio proc' -- "$2" fork)" 'ok [0]'
    is "$1: no exec" "$(run vow -p 'stdio rpath' -- "$2" exec /bin/true)" 'EPERM [1]'
    is "$1: exec with exec" "$(run vow -p 'stdio rpath exec' -- "$2" exec /bin/true)" ' [0]'
    is "$1: the launch cannot be repeated" "$(run vow -p stdio -- "$2" exec-fd 0 "$2")" 'EPERM [1]'
    is "$1: nor with a descriptor" "$(run vow -p 'stdio rpath' -- "$2" exec-fd 3 '')" 'EPERM [1]'
    is "$1: execveat with exec" "$(run vow -p 'stdio rpath exec' -- "$2" exec-fd 0 /bin/true)" ' [0]'
    is "$1: it has no descriptor of vow's" "$(run vow -p stdio -- "$2" fds)" '0 1 2 [0]'
    # The bounding set is dropped where it can be; no_new_privs does it elsewhere.
    like "$1: no privileges" "$(run vow -p stdio -- "$2" self)" \
        "uid=$($tap_as id -u) capabilities=0 bounding=$bounding no_new_privs=1 seccomp=2 \[0\]"
}

for identity in $(identities); do
    $identity
    bounding=$([ "$identity" = as_root ] && echo 0 || echo '[01]')
    confined dynamic "$HERE/try"
    for kind in STATIC MUSL I386; do
        eval "program=\${TRY_$kind:-}"
        if [ "$program" ]; then
            cp "$program" "try-$kind"
            confined "$kind" "$HERE/try-$kind"
        else
            missing="libc-$kind: none to build a program with"
            [ "$kind" != I386 ] || [ ! "$tap_no_i386" ] || missing=$tap_no_i386
            skip "$kind" "$missing"
        fi
    done
    rm -f try-*

    is 'it has its own name' "$(run vow -p 'stdio rpath' -v r:/proc -- cat /proc/self/comm)" 'cat [0]'
    for zone in UTC Europe/Berlin Asia/Kathmandu America/New_York; do
        is "date in $zone" "$(TZ=$zone run vow -p stdio -- date -d @1000000000)" \
            "$(TZ=$zone run date -d @1000000000)"
    done
    is 'date in the zone of the system' "$(run vow -p stdio -- date -d @1000000000)" \
        "$(run date -d @1000000000)"
    is 'cat what it may' "$(run vow -p 'stdio rpath' -v "r:$HERE" -- cat data)" 'text [0]'
    like 'cat what it may not' "$(run vow -p 'stdio rpath' --view none -- cat /etc/shadow)" \
        '*denied* \[1\]'
    if [ "$(uname -m)" = x86_64 ]; then
        if [ "$tap_no_i386" ]; then
            skip 'another architecture by int 0x80' "$tap_no_i386"
        else
            is 'another architecture by int 0x80' "$(run vow -p stdio -- ./try int80 | sed 's/.*\[/[/')" '[159]'
        fi
    else
        skip 'another architecture by int 0x80' 'x86_64: calls of its own'
    fi

    is 'a script' "$(run vow -p 'stdio rpath' -- ./script x 'y z')" './script e x y z [0]'
    is 'a script of the PATH' "$(PATH=$HERE:$PATH run vow -p 'stdio rpath' -- script x)" \
        "$HERE/script e x [0]"
    is 'a script of a script' "$(run vow -p 'stdio rpath' -- ./nested x)" \
        "$HERE/script e deep ./nested x [0]"
    is 'a script through env' "$(run vow -p 'stdio rpath' -- ./through-env x)" './through-env x [0]'
    is 'a script through env -S' "$(run vow -p 'stdio rpath' -- ./through-env-words x)" \
        './through-env-words f x [0]'
    like 'more than env can do without exec' "$(run vow -p 'stdio rpath' -- ./through-env-more)" \
        '*promise exec* \[126\]'
    is 'more than that with exec' "$(run vow -p 'stdio rpath exec' -- ./through-env-more)" '1 [0]'
    is 'text without a first line' "$(run vow -p 'stdio rpath' -- ./plain x)" 'no first line x [0]'
    is 'a script without rpath' "$(run vow -p stdio -- ./script x)" './script e x [0]'
    is 'the interpreter starts nothing' "$(run vow -p 'stdio rpath' -- sh -c 'exec /bin/true' | sed 's/.* //')" \
        '[126]'
    is 'a program that cannot be read' "$(run vow -p stdio -- ./unreadable args a)" 'a [0]'

    is 'not found in PATH' "$(run vow -p stdio -- no-such-program)" \
        'vow run: no-such-program: not found in PATH [127]'
    is 'not found' "$(run vow -p stdio -- ./no-such-program)" \
        'vow run: ./no-such-program: No such file or directory [127]'
    is 'not executable' "$(run vow -p stdio -- ./closed)" 'vow run: ./closed is not executable [126]'
    is 'a directory' "$(run vow -p stdio -- /usr)" 'vow run: /usr: Is a directory [126]'
    if [ -s executable-stack ]; then
        is 'a stack to execute' "$(run vow -p stdio -- ./executable-stack args a)" \
            "vow run: $HERE/executable-stack asks for memory that is writable and executable: add the promise prot_exec [126]"
        is 'a stack to execute with prot_exec' "$(run vow -p 'stdio prot_exec' -- ./executable-stack args a)" 'a [0]'
    else
        skip 'a stack to execute' 'python3: makes a program that asks for one'
    fi
    is 'its own status' "$(run vow -p 'stdio rpath' -- sh -c 'exit 42')" ' [42]'
    like 'a death by signal' "$(run vow -p stdio -- ./try abort)" '* \[134\]'
done
done_testing
