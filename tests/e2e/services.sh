#!/bin/sh
# Services of the user that would do something outside of the run, if they could
# be asked. Each is asked by its own client: without vow, under it, and under it
# with the rule that shows its socket.
# shellcheck disable=SC2317 # the questions are called by name
. "$SOURCE/tests/e2e/tap.sh"
leans_on_views
all_needs_vow
# Beside the working directory: what lies in that is shown.
running='' there=$(mktemp -d /var/tmp/vow-e2e-XXXXXX) && chmod 1777 "$there" || exit 1
trap 'kill $running 2>/dev/null; cd / && rm -rf "$HERE" "$there" $tap_copies' EXIT
p='stdio rpath wpath cpath unix'

# has PROGRAM NAME: else it is skipped
has() { command -v "$1" >/dev/null || { skip "$2" "$1: not installed"; return 1; }; }
until_there()
{
    tap_tries=0
    until [ -e "$1" ] || [ $tap_tries = 1000 ]; do tap_tries=$((tap_tries + 1)) && sleep 0.01; done
}

# A bus starts a program for whoever names it: dbus-daemon, not the asker, does it.
serve_bus()
{
    printf '#!/bin/sh\ntouch "%s/ran"\nexit 1\n' "$there" >"$there/program" && chmod 755 "$there/program"
    printf '[D-BUS Service]\nName=org.example.Run\nExec=%s\n' "$there/program" >"$there/run.service"
    cat >"$there/bus.conf" <<-END
	<busconfig><type>session</type><listen>unix:path=$there/bus</listen><auth>EXTERNAL</auth>
	<servicedir>$there</servicedir><policy context="default"><allow send_destination="*"/>
	<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
	END
    # shellcheck disable=SC2086,SC2154 # tap_as is words; tap.sh sets it
    running="$running $($tap_as dbus-daemon --config-file="$there/bus.conf" --fork --print-pid)"
    until_there "$there/bus"
}
# ask_bus WAY...: what dbus-daemon did for a client that is started that way
ask_bus()
{
    rm -f "$there/ran"
    "$@" dbus-send --bus="unix:path=$there/bus" --dest=org.example.Run --print-reply / org.example.Go >/dev/null 2>&1
    if [ -e "$there/ran" ]; then echo started; else echo nothing; fi
}

serve_agent()
{
    # shellcheck disable=SC2086
    running="$running $($tap_as ssh-agent -s -a "$there/agent" | sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p')"
}
# 1: it answers, and has no keys; 2: it cannot be reached
ask_agent() { SSH_AUTH_SOCK=$there/agent "$@" ssh-add -l >/dev/null 2>&1; echo $?; }

serve_http()
{
    # shellcheck disable=SC2086,SC2016 # perl's
    $tap_as perl -MIO::Socket::UNIX -e '
        $server = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die;
        while ($client = $server->accept) {
            while (<$client>) { last if /^\r$/ }
            print $client "HTTP/1.0 200 OK\r\n\r\n[]";
            close $client;
        }' "$there/docker.sock" &
    running="$running $!"
    until_there "$there/docker.sock"
}
ask_http() { "$@" curl -s --unix-socket "$there/docker.sock" http://docker/containers/json 2>/dev/null; }

# each NAME QUESTION YES NO SOCKET
each()
{
    # shellcheck disable=SC2086
    is "$1: reached without vow" "$($2 $tap_as)" "$3"
    is "$1: not under vow" "$($2 vow -p "$p" --env SSH_AUTH_SOCK --)" "$4"
    is "$1: with the rule for it" "$($2 vow -p "$p" --env SSH_AUTH_SOCK -v "+rw:$there/$5" --)" "$3"
}

for identity in $(identities); do
    $identity
    if has dbus-daemon 'a bus that starts programs'; then serve_bus && each 'a bus that starts programs' ask_bus started nothing bus; fi
    if has ssh-add 'an ssh agent'; then serve_agent && each 'an ssh agent' ask_agent 1 2 agent; fi
    if has curl 'a docker socket'; then serve_http && each 'a docker socket' ask_http '[]' '' docker.sock; fi
    # shellcheck disable=SC2086
    kill $running && running='' && rm -rf "${there:?}"/*
done
done_testing
