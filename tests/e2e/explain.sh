#!/bin/sh
# What an explained run says: which operation, why, what would help; nothing
# that is not so.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_listener
leans_on_views
cp "$TRY" try

explain() { $tap_as "$VOW" run --explain "$@" </dev/null; }
# Both streams and the status; process numbers become N.
said() { run explain "$@" | sed 's/\[[0-9]*\] may not/[N] may not/'; }
# What vow itself says of a run.
news() { explain "$@" 2>&1 >/dev/null | grep '^vow: '; }
# The command line that a run ends with.
suggestion() { news "$@" | sed -n 's/.*; to allow [a-z0-9 ]*: vow run/"$VOW" run/p'; }
# Does the suggested line work, and has vow nothing to say any more?
suggestion_works()
{
    line=$(suggestion "$@")
    case $line in '"$VOW" run '*) ;; *) echo "no suggestion: $line"; return ;; esac
    echo "$line" >line
    VOW=$VOW $tap_as sh ./line </dev/null 2>&1 >/dev/null | grep '^vow: '
    VOW=$VOW $tap_as sh ./line </dev/null >/dev/null 2>&1 && echo works
}

for identity in $(identities); do
    $identity
    for view in system none; do
        p="--view $view"
        is "$view: a path" "$(said $p -p 'stdio rpath' -v r:/usr -- cat /etc/issue | head -n 1)" \
            'vow: cat[N] may not open /etc/issue for reading: no path rule covers it; add -v +r:/etc/issue'
        is "$view: … and in the end the whole line" \
            "$(news $p -p 'stdio rpath' -v r:/usr -- cat /etc/issue | tail -n 1)" \
            "vow: 1 operation was stopped; to allow it: vow run --explain --view $view -p 'stdio rpath' -v r:/usr -v +r:/etc/issue -- cat /etc/issue"
        is "$view: … which works" "$(suggestion_works $p -p 'stdio rpath' -v r:/usr -- cat /etc/issue)" works
        is "$view: what is allowed is no news" \
            "$(news $p -p 'stdio rpath' -v r:/etc/issue -- cat /etc/issue)" ''
        is "$view: a file that is not there is no news" "$(news $p -p 'stdio rpath' -- cat /no/such/file)" ''
        is "$view: nor is one in a place that is not shown" \
            "$(news $p -p 'stdio rpath' -- cat /var/lib/no-such-file)" ''
        is "$view: programs start without a word" \
            "$(news $p -p 'stdio rpath' -- ls -l /usr; news $p -p stdio -- date; news $p -p 'stdio rpath' -- sh -c :)" ''
        elsewhere=$(mktemp -d /var/tmp/vow-e2e-XXXXXX) # /tmp is private in a view
        chmod 777 "$elsewhere" && mkdir -m 777 "$elsewhere/deep"
        is "$view: a file to be made: the rule is for what is there" \
            "$(suggestion_works $p -p 'stdio rpath wpath cpath' -v r:/usr -v r:/etc -- cp /etc/issue "$elsewhere/new")" works
        like "$view: … and nothing above it" \
            "$(suggestion $p -p 'stdio rpath' -v r:/usr -- mkdir "$elsewhere/deep/new")" \
            "*-v +c:$elsewhere/deep -- *"
        is "$view: a directory that is there needs no rule to be made" \
            "$(news $p -p 'stdio rpath' -v r:/usr -- mkdir /etc | sed 's/.*: //;1q')" \
            'cpath is not promised; add the promise cpath'
        rm -rf "$elsewhere"
        is "$view: nor does one that is not there to be removed" \
            "$(news $p -p 'stdio rpath' -v r:/usr -- rmdir /no-such | sed 's/.*: //;1q')" \
            'cpath is not promised; add the promise cpath'
        is "$view: listing" "$(suggestion_works $p -p 'stdio rpath' -v r:/usr -- ls /opt)" works
    done
    there=$(mktemp /tmp/vow-e2e-XXXXXX) && chmod 644 "$there"
    is 'a file in the /tmp of the machine' \
        "$(said --view system -p 'stdio rpath' -- cat "$there" | head -n 1)" \
        "vow: cat[N] may not open $there for reading: the run has a /tmp of its own; add -v +r:$there"
    is '… shown by a rule' "$(suggestion_works --view system -p 'stdio rpath' -- cat "$there")" works
    is '… but its own file of that name is no news' \
        "$(news --view system -p 'stdio rpath wpath cpath' -- sh -c 'cd / && echo >"$1" && read -r x <"$1"' sh "$there")" ''
    rm -f "$there"
    if command -v script >/dev/null; then
        at_terminal() { $tap_as script -qec "'$VOW' run $*" /dev/null </dev/null | tr -d '\r' | sed 's/^.*vow:[^ ]* [a-z]*\[[0-9]*\] //'; }
        like 'the name of the own terminal is shown' "$(at_terminal -p "'stdio rpath'" tty)" '/dev/pts/*'
        like '… a script that reads it lacks the promise tty' "$(at_terminal -p "'stdio rpath'" sh -c "': </dev/tty'")" \
            'may not open /dev/tty for reading: tty is not promised; add the promise tty*'
        is '… and with it works' "$(at_terminal -p "'stdio rpath tty'" sh -c "': </dev/tty'")" ''
        is 'a new terminal has another number each time' \
            "$(news -p 'stdio rpath wpath cpath fattr flock tty proc exec' -v +rw:/dev/ptmx -- script -qec true typescript </dev/null | grep -o 'add -v +rw:/dev/pts.*')" \
            'add -v +rw:/dev/pts'
    fi
    is 'a path that the system would refuse as well needs no rule' \
        "$(news -p 'stdio rpath' -- touch /no-such/file | sed 's/.*: //;1q')" \
        'wpath and cpath are not promised; add the promises wpath and cpath'
    if [ "$identity" = as_user ]; then
        is "what the system forbids is not ours" "$(news -p 'stdio rpath' -- cat /etc/shadow)" ''
    else
        is 'a file of root' "$(suggestion_works -p 'stdio rpath' -- cat /etc/shadow)" works
    fi

    like 'a path that leads nowhere is quoted as others are' "$(news -p 'stdio rpath' -- touch 'a b')" \
        "*may not change the attributes of '$HERE/a b': fattr is not promised*"
    $tap_as sh -c 'echo text >secret'
    is 'what a rule hides in the middle of what may be written' \
        "$(suggestion_works -p 'stdio rpath wpath cpath' -v rx:/ -v rwc:. -v :secret -- sh -c 'echo x >secret')" works
    rm -f secret

    is 'a promise' "$(said -p stdio -- ./try fork)" \
        "vow: try[N] may not start a child process: proc is not promised; add the promise proc
EPERM
vow: 1 operation was stopped; to allow it: vow run --explain -p 'stdio proc' -- ./try fork [1]"
    is '… and with it' "$(said -p 'stdio proc' -- ./try fork)" 'ok [0]'
    is 'one of several promises' "$(suggestion_works -p stdio --limit files=100 -p tty -- ./try fork)" works
    is 'an exception of a promise' "$(news -p stdio -- cat /etc/passwd | sed 's/.*: //;1q')" \
        'getpw is not promised; add the promise getpw'
    is '… which works' "$(suggestion_works -p stdio -- cat /etc/passwd)" works
    # What the filter alone would end; only x86_64 has such calls, and not every
    # kernel i386's.
    if [ "$(uname -m)" = x86_64 ]; then
        like 'a call of x32' "$(said -p 'stdio proc' -- ./try x32)" \
            'vow: try\[N\] may not call getpid: no promise allows it: x32 calls are never allowed; it was ended
vow: 1 operation was stopped; no option allows it*\[159\]'
        if [ "$tap_no_i386" ]; then
            skip 'one by int 0x80' "$tap_no_i386"
        else
            like 'one by int 0x80' "$(said -p 'stdio proc' -- ./try int80)" \
                'vow: try\[N\] may not call system call 20: no promise allows it: calls of another architecture are never allowed; it was ended
vow: 1 operation was stopped; no option allows it*\[159\]'
        fi
        like '… also of a child, which ends alone' "$(said -p 'stdio rpath proc exec' -v rx:/ -- sh -c './try x32; echo "[$?]"')" \
            '*x32 calls are never allowed; it was ended*\[137\]*\[0\]'
    fi

    # Of every libc and class, and of threads.
    for program in "${TRY_STATIC:-}" "${TRY_I386:-}" "${TRY_MUSL:-}"; do
        [ -n "$program" ] || continue
        cp "$program" other
        is "${program##*/}: a path" "$(news --view none -p 'stdio rpath' -v r:/usr -- ./other open /etc/issue | sed 's/.*: //;1q')" \
            'no path rule covers it; add -v +r:/etc/issue'
        is "${program##*/}: a call" "$(news -p stdio -- ./other fork | sed 's/.*: //;1q')" \
            'proc is not promised; add the promise proc'
    done
    rm other
    if [ "$identity" = as_user ] && [ "$(id -u)" = 0 ]; then
        cp "$TRY" closed && chmod 711 closed
        is 'a program whose memory is closed' \
            "$(said --view none -p 'stdio rpath' -v r:/usr -- ./closed open /etc/issue | sed 's/\[[0-9]*\] has/[N] has/')" \
            'vow: closed[N] has memory that cannot be read: what path rules stop is not explained
EACCES [1]'
    fi
    $tap_as sleep 60 &
    is 'a signal to the outside' \
        "$(news -p 'stdio proc' -- sh -c "kill -0 \$\$ && kill -TERM $!" | sed 's/\[[0-9]*\]/[N]/;1q')" \
        "vow: sh[N] may not send SIGTERM to process $!: signals stay among the processes of the run"
    kill $!
    $tap_as setsid sleep 60 &
    until kill -0 "-$!" 2>/dev/null; do sleep 0.01; done
    is '… to a group' \
        "$(news -p 'stdio proc' -- sh -c "kill -TERM -$!" | sed 's/\[[0-9]*\]/[N]/;1q')" \
        "vow: sh[N] may not send SIGTERM to process group $!: signals stay among the processes of the run"
    is '… to a group of the run' "$(news -p 'stdio rpath proc exec' -- setsid -w sh -c 'trap : TERM; kill -TERM 0')" ''
    kill $!
    socket="import socket, time; s = socket.socket(socket.AF_UNIX); name = '\\0vow-explain-$$-$identity'"
    $tap_as /usr/bin/python3 -c "$socket; s.bind(name); s.listen(); time.sleep(60)" &
    # 00010000: it listens
    until grep -q " 00010000 .*@vow-explain-$$-$identity" /proc/net/unix; do sleep 0.01; done
    is 'an abstract socket of the outside' \
        "$(news -p 'stdio rpath unix prot_exec' -- /usr/bin/python3 -c "$socket; s.connect_ex(name)" |
            sed 's/\[[0-9]*\]/[N]/;1q')" \
        "vow: python3[N] may not connect to @vow-explain-$$-$identity: abstract sockets stay among the processes of the run"
    is '… and one of the run' "$(news -p 'stdio rpath unix prot_exec' -- /usr/bin/python3 -c \
        "$socket + 'i'; s.bind(name); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect(name)")" ''
    kill $!
    is 'a port that name servers do not have' \
        "$(news -p 'stdio rpath dns prot_exec' -- /usr/bin/python3 -c \
            'import socket; [socket.socket().connect_ex(("127.0.0.1", port)) for port in (1, 53)]' |
            sed 's/\[[0-9]*\]/[N]/;1q')" \
        'vow: python3[N] may not connect to 127.0.0.1:1: inet is not promised; add the promise inet'
    # shellcheck disable=SC2016 # the inner shell expands
    like '… nor in a container, where a filter holds everybody' "$($tap_as "$WITHOUT" cloexec -- sh -c '
        sleep 60 &
        "$1" run --explain -p "stdio proc" -- sh -c "kill -TERM $!" 2>&1
        kill $!' sh "$VOW")" 'vow: sh* may not send SIGTERM to process *'

    is 'each denial once, and counted' \
        "$(news -p 'stdio rpath proc exec' -- sh -c 'for i in 1 2 3; do cat /etc/adduser.conf; done' | sed 's/\[[0-9]*\]/[N]/;s/; to allow.*//')" \
        'vow: cat[N] may not open /etc/adduser.conf for reading: no path rule covers it; add -v +r:/etc/adduser.conf
vow: 1 operation was stopped (3 times)'
    [ "$identity" = as_root ] && usr='-v +w:/usr ' || usr='' # a user may not, with or without vow
    like 'different ones together' \
        "$(news -p 'stdio rpath proc exec' -- sh -c 'cat /etc/adduser.conf; ls /home; chmod 0 /usr' | tail -n 1)" \
        "vow: 3 operations were stopped*; to allow them all: vow run --explain -p 'stdio rpath fattr proc exec' -v +r:/etc/adduser.conf -v +r:/home $usr-- *"
    is 'where a link leads' "$(ln -sf /etc/issue link; news --view none -p 'stdio rpath' -v "r:$HERE" -- cat link | sed 's/.* may not//;s/;.*//;1q')" \
        " open $HERE/link -> /etc/issue for reading: no path rule covers it"

    is '--kill: says it and ends' "$(said --kill -p stdio -- ./try fork | head -n 1)" \
        'vow: try[N] may not start a child process: proc is not promised; it was ended; add the promise proc'
    is '--kill: the status is that of SIGSYS' "$(run explain --kill -p stdio -- ./try fork | tail -n 1 | sed 's/.*\[/[/')" '[159]'
    is 'the status is the program'"'"'s' "$(run explain -p 'stdio rpath' -- sh -c 'exit 7')" ' [7]'
    is 'a death is passed on' "$(run explain -p 'stdio rpath proc' -- sh -c 'kill -TERM $$' | sed 's/.*\[/[/')" '[143]'
    is 'a program that is not there' "$(run explain -p stdio -- no-such-program)" \
        'vow run: no-such-program: not found in PATH [127]'
    is 'a file that is no program' "$(touch plain; run explain -p stdio -- ./plain | sed 's/.*\[/[/')" '[126]'
done
done_testing
