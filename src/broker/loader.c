#include "broker/loader.h"

#include "broker/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
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
static bool is_narrowed(const struct rules *rules, const struct rule_directory *directory)
{
    for (size_t i = 0; i < rules->directory_count; i++) {
        const struct rule_directory *at = &rules->directories[i];
        if (at->letters && !has_exec(at->letters) &&
            walk_is_below(at->fd, &directory->identity, false))
            return true;
    }
    for (size_t i = 0; i < rules->name_count; i++) {
        const struct rule_name *name = &rules->names[i];
        if (!has_exec(name->letters) &&
            walk_is_below(rules->directories[name->directory].fd, &directory->identity, true))
            return true;
    }
    return false;
}

static int opened(int directory, const char *name, int flags)
{
    int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
    return fd < 0 ? -ESRCH : fd;
}

int loader_executable(const struct rules *rules, int number)
{
    size_t at = (size_t)number;
    if (number < 0 || !has_exec(rules->all))
        return -ENOENT;
    if (at < rules->directory_count) {
        const struct rule_directory *directory = &rules->directories[at];
        bool given = has_exec(directory->letters) && !is_narrowed(rules, directory);
        return given ? opened(directory->fd, ".", 0) : -ESRCH;
    }
    at -= rules->directory_count;
    if (at < rules->name_count) {
        const struct rule_name *name = &rules->names[at];
        return has_exec(name->letters)
                   ? opened(rules->directories[name->directory].fd, name->text, O_NOFOLLOW)
                   : -ESRCH;
    }
    at -= rules->name_count;
    return at < ARRAY_COUNT(loaders) ? opened(AT_FDCWD, loaders[at], 0) : -ENOENT;
}
