#!/bin/sh
# What a program sees of the file system, and that programs work in it.
# shellcheck disable=SC2016 # for the shell inside
. "$SOURCE/tests/e2e/tap.sh"
leans_on_views
: "${TRY:?}" # the program try

writes='stdio rpath wpath cpath flock'
works="$writes fattr proc exec"

prepare() # a fresh tree that the chosen identity owns
{
    rm -rf tree && mkdir -p tree/a tree/b tree/secret tree/deep/er
    echo text >tree/data && echo other >tree/other && echo hush >tree/secret/file
    ln -s data tree/link
    cp "$TRY" tree/try && chmod 755 tree/try
    [ -z "$tap_as" ] || chown -R 65534:65534 tree
    cd tree || exit 1
}

names()
{
    is 'what a rule names is there' "$(run vow -p 'stdio rpath' -v r:data -- cat data)" 'text [0]'
    like 'what no rule names is not' "$(run vow -p 'stdio rpath' -v r:data -- cat other)" '*No such file*[[]1]'
    like 'without a view it is there, but shut' \
        "$(run vow -p 'stdio rpath' --view none -v r:data -- cat other)" '*Permission denied*[[]1]'
    like 'stat sees it without a view' "$(run vow -p 'stdio rpath' --view none -v r:data -- stat -c %n other)" \
        'other [[]0]'
    like 'stat does not in one' "$(run vow -p 'stdio rpath' -v r:data -- stat -c %n other)" '*No such file*[[]1]'
    is 'a link and what it leads to' "$(run vow -p 'stdio rpath' -v r:link -- cat link)" 'text [0]'
    is 'the link is a link' "$(run vow -p 'stdio rpath' -v r:link -- readlink link)" 'data [0]'
    is 'a hidden directory shows its name' "$(run vow -p 'stdio rpath' -v r:. -v :secret -- stat -c %a secret)" '0 [0]'
    like 'and nothing else' "$(run vow -p 'stdio rpath' -v r:. -v :secret -- cat secret/file)" '*Permission denied*[[]1]'
    is 'its neighbours are open' "$(run vow -p 'stdio rpath' -v r:. -v :secret -- cat data)" 'text [0]'
    is 'all shows the rest' "$(run vow -p 'stdio rpath' --view all -v r:data -- stat -c %n /etc/passwd)" '/etc/passwd [0]'
    like 'but shut' "$(run vow -p 'stdio rpath' --view all -v r:data -- cat /etc/passwd)" '*Permission denied*[[]1]'
    is '-C' "$(run vow -p 'stdio rpath' -C deep/er -v r:deep -- readlink /proc/self/cwd)" "$PWD/deep/er [0]"
    is 'a directory without a rule is empty' "$(run vow -p 'stdio rpath' -v r:/usr -- stat -c %h "$PWD")" '2 [0]'
    like 'a hidden one is an error' "$(run vow -p 'stdio rpath' -v r:/usr -v r:.. -v :. -- true)" \
        "vow run: *hides the working directory*[[]125]"
}

writing()
{
    is 'replace a file' "$(run vow -p "$works" -- sh -c 'echo new >x.new && mv x.new other && cat other')" 'new [0]'
    is 'move from one rule to another' \
        "$(run vow -p "$works" -v rwc:a -v rwc:b -v rx:/usr -v rx:/bin -- sh -c 'echo x >a/f && mv a/f b/f && cat b/f')" 'x [0]'
    like 'read-only below writable' \
        "$(run vow -p "$works" -v rwc:. -v r:deep -v rx:/usr -v rx:/bin -- sh -c 'echo x >deep/f')" '*Read-only file system*[[]2]'
    like 'and not to be moved away' \
        "$(run vow -p "$works" -v rwc:. -v r:deep/er -v rx:/usr -v rx:/bin -- mv deep shallow)" '*busy*[[]1]'
    is 'what was written does not run' \
        "$(run vow -p "$works" -- sh -c 'cp try own && ./own; echo $?; rm own' 2>&1 | tail -n 1)" '126 [0]'
    is 'but where x says so' "$(run vow -p "$works" -v +rwxc:. -- sh -c 'cp try own && ./own args a; rm own')" 'a [0]'
    is 'the program itself runs where it lies' "$(run vow -p "$works" -- ./try args a)" 'a [0]'
}

temporary()
{
    echo outside >"/tmp/vow-e2e-$$"
    like '/tmp is empty' "$(run vow -p "$works" -- cat "/tmp/vow-e2e-$$")" '*No such file*[[]1]'
    is '/tmp is writable' "$(run vow -p "$works" -- sh -c 'f=$(mktemp) && echo x >$f && cat $f')" 'x [0]'
    is 'a file of the same name is another' "$(run vow -p "$works" -- sh -c "echo in >/tmp/vow-e2e-$$")" ' [0]'
    is 'the one outside stays' "$(cat "/tmp/vow-e2e-$$")" outside
    is 'a granted /tmp is the real one' "$(run vow -p "$works" -v +r:/tmp -- cat "/tmp/vow-e2e-$$")" 'outside [0]'
    rm "/tmp/vow-e2e-$$"
}

git_repository()
{
    command -v git >/dev/null || { skip 'a repository' 'git: is not here'; return; }
    $tap_as git init -q repository && cd repository || exit 1
    set -- -p "$works" --setenv GIT_CONFIG_GLOBAL=/dev/null --setenv GIT_AUTHOR_NAME=a --setenv GIT_AUTHOR_EMAIL=a@b \
        --setenv GIT_COMMITTER_NAME=a --setenv GIT_COMMITTER_EMAIL=a@b --
    is 'git add' "$(echo text >file; run vow "$@" git add file)" ' [0]'
    is 'git commit' "$(run vow "$@" git commit -qm first)" ' [0]'
    is 'git log' "$(run vow "$@" git log --format=%s)" 'first [0]'
    is 'git gc' "$(run vow "$@" git gc -q)" ' [0]'
    like 'a hook cannot be written' "$(run vow "$@" sh -c 'echo x >.git/hooks/post-commit')" '*Read-only file system*[[]2]'
    like 'nor be put in the place of all hooks' "$(run vow "$@" mv .git .old)" '*busy*[[]1]'
    like 'nor by git config' "$(run vow "$@" git config core.hooksPath /tmp)" '*[[]*[1-9]*]'
    is 'all was committed' "$(run vow "$@" git status --short)" ' [0]'
    cd ..
}

databases()
{
    command -v sqlite3 >/dev/null || { skip sqlite3 'sqlite3: not installed'; return; }
    is 'sqlite3 with a journal' \
        "$(run vow -p "$writes" -- sqlite3 db 'create table t(x); insert into t values(1); select * from t')" '1 [0]'
    is 'sqlite3 with a write-ahead log' \
        "$(run vow -p "$writes" -- sqlite3 db 'pragma journal_mode=wal; insert into t values(2); select max(x) from t')" "wal
2 [0]"
}

terminals()
{
    command -v script >/dev/null || { skip terminal 'script: not installed'; return; }
    # In the session of script(1): what outside and inside say.
    cat >ask <<EOF
tty
"$VOW" run --no-explain -p '$works tty' -- tty
"$VOW" run --no-explain -p 'stdio rpath' -- tty
"$VOW" run --no-explain -p '$works tty' -- sh -c 'echo by name >/dev/tty'
"$VOW" run --no-explain -p '$works tty' -- bash --norc -ic 'sleep 9 & jobs %1; kill %1; wait; echo ended' 2>&1
EOF
    answer=$($tap_as script -qec 'sh ask' /dev/null </dev/null | tr -d '\r')
    name=$(echo "$answer" | sed -n 1p)
    like 'tty(1) outside' "$name" '/dev/pts/*'
    is 'tty(1) with tty' "$(echo "$answer" | sed -n 2p)" "$name"
    is 'tty(1) without' "$(echo "$answer" | sed -n 3p)" "$name"
    is '/dev/tty' "$(echo "$answer" | sed -n 4p)" 'by name'
    like 'job control' "$answer" '*Running*sleep 9*ended*'
    is 'a new terminal' "$(run vow -p "$works tty" -v +rw:/dev/ptmx -v +rw:/dev/pts -- \
        script -qec 'tty >/dev/tty && echo on it' typescript </dev/null | tr -d '\r' | tail -n 1)" 'on it [0]'
    like '… without its rules' "$(run vow -p "$works tty" -- script -qec 'echo on it' typescript </dev/null)" \
        'script: failed to create pseudo-terminal*'
    # In a container /dev/ptmx is a link to what a rule can show by itself.
    if [ -L /dev/ptmx ]; then shut=/dev/mqueue answer_shut='No such file'; else shut=/dev/kmsg answer_shut='Permission denied'; fi
    like '… and the rest of /dev is shut' "$(run vow -p "$works tty" -v +rw:/dev/ptmx -- cat "$shut")" "*$shut: $answer_shut*"
    is 'nobody missed a terminal' "$(echo "$answer" | grep -c 'job control\|process group')" 0
}

substitution()
{
    command -v bash >/dev/null || { skip substitution 'bash: not installed'; return; }
    is 'process substitution' \
        "$(run $tap_as bash -c "'$VOW' run --no-explain -p 'stdio rpath' -- cat <(echo one) <(echo two)")" 'one
two [0]'
    is 'inside, too' "$(run vow -p "$works" -- bash -c 'cat <(echo one)')" 'one [0]'
}

nested()
{
    promises="$works unveil id"
    is 'a run in a run needs no view' "$(run vow -p "$promises" -- "$VOW" run --no-explain -p 'stdio rpath' -- cat data)" \
        'text [0]'
    like 'asked for one, it says that there is none' \
        "$(run vow -p "$promises" -- "$VOW" run --no-explain --view system -p 'stdio rpath' -- cat data)" '*[[]125]'
    set -- -p "$promises" -v rx:/usr -v rx:/bin -v rx:/lib -v 'rx?:/lib64' -v r:data -v "rx:$VOW" --
    is 'it can only take away' "$(run vow "$@" "$VOW" run --no-explain -p 'stdio rpath' -v r:.. -- cat data)" 'text [0]'
    like 'not let out' "$(run vow "$@" "$VOW" run --no-explain -p 'stdio rpath' -v r:.. -- cat other)" '*No such file*[[]1]'
}

for identity in $(identities); do
    $identity
    prepare
    for part in names writing temporary git_repository databases terminals substitution nested; do
        $part
    done
    cd "$HERE" || exit 1
done
# A system that is nearly empty: no /proc, no /tmp.
cp "$VOW" "$HERE/vow-copy"
nearly_empty()
{
    bwrap --ro-bind /usr /usr --ro-bind "$HERE/vow-copy" /vow --symlink usr/bin /bin --symlink usr/lib /lib \
        --symlink usr/lib64 /lib64 --dev /dev -- /vow run --no-explain "$@"
}
if ! command -v bwrap >/dev/null; then
    skip 'a nearly empty system' 'bwrap: not installed'
elif ! bwrap --ro-bind / / true 2>/dev/null; then
    skip 'a nearly empty system' 'mountns: bwrap has none'
else
    is 'a nearly empty system' "$(run nearly_empty -p 'stdio rpath' -- echo works)" 'works [0]'
fi
done_testing
