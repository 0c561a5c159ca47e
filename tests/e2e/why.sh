#!/bin/sh
# vow why: its answers, and that a run bears each of them out.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_views
mkdir dir && echo text >file && chmod 777 . dir && chmod 666 file

# shellcheck disable=SC2154 # tap.sh sets tap_as
why() { $tap_as "$VOW" why "$@"; }

# agrees NAME POLICY QUESTION COMMAND: is what `why` allows what works, and the
# other way round? Each is one word of words; WANTED is the status of why.
agrees()
{
    name=$1 wanted=$2 policy=$3 question=$4 command=$5
    # shellcheck disable=SC2086 # words are meant
    eval "why $policy $question" >/dev/null 2>&1
    answer=$?
    # shellcheck disable=SC2086
    if eval "vow $policy -- $command" >/dev/null 2>&1; then works=0; else works=1; fi
    is "$name" "why $answer, run $works" "why $wanted, run $wanted"
}

for identity in $(identities); do
    $identity
    both="-p 'stdio rpath'"
    agrees 'reading a system file' 0 "$both" 'open /etc/passwd' 'cat /etc/passwd'
    agrees 'reading what no rule covers' 1 "$both" 'open /proc/1/environ' 'cat /proc/1/environ'
    agrees 'reading the working directory' 0 "$both" 'open file' 'cat file'
    agrees 'listing it' 0 "$both" 'open dir' 'ls dir'
    agrees 'reading without rpath' 1 "-p stdio" 'open file' 'cat file'
    agrees 'with getpw' 0 "-p 'stdio getpw'" 'open /etc/passwd' 'cat /etc/passwd'
    agrees 'with another promise' 1 "-p 'stdio dns'" 'open /etc/passwd' 'cat /etc/passwd'
    agrees 'with a rule' 0 "-p 'stdio rpath' -v r:file" 'open file' 'cat file'
    agrees 'beside a rule' 1 "-p 'stdio rpath' -v r:dir" 'open file' 'cat file'
    agrees 'hidden' 1 "-p 'stdio rpath' -v :file" 'open file' 'cat file'
    write="-p 'stdio rpath wpath cpath'"
    agrees 'writing' 0 "$write" 'open -w file' 'dd if=/dev/null of=file conv=notrunc'
    agrees 'writing without wpath' 1 "$both" 'open -w file' 'dd if=/dev/null of=file conv=notrunc'
    agrees 'creating' 0 "$write" 'open -c dir/new' 'dd if=/dev/null of=dir/new'
    rm -f dir/new
    agrees 'creating without cpath' 1 "-p 'stdio rpath wpath'" 'open -c dir/new' 'dd if=/dev/null of=dir/new'
    agrees 'executing' 0 "-p 'stdio rpath proc exec'" 'exec ls' "sh -c 'ls; true'"
    agrees 'executing without exec' 1 "-p 'stdio rpath proc'" 'exec ls' "sh -c 'ls; exit'"
done

as_user
is 'a denial in words' "$(run why -p 'stdio rpath' --view none open /etc/shadow)" \
'denied: open /etc/shadow for reading: no path rule covers it
  seccomp   allows it
  Landlock  denies it
  view      there is none
  add       -v +r:/etc/shadow [1]'
like 'what is allowed names the rule' "$(run why -p 'stdio rpath' open /etc/hosts)" \
    'allowed: open /etc/hosts for reading
*rule      r:/etc/hosts (a default for the system) \[0\]'
like 'the default is told' "$(run why open /etc/hosts)" '*-p '\''stdio rpath'\''*allowed*\[0\]'
like 'a terminal' "$(run why -p 'stdio rpath' open -rw /dev/tty)" '*tty is not promised*add       the promise tty \[1\]'
like 'a network address' "$(run why -p 'stdio rpath' connect 192.0.2.1:80)" 'denied: connect to 192.0.2.1:80: inet is not promised*\[1\]'
like 'with inet' "$(run why -p 'stdio inet' connect '[2001:db8::1]:80')" 'allowed*\[0\]'
like 'dns alone asks name servers' "$(run why -p 'stdio dns' connect 192.0.2.1:80)" 'denied: connect to 192.0.2.1:80: inet is not promised*Landlock  denies it*\[1\]'
like 'a name needs a name server' "$(run why -p 'stdio inet' -v r:file connect example.com:80)" '*/etc/resolv.conf*\[1\]'
like 'a unix socket' "$(run why -p stdio connect unix:file)" '*unix is not promised*\[1\]'
like 'a system call' "$(run why -p stdio syscall read)" 'allowed: call read*\[0\]'
like 'under a condition' "$(run why -p stdio syscall openat)" 'allowed: call openat*only if *O_ACCMODE*\[0\]'
like 'with arguments' "$(run why -p stdio syscall openat 0 0 0x40)" 'denied*\[1\]'
like 'nobody has it' "$(run why -p stdio syscall bpf)" '*no promise allows it*nothing would allow it \[1\]'
like 'of another architecture' "$(run why --arch i386 -p stdio syscall socketcall)" '*only if *SYS_SENDTO*\[0\]'
like 'JSON' "$(run why --json -p 'stdio rpath' open /etc/shadow)" '{"allowed":false,*"landlock":"deny",*"paths":\[{"path":"/etc/shadow","perms":"r"}\]}} \[1\]'

# A name that is no UTF-8 is told all the same.
strange=$(printf 'a\377') && echo text >"$strange"
is 'JSON of strange bytes' "$(why --json -p 'stdio rpath' -v r:/usr open "$strange" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["missing"]["paths"][0]["path_hex"][-6:])')" 2f61ff
mkdir closed && chmod 000 closed
like 'what the user cannot look at' "$(run why -p 'stdio rpath' -v r:/usr open closed/file)" 'denied: open */closed/file for reading: *\[1\]'
like 'a call by its number' "$(run why --arch x86_64 -p stdio syscall 0)" 'allowed: call read*\[0\]'
like '… that no call has' "$(run why -p stdio syscall 9999)" '*does not know this call*\[1\]'
like 'a path that begins with a sign' "$(run why -p 'stdio rpath' open -- -file)" 'allowed: open */-file for reading*\[0\]'
like 'no question' "$(run why)" 'vow why: no question*\[2\]'
like 'an unknown question' "$(run why opne file)" "*did you mean 'open'?*\[2\]"
like 'an unknown letter' "$(run why open -z file)" '*not -z*\[2\]'
like 'no call' "$(run why syscall opneat)" "*has no call 'opneat'; did you mean 'openat'?*\[2\]"
like 'more than a register holds' "$(run why syscall openat 99999999999999999999)" '*is not a number*\[2\]'
for target in 192.0.2.1:99999 192.0.2.1:0 192.0.2.1:http 192.0.2.1:; do
    like "no port: $target" "$(run why connect $target)" '*has no port from 1 to 65535*\[2\]'
done
like 'brackets' "$(run why connect '[::1:80')" '*brackets that hold no address*\[2\]'
like 'no path of a socket' "$(run why connect unix:)" '*wants a path*\[2\]'
like 'no path' "$(run why open '')" '*open wants one path*\[2\]'
like 'control characters stay in the message' "$(run why "$(printf '\033[31m')")" '*\\x1b\[31m*\[2\]'
like 'no port' "$(run why connect example.com)" '*neither HOST:PORT*\[2\]'
like 'no number' "$(run why syscall read x)" "*'x' is not a number*\[2\]"
like 'no program' "$(run why exec nonesuch-program)" '*nonesuch-program*\[127\]'
like 'what a run would refuse' "$(run why -p 'stdio rpath wpath cpath' --view none -v rwc:. -v r:dir open file)" \
    'vow why: the rule for *dir cannot be held: *\[125\]'
like 'what is not there is said to be so' "$(run why -p 'stdio rpath' -v r:/usr open /usr/no-such-file)" \
    'allowed: *note      nothing is there: it fails without vow as well \[0\]'
like '… also where a rule is missing' "$(run why -p 'stdio rpath' -v r:/usr open /etc/no-such-file)" \
    'denied: *note      nothing is there: *add *'
is '… but not of what is to be made' "$(run why -p 'stdio rpath wpath cpath' -v rwc:. open -wc new | grep -c note)" 0
printf 'promises stdio rpath\npath r? absent file\n' >good.vow
printf 'promises stdio rpaht\n' >bad.vow
like 'a policy file' "$(run why --policy good.vow open file)" 'allowed*rule      r:*/file (yours) \[0\]'
is 'a wrong one names line and column' "$(run why --policy bad.vow open file)" \
    "vow why: bad.vow:1:16: no promise 'rpaht'; did you mean 'rpath'? [125]"
like 'an absent one' "$(run why --policy none.vow open file)" 'vow why: none.vow: No such file or directory \[125\]'
like 'a later option wins' "$(run why --policy good.vow -v :file open file)" 'denied*hides it*\[1\]'
like 'help' "$(run why --help)" 'usage: vow why *\[0\]'
done_testing
