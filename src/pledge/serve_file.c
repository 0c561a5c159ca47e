#include "pledge/gate.h"
#include "pledge/memory.h"
#include "pledge/serve.h"
#include "pledge/statx.h"
#include "policy/paths.h"
#include "unveil/unveil.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PATH_LOOKED_AT 256 /* the exceptions are short */
#define SET_ID (S_ISUID | S_ISGID)
#define ACCESS_MODE 3 /* the kernel's O_ACCMODE; musl's has O_PATH, too */
#if !defined(SYS_fchmodat2) && !defined(__mips__) /* younger than some headers */
#define SYS_fchmodat2 452
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* One request for something that has a name. */
struct named {
    int dir;
    uintptr_t path;
    promise_set held;
    bool marked; /* perhaps the handler's own; libcs leave old marks in registers, too */
};

/* Read by the kernel again: only what Landlock allows is ever opened. Unveil's
 * broker, where there is one, opens only what is an exception, as it is one. */
static long open_marked(const struct named *file, long flags)
{
    char path[PATH_LOOKED_AT];
    if (unveil_active())
        return memory_text(path, sizeof path, file->path) < 0 ? -EACCES : unveil_fetch(path);
    return gate_call(SYS_openat, file->dir, file->path, flags, 0, 0, LIBRARY_MARK);
}

/* What loaders and iconv look for and can do without; the root, which glibc's
 * name services look at, to see whether it changed; and what a later pledge()
 * would like to see. */
static bool is_searched(const char *path)
{
    static const char *const places[] = {"/proc/self/task", "/etc/ld.so.", "/lib", "/usr/lib",
                                         "/usr/local/lib"};
    if (strstr(path, ".so") || strcmp(path, "/") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        if (strncmp(path, places[i], strlen(places[i])) == 0)
            return true;
    return false;
}

/* 0 for a path that a promise opens by itself, else what to answer. */
static long judge(const struct named *file, uint8_t letters)
{
    char path[PATH_LOOKED_AT];
    long size = memory_text(path, sizeof path, file->path);
    if (size == -EFAULT)
        return size;
    if (size >= 0 && paths_exception(path, letters) & file->held)
        return 0;
    if (size >= 0 && file->held & PROMISE(GETPW) && strcmp(path, "/etc/shadow") == 0)
        return -EPERM; /* getspnam comes with getpwnam, and OpenBSD lets it fail */
    return is_searched(path) ? -EACCES : NOT_SERVED;
}

/* The same for metadata. glibc's name services load modules, for which the
 * loader looks at directories that nobody can list here: they get a refusal that
 * does not end the program. */
static long judge_look(const struct named *file, uint8_t letters)
{
    long answer = judge(file, letters);
    bool services = file->held & (PROMISE(GETPW) | PROMISE(DNS));
    return answer == NOT_SERVED && services ? -EACCES : answer;
}

static uint8_t letters_of(long flags)
{
    if ((flags & ACCESS_MODE) == O_RDONLY)
        return PERM_READ;
    return (flags & ACCESS_MODE) == O_WRONLY ? PERM_WRITE : PERM_READ | PERM_WRITE;
}

static long serve_open(const struct named *file, long flags, long mode)
{
    if (flags & O_CREAT && mode & SET_ID)
        return gate_call(SYS_openat, file->dir, file->path, flags, mode & ~SET_ID);
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return NOT_SERVED;
    long answer = judge(file, letters_of(flags));
    if (answer)
        return answer;
    long plain = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_DIRECTORY | O_PATH);
    if ((file->marked && plain == flags) || (flags & ACCESS_MODE) == ACCESS_MODE)
        return NOT_SERVED; /* it would come back */
    return open_marked(file, plain);
}

#if defined(SYS_fstat64)
#define FSTAT SYS_fstat64
#elif defined(SYS_fstat)
#define FSTAT SYS_fstat
#endif

#ifdef FSTAT
/* True for a question about a descriptor, however it is put. */
static bool is_nameless(const struct named *file, long flags)
{
    char first;
    if (!(flags & AT_EMPTY_PATH) || file->dir == AT_FDCWD)
        return false;
    return !file->path || (memory_copy(&first, file->path, 1) == 0 && first == '\0');
}

static long serve_stat(const struct named *file, uintptr_t to, long flags)
{
    if (is_nameless(file, flags))
        return gate_call(FSTAT, file->dir, to);
    long fd = judge_look(file, PERM_READ);
    if (fd == 0)
        fd = open_marked(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fd;
    long result = gate_call(FSTAT, fd, to);
    gate_call(SYS_close, fd);
    return result;
}
#endif

#ifdef SYS_statx
#if STATX_KNOWN && defined(FSTAT)
static long serve_statx(const struct named *file, uintptr_t to, long flags)
{
    struct kernel_stat st;
    struct extended before;
    long result = memory_copy(&before, to, sizeof before);
    if (result == 0)
        result = serve_stat(file, (uintptr_t)&st, flags);
    if (result == 0)
        statx_of(&st, (struct extended *)to);
    return result;
}
#else
static long serve_statx(const struct named *file, uintptr_t to, long flags)
{
    (void)file, (void)to, (void)flags;
    return -ENOSYS;
}
#endif
#endif

static long serve_access(const struct named *file, long mode)
{
    long fd = judge_look(file, mode & W_OK ? PERM_READ | PERM_WRITE : PERM_READ);
    if (fd == 0 && mode & X_OK)
        fd = -EACCES;
    if (fd == 0)
        fd = open_marked(file, (mode & W_OK ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fd;
    gate_call(SYS_close, fd);
    return 0;
}

/* The bits are dropped without a word, as OpenBSD does. */
static long serve_mode(const struct trapped *call, size_t argument)
{
    unsigned long args[4];
    memcpy(args, call->args, sizeof args);
    if (!(args[argument] & SET_ID))
        return NOT_SERVED;
    args[argument] &= ~(unsigned long)SET_ID;
    return gate_call(call->nr, args[0], args[1], args[2], args[3]);
}

long serve_file(const struct trapped *call, promise_set held)
{
    const unsigned long *a = call->args;
    struct named at = {(int)a[0], a[1], held, a[5] == LIBRARY_MARK};
#if defined(SYS_open) || defined(SYS_stat) || defined(SYS_access)
    struct named here = {AT_FDCWD, a[0], held, false};
#endif
    switch (call->nr) {
    case SYS_openat: return serve_open(&at, (int)a[2], (long)a[3]);
#ifdef SYS_open
    case SYS_open: return serve_open(&here, (int)a[1], (long)a[2]);
    case SYS_creat: return serve_open(&here, O_CREAT | O_WRONLY | O_TRUNC, (long)a[1]);
#endif
#if defined(SYS_newfstatat)
    case SYS_newfstatat: return serve_stat(&at, a[2], (int)a[3]);
#elif defined(SYS_fstatat64)
    case SYS_fstatat64: return serve_stat(&at, a[2], (int)a[3]);
#endif
#if defined(SYS_stat64)
    case SYS_stat64:
    case SYS_lstat64: return serve_stat(&here, a[1], 0);
#elif defined(SYS_stat)
    case SYS_stat:
    case SYS_lstat: return serve_stat(&here, a[1], 0);
#endif
#ifdef SYS_statx
    case SYS_statx: return serve_statx(&at, a[4], (int)a[2]);
#endif
#ifdef SYS_access
    case SYS_access: return serve_access(&here, (int)a[1]);
#endif
    case SYS_faccessat: return serve_access(&at, (int)a[2]);
#ifdef SYS_faccessat2
    case SYS_faccessat2: return serve_access(&at, (int)a[2]);
#endif
#ifdef SYS_chmod
    case SYS_chmod: return serve_mode(call, 1);
#endif
    case SYS_fchmod: return serve_mode(call, 1);
    case SYS_fchmodat: return serve_mode(call, 2);
#ifdef SYS_fchmodat2
    case SYS_fchmodat2: return serve_mode(call, 2);
#endif
    default: return NOT_SERVED;
    }
}
