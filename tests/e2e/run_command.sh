#!/bin/sh
# The command line of vow run.
. "$SOURCE/tests/e2e/tap.sh"
cp "$TRY" try
as_user

is 'options of the program are its own' "$(run vow -p stdio ./try args -p --kill -- -C)" \
    '-p|--kill|--|-C [0]'
is '-- ends the options' "$(run vow -p stdio -- ./try args --)" '-- [0]'
is 'values stand behind their letter, too' "$(run vow -pstdio -vr:/etc -C/ ./try args)" "$(run vow -p stdio -v r:/etc -C / ./try args)"
is 'a value behind its letter counts' "$(run vow '-pstdio proc' ./try fork)" 'ok [0]'
like 'no program' "$(run vow -p stdio)" 'vow run: no program* \[125\]'
like 'an unknown option' "$(run vow --nonsense ./try args)" "vow run: no option '--nonsense'* \[125\]"
like 'an option without its value' "$(run vow -C)" 'vow run: -C wants a value* \[125\]'
like 'no descriptor' "$(run vow --fd x ./try args)" 'vow run: --fd x: * \[125\]'
like 'an unknown promise' "$(run vow -p 'stdio rpaht' ./try args)" '*rpath* \[125\]'
like 'help' "$(run vow --help)" 'usage: vow run *\[0\]'
is 'help on a command is its own' "$("$VOW" help run)" "$("$VOW" run --help)"
like 'help on no command' "$("$VOW" help rnu 2>&1; echo "[$?]")" "vow: no command 'rnu'; did you mean 'run'? *\[2\]"
like 'no command' "$("$VOW" xyzzy 2>&1; echo "[$?]")" "vow: no command 'xyzzy'; 'vow help' lists them*\[2\]"
like 'the default is told' "$(run vow ./try args a)" '*stdio rpath*
a \[0\]'

is 'a denial is an error' "$(run vow -p stdio ./try fork)" 'EPERM [1]'
is '--kill: it ends the program' "$(run vow --kill -p stdio ./try fork | sed 's|.*\[|[|')" '[159]'
is '--kill: what is allowed goes on' "$(run vow --kill -p 'stdio proc' ./try fork)" 'ok [0]'

dry=$(run vow --dry-run -p 'stdio rpath' -v r:/etc/hosts -- ./try args)
like 'a dry run starts nothing' "$dry" "program
  $HERE/try (*), called as ./try args
* \[0\]"
like '… and says what may be read' "$dry" '* r      /etc/hosts  (given)*'
like '… that exec is off' "$dry" '*exec is not among them*'
like '… how long the filter is' "$dry" '*seccomp filter of [0-9]* instructions*'

printf '#!%s run --policy\npromises stdio\nprogram %s\n' "$VOW" "$HERE/try" >policy
chmod 755 policy
is 'a policy file as a script' "$(run ./policy args -p x)" '-p|x [0]'
printf '#!%s run --policy\npreset git\nprogram %s\n' "$VOW" "$HERE/try" >with_preset
chmod 755 with_preset
is 'the program of a preset that it names is none of its own' "$(run ./with_preset args x)" 'x [0]'
like 'nor is that of --preset' "$(run vow --preset git)" 'vow run: no program*\[125\]'
is 'its program without arguments' "$(run vow --policy policy)" 'usage: try THING [ARGUMENT...] [2]'
done_testing
