#include "broker/loader.h"

#include "broker/caller.h"
#include "broker/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const loaders[] = {
#if defined(__x86_64__)
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-musl-x86_64.so.1",
#elif defined(__aarch64__)
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-aarch64.so.1",
#elif defined(__i386__)
    "/lib/ld-linux.so.2",
    "/lib/ld-musl-i386.so.1",
#elif defined(__arm__)
    "/lib/ld-linux-armhf.so.3",
    "/lib/ld-linux.so.3",
    "/lib/ld-musl-armhf.so.1",
#elif defined(__riscv)
    "/lib/ld-linux-riscv64-lp64d.so.1",
    "/lib/ld-musl-riscv64.so.1",
#elif defined(__powerpc64__)
    "/lib64/ld64.so.2",
    "/lib/ld-musl-powerpc64le.so.1",
#elif defined(__s390x__)
    "/lib/ld64.so.1",
    "/lib/ld-musl-s390x.so.1",
#elif defined(__loongarch64)
    "/lib64/ld-linux-loongarch-lp64d.so.1",
    "/lib/ld-musl-loongarch64.so.1",
#elif defined(__mips64)
    "/lib64/ld.so.1",
    "/lib/ld-musl-mips64el.so.1",
#endif
};

static bool has_exec(uint8_t letters)
{
    return letters & RULE_EXEC;
}

/* is_narrowed: is there a rule without x below this directory? */
static bool is_narrowed(const struct rules *rules, const struct identity *directory)
{
    for (size_t i = 0; i < rules->directory_count; i++) {
        const struct rule_directory *at = &rules->directories[i];
        if (at->letters && !has_exec(at->letters) && walk_is_below(at->fd, directory, false))
            return true;
    }
    for (size_t i = 0; i < rules->name_count; i++) {
        const struct rule_name *name = &rules->names[i];
        if (!has_exec(name->letters) &&
            walk_is_below(rules->directories[name->directory].fd, directory, true))
            return true;
    }
    return false;
}

void loader_end(struct executables *at)
{
    while (at->depth > 0)
        close(at->open[--at->depth]);
    *at = (struct executables){0};
}

static int opened(int directory, const char *name, int flags)
{
    int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
    return fd < 0 ? -ESRCH : fd;
}

/* give_directory: all of it, or (-ESRCH) what is in it from now on. */
static int give_directory(const struct rules *rules, struct executables *at, int fd,
                          const struct identity *identity)
{
    int inside = opened(fd, ".", O_DIRECTORY);
    if (inside < 0 || !is_narrowed(rules, identity))
        return inside;
    if (at->depth < LOADER_DEPTH)
        at->open[at->depth++] = inside;
    else
        close(inside);
    return -ESRCH;
}

/* give_entry: of a directory that is not given as a whole; not what has a rule of
 * its own, nor links: Landlock asks about what they lead to. */
static int give_entry(const struct rules *rules, struct executables *at, int in, const char *name)
{
    char self[SELF_PATH_SIZE];
    struct stat stat, above;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -ESRCH;
    int fd CLEAN_FD = openat(in, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &stat) < 0 || fstat(in, &above) < 0)
        return -ESRCH;
    struct identity own = {stat.st_dev, stat.st_ino}, parent = {above.st_dev, above.st_ino};
    const struct rule_directory *rule = rules_directory(rules, &own);
    if (S_ISDIR(stat.st_mode))
        return rule && rule->letters ? -ESRCH : give_directory(rules, at, fd, &own);
    if (!S_ISREG(stat.st_mode) || !(stat.st_mode & 0111) || rules_name(rules, &parent, name))
        return -ESRCH;
    return opened(AT_FDCWD, self_path(fd, self), 0);
}

/* next_entry: of the innermost directory that is being read. */
static int next_entry(const struct rules *rules, struct executables *at)
{
    struct {
        uint64_t inode;
        int64_t next;
        uint16_t size;
        uint8_t type;
        char name[RULE_NAME_SIZE + 32];
    } entry;
    int in = at->open[at->depth - 1];
    long size = syscall(SYS_getdents64, in, &entry, sizeof entry);
    if (size <= 0 || lseek(in, (off_t)entry.next, SEEK_SET) < 0 || at->given == LOADER_MOST) {
        close(in);
        at->depth--;
        return -ESRCH;
    }
    at->given++;
    return give_entry(rules, at, in, entry.name);
}

int loader_next(const struct rules *rules, struct executables *at)
{
    if (!has_exec(rules->all))
        return -ENOENT;
    if (at->depth > 0)
        return next_entry(rules, at);
    size_t next = at->next++;
    if (next < rules->directory_count) {
        const struct rule_directory *directory = &rules->directories[next];
        return has_exec(directory->letters)
                   ? give_directory(rules, at, directory->fd, &directory->identity)
                   : -ESRCH;
    }
    next -= rules->directory_count;
    if (next < rules->name_count) {
        const struct rule_name *name = &rules->names[next];
        return has_exec(name->letters)
                   ? opened(rules->directories[name->directory].fd, name->text, O_NOFOLLOW)
                   : -ESRCH;
    }
    next -= rules->name_count;
    return next < ARRAY_COUNT(loaders) ? opened(AT_FDCWD, loaders[next], 0) : -ENOENT;
}

bool loader_is_last(const struct rules *rules, const struct executables *at)
{
    return at->next > rules->directory_count + rules->name_count;
}
