#include "broker/filter.h"

#include "bpf/insn.h"
#include "broker/broker.h"
#include "broker/calls.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>

/* Namespaces in which paths or rights mean something else. */
#define CLONE_VIEWS ((uint32_t)(CLONE_NEWNS | CLONE_NEWUSER))

struct writer {
    struct insn *to;
    size_t count;
};

static void put(struct writer *w, uint16_t code, uint32_t k, size_t jt, size_t jf)
{
    w->to[w->count++] = (struct insn){code, (uint8_t)jt, (uint8_t)jf, k};
}

static void put_return(struct writer *w, uint32_t value)
{
    put(w, INSN_RET, value, 0, 0);
}

static void put_argument(struct writer *w, unsigned word)
{
    put(w, INSN_LOAD, data_word(arch_native(), word), 0, 0);
}

/* put_head: no architecture but this one; then the number is loaded. */
static void put_head(struct writer *w)
{
    put(w, INSN_LOAD, DATA_ARCH, 0, 0);
    put(w, INSN_JEQ, arch_native()->audit, 1, 0);
    put_return(w, RET_KILL_PROCESS);
    put(w, INSN_LOAD, DATA_NR, 0, 0);
    if (arch_native()->id == ARCH_X86_64) {
        put(w, INSN_JGE, X32_BIT, 0, 1);
        put_return(w, RET_KILL_PROCESS);
    }
}

/* put_group: one answer for several numbers, at most INSN_REACH. */
static void put_group(struct writer *w, const uint16_t *numbers, size_t count, uint32_t value)
{
    for (size_t i = 0; i < count; i++)
        put(w, INSN_JEQ, numbers[i], count - i, 0);
    put(w, INSN_JUMP, 1, 0, 0);
    put_return(w, value);
}

/* put_unless_null: held, unless an argument is 0. */
static void put_unless_null(struct writer *w, uint16_t nr, unsigned argument)
{
    put(w, INSN_JEQ, nr, 0, 6);
    put_argument(w, 2 * argument);
    put(w, INSN_JEQ, 0, 0, 3);
    put_argument(w, 2 * argument + 1);
    put(w, INSN_JEQ, 0, 0, 1);
    put_return(w, RET_ALLOW);
    put_return(w, RET_USER_NOTIF);
}

/* put_argument_test: an answer where a test of an argument's low word holds. */
static void put_argument_test(struct writer *w, uint16_t nr, unsigned argument, struct insn test,
                              uint32_t value)
{
    put(w, INSN_JEQ, nr, 0, 4);
    put_argument(w, 2 * argument);
    put(w, test.code, test.k, 0, 1);
    put_return(w, value);
    put_return(w, RET_ALLOW);
}

/* put_socketcall: held where it stands for one that is held. Its arguments are in
 * memory, so that it is held also where there is no address. */
static void put_socketcall(struct writer *w, uint16_t nr)
{
    put(w, INSN_JEQ, nr, 0, 6);
    put_argument(w, 0);
    for (size_t i = 0; i < SOCKETCALLS; i++)
        put(w, INSN_JEQ, socketcalls[i].kind, SOCKETCALLS - i, 0);
    put_return(w, RET_ALLOW);
    put_return(w, RET_USER_NOTIF);
}

/* is_plain: held whatever its arguments are. */
static bool is_plain(const struct call *call, bool identity)
{
    if (call->kind == CALL_IDENTITY)
        return identity;
    return call->kind != CALL_SEND && call->kind != CALL_UTIMENSAT &&
           call->kind != CALL_SOCKETCALL && call->kind != CALL_REQUEST;
}

size_t filter_calls(struct insn to[FILTER_ROOM], bool identity)
{
    static const uint16_t errors[] = {ENOSYS, EPERM};
    struct writer w = {to, 0};
    uint16_t numbers[INSN_REACH];
    size_t count = 0;
    put_head(&w);
    for (size_t i = 0; i < call_count; i++)
        if (is_plain(&calls[i], identity))
            numbers[count++] = calls[i].nr;
    put_group(&w, numbers, count, RET_USER_NOTIF);
    for (size_t e = 0; e < ARRAY_COUNT(errors); e++) {
        count = 0;
        for (size_t i = 0; i < call_refused_count; i++)
            if (calls_refused[i].error == errors[e])
                numbers[count++] = calls_refused[i].nr;
        put_group(&w, numbers, count, RET_ERRNO(errors[e]));
    }
    for (size_t i = 0; i < call_count; i++) {
        if (calls[i].kind == CALL_SEND)
            put_unless_null(&w, calls[i].nr, 4);
        else if (calls[i].kind == CALL_UTIMENSAT)
            put_unless_null(&w, calls[i].nr, 1); /* futimens */
        else if (calls[i].kind == CALL_SOCKETCALL)
            put_socketcall(&w, calls[i].nr);
    }
    put_argument_test(&w, SYS_prctl, 0, (struct insn){INSN_JEQ, 0, 0, BROKER_CALL}, RET_USER_NOTIF);
    put_argument_test(&w, SYS_clone, arch_native()->id == ARCH_S390X ? 1 : 0,
                      (struct insn){INSN_JSET, 0, 0, CLONE_VIEWS}, RET_ERRNO(EPERM));
    put_argument_test(&w, SYS_unshare, 0, (struct insn){INSN_JSET, 0, 0, CLONE_VIEWS},
                      RET_ERRNO(EPERM));
    put_return(&w, RET_ALLOW);
    return w.count;
}

/* What a broker makes use of, by any libc. */
static const uint16_t own_calls[] = {
#ifdef SYS_poll
    SYS_poll,
#endif
#ifdef SYS_ppoll
    SYS_ppoll,
#endif
#ifdef SYS_ppoll_time64
    SYS_ppoll_time64,
#endif
    SYS_ioctl,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
#ifdef SYS_open
    SYS_open,
#endif
    SYS_openat,
    NR_NEWER(437), /* openat2 */
    SYS_close,
    SYS_read,
    SYS_getdents64,
    SYS_lseek,
#ifdef SYS__llseek
    SYS__llseek,
#endif
#ifdef SYS_readlink
    SYS_readlink,
#endif
    SYS_readlinkat,
#ifdef SYS_fcntl
    SYS_fcntl,
#endif
#ifdef SYS_fcntl64
    SYS_fcntl64,
#endif
#ifdef SYS_fstat
    SYS_fstat,
#endif
#ifdef SYS_fstat64
    SYS_fstat64,
#endif
#ifdef SYS_newfstatat
    SYS_newfstatat,
#endif
#ifdef SYS_fstatat64
    SYS_fstatat64,
#endif
#ifdef SYS_stat
    SYS_stat,
#endif
#ifdef SYS_lstat
    SYS_lstat,
#endif
#ifdef SYS_stat64
    SYS_stat64,
#endif
#ifdef SYS_lstat64
    SYS_lstat64,
#endif
    SYS_statx,
#ifdef SYS_fstatfs
    SYS_fstatfs,
#endif
#ifdef SYS_fstatfs64
    SYS_fstatfs64,
#endif
    SYS_faccessat,
    NR_NEWER(439), /* faccessat2 */
    SYS_fchmodat,
    SYS_fchownat,
#ifdef SYS_utimensat
    SYS_utimensat,
#endif
#ifdef SYS_utimensat_time64
    SYS_utimensat_time64,
#endif
#ifdef SYS_truncate
    SYS_truncate,
#endif
#ifdef SYS_truncate64
    SYS_truncate64,
#endif
    SYS_getxattr,
    SYS_listxattr,
    SYS_setxattr,
    SYS_removexattr,
    SYS_inotify_add_watch,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_symlinkat,
    SYS_unlinkat,
    SYS_linkat,
    SYS_renameat2,
    SYS_umask,
    SYS_chdir,
    SYS_fchdir,
    SYS_connect,
    SYS_bind,
    SYS_sendto,
    SYS_getsockopt,
    NR_NEWER(434), /* pidfd_open */
    NR_NEWER(438), /* pidfd_getfd */
    SYS_getsid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
#ifdef SYS_setfsuid32
    SYS_setfsuid32,
#endif
#ifdef SYS_setfsgid32
    SYS_setfsgid32,
#endif
#ifdef SYS_setgroups32
    SYS_setgroups32,
#endif
    SYS_capget,
    SYS_capset,
    SYS_clone,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
#ifdef SYS_sigreturn /* by the libcs of 32 bits, for a handler of one argument */
    SYS_sigreturn,
#endif
#ifdef SYS_setitimer
    SYS_setitimer,
#endif
    SYS_prctl,
    SYS_exit,
    SYS_exit_group,
    SYS_restart_syscall,
    SYS_getpid,
    SYS_uname,
    SYS_munmap,
#ifdef SYS_mmap
    SYS_mmap,
#endif
#ifdef SYS_mmap2
    SYS_mmap2,
#endif
};

size_t filter_broker(struct insn to[FILTER_ROOM])
{
    struct writer w = {to, 0};
    put_head(&w);
    put_group(&w, own_calls, ARRAY_COUNT(own_calls), RET_ALLOW);
    put_return(&w, RET_KILL_PROCESS);
    return w.count;
}
