/* twin: what each mechanism costs by itself, as a launcher.
 *
 *   twin exec -        PROGRAM ARG…   the exec alone: a launcher's own start
 *   twin allow -       PROGRAM ARG…   a filter that allows everything
 *   twin landlock A:B  PROGRAM ARG…   Landlock alone: A and B readable and executable
 *   twin libseccomp F  PROGRAM ARG…   the calls that the file F names, one a line,
 *                                     as libseccomp compiles them; else EPERM,
 *                                     and ENOSYS for clone3, or nothing forks */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The rights of ABI 3, which every kernel that the bench runs on has. */
#define ALL_RIGHTS ((1u << 15) - 1)
#define READ_RIGHTS                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

static int confine_nothing(char *argument)
{
    (void)argument;
    return 0;
}

static int confine_allow(char *argument)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &allow};
    (void)argument;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int add_path(int ruleset, const char *path)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = READ_RIGHTS,
                                              .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return errno != ENOENT;
    int failed = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
    return failed;
}

static int confine_landlock(char *paths)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = ALL_RIGHTS};
    size_t size = offsetof(struct landlock_ruleset_attr, handled_access_fs) + sizeof(__u64);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    int failed = ruleset < 0;
    for (char *path = strtok(paths, ":"); path && !failed; path = strtok(NULL, ":"))
        failed = add_path(ruleset, path);
    return failed || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           syscall(SYS_landlock_restrict_self, ruleset, 0) || close(ruleset);
}

static int confine_libseccomp(char *file)
{
    char name[64];
    FILE *names = fopen(file, "r");
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int failed = !names || !filter || seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) ||
                 seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    while (!failed && fscanf(names, "%63s", name) == 1) {
        int number = seccomp_syscall_resolve_name(name);
        failed = number != __NR_SCMP_ERROR && /* else newer than libseccomp */
                 seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    return failed || seccomp_load(filter);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*confine)(char *argument);
    } modes[] = {
        {"exec", confine_nothing},
        {"allow", confine_allow},
        {"landlock", confine_landlock},
        {"libseccomp", confine_libseccomp},
    };
    for (size_t i = 0; argc > 3 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argv[1], modes[i].name) != 0)
            continue;
        if (modes[i].confine(argv[2]) != 0) {
            perror(modes[i].name);
            return 125;
        }
        execvp(argv[3], argv + 3);
        perror(argv[3]);
        return 127;
    }
    fputs("usage: twin exec|allow|landlock|libseccomp ARGUMENT PROGRAM ARG...\n", stderr);
    return 2;
}
