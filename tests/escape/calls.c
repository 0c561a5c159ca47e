/* Calls that no promise has: other tables of calls, and doors of the kernel. */
#include "escape.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* All that could be promised, so that only "nobody has this" is left. */
#define WIDE                                                                                       \
    "stdio rpath wpath cpath dpath fattr chown flock inet mcast unix dns getpw sendfd recvfd tty " \
    "proc exec prot_exec id settime ps vminfo route wroute unveil error sysv"

static int alive(UNUSED const struct scene *s)
{
    int ends[2];
    return TRY(pipe(ends)) ? errno : TRY(write(ends[1], "x", 1));
}

#ifdef __x86_64__

static int x32(UNUSED const struct scene *s)
{
    return RAW(0x40000000 | SYS_getppid);
}

static long int80(long nr, long a, long b, long c)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(nr), "b"(a), "c"(b), "d"(c)
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static int int80_socket(UNUSED const struct scene *s)
{
    long fd = int80(359, 2 /* AF_INET */, 1 /* SOCK_STREAM */, 0);
    return fd < 0 ? (int)-fd : 0;
}

static int int80_getpid(UNUSED const struct scene *s)
{
    return int80(20, 0, 0, 0) == getpid() ? 0 : EINVAL;
}

#endif

static int io_uring(UNUSED const struct scene *s)
{
    struct io_uring_params params = {0};
    return RAW(SYS_io_uring_setup, 1, &params);
}

static int aio(UNUSED const struct scene *s)
{
    aio_context_t context = 0;
    return RAW(SYS_io_setup, 1, &context);
}

static int bpf(UNUSED const struct scene *s)
{
    union bpf_attr attr = {0};
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = attr.value_size = attr.max_entries = 4;
    return RAW(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}

static int userfaultfd(UNUSED const struct scene *s)
{
    return RAW(SYS_userfaultfd, O_CLOEXEC);
}

static int perf_event(UNUSED const struct scene *s)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr};
    return RAW(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static int keyring(UNUSED const struct scene *s)
{
    return RAW(SYS_add_key, "user", "vow-escape", "x", 1, KEY_SPEC_PROCESS_KEYRING);
}

static int keyring_of_the_user(UNUSED const struct scene *s)
{
    return RAW(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1);
}

static int new_namespace(UNUSED const struct scene *s)
{
    return TRY(unshare(CLONE_NEWUSER));
}

static int cloned_namespace(UNUSED const struct scene *s)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    return TRY(pid);
}

static int clone3_namespace(UNUSED const struct scene *s)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0)
        _exit(0);
    return TRY(pid);
}

static int plain_clone(UNUSED const struct scene *s)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return TRY(waitpid(pid, NULL, 0));
}

static int other_namespace(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : RAW(SYS_setns, fd, 0);
}

static int new_mount(const struct scene *s)
{
    int failed = TRY(mount("none", escape_path(s, "work"), "tmpfs", 0, NULL));
    return failed ? failed : TRY(umount2(escape_path(s, "work"), MNT_DETACH));
}

static int detached_mount(const struct scene *s)
{
    return RAW(SYS_open_tree, AT_FDCWD, escape_path(s, "work"), 1 /* OPEN_TREE_CLONE */);
}

static int new_file_system(UNUSED const struct scene *s)
{
    return RAW(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */);
}

static int take_the_view_away(UNUSED const struct scene *s)
{
    return TRY(umount2("/nowhere", MNT_DETACH));
}

static int new_root(const struct scene *s)
{
    return TRY(chroot(escape_path(s, "work")));
}

static int file_by_number(UNUSED const struct scene *s)
{
    struct file_handle *handle = calloc(1, sizeof *handle + MAX_HANDLE_SZ);
    int mount_id, failed;
    handle->handle_bytes = MAX_HANDLE_SZ;
    failed = TRY(name_to_handle_at(AT_FDCWD, ".", handle, &mount_id, 0));
    if (!failed) {
        CLEAN_FD int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        failed = TRY(open_by_handle_at(fd, handle, O_RDONLY));
    }
    free(handle);
    return failed;
}

/* The kernel never looks at a handle that is not from name_to_handle_at. */
static int file_by_guessed_number(UNUSED const struct scene *s)
{
    struct {
        struct file_handle head;
        unsigned char rest[8];
    } handle = {.head = {.handle_bytes = 8, .handle_type = 1}, .rest = {2}};
    CLEAN_FD int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return TRY(open_by_handle_at(fd, &handle.head, O_RDONLY));
}

static int file_by_name(UNUSED const struct scene *s)
{
    return escape_read("file");
}

static int file_past_the_filter(const struct scene *s)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {.flags = O_RDONLY};
    return RAW(SYS_openat2, AT_FDCWD, escape_path(s, "work/file"), &how, sizeof how);
}

static int kernel_module(UNUSED const struct scene *s)
{
    return RAW(SYS_init_module, "", 0, "");
}

static int kernel_log(UNUSED const struct scene *s)
{
    return RAW(SYS_syslog, 10 /* size of the buffer */, NULL, 0);
}

static int host_name(UNUSED const struct scene *s)
{
    char name[65];
    return TRY(gethostname(name, sizeof name)) ? errno : TRY(sethostname(name, strlen(name)));
}

static int restart(UNUSED const struct scene *s)
{
    return RAW(SYS_reboot, 0, 0, 0, NULL); /* the magic numbers are wrong */
}

static int watch_everything(UNUSED const struct scene *s)
{
    return RAW(SYS_fanotify_init, 0, O_RDONLY);
}

static int clock(UNUSED const struct scene *s)
{
    struct timespec now = {.tv_nsec = -1}; /* never valid */
    return RAW(SYS_clock_settime, 0, &now);
}

static int read_clock(UNUSED const struct scene *s)
{
    struct timespec now;
    return RAW(SYS_clock_gettime, 0, &now);
}

#define I386 "i386: no calls of its programs"

const struct escape escapes_calls[] = {
#ifdef __x86_64__
    {"x32_calls", WIDE, NULL, {-SIGSYS}, x32, alive, .everywhere = true},
    {"i386_calls", "stdio", NULL, {-SIGSYS, -SIGSEGV}, int80_getpid, alive, .lacks = I386},
    {"i386_calls_with_exec",
     "stdio exec",
     NULL,
     {EPERM, EFAULT},
     int80_socket,
     int80_getpid,
     .lacks = I386},
#endif
    {"io_uring", WIDE, NULL, {ENOSYS}, io_uring, aio},
    {"bpf", WIDE, NULL, {EPERM}, bpf, alive},
    {"userfaultfd", WIDE, NULL, {EPERM}, userfaultfd, alive},
    {"perf_event", WIDE, NULL, {EPERM, EACCES}, perf_event, alive},
    {"keyring", WIDE, NULL, {EPERM}, keyring, alive},
    {"keyring_of_the_user", WIDE, NULL, {EPERM}, keyring_of_the_user, alive},
    {"unshare", WIDE, NULL, {EPERM}, new_namespace, plain_clone},
    {"clone_with_a_namespace", WIDE, NULL, {EPERM}, cloned_namespace, plain_clone},
    {"clone3_with_a_namespace", WIDE, NULL, {ENOSYS}, clone3_namespace, plain_clone},
    {"setns", WIDE, NULL, {EPERM, EACCES}, other_namespace, alive},
    {"mount", WIDE, NULL, {EPERM}, new_mount, alive},
    {"open_tree", WIDE, NULL, {ENOSYS}, detached_mount, alive},
    {"fsopen", WIDE, NULL, {ENOSYS}, new_file_system, alive},
    {"umount", WIDE, NULL, {EPERM}, take_the_view_away, alive},
    {"chroot", WIDE, NULL, {EPERM}, new_root, alive},
    {"name_to_handle", WIDE, NULL, {EPERM}, file_by_number, file_by_name},
    {"open_by_handle", WIDE, NULL, {EPERM}, file_by_guessed_number, file_by_name},
    {"openat2", WIDE, NULL, {ENOSYS}, file_past_the_filter, file_by_name},
    {"init_module", WIDE, NULL, {EPERM}, kernel_module, alive},
    {"syslog", WIDE, NULL, {EPERM}, kernel_log, alive},
    {"sethostname", WIDE, NULL, {EPERM}, host_name, alive},
    {"reboot", WIDE, NULL, {EPERM}, restart, alive},
    {"fanotify", WIDE, NULL, {EPERM}, watch_everything, alive},
    {"clock_settime", "stdio rpath proc id", NULL, {EPERM}, clock, read_clock},
    {0},
};
