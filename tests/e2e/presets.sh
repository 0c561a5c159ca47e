#!/bin/sh
# The presets: which program gets one, and that programs work under theirs.
. "$SOURCE/tests/e2e/tap.sh"
leans_on_views

chosen() { vow "$@" 2>&1 | sed -n 's/^vow run: no promises given: taking //p'; }

as_user
is 'by the name that PATH leads to' "$(chosen grep -q x /dev/null)" 'preset search, for /usr/bin/grep'
ln -s /usr/bin/grep other-name
is 'by the file, whatever its name' "$(chosen ./other-name -q x /dev/null)" 'preset search, for /usr/bin/grep'
cp /usr/bin/grep grep && chmod 755 grep
is 'not by the name alone' "$(chosen ./grep -q x /dev/null)" "-p 'stdio rpath'"
is 'nor with PATH in front of the name' "$(PATH=.:$PATH chosen grep -q x /dev/null)" "-p 'stdio rpath'"
is 'an empty PATH entry is the working directory' "$(PATH=:$PATH chosen grep -q x /dev/null)" "-p 'stdio rpath'"
is 'nor with another PATH for the program' "$(chosen --setenv "PATH=$HERE:$PATH" grep -q x /dev/null)" "-p 'stdio rpath'"
is 'nor with another file of that name where it starts' "$(cd /usr/bin && chosen -C "$HERE" ./grep -q x /dev/null)" "-p 'stdio rpath'"
is 'where it starts is where it is looked for' "$(chosen -C /usr/bin ./grep -q x /dev/null)" 'preset search, for /usr/bin/grep'
is 'promises take its place' "$(run vow -p 'stdio rpath' -- grep -c root /etc/group | sed 1q)" '1 [0]'
is 'another one by name' "$(run vow --preset edit -- grep -c root /etc/group | sed 1q)" '1 [0]'
is 'none' "$(run vow --preset none -- grep -c root /etc/group)" "vow run: no promises given: taking -p 'stdio rpath'
1 [0]"
like 'an unknown one' "$(run vow --preset serach -- true)" "vow run: --preset: no preset 'serach'; did you mean 'search'?*\[125\]"
if [ "$(id -u)" = 0 ]; then
    as_root
    # The program is root's own file here: only its mode speaks against it.
    mkdir bind && cp /usr/bin/grep bind/grep && chmod 775 bind/grep
    is 'not if others may write the file' "$(unshare -m sh -c \
        "mount --bind bind/grep /usr/bin/grep && '$VOW' run --no-explain -- grep -q x /dev/null" 2>&1 |
        sed -n 's/^vow run: no promises given: taking //p')" "-p 'stdio rpath'"
else
    skip 'not if others may write the file' 'root: the preset of a file of root'
fi

# works PROGRAM COMMAND: under its preset, as it was chosen
works()
{
    command -v "$1" >/dev/null || { skip "$2" "$1: not installed"; return; }
    is "$2" "$(eval "vow -- $2" >out 2>&1; echo $?) $(sed -n '/taking preset/!p' out)" "0 ${3:-}"
}
# stops PROGRAM COMMAND: it fails
stops()
{
    command -v "$1" >/dev/null || { skip "$2" "$1: not installed"; return; }
    like "stopped: $2" "$(eval "vow -- $2" 2>&1; echo $?)" '*[1-9]'
}

listed=$(grep -ow '[a-z0-9-]*' <"$SOURCE/man/vow-policy.5")
for preset in "$SOURCE"/presets/*.vow; do
    preset=$(basename "$preset" .vow)
    like "the manual names $preset" "$(printf '%s\n' "$listed" | grep -cx "$preset")" '[1-9]*'
    is "$preset parses" "$(run "$VOW" why --preset "$preset" syscall read | sed 1q)" 'allowed: call read'
done

rm -rf ./* && umask 022
for identity in $(identities); do
    $identity
    mkdir -m 777 "$identity" && cd "$identity" || exit 1
    # shellcheck disable=SC2154 # tap.sh sets tap_as
    $tap_as sh -c 'echo "hello world" >text; printf "int main(void) { return 0; }\n" >t.c
        printf "t: t.c\n\tgcc -o t t.c\n" >Makefile; mkdir dir; cp text dir'

    works grep 'grep -c hello text' 1
    works find 'find dir -type f' dir/text
    works sort 'sort -o sorted text'
    works sed 'sed -i s/hello/Hello/ sorted'
    works cp 'cp -a dir copy'
    works gzip 'gzip -k text'
    works xz 'xz -k text'
    works tar 'tar czf dir.tgz dir'
    works tar 'tar xzf dir.tgz'
    works make 'make -s'
    works openssl 'openssl genpkey -algorithm ed25519 -out key.pem'
    works ssh-keygen "ssh-keygen -q -t ed25519 -N '' -f key"
    works sqlite3 "sqlite3 data.db 'create table t(a); insert into t values(7); select * from t'" 7
    works perl "perl -MFile::Temp=tempfile -e 'tempfile(); print 1'" 1
    works /usr/bin/python3 "/usr/bin/python3 -c 'import json, tempfile; tempfile.TemporaryFile(); print(1)'" 1
    works node "node -e 'require(\"fs\").writeFileSync(\"new\", \"\"); console.log(1)'" 1
    works bash "bash -c 'for f in text t.c; do cat \$f | wc -l; done'" '1
1'
    works git 'git init -q repository'
    works git 'git -C repository -c user.name=a -c user.email=a@b commit -q --allow-empty -m one'
    works git 'git clone -q repository clone'
    works git 'git -C clone log --format=%s' one
    works curl "curl -s file://$PWD/text" 'hello world'

    stops grep 'grep root /etc/shadow'
    stops sed 'sed -i s/x/y/ /etc/hosts'
    stops openssl 'openssl s_client -connect 127.0.0.1:1'
    stops /usr/bin/python3 "/usr/bin/python3 -c 'import socket; socket.socket()'"
    stops /usr/bin/python3 "/usr/bin/python3 -c 'import os; os.fork()'"
    stops perl "perl -e 'exit !!system(\"true\")'"
    stops bash "bash -c 'exec 3<>/dev/tcp/127.0.0.1/1'"
    cd ..
done
done_testing
