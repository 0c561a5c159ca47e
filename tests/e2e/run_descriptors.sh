#!/bin/sh
# Which descriptors a program gets.
. "$SOURCE/tests/e2e/tap.sh"
cp "$TRY" try
echo text >data

for identity in $(identities); do
    $identity
    is 'others are closed' "$(run vow -p stdio -- ./try fds 5<data 9<data 8>/dev/null)" '0 1 2 [0]'
    is '--fd keeps one' "$(run vow -p stdio --fd 5 --fd=9 -- ./try fds 5<data 7<data 9<data)" \
        '0 1 2 5 9 [0]'
    # As in `diff <(…)`; the pipe belongs to who may open it.
    is 'an argument keeps one' "$(run $tap_as sh -c \
        'echo piped | "$VOW" run --no-explain -p "stdio rpath" -- cat /dev/fd/7 7<&0 </dev/null')" \
        'piped [0]'
    is 'as part of an argument' "$(run vow -p stdio -- ./try fds --x=/proc/self/fd/7 7<data 8<data)" \
        '0 1 2 7 [0]'
    is 'one that is not open' "$(run vow -p stdio --fd 5 -- ./try fds 5<&-)" \
        'vow run: descriptor 5 is not open [125]'
    like 'a directory' "$(run vow -p stdio --fd 5 -- ./try fds 5</)" \
        'vow run: descriptor 5 is a directory, * \[125\]'
    like 'a directory as standard input' "$(run vow -p stdio -- ./try fds </)" \
        'vow run: descriptor 0 is a directory, * \[125\]'
    like 'a directory that an argument names' "$(run vow -p stdio -- ./try fds /dev/fd/5 5</)" \
        'vow run: descriptor 5 is a directory, * \[125\]'
    is 'closed standard input' "$(run vow -p stdio -- ./try fds <&-)" '0 1 2 [0]'
    is 'all of them closed' "$(vow -p stdio -- ./try fds 0<&- 1>&- 2>&-; echo $?)" 0
done
done_testing
