#!/bin/sh
# A box for the first time: from nothing to a program in two commands, as root
# and as anybody; and what each mistake is told.
. "$SOURCE/tests/e2e/tap.sh"
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH LC_ALL=C

box()
{
    "$VOW" box "$@"
}

# Two commands -----------------------------------------------------------------

python=$(command -v python3)
like "pack a program" "$(run box pack -o py.box "$python")" "py.box: * files, * MiB [[]0]"
is "… and run it" "$(run box py.box -- python3 -c 'print(1)')" "1 [0]"
is "what it writes stays" "$(box py.box -- sh -c 'echo kept >/root/f'; run box py.box -- sh -c 'read -r x </root/f; echo $x')" "kept [0]"
is "… or not, with --discard" "$(box py.box --discard -- sh -c 'echo lost >/root/f'; run box py.box -- sh -c 'read -r x </root/f; echo $x')" "kept [0]"
is "its status is the program's" "$(run box py.box -- sh -c 'exit 42')" " [42]"
is "nothing of the host is there" "$(run box py.box -- sh -c "ls '$SOURCE' 2>/dev/null || echo no")" "no [0]"

if [ "$(id -u)" != 0 ]; then
    skip "the same as anybody" "root: this user is not root, and did it above"
elif ! command -v setpriv >/dev/null; then
    skip "the same as anybody" "setpriv: not installed"
else
    mkdir anybody && chmod 777 anybody . && cd anybody || exit 1
    anybody="setpriv --reuid=65534 --regid=65534 --clear-groups"
    like "anybody packs a program" "$(run $anybody "$VOW" box pack -o py.box "$python")" "py.box: * files, * MiB [[]0]"
    is "… and runs it" "$(run $anybody "$VOW" box py.box -- python3 -c 'import os; print(os.getuid())')" "0 [0]"
    chmod 444 py.box
    like "an image that is not his" "$(run $anybody "$VOW" box py.box -- true)" "vow box: cannot open py.box: Permission denied [[]125]"
    is "… with --discard" "$(run $anybody "$VOW" box py.box --discard -- python3 -c 'print(2)')" "2 [0]"
    cd ..
fi

# Mistakes ---------------------------------------------------------------------

like "no image" "$(run box none.box -- true)" "vow box: cannot open none.box: No such file or directory; 'vow box pack' or 'vow box create' makes an image [[]125]"
like "no program of that name" "$(run box py.box -- nothing)" "vow box: nothing, or its loader or interpreter, is not in py.box; 'vow box ls' lists what is [[]127]"
like "what is no program" "$(run box py.box -- /etc/passwd)" "vow box: /etc/passwd in py.box cannot be executed: *[[]126]"
like "a directory" "$(run box py.box -- /etc)" "vow box: /etc in py.box cannot be executed: *[[]126]"
is "a program's own 127 is left alone" "$(run box py.box -- sh -c 'exit 127')" " [127]"
head -c 3000000 /dev/zero >zeros.box
like "what is no image" "$(run box zeros.box -- true)" "vow box: zeros.box: this is no ext4 image [[]125]"
: >empty.box
like "an empty file" "$(run box empty.box -- true)" "vow box: empty.box: the image is too small, or cannot be read [[]125]"
like "a directory as an image" "$(run box . -- true)" "vow box: cannot open .: Is a directory [[]125]"
like "no image, but a device" "$(run box /dev/null -- true)" "vow box: /dev/null is neither a file nor a block device [[]125]"
like "no program" "$(run box py.box)" "vow box: a program is missing: vow box IMAGE -- PROGRAM*[[]2]"
like "no dashes" "$(run box py.box true)" "vow box: 'true' is not an option; the program stands behind '--'*[[]2]"
like "no such command" "$(run box pac -o x true)" "vow box: 'pac' is neither a command nor an image*[[]2]"
like "pack over an image" "$(run box pack -o py.box true)" "vow box: py.box: File exists; remove it, or name another [[]1]"
like "pack into nowhere" "$(run box pack -o none/x.box true)" "vow box: none/x.box: No such file or directory [[]1]"
like "pack more than fits" "$(run box pack -o small.box --size 16M "$python")" "*No space left on device; --size makes a larger image [[]1]"
is "… leaves nothing" "$(ls small.box 2>/dev/null)" ""
box pack -o full.box --size 32M --no-data sh dd rm >/dev/null
like "a program that fills its image is told" "$(run box full.box -- sh -c 'dd if=/dev/zero of=/fill bs=1M; rm /fill; dd if=/dev/zero of=/some bs=1M count=1 2>/dev/null && echo again' 2>&1)" "*No space left on device*again [[]0]"
if command -v e2fsck >/dev/null; then
    is "… and its image is whole" "$(e2fsck -fn full.box >&2; echo $?)" "0"
else
    skip "… and its image is whole" "e2fsck: not installed"
fi
mkfifo hold
box py.box -- sh -c 'echo up; read -r x' <hold >held &
exec 7>hold
while ! grep -q up held; do sleep 0.1; done
like "an image in use" "$(run box py.box -- true)" "vow box: py.box is in use by another box [[]125]"
exec 7>&-
wait

# Progress ---------------------------------------------------------------------

mkdir many && seq 100 | while read -r i; do seq 500 >"many/$i"; done
tar -cf many.tar many
# A pipe takes half of the first part: the rest of it is written once somebody reads.
slowly='(head -c 131072 many.tar; sleep 1.5; tail -c +131073 many.tar)'
if command -v script >/dev/null; then
    script -qec "$slowly | '$VOW' box create shown.box --from -" seen >/dev/null 2>&1
    like "a long copy says how far it is" "$(cat seen)" "*files, 0 MiB*"
else
    skip "a long copy says how far it is" "script: not installed"
fi
is "… to a terminal only" "$(sh -c "$slowly" | run box create quiet.box --from -)" " [0]"
is "both have all" "$(box ls quiet.box many | wc -l)" "100"

# Each command has its help, and the manual has each ---------------------------

for command in pack create ls cp stats fsck resize mount filter; do
    like "$command --help" "$(run box "$command" --help)" "usage: vow box $command*--help*[[]0]"
    is "… is in the manual" "$(grep -c "It Cm $command\\b" "$SOURCE/man/vow-box.1")" "1"
done
done_testing
