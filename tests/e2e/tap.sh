# shellcheck shell=sh
# tap.sh: TAP for shell tests; source it.
#
#   is NAME GOT WANTED          equal?
#   like NAME GOT PATTERN       matches the shell pattern?
#   skip NAME REASON
#   leans_on_views              what fails where none can be had is skipped
#   all_needs_vow               skips the whole script where vow refuses everything
#   run COMMAND...              its output, both streams, and behind that its status: "text [0]"
#   as_root, as_user            from here on vow is run as root, as nobody
#   vow ARGUMENT...             $VOW run as chosen, without explanations
#   done_testing                at the end
#
# A script runs in a directory of its own, which everybody may write to, and
# leaves nothing behind. VOW is the command that is tested.
#
# What fails because vow refused to run without something that this machine
# lacks is skipped, with vow's words. So is what fails where vow refuses
# everything: its words may have gone elsewhere.
set -u
: "${VOW:?VOW names the command to test}"

tap_count=0 tap_failed=0
tap_as='' # what stands before a command
tap_prefix=''
tap_views='' # does the script lean on views?

HERE=$(mktemp -d "${TMPDIR:-/tmp}/vow-e2e-XXXXXX") || exit 1
chmod 1777 "$HERE" && cd "$HERE" || exit 1
trap 'cd / && rm -rf "$HERE"' EXIT
trap 'exit 1' HUP INT TERM

tap_result() # ok-or-not NAME
{
    tap_count=$((tap_count + 1))
    [ "$1" = ok ] || tap_failed=$((tap_failed + 1))
    printf '%s %d - %s%s\n' "$1" "$tap_count" "$tap_prefix" "$2"
}

tap_comment()
{
    printf '%s\n' "$1" | sed 's/^/# /'
}

leans_on_views() { tap_views=yes; }

refusal() { sed -nf "$SOURCE/tests/refused.sed"; }

# What this machine lacks for what printed GOT; nothing if it lacks nothing.
tap_lack() # GOT
{
    tap_found=$(printf '%s\n' "$1" | refusal)
    [ "$tap_found" ] || tap_found=$($tap_as "$VOW" run --view none -p stdio true 2>&1 | refusal)
    [ "$tap_found" ] || [ ! "$tap_views" ] ||
        tap_found=$($tap_as "$VOW" run --view system -p stdio true 2>&1 | refusal)
    printf '%s' "$tap_found"
}

all_needs_vow()
{
    tap_reason=$(tap_lack '')
    [ ! "$tap_reason" ] || { echo "1..0 # SKIP $tap_reason"; exit 0; }
}

tap_differs() # NAME GOT WANTED
{
    tap_reason=$(tap_lack "$2")
    if [ "$tap_reason" ]; then
        skip "$1" "$tap_reason"
    else
        tap_result 'not ok' "$1"
        tap_comment "got:    $2"
        tap_comment "wanted: $3"
    fi
}

is()
{
    if [ "$2" = "$3" ]; then tap_result ok "$1"; else tap_differs "$@"; fi
}

like()
{
    # shellcheck disable=SC2254 # a pattern is what is wanted
    case $2 in
    $3) tap_result ok "$1" ;;
    *) tap_differs "$@" ;;
    esac
}

skip()
{
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s%s # SKIP %s\n' "$tap_count" "$tap_prefix" "$1" "$2"
}

run()
{
    tap_output=$("$@" 2>&1)
    printf '%s [%d]' "$tap_output" $?
}

as_root() { tap_as='' tap_prefix='root: '; }
as_user()
{
    tap_as='' tap_prefix='user: '
    [ "$(id -u)" != 0 ] || tap_as='setpriv --reuid 65534 --regid 65534 --clear-groups --'
}
# The identities that can be tested here.
identities()
{
    if [ "$(id -u)" = 0 ]; then echo as_root as_user; else echo as_user; fi
}

vow() { $tap_as "$VOW" run --no-explain "$@"; }

done_testing()
{
    printf '1..%d\n' "$tap_count"
    [ "$tap_failed" = 0 ]
    exit
}
