#!/bin/sh
# usage: install.sh BUILD SOURCE
# What `make install` puts where: everything, below DESTDIR alone, and it works
# from there. Speaks TAP.
set -u
build=$1
source=$2
number=0
failed=0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR="$root" meson install -C "$build" --no-rebuild --quiet >"$root.log" 2>&1 || cat "$root.log"
rm -f "$root.log"
prefix=$(dirname "$(dirname "$(find "$root" -path "*/bin/vow")")")
lib=$(dirname "$(find "$root" -name vow.pc)")/..

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

files_are_there() {
    for file in bin/vow bin/vow-box include/vow.h share/doc/vow/README.md \
        share/doc/vow/LICENSE share/bash-completion/completions/vow \
        share/zsh/site-functions/_vow share/fish/vendor_completions.d/vow.fish \
        $(cd "$source" && ls man/*.[1357] | sed 's,^man/\(.*\)\(.\)$,share/man/man\2/\1\2,') \
        share/man/man3/pledge.3vow \
        $(cd "$source" && ls presets/*.vow | sed "s,^,share/vow/,"); do
        [ -s "$prefix/$file" ] || { echo "# $file is missing"; return 1; }
    done
    for file in libvow.so libvow.so.0 libvow.a; do
        [ -s "$lib/$file" ] || { echo "# $file is missing"; return 1; }
    done
}

nothing_else_is_there() {
    others=$(cd "$root" && find . -type f | grep -vE \
        '/bin/vow(-box)?$|/include/vow\.h$|/libvow\.(a|so[0-9.]*)$|/vow\.pc$|/share/(man|doc/vow|vow/presets)/|/_?vow(\.fish)?$')
    [ -z "$others" ] || { echo "# $others"; return 1; }
}

command_runs() {
    "$prefix/bin/vow" --version | grep -qE '^vow [0-9]+\.[0-9]+\.[0-9]+$'
}

# program LIBRARY-OPTIONS…: built as the pkg-config file says.
program() {
    printf '%s\n' '#include <vow.h>' 'int main(void) { struct vow_policy *p = vow_policy_new();' \
        'int code = !p || vow_policy_promises(p, "stdio", 0); vow_policy_free(p); return code; }' \
        >"$root/use.c"
    # shellcheck disable=SC2046 # options are words
    cc -o "$root/use" "$root/use.c" \
        $(PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" pkg-config --cflags --libs vow) "$@" &&
        LD_LIBRARY_PATH="$lib" "$root/use"
}

echo 1..5
check 'everything is installed' files_are_there
check 'and nothing else' nothing_else_is_there
check 'the installed command runs' command_runs
check 'a program links the shared library' program
check 'and the static one' program -static
exit $failed
