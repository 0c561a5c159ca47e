/* Using things up, within the limits that were set. */
#include "escape.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int map_pages(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int much_memory(UNUSED const struct scene *s)
{
    return map_pages((size_t)1 << 30);
}

static int little_memory(UNUSED const struct scene *s)
{
    return map_pages((size_t)1 << 20);
}

static int open_many(int count)
{
    for (int i = 0; i < count; i++)
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
            return errno;
    return 0;
}

static int many_files(UNUSED const struct scene *s)
{
    return open_many(40);
}

static int few_files(UNUSED const struct scene *s)
{
    return open_many(10);
}

static int write_size(off_t size)
{
    signal(SIGXFSZ, SIG_IGN);
    CLEAN_FD int fd = open("big", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int failed = fd < 0 ? errno : TRY(ftruncate(fd, size));
    unlink("big");
    return failed;
}

static int big_file(UNUSED const struct scene *s)
{
    return write_size(1 << 21);
}

static int small_file(UNUSED const struct scene *s)
{
    return write_size(1 << 10);
}

/* Children that live until their parent ends. */
static int start_many(int count)
{
    int ends[2], failed = TRY(pipe(ends));
    for (int i = 0; i < count && !failed; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            char byte;
            close(ends[1]);
            _exit(read(ends[0], &byte, 1) < 0);
        }
        failed = TRY(pid);
    }
    close(ends[1]);
    while (wait(NULL) > 0)
        ;
    return failed;
}

static int many_children(UNUSED const struct scene *s)
{
    return start_many(200);
}

static int few_children(UNUSED const struct scene *s)
{
    return start_many(2);
}

static int raise_limit(UNUSED const struct scene *s)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
    return TRY(setrlimit(RLIMIT_FSIZE, &limit));
}

/* Of its core files only 1 keeps the kernel from starting core_pattern's
 * program; 0, which is lower, would start it. */
static int lower_core(UNUSED const struct scene *s)
{
    struct rlimit limit = {0, 0};
    int failed = TRY(setrlimit(RLIMIT_CORE, &limit));
    if (failed || getrlimit(RLIMIT_CORE, &limit) < 0)
        return failed ? failed : errno;
    return limit.rlim_max == 1 ? EPERM : 0;
}

static int ask_for_no_core(UNUSED const struct scene *s)
{
    struct rlimit limit = {0, 0};
    return TRY(setrlimit(RLIMIT_CORE, &limit));
}

#define WRITES "stdio rpath wpath cpath"
const struct escape escapes_limits[] = {
    {"much_memory", "stdio", "--limit mem=256M", {ENOMEM}, much_memory, little_memory},
    {"many_files", "stdio rpath", "--limit files=32", {EMFILE}, many_files, few_files},
    {"big_file", WRITES, "--limit fsize=1M", {EFBIG}, big_file, small_file},
    {"many_children",
     "stdio proc",
     "--limit procs=50",
     {EAGAIN},
     many_children,
     few_children,
     .who = USER_ONLY},
    {"raise_a_limit", WRITES " proc id", "--limit fsize=1M", {EPERM}, raise_limit, small_file},
    {"lower_the_limit_of_cores", "stdio proc id", NULL, {EPERM}, lower_core, ask_for_no_core},
    {"lower_the_limit_of_cores_under_stdio", "stdio", NULL, {EPERM}, lower_core, ask_for_no_core},
    {0},
};
