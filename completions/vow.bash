# bash completion for vow; needs the bash-completion package.

# The options of each command; "policy" stands for those of all that take one.
declare -gA _vow_options=(
    [policy]='-p -v --ro --rw --rox --rwx --policy --preset --view --kill --env --setenv --env-all --limit'
    [run]='policy -C --best-effort --dry-run --explain --hint --no-explain --fd --json'
    [why]='policy --arch --json'
    [filter]='policy --arch --json --raw --compare --simulate'
    [promises]='--syscalls --arch --json'
    [doctor]='--json'
    [export]='policy --arch'
    [box]='--discard --plain --stats --host --memory --limit -o --add --package --no-data --from --size --repair -l --guest --broker --names'
    [help]=''
)
_vow_with_value=' -p -v --ro --rw --rox --rwx --policy --preset --view --env --setenv --limit -C --fd --json --arch --raw --compare '

# Words that fit behind an option; fails for an option without a value.
_vow_value() {
    case $1 in
    -p | --compare) COMPREPLY=($(compgen -W "$(vow promises 2>/dev/null | awk '{print $1}')" -- "$cur")) ;;
    -v)
        local path=${cur#*:}
        [[ $cur == *:* ]] && COMPREPLY=($(compgen -P "${cur%%:*}:" -f -- "$path"))
        compopt -o nospace
        __ltrim_colon_completions "$cur"
        ;;
    --ro | --rw | --rox | --rwx | --policy | --raw) _filedir ;;
    -C) _filedir -d ;;
    --json) [[ ${words[1]} == run ]] || return 1; _filedir ;;
    --view) COMPREPLY=($(compgen -W 'auto system all none' -- "$cur")) ;;
    --limit) COMPREPLY=($(compgen -W 'cpu= files= fsize= mem= procs=' -- "$cur")); compopt -o nospace ;;
    --env) COMPREPLY=($(compgen -e -- "$cur")) ;;
    --arch) COMPREPLY=($(compgen -W "x86_64 i386 aarch64 arm riscv64 ppc64le s390x loongarch64 mips64el" -- "$cur")) ;;
    --preset | --setenv | --fd) ;;
    *) return 1 ;;
    esac
}

_vow() {
    local cur prev words cword i
    _init_completion -n := || return
    if ((cword == 1)); then
        COMPREPLY=($(compgen -W 'run why filter promises doctor export box help --version' -- "$cur"))
        return
    fi
    # The program and what follows it are completed as if typed alone.
    for ((i = 2; i < cword; i++)); do
        case ${words[i]} in
        --) ((i++)); break ;;
        -*) [[ $_vow_with_value == *" ${words[i]} "* ]] && ((i++)) ;;
        *) break ;;
        esac
    done
    if [[ ${words[1]} == run ]] && { ((i < cword)) || [[ $i == "$cword" && $cur != -* ]]; }; then
        _command_offset "$i"
        return
    fi
    _vow_value "$prev" && return
    if [[ $cur == -* ]]; then
        local options=${_vow_options[${words[1]}]}
        COMPREPLY=($(compgen -W "${options/policy/${_vow_options[policy]}} --help" -- "$cur"))
    elif [[ ${words[1]} == why && $i == "$cword" ]]; then
        COMPREPLY=($(compgen -W 'open connect exec syscall' -- "$cur"))
    elif [[ ${words[1]} == why && ${words[i]} == @(open|exec) ]]; then
        _filedir
    elif [[ ${words[1]} == help ]]; then
        COMPREPLY=($(compgen -W 'run why filter promises doctor export box' -- "$cur"))
    elif [[ ${words[1]} == export ]]; then
        COMPREPLY=($(compgen -W 'oci' -- "$cur"))
    fi
} &&
    complete -F _vow vow
