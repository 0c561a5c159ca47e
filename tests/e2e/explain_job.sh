#!/bin/sh
# A program beside which vow stays is to its shell as if it were alone: signals,
# stopping, ending, and what it leaves running. With a listener and without.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_listener
all_needs_vow
echo text >plain
p='stdio rpath proc exec'

stays() { $tap_as "$VOW" run $watching --view none "$@" </dev/null; }
# start WORDS...: in the background, in a process group of its own, so that a
# signal for the group is none for us, and with no signal ignored: a shell
# ignores SIGINT in what it starts there, nohup SIGHUP. $supervisor is vow.
start()
{
    rm -f out
    : >out && chmod 666 out
    # shellcheck disable=SC2086 # tap_as is words
    perl -e '@SIG{qw(HUP INT QUIT TERM USR1)} = ("DEFAULT") x 5; setpgrp; exec @ARGV' -- $tap_as "$VOW" run $watching --view none -p "$p" -- "$@" >out 2>&1 </dev/null &
    supervisor=$!
}
# until CONDITION...: waits for it, at most a minute.
until_true()
{
    tap_tries=0
    until "$@" 2>/dev/null; do
        tap_tries=$((tap_tries + 1))
        [ $tap_tries -lt 6000 ] || return 1
        sleep 0.01
    done
}
has() { grep -q "$1" out; }
state() { sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status"; }
state_is() { [ "$(state "$1")" = "$2" ]; }
goes_on() { ! state_is "$1" T; }
gone() { ! kill -0 "$1" 2>/dev/null || state_is "$1" Z; }
# Processes that have this directory in their command line.
ours() { grep -lsz "[/]${HERE#/}" /proc/[0-9]*/cmdline; }
none_left() { [ -z "$(ours)" ]; }
ways()
{
    for identity in $(identities); do
        echo "$identity:--explain $identity:--hint"
    done
}
# $ended: what the background program printed, and its status; hints are another
# test's matter.
end()
{
    wait "$supervisor"
    ended="[$?]" ended="$(grep -v '^vow: sh ' out) $ended"
}

for way in $(ways); do
    ${way%:*}
    watching=${way#*:} tap_prefix="$tap_prefix${way#*:}: "
    for signal in TERM HUP INT USR1 ALRM WINCH RTMIN; do
        start sh -c "trap 'echo got $signal; exit 5' $signal; echo ready; while :; do sleep 0.01; done"
        until_true has ready
        kill -$signal "$supervisor"
        end
        is "$signal reaches the program" "$ended" "ready
got $signal [5]"
    done
    start sh -c "echo ready; exec sleep 60"
    until_true has ready
    kill -TERM "$supervisor"
    end
    is 'its death is ours' "$ended" 'ready [143]'
    # The shell's status does not tell a death from an exit: perl's does.
    for signal in TERM=15 INT=2 HUP=1 KILL=9; do
        # shellcheck disable=SC2016,SC2086 # perl's and the program's; tap_as is words
        is "a death by $signal is one" "$(perl -e '$SIG{$_} = "DEFAULT" for qw(TERM INT HUP); print system(@ARGV) & 127' \
            $tap_as "$VOW" run $watching --view none -p 'stdio rpath proc' -- sh -c "kill -${signal%=*} "'$$')" "${signal#*=}"
    done
    # shellcheck disable=SC2086 # tap_as is words
    is 'an alarm that was set before vow ends the program' "$(perl -e 'alarm 1; exec @ARGV' \
        $tap_as "$VOW" run $watching --view none -p 'stdio rpath exec proc' -- sh -c 'exec sleep 60' 2>/dev/null; echo $?)" 142

    # The terminal's signals reach both; here the whole group gets one.
    start sh -c "trap 'trap : INT; echo got INT; exit 6' INT; echo ready; while :; do sleep 0.01; done"
    until_true has ready
    kill -INT "-$supervisor"
    end
    is 'one for the whole group does not end vow before the program' "$ended" 'ready
got INT [6]'

    start sh -c 'echo ready $$; while :; do sleep 0.01; done'
    until_true has ready
    program=$(sed -n 's/ready //p' out)
    kill -STOP "$program"
    until_true state_is "$supervisor" T
    is 'when the program stops, so does vow' "$(state "$supervisor")" T
    kill -CONT "$supervisor"
    until_true goes_on "$program"
    like 'continued, the program goes on' "$(state "$program")" '[SRD]'
    kill -TSTP "$supervisor"
    until_true state_is "$supervisor" T
    is 'TSTP stops both' "$(state "$program") $(state "$supervisor")" 'T T'
    kill -CONT "-$supervisor"
    until_true goes_on "$program"
    kill -KILL "$supervisor"
    until_true gone "$program"
    is 'when vow is killed, so is the program' "$(gone "$program" && echo gone)" gone
    wait "$supervisor" 2>/dev/null

    # A path call of a process that nobody answers fails with ENOSYS.
    start sh -c "(sleep 0.2; cat '$HERE/plain' && ./no-such; echo later) & echo first"
    wait "$supervisor"
    is 'what the program leaves running does not hold vow' "$? $(cat out)" '0 first'
    until_true has later
    is '… and goes on as before' "$(cat out)" "first
text
sh: 1: ./no-such: not found
later"
    until_true none_left
    is '… and then nothing of vow is left' "$(ours)" ''

    is 'standard output is not held open' "$(stays -p "$p" -- sh -c 'exec >&- 2>&-; sleep 3 & :' | cat)" ''
done
done_testing
