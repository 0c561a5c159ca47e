#include "host/notify.h"

#include "host/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of the oldest system that builds this. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

#define IOCTL_ADDFD SECCOMP_IOW(3, struct addfd) /* Linux 5.9 */
#define ADDFD_SEND 2                             /* Linux 5.14 */
struct addfd {
    uint64_t id;
    uint32_t flags, from, to, to_flags;
};

/* The kernel's structures may grow: it writes as much as it says here. */
#define NOTIFY_ROOM 256

int notify_open(int listener, struct err *err)
{
    struct seccomp_notif_sizes sizes;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
        return err_set(err, -errno, "the kernel does not say how it notifies: %s", strerror(errno));
    if (sizes.seccomp_notif > NOTIFY_ROOM ||
        sizes.seccomp_notif_resp > sizeof(struct seccomp_notif_resp) ||
        sizes.seccomp_data != sizeof(struct seccomp_data))
        return err_set(err, -EOVERFLOW,
                       "the kernel's notifications are larger than this build "
                       "of vow knows; run with --no-explain");
    direct(ioctl, listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    return 0;
}

int notify_receive(int listener, struct notify_call *out)
{
    union {
        struct seccomp_notif held;
        char room[NOTIFY_ROOM];
    } got;
    memset(&got, 0, sizeof got); /* the kernel insists */
    int code = (int)direct(ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &got);
    if (code < 0)
        return code;
    out->id = got.held.id;
    out->pid = (pid_t)got.held.pid;
    out->audit = got.held.data.arch;
    out->nr = (uint32_t)got.held.data.nr;
    out->ip = got.held.data.instruction_pointer;
    for (int i = 0; i < 6; i++)
        out->args[i] = got.held.data.args[i];
    return 0;
}

static int answer(int listener, struct seccomp_notif_resp *response)
{
    return (int)direct(ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, response);
}

int notify_deny(int listener, uint64_t id, int error)
{
    return answer(listener, &(struct seccomp_notif_resp){.id = id, .error = -error});
}

int notify_continue(int listener, uint64_t id)
{
    return answer(listener, &(struct seccomp_notif_resp){
                                .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE});
}

int notify_return(int listener, uint64_t id, int64_t value)
{
    return answer(listener, &(struct seccomp_notif_resp){.id = id, .val = value});
}

int notify_give(int listener, uint64_t id, int fd, bool close_on_exec)
{
    struct addfd give = {id, ADDFD_SEND, (uint32_t)fd, 0, close_on_exec ? O_CLOEXEC : 0};
    int got = (int)direct(ioctl, listener, IOCTL_ADDFD, &give);
    if (got != -EINVAL)
        return got < 0 ? got : 0;
    give.flags = 0;
    got = (int)direct(ioctl, listener, IOCTL_ADDFD, &give);
    return got < 0 ? got : notify_return(listener, id, got);
}

bool notify_valid(int listener, uint64_t id)
{
    return direct(ioctl, listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}
