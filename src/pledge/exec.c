#include "pledge/exec.h"

#include "host/landlock.h"
#include "host/process.h"
#include "landlock/landlock.h"
#include "pledge/gate.h"
#include "pledge/serve.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a process puts on before it executes a program. Made by pledge(), used
 * by handlers in any thread and in children that share its memory, so it is
 * replaced as a whole and never freed. */
struct outfit {
    promise_set held; /* by the process */
    promise_set at_exec;
    struct program filter;
    struct policy policy; /* landlock borrows its paths */
    struct landlock_plan landlock;
    bool restricts; /* Landlock has something to add */
};
static struct outfit *outfit_now;

/* Lets one execveat through: it goes with the process's memory. */
static unsigned long secret;

/* The words of struct seccomp_data, as instructions of classic BPF. */
#define LOAD(member) ((struct insn){0x20, 0, 0, (uint32_t)offsetof(struct seccomp_data, member)})
#define LOAD_HIGH(member)                                                                          \
    ((struct insn){0x20, 0, 0, (uint32_t)offsetof(struct seccomp_data, member) + HIGH_WORD})
#define LOAD_LOW(member)                                                                           \
    ((struct insn){0x20, 0, 0, (uint32_t)offsetof(struct seccomp_data, member) + 4 - HIGH_WORD})
#define IF_EQUAL(value, yes, no) ((struct insn){0x15, yes, no, (uint32_t)(value)})
#define IF_AT_LEAST(value, yes, no) ((struct insn){0x35, yes, no, (uint32_t)(value)})
#define RETURN(value) ((struct insn){0x06, 0, 0, value})
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HIGH_WORD 4
#else
#define HIGH_WORD 0
#endif
#define HIGH(value) ((uint64_t)(value) >> 32)
#define FUNCTION_SIZE 128 /* a libc's wrapper is shorter */

/* A program that cannot be longer than this. */
struct draft {
    struct insn at[48];
    size_t count;
};

static void put(struct draft *d, struct insn insn)
{
    d->at[d->count++] = insn;
}

/* RET_TRAP unless the sixth argument is the secret. */
static void put_secret(struct draft *d)
{
    put(d, LOAD_LOW(args[5]));
    put(d, IF_EQUAL(secret, 0, 3));
    put(d, LOAD_HIGH(args[5]));
    put(d, IF_EQUAL(HIGH(secret), 0, 1));
    put(d, RETURN(RET_ALLOW));
}

/* RET_TRAP for calls that the function at `from` makes. */
static void put_function(struct draft *d, uintptr_t from)
{
    put(d, LOAD_HIGH(instruction_pointer));
    put(d, IF_EQUAL(HIGH(from), 0, 4));
    put(d, LOAD_LOW(instruction_pointer));
    put(d, IF_AT_LEAST(from, 0, 2));
    put(d, IF_AT_LEAST(from + FUNCTION_SIZE, 1, 0));
    put(d, RETURN(RET_TRAP));
}

/* Whoever would take SIGSYS's action away is told that it is done. posix_spawn
 * sets every signal back before it executes. */
static void put_keep_handler(struct draft *d)
{
    put(d, LOAD_LOW(args[0]));
    put(d, IF_EQUAL(SIGSYS, 0, 5));
    put(d, LOAD_LOW(args[1])); /* NULL: a question */
    put(d, IF_EQUAL(0, 3, 0));
    put(d, LOAD_LOW(args[5]));
    put(d, IF_EQUAL(LIBRARY_MARK, 1, 0));
    put(d, RETURN(RET_ERRNO(0)));
    put(d, RETURN(RET_ALLOW));
}

/* The filter that sends an exec to the handler. A program that may execute
 * others is under it, too, but has no handler: there only this process's own
 * calls count, which are told by where its libc stands in memory. i386's libc calls
 * through a page of the kernel's, of which an executed program has its own, at the
 * same place once in 2^vm.mmap_rnd_compat_bits times; that one executes nothing. */
static int draft_trap(promise_set at_exec, struct program *out, struct err *err)
{
    struct draft d = {.count = 0};
    put(&d, LOAD(arch));
    put(&d, IF_EQUAL(arch_native()->audit, 1, 0));
    put(&d, RETURN(RET_ALLOW));
    put(&d, LOAD(nr));
    put(&d, IF_EQUAL(SYS_execve, 12, 0));
    put(&d, IF_EQUAL(SYS_execveat, 11, 0));
    put(&d, IF_EQUAL(SYS_clone3, 0, 1)); /* CLONE_CLEAR_SIGHAND would take the handler away */
    put(&d, RETURN(RET_ERRNO(arch_native()->enosys)));
    put(&d, IF_EQUAL(SYS_rt_sigaction, 0, 7));
    put_keep_handler(&d);
    put_secret(&d);
    if (at_exec & PROMISE(EXEC)) {
        put_function(&d, (uintptr_t)execve);
        put_function(&d, (uintptr_t)fexecve);
        put_function(&d, (uintptr_t)syscall);
#ifdef __i386__
        put_function(&d, getauxval(AT_SYSINFO));
#endif
    }
    put(&d, RETURN(at_exec & PROMISE(EXEC) ? RET_ALLOW : RET_TRAP));
    *out = (struct program){.at = malloc(d.count * sizeof d.at[0]), .count = d.count};
    if (!out->at)
        return err_set(err, -ENOMEM, "out of memory");
    memcpy(out->at, d.at, d.count * sizeof d.at[0]);
    return 0;
}

/* What a dynamic program takes to start, where its promises do not show it. The
 * program's own file comes to that when it is executed. */
static const char *const libraries[] = {"/etc/ld.so.cache", "/lib",          "/lib32",
                                        "/lib64",           "/usr/lib",      "/usr/lib32",
                                        "/usr/lib64",       "/usr/local/lib"};

/* The domain of a program that may not execute others: the filter sees to that,
 * and the kernel would ask for the right at the one exec that there is. */
static int plan_outfit(struct outfit *o, struct err *err)
{
    int code = pledge_plan(o->held, o->at_exec, &o->policy, &o->landlock, err);
    if (code < 0)
        return code;
    o->landlock.handled &= ~(uint32_t)LL_EXECUTE;
    o->restricts = o->landlock.handled || o->landlock.scoped || o->landlock.only_port;
    return 0;
}

static int draft_filter(struct outfit *o, struct err *err)
{
    while (!secret)
        if (syscall(SYS_getrandom, &secret, sizeof secret, 0) != sizeof secret)
            return err_set(err, -errno, "getrandom: %s", strerror(errno));
    return pledge_exec_filter(o->at_exec, secret, &o->filter, err);
}

int exec_prepare(promise_set held, promise_set at_exec, struct program *trap, struct err *err)
{
    struct outfit *before = outfit_now;
    *trap = (struct program){0};
    if (before && before->held == held && before->at_exec == at_exec)
        return 0;
    struct outfit *o = calloc(1, sizeof *o);
    if (!o)
        return err_set(err, -ENOMEM, "out of memory");
    o->held = held;
    o->at_exec = at_exec;
    int code = draft_filter(o, err);
    if (code == 0)
        code = plan_outfit(o, err);
    bool trapped = before && (before->at_exec & PROMISE(EXEC)) == (at_exec & PROMISE(EXEC));
    if (code == 0 && !trapped)
        code = draft_trap(at_exec, trap, err);
    if (code == 0)
        __atomic_store_n(&outfit_now, o, __ATOMIC_RELEASE);
    return code;
}

/* Opens what a rule is about; without rpath as the program itself would. */
static void allow(int ruleset, int dir, const char *path, long flags)
{
    int fd = (int)gate_call(SYS_openat, dir, path, O_PATH | O_CLOEXEC | flags);
    struct stat st;
    if (fd < 0)
        return;
    uint32_t access = LL_READ_FILE;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        access |= LL_READ_DIR;
    host_landlock_add_path(ruleset, access, fd);
    gate_call(SYS_close, fd);
}

static int restrict_paths(const struct outfit *o, int dir, const char *path, long flags)
{
    struct err err;
    int ruleset CLEAN_FD = landlock_ruleset(&o->landlock, &err);
    if (ruleset < 0)
        return ruleset;
    if (o->landlock.handled & LL_READ_FILE) {
        for (size_t i = 0; i < ARRAY_COUNT(libraries); i++)
            allow(ruleset, AT_FDCWD, libraries[i], 0);
        allow(ruleset, dir, path, flags);
    }
    return landlock_restrict(ruleset, LANDLOCK_CALLER);
}

/* The calling thread alone: where the exec succeeds there is no other. */
static int put_on(const struct outfit *o, int dir, const char *path, long flags)
{
    struct {
        unsigned short count;
        const struct insn *at;
    } filter = {(unsigned short)o->filter.count, o->filter.at};
    int code = process_no_new_privs();
    if (code == 0 && o->restricts)
        code = restrict_paths(o, dir, path, flags);
    if (code == 0)
        code = (int)gate_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
    return code;
}

long serve_exec(const struct trapped *call)
{
    const struct outfit *o = __atomic_load_n(&outfit_now, __ATOMIC_ACQUIRE);
    const unsigned long *a = call->args;
    bool at = call->nr == SYS_execveat;
    if (!o || (call->nr != SYS_execve && !at))
        return NOT_SERVED;
    int dir = at ? (int)a[0] : AT_FDCWD;
    const unsigned long *rest = at ? a + 1 : a;
    long flags = at ? (int)a[4] : 0;
    const char *path = (const char *)rest[0];
    if (!(flags & AT_EMPTY_PATH)) { /* what cannot be executed costs nothing */
        long code = gate_call(SYS_faccessat, dir, path, X_OK);
        if (code < 0)
            return code;
    }
    int code = put_on(o, dir, path, flags & AT_EMPTY_PATH);
    if (code < 0)
        return code;
    return gate_call(SYS_execveat, dir, path, rest[1], rest[2], flags, secret);
}
