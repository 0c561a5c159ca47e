/* load: how long the kernel takes to load filters, by turns.
 *
 *   load ROUNDS FILTER…    "INDEX MICROSECONDS", one line for each round and filter
 *
 * A FILTER is what vow makes of these promises, or a limit to compare it with: "return", one
 * instruction that allows everything, or "loads N", N loads in front of it. A filter
 * cannot be taken back, so each load is in a process of its own; that has made the
 * same call with another operation before, as vow has made calls: what a fork costs
 * its child on first touch is no part of the figure. */
#include "bpf/bpf.h"
#include "bpf/insn.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FILTERS = 16, MAX_LOADS = 1000 };

/* Same layout as struct sock_fprog. */
struct loaded {
    unsigned short count;
    const struct insn *at;
};

static int compile(const char *promises, struct program *out, struct err *err)
{
    struct policy policy;
    struct filter_mode mode = {0};
    struct ruleset rules = {0};
    policy_init(&policy);
    int error = promises_parse(promises, &policy.promises, err);
    if (!error)
        error = ruleset_from_policy(&policy, arch_native(), &mode, &rules, err);
    const struct ruleset *sets[] = {&rules};
    if (!error)
        error = bpf_compile(sets, 1, RET_KILL_PROCESS, out, err);
    ruleset_free(&rules);
    policy_free(&policy);
    return error;
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* "return" or "loads N": whether it is one of them. */
static bool make_limit(const char *text, struct program *out)
{
    static struct insn insns[MAX_LOADS + 1];
    unsigned loads = 0;
    if (strcmp(text, "return") != 0 && sscanf(text, "loads %u", &loads) != 1)
        return false;
    if (loads > MAX_LOADS)
        return false;
    for (unsigned i = 0; i < MAX_LOADS; i++)
        insns[i] = (struct insn){.code = INSN_LOAD, .k = DATA_ARCH};
    insns[MAX_LOADS] = (struct insn){.code = INSN_RET, .k = RET_ALLOW};
    *out = (struct program){insns + MAX_LOADS - loads, loads + 1, 0};
    return true;
}

/* In a child: loads the filter and sends the time through `out`. */
static void load(const struct program *program, int out)
{
    struct loaded filter = {(unsigned short)program->count, program->at};
    uint32_t action = RET_ALLOW;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0 || now_us() < 0)
        _exit(1);
    double start = now_us();
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
        _exit(1);
    double elapsed = now_us() - start;
    if (write(out, &elapsed, sizeof elapsed) != (ssize_t)sizeof elapsed)
        _exit(1);
    _exit(0);
}

/* Microseconds; negative: it failed. */
static double load_once(const struct program *program, const int ends[2])
{
    double elapsed;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        load(program, ends[1]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 ||
        read(ends[0], &elapsed, sizeof elapsed) != (ssize_t)sizeof elapsed)
        return -1;
    return elapsed;
}

int main(int argc, char **argv)
{
    static struct program programs[MAX_FILTERS];
    struct err err = {"usage: load ROUNDS FILTER..."};
    int count = argc - 2, ends[2], error = count < 1 || count > MAX_FILTERS || pipe(ends) != 0;
    for (int i = 0; i < count && !error; i++)
        error = !make_limit(argv[i + 2], &programs[i]) && compile(argv[i + 2], &programs[i], &err);
    if (error) {
        fprintf(stderr, "load: %s\n", err.text);
        return 2;
    }
    for (int round = 0; round < atoi(argv[1]); round++)
        for (int i = 0; i < count; i++) {
            int index = (i + round) % count;
            double elapsed = load_once(&programs[index], ends);
            if (elapsed < 0)
                return 1;
            printf("%d %.1f\n", index, elapsed);
        }
    return 0;
}
