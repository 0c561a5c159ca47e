#include "unveil/data.h"

#include "broker/walk.h"
#include "host/landlock.h"
#include "landlock/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_RULES (RULE_DIRECTORIES + RULE_NAMES)
#define FILE_RIGHTS                                                                                \
    (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV | LL_RESOLVE_UNIX)

/* A rule holds its object, and the directory from which to look upwards. */
static struct data_rule {
    int object, start;
    bool directory;
    uint8_t letters;
    struct identity identity;
} * data_rules;
static size_t data_count, data_capacity;

/* real_path: where an open object lies. */
static int real_path(int object, char to[PATH_MAX])
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", object);
    ssize_t size = readlink(link, to, PATH_MAX - 1);
    if (size < 0 || to[0] != '/')
        return -ENOENT;
    to[size] = '\0';
    return 0;
}

/* open_start: the directory of something that is none. */
static int open_start(const struct data_rule *rule)
{
    char path[PATH_MAX];
    if (rule->directory)
        return fcntl(rule->object, F_DUPFD_CLOEXEC, 0);
    int code = real_path(rule->object, path);
    if (code < 0)
        return code;
    *(strrchr(path, '/') + 1) = '\0';
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* is_below: does the second lie below the first, a directory? */
static bool is_below(const struct data_rule *above, const struct data_rule *rule)
{
    return above->directory && above != rule &&
           walk_is_below(rule->start, &above->identity, !rule->directory);
}

/* takes_away: does one of two rules, the one above, grant what the other lacks? */
static bool takes_away(const struct data_rule *a, const struct data_rule *b)
{
    return ((a->letters & ~b->letters) && is_below(a, b)) ||
           ((b->letters & ~a->letters) && is_below(b, a));
}

static struct data_rule *find(const struct data_rule *rule)
{
    for (size_t i = 0; i < data_count; i++)
        if (memcmp(&data_rules[i].identity, &rule->identity, sizeof rule->identity) == 0)
            return &data_rules[i];
    return NULL;
}

/* add: takes over the rule's descriptors where it succeeds. */
static int add(const struct data_rule *rule)
{
    struct data_rule *same = find(rule);
    for (size_t i = 0; i < data_count; i++)
        if (&data_rules[i] != same && takes_away(&data_rules[i], rule))
            return -EINVAL;
    if (same) {
        same->letters = rule->letters;
        close(rule->object);
        close(rule->start);
        return 0;
    }
    if (data_count == DATA_RULES)
        return -E2BIG;
    void *rules = data_rules;
    if (array_grow(&rules, &data_capacity, data_count, sizeof *data_rules) < 0)
        return -ENOMEM;
    data_rules = rules;
    data_rules[data_count++] = *rule;
    return 0;
}

int unveil_data_add(const char *path, const char *permissions)
{
    struct stat stat_;
    int letters = path && permissions ? rules_letters(permissions) : -EFAULT;
    if (letters < 0 || path[0] == '\0' || letters == RULE_SET)
        return letters < 0 ? letters : -EINVAL;
    int object CLEAN_FD = open(path, O_PATH | O_CLOEXEC);
    if (object < 0 || fstat(object, &stat_) < 0)
        return -errno;
    struct data_rule rule = {.object = object,
                             .directory = S_ISDIR(stat_.st_mode),
                             .letters = (uint8_t)letters,
                             .identity = {stat_.st_dev, stat_.st_ino}};
    int start CLEAN_FD = rule.start = open_start(&rule);
    int code = start < 0 ? start : add(&rule);
    if (code == 0) {
        take_fd(&object);
        take_fd(&start);
    }
    return code;
}

int unveil_data_ruleset(void)
{
    const promise_set all = ~(promise_set)0;
    char path[PATH_MAX];
    int abi = host_landlock_abi();
    if (abi < 1)
        return -ENOSYS;
    uint32_t handled = landlock_handled(abi);
    int ruleset CLEAN_FD = host_landlock_create(handled, 0, 0);
    int code = ruleset < 0 ? ruleset : 0;
    for (size_t i = 0; code == 0 && i < data_count; i++) {
        const struct data_rule *at = &data_rules[i];
        code = real_path(at->object, path);
        struct path_rule rule = {.real = path, .perms = at->letters & ~RULE_SET & 0xf};
        uint32_t access = landlock_access(all, &rule) & handled;
        if (code == 0)
            code = host_landlock_add_path(ruleset, at->directory ? access : access & FILE_RIGHTS,
                                          at->object);
    }
    return code < 0 ? code : take_fd(&ruleset);
}
