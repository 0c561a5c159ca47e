#!/bin/sh
# usage: deb.sh VERSION
# In a system where the Debian packages have just been installed: are they what
# a user and a programmer need? Run by `tools/deb OUT --try`. Speaks TAP.
set -u
version=$1
number=0
failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

check() {
    number=$((number + 1))
    name=$1
    shift
    if "$@"; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        failed=1
    fi
}

command_runs() {
    [ "$(vow --version)" = "vow $version" ] &&
        [ "$(echo b | vow run --view none -p 'stdio rpath' cat)" = b ] &&
        ! vow run --view none --no-explain -p stdio cat /etc/passwd 2>errors && [ -s errors ]
}

cat >use.c <<'C'
#include <fcntl.h>
#include <stdio.h>
#include <vow.h>

int main(int argc, char **argv)
{
    struct vow_error error;
    if (vow_pledge(argc > 1 ? argv[1] : "stdio error", NULL, &error) != 0)
        return fprintf(stderr, "%s\n", error.text), 2;
    puts("promised");
    return open("/etc/passwd", O_RDONLY) >= 0;
}
C

program_works() {
    # shellcheck disable=SC2046 # options are words
    gcc -o use use.c $(pkg-config --cflags --libs vow) "$@" &&
        [ "$(./use)" = promised ] && ./use >out && ! ./use 'stdio rpath' >out
}

symbols_are_versioned() {
    grep -q 'VOW_0.1@VOW_0.1' "/var/lib/dpkg/info/libvow0:$(dpkg --print-architecture).symbols" ||
        grep -q '(symver)VOW_0.1' "/var/lib/dpkg/info/libvow0:$(dpkg --print-architecture).symbols"
}

manuals_are_there() {
    for page in man1/vow-run.1 man3/vow_spawn.3 man3/pledge.3vow man5/vow-policy.5; do
        [ -s "/usr/share/man/$page.gz" ] || return 1
    done
}

# This system's AppArmor cannot read the profile: it is there, and passed over.
profile_is_passed_over() {
    [ -s /etc/apparmor.d/vow ] && [ -L /etc/apparmor.d/disable/vow ] &&
        apparmor_parser -Q -K /etc/apparmor.d/vow 2>errors
}

profile_comes_with_apparmor_4() {
    echo '# features of a newer AppArmor' >/etc/apparmor.d/abi/4.0 && dpkg --configure vow 2>/dev/null
    /var/lib/dpkg/info/vow.postinst triggered /etc/apparmor.d/abi && [ ! -e /etc/apparmor.d/disable/vow ] &&
        [ ! -L /etc/apparmor.d/disable/vow ]
    code=$?
    rm /etc/apparmor.d/abi/4.0
    /var/lib/dpkg/info/vow.postinst configure '' || code=1
    return $code
}

nothing_stays() {
    apt-get -qq purge vow libvow-dev libvow0 >purge.log 2>&1 || { cat purge.log; return 1; }
    left=$(find /etc /usr /var/lib/dpkg/info -name '*vow*')
    [ -z "$left" ] || { echo "# $left"; return 1; }
}

echo 1..8
check 'the command runs' command_runs
check 'a program links the shared library' program_works
check 'and the static one' program_works -static
check 'the symbols are versioned' symbols_are_versioned
check 'the manuals are there' manuals_are_there
check 'an AppArmor that cannot read the profile passes it over' profile_is_passed_over
check 'a newer one gets it' profile_comes_with_apparmor_4
check 'purging leaves nothing' nothing_stays
exit $failed
