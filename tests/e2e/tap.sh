# shellcheck shell=sh
# tap.sh: TAP for shell tests; source it.
#
#   is NAME GOT WANTED          equal?
#   like NAME GOT PATTERN       matches the shell pattern?
#   skip NAME REASON
#   leans_on_views              what fails where none can be had is skipped
#   leans_on_listener           the same where another supervisor watches
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
tap_views='' tap_listener='' # does the script lean on them?

HERE=$(mktemp -d "${TMPDIR:-/tmp}/vow-e2e-XXXXXX") || exit 1
chmod 1777 "$HERE" && cd "$HERE" || exit 1
tap_copies=''
trap 'cd / && rm -rf "$HERE" $tap_copies' EXIT
trap 'exit 1' HUP INT TERM

# What is tested may lie where nobody may look, below root's home say: then a copy
# is tested that everybody reaches.
tap_reachable()
{
    for tap_name in VOW WITHOUT TRY TRY_STATIC TRY_I386 TRY_MUSL; do
        eval "tap_file=\${$tap_name:-}"
        if [ "$tap_file" ] && ! setpriv --reuid 65534 --regid 65534 --clear-groups -- test -x "$tap_file"; then
            [ "$tap_copies" ] || tap_copies=$(mktemp -d /var/tmp/vow-e2e-XXXXXX) || exit 1
            chmod 755 "$tap_copies" && cp "$tap_file" "$tap_copies" || exit 1
            [ "$tap_name" != VOW ] || [ ! -x "$tap_file-box" ] || cp "$tap_file-box" "$tap_copies" || exit 1 # vow finds it beside itself
            eval "$tap_name=\$tap_copies/\${tap_file##*/}"
        fi
    done
}
[ "$(id -u)" != 0 ] || tap_reachable
# Why nothing of i386 can be tried, where the kernel takes no calls of its programs.
tap_no_i386=''
if ! "${TRY:-true}" int80 >/dev/null 2>&1; then
    TRY_I386='' tap_no_i386='i386: no calls of its programs'
fi

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
leans_on_listener() { tap_listener=yes; }

refusal() { sed -nf "$SOURCE/tests/refused.sed"; }

# What this machine lacks for what printed GOT; nothing if it lacks nothing.
tap_lack() # GOT
{
    tap_found=$(printf '%s\n' "$1" | refusal)
    [ "$tap_found" ] || tap_found=$($tap_as "$VOW" run --view none -p stdio true 2>&1 | refusal)
    [ "$tap_found" ] || [ ! "$tap_views" ] ||
        tap_found=$($tap_as "$VOW" run --view system -p stdio true 2>&1 | refusal)
    [ "$tap_found" ] || [ ! "$tap_listener" ] ||
        tap_found=$($tap_as "$VOW" run --explain --view none -p stdio true 2>&1 | refusal)
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
