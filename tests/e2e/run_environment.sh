#!/bin/sh
# Which variables a program gets.
. "$SOURCE/tests/e2e/tap.sh"

clean() { env -i PATH=/usr/bin:/bin VOW="$VOW" TERM=dumb LC_TIME=C TZ=UTC API_TOKEN=secret \
    SSH_AUTH_SOCK=/x LD_PRELOAD= LD_BIND_NOW=1 "$@"; }

for identity in $(identities); do
    $identity
    # The names and values that a program gets, in one line.
    passing() { clean $tap_as "$VOW" run --no-explain -p stdio "$@" -- env | grep -v ^VOW= | sort | tr '\n' ' '; }
    is 'those of the list' "$(passing)" \
        'LC_TIME=C PATH=/usr/bin:/bin TERM=dumb TZ=UTC '
    is '--env' "$(passing --env API_TOKEN --env=LD_BIND_NOW --env ABSENT)" \
        'API_TOKEN=secret LC_TIME=C LD_BIND_NOW=1 PATH=/usr/bin:/bin TERM=dumb TZ=UTC '
    is '--setenv' "$(passing --setenv NEW=a=b --setenv TZ=CET)" \
        'LC_TIME=C NEW=a=b PATH=/usr/bin:/bin TERM=dumb TZ=CET '
    is '--env-all' "$(passing --env-all)" \
        'API_TOKEN=secret LC_TIME=C PATH=/usr/bin:/bin SSH_AUTH_SOCK=/x TERM=dumb TZ=UTC '
    is '-C' "$(PWD=/old run vow -p stdio -C /usr -- sh -c 'echo $PWD; pwd' | tr '\n' ' ')" '/usr /usr [0]'
    like '-C to nowhere' "$(run vow -p stdio -C /no/where -- true)" '*-C /no/where: * \[125\]'
    is 'PATH decides what is started' "$(run vow -p stdio --setenv PATH=/no/where -- env)" \
        'vow run: env: not found in PATH [127]'
done
done_testing
