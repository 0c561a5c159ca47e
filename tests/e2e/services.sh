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

# listen NAME...: sockets, abstract ones behind @; who asks at one is written down,
# and gets no answer. This stands for what cannot be started here.
listen()
{
    rm -f "$there/asked.listens"
    # shellcheck disable=SC2086,SC2016 # perl's
    $tap_as perl -MIO::Socket::UNIX -e '
        my $asked = shift;
        my @servers = map { my $name = s/^@/\0/r; IO::Socket::UNIX->new(Local => $name, Listen => 5) or die } @ARGV;
        open my $file, ">", "$asked.listens" or die;
        my $bits = ""; vec($bits, fileno $_, 1) = 1 for @servers;
        while (select(my $ready = $bits, undef, undef, undef)) {
            for (grep { vec($ready, fileno $_, 1) } @servers) {
                my $client = $_->accept; sysread $client, my $bytes, 64;
                open $file, ">>", $asked; print $file "asked\n"; close $file; close $client;
            }
        }' "$there/asked" "$@" &
    running="$running $!"
    until_there "$there/asked.listens"
}
asked() { if [ -s "$there/asked" ]; then echo asked; else echo nothing; fi; }

# systemd's manager of the user starts what its socket is asked for.
serve_systemd() { $tap_as mkdir "$there/systemd" && listen "$there/systemd/private"; }
ask_systemd()
{
    rm -f "$there/asked"
    XDG_RUNTIME_DIR=$there "$@" systemctl --user list-units >/dev/null 2>&1
    asked
}

# An X server has two sockets, of which clients take the abstract one first.
serve_x()
{
    x_socket=/tmp/.X11-unix/X$$-$identity
    [ -d /tmp/.X11-unix ] || mkdir -m 1777 /tmp/.X11-unix
    listen "$x_socket" "@$x_socket"
}
ask_x()
{
    rm -f "$there/asked"
    # shellcheck disable=SC2016 # perl's
    "$@" perl -MIO::Socket::UNIX -e '
        for (@ARGV) {
            my $server = IO::Socket::UNIX->new(Peer => s/^@/\0/r) or next;
            syswrite $server, pack("axSSSSS", "l", 11, 0, 0, 0, 0); sysread $server, my $answer, 8; last;
        }' "@$x_socket" "$x_socket"
    asked
}

# each NAME QUESTION YES NO SOCKET
each()
{
    # shellcheck disable=SC2086
    is "$1: reached without vow" "$($2 $tap_as)" "$3"
    is "$1: not under vow" "$($2 vow -p "$p" --env SSH_AUTH_SOCK --env XDG_RUNTIME_DIR --)" "$4"
    is "$1: with the rule for it" \
        "$($2 vow -p "$p" --env SSH_AUTH_SOCK --env XDG_RUNTIME_DIR -v "+rw:$5" --)" "$3"
}

for identity in $(identities); do
    $identity
    if has dbus-daemon 'a bus that starts programs'; then serve_bus && each 'a bus that starts programs' ask_bus started nothing "$there/bus"; fi
    if has ssh-add 'an ssh agent'; then serve_agent && each 'an ssh agent' ask_agent 1 2 "$there/agent"; fi
    if has curl 'a docker socket'; then serve_http && each 'a docker socket' ask_http '[]' '' "$there/docker.sock"; fi
    if has systemctl "systemd's manager of the user"; then
        serve_systemd && each "systemd's manager of the user" ask_systemd asked nothing "$there/systemd/private"
    fi
    serve_x && each 'an X server' ask_x asked nothing "$x_socket"
    # shellcheck disable=SC2086
    kill $running && running='' && rm -rf "${there:?}"/* "$x_socket"
done
done_testing
