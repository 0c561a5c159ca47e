#!/bin/sh
# Images made by vow and by e2fsprogs, read and written by vow, e2fsprogs and
# the kernel.
. "$SOURCE/tests/e2e/tap.sh"
PATH=$PATH:/usr/sbin:/sbin
export PATH LC_ALL=C

for tool in mke2fs e2fsck debugfs; do
    command -v "$tool" >/dev/null || { echo "1..0 # SKIP $tool: not installed"; exit 0; }
done

# clean IMAGE: is it consistent?
clean()
{
    e2fsck -fn "$1" >fsck.out 2>&1 || { tap_comment "$(cat fsck.out)"; false; }
}

box()
{
    "$VOW" box "$@"
}

# A tree with one of everything that a tree has.
mkdir -p tree/dir/deep tree/empty
printf 'some text\n' >tree/file
head -c 3000000 "$VOW" >tree/dir/large
truncate -s 5M tree/sparse && printf x | dd of=tree/sparse bs=1 seek=4000000 conv=notrunc 2>/dev/null
ln tree/file tree/dir/second
ln -s ../file tree/dir/link
ln -s "$(printf '%0200d' 7)" tree/dir/long-link
mkfifo tree/pipe
chmod 640 tree/file
chmod 711 tree/dir/deep
touch -d 2001-02-03T04:05:06 tree/file
i=0
mkdir tree/many
while [ $i -lt 1200 ]; do
    echo $i >"tree/many/a-name-that-is-longer-$i"
    i=$((i + 1))
done

# what TREE: types, modes, sizes, times of files, texts of links; no pipes, which
# cp leaves out
what()
{
    (cd "$1" && find . -path ./lost+found -prune -o -type f -printf '%p %m %s %Ts\n' \
        -o -type l -printf '%p %l\n' -o -type d ! -path . -printf '%p %m\n' | sort)
}

# same TREE OTHER
same()
{
    what "$1" >one.txt && what "$2" >two.txt && diff one.txt two.txt &&
        diff -r --no-dereference --exclude=lost+found --exclude=pipe "$1" "$2"
}

# Made by vow ------------------------------------------------------------------

is "create from a directory" "$(run box create one.box --from tree)" " [0]"
is "it is consistent" "$(run clean one.box)" " [0]"
is "debugfs reads a file" "$(debugfs -R 'cat file' one.box 2>/dev/null)" "some text"
like "a hard link is one" "$(debugfs -R 'stat dir/second' one.box 2>/dev/null)" "*Links: 2*"
like "ls -l" "$(run box ls -l one.box /)" "*-rw-r-----   2*10 2001-02-03 04:05 file*"
like "ls follows links" "$(run box ls one.box dir/link)" "dir/link [[]0]"
like "ls of nothing" "$(run box ls one.box none)" "*none: No such file or directory [[]1]"
mkdir out
box cp one.box:/ out/copy 2>left
is "cp out copies all" "$(run same tree out/copy)" " [0]"
is "cp says what it leaves out" "$(cat left)" "vow box: a device, pipe or socket is left out"
like "cp out replaces nothing" "$(run box cp one.box:/file out/copy/file)" "*File exists [[]1]"
is "cp in" "$(run box cp "$VOW" one.box:/dir/vow)" " [0]"
is "… is there" "$(box cp one.box:/dir/vow out/vow && cmp "$VOW" out/vow && echo same)" "same"
is "… consistently" "$(run clean one.box)" " [0]"
like "stats" "$(run box stats one.box)" "size        1024 MiB*journal     empty: the image was closed [[]0]"
like "create replaces nothing" "$(run box create one.box)" "*File exists; remove it, or name another [[]1]"

# Archives ---------------------------------------------------------------------

for format in gnu pax; do
    tar -C tree --format=$format -cf tree.tar .
    is "create from a $format archive" "$(run box create $format.box --from tree.tar)" " [0]"
    is "… consistently" "$(run clean $format.box)" " [0]"
    rm -rf out/$format
    box cp $format.box:/ out/$format 2>left
    is "… with all that was in it" "$(run same tree out/$format)" " [0]"
done
is "create from standard input" "$(box create pipe.box --from - <tree.tar; box ls pipe.box /empty/..)" "$(box ls gnu.box)"
mkdir bad && ln -s /etc bad/link && tar -C bad -cf link.tar link
(cd bad && rm link && mkdir link && echo x >link/passwd && tar -rf ../link.tar link/passwd)
like "a link in an archive is not followed" "$(run box create link.box --from link.tar)" "*link/passwd: Not a directory [[]1]"
tar -C tree/dir -Pcf dots.tar ../file 2>/dev/null
like "nor are dots" "$(run box create dots.box --from dots.tar)" "*../file: Invalid argument [[]1]"
like "no archive" "$(run box create no.box --from "$VOW")" "*this is no tar archive* [[]1]"
is "what failed leaves no image" "$(ls no.box dots.box link.box 2>/dev/null)" ""

# Made by e2fsprogs ------------------------------------------------------------

for kind in "ext4 4096" "ext4 1024" "ext3 4096" "ext3 1024"; do
    set -- $kind
    name=$1-$2
    mke2fs -q -t "$1" -b "$2" -N 4000 -d tree "$name.img" 64M
    rm -rf "out/$name"
    box cp "$name.img:/" "out/$name" 2>left
    is "mke2fs' $1 with blocks of $2 is read" "$(run same tree "out/$name")" " [0]"
done
like "ext3 is not written as it is" "$(run box cp tree/file ext3-4096.img:/new)" "*tune2fs -O extents*[[]1]"
for size in 1024 4096; do
    tune2fs -O extents ext3-$size.img >/dev/null 2>&1
    is "… with extents it is" "$(run box cp tree/file ext3-$size.img:/new)" " [0]"
    is "… consistently" "$(run clean ext3-$size.img)" " [0]"
done

# An index, as the kernel has them in large directories.
e2fsck -fyD ext4-1024.img >/dev/null 2>&1
like "e2fsck indexes a directory" "$(debugfs -R 'stat many' ext4-1024.img 2>/dev/null)" "*Flags: 0x81000*"
is "names in it are found" "$(run box ls ext4-1024.img many/a-name-that-is-longer-777)" "many/a-name-that-is-longer-777 [0]"
is "all of them" "$(box ls ext4-1024.img many | wc -l)" "1200"
is "one is added" "$(run box cp tree/file ext4-1024.img:/many/new)" " [0]"
is "… consistently" "$(run clean ext4-1024.img)" " [0]"
is "… to all others" "$(box ls ext4-1024.img many | wc -l)" "1201"

# A file that the kernel was cutting when the power failed: it is in the list of
# orphans, with its new size and blocks behind it.
cp pax.box cut.box
number=$(debugfs -R 'stat dir/large' cut.box 2>/dev/null | sed -n 's/^Inode: \([0-9]*\).*/\1/p')
debugfs -w -R "sif dir/large size 5000" cut.box 2>/dev/null
debugfs -w -R "ssv last_orphan $number" cut.box 2>/dev/null
is "a file that was being cut is cut" "$(run box cp tree/file cut.box:/new)" " [0]"
like "… to its blocks" "$(debugfs -R 'stat dir/large' cut.box 2>/dev/null)" "*Blockcount: 16*"
is "… consistently" "$(run clean cut.box)" " [0]"

# Sizes, checks, damage --------------------------------------------------------

if command -v resize2fs >/dev/null; then
    like "resize makes larger" "$(run box resize gnu.box 2G)" "*[[]0]"
    like "… and smaller" "$(run box resize gnu.box 256M)" "*[[]0]"
    is "… consistently" "$(stat -c %s gnu.box; run clean gnu.box)" "268435456
 [0]"
else
    skip "resize" "resize2fs: not installed"
fi
like "fsck finds nothing" "$(run box fsck one.box)" "*[[]0]"
dd if=/dev/urandom of=ext4-4096.img bs=4096 seek=1 count=1 conv=notrunc 2>/dev/null
like "fsck finds damage" "$(run box fsck ext4-4096.img)" "*[[][!0]*"
like "damaged descriptors are an error" "$(run box cp tree/file ext4-4096.img:/new)" "*run e2fsck first [[]1]"
like "what is no image is told so" "$(run box ls tree/file)" "*tree/file: the image is too small, or cannot be read [[]1]"
like "an image that is not there" "$(run box ls none.box)" "*cannot open none.box: No such file or directory [[]1]"
like "mount says what to type" "$(run box mount "a b" /mnt)" "*sudo mount -o loop,nosuid,nodev 'a b' /mnt*[[]0]"

# Programs ---------------------------------------------------------------------

like "pack" "$(run box pack -o sh.box --no-data /bin/sh)" "sh.box: * files, * MiB [[]0]"
is "… has the loader" "$(run box ls sh.box /lib64/ld-linux-x86-64.so.2)" "/lib64/ld-linux-x86-64.so.2 [0]"
box pack -o true.box --no-data true >/dev/null
is "… with a shell, as system(3) needs it" "$(run box ls true.box /bin/sh)" "/bin/sh [0]"
if command -v dpkg >/dev/null; then
    box pack -o named.box --package libc-bin true >/dev/null
    is "… with a package by its name" "$(run box ls named.box /usr/bin/getent)" "/usr/bin/getent [0]"
else
    skip "… with a package by its name" "dpkg: not installed"
fi
is "… and a directory of which some is there" "$(box pack -o twice.box --add /usr/lib/locale/C.utf8 true >/dev/null; run box ls twice.box /usr/lib/locale/C.utf8/LC_CTYPE)" "/usr/lib/locale/C.utf8/LC_CTYPE [0]"
like "… that is not there" "$(run box pack -o none.box --package no-such true)" "*--package no-such: no such package is installed [[]1]"
if [ -d /lib/terminfo ]; then
    is "… with what terminals can do" "$(run box ls named.box /lib/terminfo/x/xterm)" "/lib/terminfo/x/xterm [0]"
else
    skip "… with what terminals can do" "terminfo: not installed"
fi
like "… and nothing else of the host" "$(run box ls sh.box /etc/hostname)" "*No such file*[[]1]"
like "pack of nothing" "$(run box pack -o none.box no-such-program)" "*there is no program 'no-such-program' [[]1]"

# The kernel -------------------------------------------------------------------

mkdir mnt
if [ "$(id -u)" != 0 ] || ! mount -o loop,ro one.box mnt 2>/dev/null; then
    skip "the kernel mounts an image" "loop: no loop device can be mounted here"
else
    umount mnt
    mount -o loop,ro pax.box mnt
    is "the kernel reads all" "$(run diff -r --no-dereference --exclude=lost+found --exclude=pipe tree mnt)" " [0]"
    umount mnt
    mount -o loop sh.box mnt
    is "a packed shell runs" "$(chroot mnt /bin/sh -c 'echo $((6 * 7))')" "42"
    umount mnt
    mount -o loop one.box mnt
    cp tree/file mnt/by-kernel && rm mnt/dir/large && mv mnt/dir/vow mnt/vow && sync mnt/by-kernel
    cp --sparse=always one.box crashed.box # as a power cut would leave it
    umount mnt
    is "what the kernel wrote is read" "$(run box ls one.box dir; echo; box cp one.box:/vow out/vow2 && cmp "$VOW" out/vow2 && echo same)" "deep
link
long-link
second [0]
same"
    is "its journal is replayed" "$(box cp crashed.box:/by-kernel - 2>/dev/null; run box ls crashed.box by-kernel)" "by-kernel [0]"
    is "… for writing, too" "$(run box cp tree/file crashed.box:/by-vow)" " [0]"
    is "… consistently" "$(run clean crashed.box)" " [0]"
fi
done_testing
