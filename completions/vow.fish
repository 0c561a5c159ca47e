# fish completion for vow

set -g __vow_with_value -p -v --ro --rw --rox --rwx --policy --preset --view --env --setenv --limit -C --fd --json

function __vow_in -d 'is one of these commands being typed, and no program yet?'
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
    or return 1
    test $words[2] = run; or return 0
    set -e words[1..2]
    while set -q words[1]
        switch $words[1]
            case --
                return 1
            case $__vow_with_value
                set -e words[1]
                set -q words[1]; and set -e words[1]
            case '-*'
                set -e words[1]
            case '*'
                return 1
        end
    end
    return 0
end

function __vow_program -d 'is it the program of run, or behind it?'
    __fish_seen_subcommand_from run; or return 1
    __vow_in run; or return 0
    not contains -- (commandline -opc)[-1] $__vow_with_value
end

function __vow_words -d 'the promises'
    vow promises 2>/dev/null | string match -rg '^(\w+) +(.*)' | while read -l word; read -l words; printf '%s\t%s\n' $word $words; end
end

complete -c vow -f
complete -c vow -n __fish_use_subcommand -l version -d 'Print the version'
complete -c vow -n __fish_use_subcommand -a run -d 'Run a program under a policy'
complete -c vow -n __fish_use_subcommand -a why -d 'Would a policy allow this?'
complete -c vow -n __fish_use_subcommand -a filter -d 'Print, simulate, compare filters'
complete -c vow -n __fish_use_subcommand -a promises -d 'List the promises'
complete -c vow -n __fish_use_subcommand -a doctor -d 'Say what this machine enforces'
complete -c vow -n __fish_use_subcommand -a export -d 'Write another tool\'s format'
complete -c vow -n __fish_use_subcommand -a box -d 'Run programs behind one fixed filter'
complete -c vow -n __fish_use_subcommand -a help -d 'List the commands'

set -l policy '__vow_in run why filter export'
complete -c vow -n $policy -s p -x -a '(__vow_words)' -d 'Promises'
complete -c vow -n $policy -s v -x -d 'PERMS:PATH, a path rule'
complete -c vow -n $policy -l ro -rF -d 'Readable path'
complete -c vow -n $policy -l rw -rF -d 'Readable and writable path'
complete -c vow -n $policy -l rox -rF -d 'Readable and executable path'
complete -c vow -n $policy -l rwx -rF -d 'Readable, writable and executable path'
complete -c vow -n $policy -l policy -rF -d 'Policy file'
complete -c vow -n $policy -l preset -x -d 'Preset'
complete -c vow -n $policy -l view -x -a 'auto system all none' -d 'What is visible'
complete -c vow -n $policy -l kill -d 'A denial ends the program'
complete -c vow -n $policy -l env -x -a '(set -nx)' -d 'Pass a variable'
complete -c vow -n $policy -l setenv -x -d 'Set a variable'
complete -c vow -n $policy -l env-all -d 'Pass the whole environment'
complete -c vow -n $policy -l limit -x -a 'cpu= files= fsize= mem= procs=' -d 'Bound a resource'

complete -c vow -n '__vow_in run' -s C -x -a '(__fish_complete_directories)' -d 'Start there'
complete -c vow -n '__vow_in run' -l best-effort -d 'Do without what is missing here'
complete -c vow -n '__vow_in run' -l dry-run -d 'Say what would be enforced'
complete -c vow -n '__vow_in run' -l explain -d 'Explain what is stopped'
complete -c vow -n '__vow_in run' -l hint -d 'Do not watch; say how to after a failure'
complete -c vow -n '__vow_in run' -l no-explain -d 'Do not watch'
complete -c vow -n '__vow_in run' -l fd -x -d 'Keep a descriptor'
complete -c vow -n '__vow_in run' -l json -rF -d 'Write denials as JSON'
complete -c vow -n __vow_program -a '(__fish_complete_subcommand --fcs-skip=2 $__vow_with_value)'
complete -c vow -n '__vow_in promises' -l syscalls -d 'With their system calls'
complete -c vow -n '__vow_in why filter promises export' -l arch -x -a 'x86_64 i386 aarch64 arm riscv64 ppc64le s390x loongarch64 mips64el' -d Architecture
complete -c vow -n '__vow_in filter' -l raw -rF -d 'Write the instructions'
complete -c vow -n '__vow_in filter' -l compare -x -a '(__vow_words)' -d 'Compare with a second filter'
complete -c vow -n '__vow_in filter' -l simulate -x -d 'Run it on one call'
complete -c vow -n '__vow_in why filter promises doctor' -l json -d 'As JSON'
set -l asked '__fish_seen_subcommand_from open connect exec syscall'
complete -c vow -n "__vow_in why; and not $asked" -a 'open connect exec syscall'
complete -c vow -n '__vow_in why; and __fish_seen_subcommand_from open exec' -F
complete -c vow -n '__vow_in box' -a 'pack create ls cp stats fsck resize mount' -d 'Work on an image'
complete -c vow -n '__vow_in box' -s o -rF -d 'Image to make'
complete -c vow -n '__vow_in box' -l add -rF -d 'A path besides'
complete -c vow -n '__vow_in box' -x -l package -d 'A Debian package besides'
complete -c vow -n '__vow_in box' -l no-data -d 'Only programs and libraries'
complete -c vow -n '__vow_in box' -l size -x -d 'Size of the image'
complete -c vow -n '__vow_in box' -l from -rF -d 'Directory or archive'
complete -c vow -n '__vow_in box' -l repair -d 'Repair'
complete -c vow -n '__vow_in box' -s l -d 'With details'
complete -c vow -n '__vow_in box' -l discard -d 'Keep nothing'
complete -c vow -n '__vow_in box' -l stats -d 'Count calls'
complete -c vow -n '__vow_in box' -l plain -d 'Share nothing that programs could read'
complete -c vow -n '__vow_in box' -l memory -x -d 'Bound what programs share'
complete -c vow -n '__vow_in box' -l limit -x -a 'mem= procs=' -d 'Bound the whole box'
complete -c vow -n '__vow_in box' -a filter -d 'Print the two fixed filters'
complete -c vow -n '__vow_in box' -l host -xa 'trap notify' -d 'How calls come to the emulator'
complete -c vow -n '__vow_in box' -l guest -d 'Of the programs'
complete -c vow -n '__vow_in box' -l broker -d 'Of the process that serves them'
complete -c vow -n '__vow_in box' -l names -d 'Only names'
complete -c vow -n '__vow_in help' -a 'run why filter promises doctor export box'
complete -c vow -n '__vow_in export' -a oci
complete -c vow -n '__vow_in run why filter promises doctor export box' -l help -d 'Explain the command'
