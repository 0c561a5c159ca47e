/* load: how long the kernel takes to load vow's filter.
 *
 *   load PROMISES ROUNDS    microseconds, one line a round
 *
 * A filter cannot be taken back, so each round is a process. */
#include "bpf/bpf.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* In a child: loads the filter and sends the time through `out`. */
static void load(const struct program *program, int out)
{
    struct loaded filter = {(unsigned short)program->count, program->at};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        _exit(1);
    double start = now_us();
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
        _exit(1);
    double elapsed = now_us() - start;
    if (write(out, &elapsed, sizeof elapsed) != (ssize_t)sizeof elapsed)
        _exit(1);
    _exit(0);
}

int main(int argc, char **argv)
{
    struct program program = {0};
    struct err err = {"usage: load PROMISES ROUNDS"};
    int ends[2];
    if (argc != 3 || compile(argv[1], &program, &err) != 0 || pipe(ends) != 0) {
        fprintf(stderr, "load: %s\n", err.text);
        return 2;
    }
    for (int round = atoi(argv[2]); round > 0; round--) {
        double elapsed;
        int status;
        pid_t pid = fork();
        if (pid == 0)
            load(&program, ends[1]);
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 ||
            read(ends[0], &elapsed, sizeof elapsed) != (ssize_t)sizeof elapsed)
            return 1;
        printf("%.1f\n", elapsed);
    }
    program_free(&program);
    return 0;
}
