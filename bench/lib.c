/* lib: what libvow costs the process that calls it.
 *
 *   lib bare                nothing
 *   lib allow               a filter that allows everything: the limit
 *   lib pledge PROMISES     pledge()
 *   lib libseccomp FILE     the calls that FILE names, as libseccomp compiles them
 *   lib floor               a Landlock domain without rules, and that filter: the limit
 *                           of pledge()
 *   lib landlock            Landlock alone, one rule: the limit of an open
 *   lib unveil COUNT        COUNT rules and the end; calls with a path by the broker
 *   lib data COUNT          the same with VOW_DATA_ONLY
 *   peer peer FILE          pledge("stdio") of a shared library that exports it
 *
 * Prints "NAME NS" lines: `setup`, then what is allowed of getppid, read, fcntl,
 * open (and close) and stat, each the median of BATCHES. Run it anew for each
 * sample: filters stay. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <vow.h>

#define BATCHES 15
#define FILE_READ "/usr/lib/os-release"

static int set_nothing(const char *argument)
{
    (void)argument;
    return 0;
}

static int set_allow(const char *argument)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &allow};
    (void)argument;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int set_floor(const char *argument)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE};
    int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
    return ruleset < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           syscall(SYS_landlock_restrict_self, ruleset, 0) || set_allow(argument);
}

static int set_pledge(const char *promises)
{
    return pledge(promises, NULL);
}

static int (*peer_pledge)(const char *, const char *);

static int set_peer(const char *argument)
{
    (void)argument;
    return peer_pledge("stdio", NULL);
}

/* load_peer: before the time is taken. */
static bool load_peer(const char *file)
{
#ifdef WITH_PEER
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library)
        peer_pledge = (int (*)(const char *, const char *))dlsym(library, "pledge");
    if (!peer_pledge)
        fprintf(stderr, "%s\n", dlerror());
#else
    fprintf(stderr, "%s: a static program loads no library\n", file);
#endif
    return peer_pledge;
}

static int set_libseccomp(const char *file)
{
    char name[64];
    FILE *names = fopen(file, "r");
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    int failed = !names || !filter || seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) ||
                 seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    while (!failed && fscanf(names, "%63s", name) == 1) {
        int number = seccomp_syscall_resolve_name(name);
        failed = number != __NR_SCMP_ERROR && /* else newer than libseccomp */
                 seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    return failed || seccomp_load(filter);
}

static int set_landlock(const char *argument)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE};
    struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
                                              .parent_fd = open("/usr", O_PATH | O_CLOEXEC)};
    int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
    (void)argument;
    return ruleset < 0 ||
           syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ||
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           syscall(SYS_landlock_restrict_self, ruleset, 0);
}

/* The rules beside the one that is used are directories of this system. */
static int set_unveil(const char *count)
{
    int failed = unveil("/usr/lib", "r");
    for (int i = 1; i < atoi(count) && !failed; i++) {
        char path[32];
        snprintf(path, sizeof path, "/tmp/vow-bench/%d", i);
        failed = unveil(path, "r");
    }
    return failed || unveil(NULL, NULL);
}

static int set_data(const char *count)
{
    return vow_unveil_flags(VOW_DATA_ONLY) || set_unveil(count);
}

static void call_getppid(void)
{
    syscall(SYS_getppid);
}

static void call_read(void)
{
    char byte;
    if (read(STDIN_FILENO, &byte, 1) < 0)
        _exit(3);
}

static void call_fcntl(void)
{
    if (fcntl(STDIN_FILENO, F_GETFL) < 0)
        _exit(3);
}

static void call_open(void)
{
    int fd = open(FILE_READ, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || close(fd) < 0)
        _exit(4);
}

static void call_stat(void)
{
    struct stat st;
    if (stat(FILE_READ, &st) < 0)
        _exit(5);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *name, void (*call)(void), int count)
{
    double batch[BATCHES];
    for (int b = 0; b < BATCHES; b++) {
        double start = now_ns();
        for (int i = 0; i < count; i++)
            call();
        batch[b] = (now_ns() - start) / count;
    }
    qsort(batch, BATCHES, sizeof batch[0], compare);
    printf("%s %.1f\n", name, batch[BATCHES / 2]);
}

static const struct mode {
    const char *name;
    int (*set)(const char *argument);
    bool opens; /* may it open and stat? */
} modes[] = {
    {"bare", set_nothing, true},
    {"allow", set_allow, true},
    {"floor", set_floor, false},
    {"pledge", set_pledge, false},
    {"libseccomp", set_libseccomp, false},
    {"landlock", set_landlock, true},
    {"unveil", set_unveil, true},
    {"data", set_data, true},
    {"peer", set_peer, false},
};

int main(int argc, char **argv)
{
    const struct mode *mode = NULL;
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            mode = &modes[i];
    if (!mode)
        return 2;
    static char output[BUFSIZ]; /* a peer may not let stdio ask what standard output is */
    setvbuf(stdout, output, _IOFBF, sizeof output);
    if (mode->set == set_peer && (argc < 3 || !load_peer(argv[2])))
        return 2;
    double start = now_ns();
    if (mode->set(argc > 2 ? argv[2] : NULL) != 0) {
        perror(mode->name);
        return 1;
    }
    printf("setup %.1f\n", now_ns() - start);
    measure("getppid", call_getppid, 10000);
    measure("read", call_read, 10000);
    measure("fcntl", call_fcntl, 10000);
    if (mode->opens) {
        measure("open", call_open, 500);
        measure("stat", call_stat, 500);
    }
    return 0;
}
