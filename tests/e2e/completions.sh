#!/bin/sh
# What fish offers; that the files of all shells have every word is tested by `words`.
. "$SOURCE/tests/e2e/tap.sh"
command -v fish >/dev/null || { echo '1..0 # SKIP fish: not installed'; exit 0; }
mkdir bin home && ln -s "$VOW" bin/vow && echo text >file.txt

# offers LINE: the first words of what may stand at its end
offers()
{
    HOME=$HERE/home PATH=$HERE/bin:$PATH fish --no-config -c \
        'source $argv[1]; complete -C $argv[2]' "$SOURCE/completions/vow.fish" "$1" | cut -f 1 | sed 4q | tr '\n' ' '
}

is 'a command' "$(offers 'vow wh')" 'why '
is 'a promise' "$(offers 'vow run -p stdi')" 'stdio '
is 'the value of an option' "$(offers 'vow run --view ')" 'all auto none system '
is 'the program' "$(offers 'vow run -p stdio setpri')" 'setpriv '
is 'its words' "$(offers 'vow run -p stdio cat file')" 'file.txt '
is 'a question' "$(offers 'vow why -p stdio s')" 'syscall '
is 'its file, and no question again' "$(offers 'vow why open ')" 'bin/ file.txt home/ '
done_testing
