#include "broker/caller.h"

#include "host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifdef SYS_setgroups32 /* beside those for numbers of 16 bits */
#define SYS_SETGROUPS SYS_setgroups32
#define SYS_SETFSGID SYS_setfsgid32
#define SYS_SETFSUID SYS_setfsuid32
#else
#define SYS_SETGROUPS SYS_setgroups
#define SYS_SETFSGID SYS_setfsgid
#define SYS_SETFSUID SYS_setfsuid
#endif
#define PIDFD_THREAD_FLAG O_EXCL /* Linux 6.9 */

size_t caller_decimal(char *to, uint64_t value)
{
    char digits[20];
    size_t count = 0, size = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (count > 0)
        to[size++] = digits[--count];
    return size;
}

const char *self_path(int fd, char to[SELF_PATH_SIZE])
{
    memcpy(to, "self/fd/", 8);
    to[8 + caller_decimal(to + 8, (uint64_t)fd)] = '\0';
    return to;
}

/* proc_path: "PID/name" or "PID/name/N". */
static void proc_path(char *to, pid_t pid, const char *name, int number)
{
    to += caller_decimal(to, (uint64_t)pid);
    size_t size = strlen(name);
    memcpy(to, name, size);
    to += size;
    if (number >= 0)
        to += caller_decimal(to, (uint64_t)number);
    *to = '\0';
}

#define PROC_PATH_SIZE 48
#define STATUS_SIZE 4096

static int read_status(pid_t pid, char text[STATUS_SIZE])
{
    char path[PROC_PATH_SIZE];
    proc_path(path, pid, "/status", -1);
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, STATUS_SIZE - 1);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    return 0;
}

/* field: behind the word at the beginning of a line, or "". No program writes
 * there: its name comes first, and with its newlines escaped. */
static const char *field(const char *status, const char *word)
{
    size_t size = strlen(word);
    while (status && strncmp(status, word, size) != 0)
        if ((status = strchr(status, '\n')))
            status++;
    return status ? status + size : "";
}

pid_t caller_number(pid_t pid, const char *word)
{
    char status[STATUS_SIZE];
    return read_status(pid, status) < 0 ? 0 : (pid_t)strtoull(field(status, word), NULL, 10);
}

ssize_t caller_text(const struct notify_call *call, uint64_t address, char *to, size_t room)
{
    size_t have = 0, step = 256;
    while (have < room) {
        size_t want = step < room - have ? step : room - have;
        ssize_t got = child_read(call->pid, address + have, to + have, want);
        if (got <= 0)
            return -EFAULT;
        const char *end = memchr(to + have, '\0', (size_t)got);
        if (end)
            return end - to;
        have += (size_t)got;
        step = 1024;
    }
    return -ENAMETOOLONG;
}

int caller_read(const struct notify_call *call, uint64_t address, void *to, size_t size)
{
    return child_read(call->pid, address, to, size) == (ssize_t)size ? 0 : -EFAULT;
}

int caller_write(const struct notify_call *call, uint64_t address, const void *from, size_t size)
{
    struct iovec here = {(void *)from, size};
    struct iovec there = {(void *)(uintptr_t)address, size};
    ssize_t put =
        size == 0 ? 0 : syscall(SYS_process_vm_writev, call->pid, &here, 1UL, &there, 1UL, 0UL);
    return put == (ssize_t)size ? 0 : -EFAULT;
}

int caller_directory(const struct notify_call *call, int fd)
{
    char path[PROC_PATH_SIZE];
    if (fd == AT_FDCWD)
        proc_path(path, call->pid, "/cwd", -1);
    else if (fd < 0)
        return -EBADF;
    else
        proc_path(path, call->pid, "/fd/", fd);
    int found = open(path, O_PATH | O_CLOEXEC);
    if (found < 0)
        return errno == ENOENT ? (fd == AT_FDCWD ? -ENOENT : -EBADF) : -EACCES;
    return found;
}

int caller_process(pid_t process)
{
    int fd = (int)syscall(SYS_pidfd_open, process, 0);
    return fd < 0 ? -errno : fd;
}

int caller_descriptor(const struct notify_call *call, int fd)
{
    int process CLEAN_FD = caller_process(call->pid);
    if (process < 0) /* a thread: by itself (Linux 6.9), or by its process */
        process = (int)syscall(SYS_pidfd_open, call->pid, PIDFD_THREAD_FLAG);
    if (process < 0)
        process = caller_process(caller_number(call->pid, "Tgid:"));
    int got = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    return got < 0 ? -errno : got;
}

bool caller_signalled(const struct notify_call *call)
{
    char status[STATUS_SIZE];
    if (read_status(call->pid, status) < 0)
        return false;
    uint64_t pending =
        strtoull(field(status, "SigPnd:"), NULL, 16) | strtoull(field(status, "ShdPnd:"), NULL, 16);
    uint64_t hidden =
        strtoull(field(status, "SigBlk:"), NULL, 16) | strtoull(field(status, "SigIgn:"), NULL, 16);
    return pending & ~hidden;
}

int caller_identify(const struct notify_call *call, struct caller_identity *out)
{
    char status[STATUS_SIZE], *end;
    int code = read_status(call->pid, status);
    if (code < 0)
        return code;
    out->umask = (uint32_t)strtoull(field(status, "Umask:"), NULL, 8);
    out->capabilities = strtoull(field(status, "CapEff:"), NULL, 16);
    const char *at = field(status, "Uid:");
    for (int i = 0; i < 4; i++, at = end)
        out->user = (uint32_t)strtoull(at, &end, 10);
    at = field(status, "Gid:");
    for (int i = 0; i < 4; i++, at = end)
        out->group = (uint32_t)strtoull(at, &end, 10);
    at = field(status, "Groups:");
    for (out->group_count = 0; *at != '\n' && *at != '\0'; at = end) {
        uint32_t group = (uint32_t)strtoull(at, &end, 10);
        if (end == at)
            break;
        if (out->group_count == CALLER_GROUPS)
            return -E2BIG;
        out->groups[out->group_count++] = group;
        while (*end == ' ')
            end++;
    }
    return 0;
}

/* set_effective: all that is permitted, cut to a mask. */
static int set_effective(uint64_t mask)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        sets[i].effective = sets[i].permitted & (uint32_t)(mask >> (32 * i));
    return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

/* By the kernel's own calls: the libc's would change the identity of threads
 * that this process does not have. */
int caller_become(const struct caller_identity *who)
{
    if (syscall(SYS_SETGROUPS, who->group_count, who->groups) < 0)
        return -errno;
    syscall(SYS_SETFSGID, who->group);
    syscall(SYS_SETFSUID, who->user);
    if ((uint32_t)syscall(SYS_SETFSUID, -1) != who->user ||
        (uint32_t)syscall(SYS_SETFSGID, -1) != who->group)
        return -EPERM;
    return set_effective(who->capabilities);
}

void caller_return(void)
{
    set_effective(~0ull);
}
