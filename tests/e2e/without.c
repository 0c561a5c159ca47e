/* without: runs a program as on a machine that lacks something.
 *
 * usage: without THING... -- PROGRAM [ARGUMENT...]
 *
 *   landlock     its calls are unknown (ENOSYS)
 *   lsm          Landlock is built in, but not enabled (EOPNOTSUPP)
 *   abi=N        Landlock is there with an older interface
 *   namespaces   unshare and mount are refused (EPERM)
 *   cloexec      close_range closes, but does not mark (EINVAL)
 *
 * A filter denies the calls; the answer "N" comes from a listener, because a
 * filter alone can only fail a call. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446
#define LANDLOCK_VERSION 1 /* the flag that asks for it */
#define CLOSE_RANGE 436
#define CLOSE_RANGE_MARK 4
#define RULES_MAX 64
#define LOW_WORD (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0) /* of an argument */

static struct sock_filter rules[RULES_MAX] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
};
static unsigned short rule_count = 1;

static void add(struct sock_filter rule)
{
    if (rule_count == RULES_MAX)
        abort();
    rules[rule_count++] = rule;
}

static void deny(unsigned nr, unsigned error)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1));
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

/* The call with this word as its third argument. */
static void with_flags(unsigned nr, unsigned flags, unsigned action)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4));
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                     offsetof(struct seccomp_data, args[2]) + LOW_WORD));
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, flags, 0, 1));
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
}

/* What the version is said to be; 0: the truth. */
static int parse(int argc, char **argv, int *program)
{
    int abi = 0, i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "landlock") == 0 || strcmp(argv[i], "lsm") == 0)
            for (unsigned nr = LANDLOCK_CREATE; nr <= LANDLOCK_RESTRICT; nr++)
                deny(nr, argv[i][1] == 's' ? EOPNOTSUPP : ENOSYS);
        else if (sscanf(argv[i], "abi=%d", &abi) == 1)
            with_flags(LANDLOCK_CREATE, LANDLOCK_VERSION, SECCOMP_RET_USER_NOTIF);
        else if (strcmp(argv[i], "namespaces") == 0)
            deny(SYS_unshare, EPERM), deny(SYS_mount, EPERM);
        else if (strcmp(argv[i], "cloexec") == 0)
            with_flags(CLOSE_RANGE, CLOSE_RANGE_MARK, SECCOMP_RET_ERRNO | EINVAL);
        else
            fprintf(stderr, "without: nothing is called %s\n", argv[i]), exit(2);
    }
    *program = i + 1;
    return abi;
}

static int load(unsigned flags)
{
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    struct sock_fprog filter = {rule_count, rules};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int result = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    if (result < 0)
        perror("without: seccomp"), exit(2);
    return result;
}

/* A descriptor through a socket: sent if fd >= 0, else received. */
static int pass(int socket, int fd)
{
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (fd < 0) {
        if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 1 || !CMSG_FIRSTHDR(&message))
            exit(2);
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        return fd;
    }
    *header = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(socket, &message, 0) < 0 ? -1 : 0;
}

static void answer(int listener, int abi)
{
    struct seccomp_notif call = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return;
    struct seccomp_notif_resp response = {.id = call.id, .val = abi};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static int serve(pid_t pid, int listener, int abi)
{
    int status;
    struct pollfd polled = {.fd = listener, .events = POLLIN};
    while (waitpid(pid, &status, WNOHANG) == 0) {
        polled.revents = 0;
        if (poll(&polled, 1, 10) > 0 && polled.revents & POLLIN)
            answer(listener, abi);
    }
    if (WIFSIGNALED(status))
        raise(WTERMSIG(status));
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    int program, sockets[2], abi = parse(argc, argv, &program);
    if (program >= argc)
        return 2;
    if (abi == 0) {
        load(0);
        execvp(argv[program], argv + program);
        return 2;
    }
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets);
    pid_t pid = fork();
    if (pid == 0) {
        int listener = load(SECCOMP_FILTER_FLAG_NEW_LISTENER);
        if (pass(sockets[1], listener) < 0)
            _exit(2);
        close(listener);
        execvp(argv[program], argv + program);
        _exit(2);
    }
    close(sockets[1]); /* a child that fails is heard */
    return serve(pid, pass(sockets[0], -1), abi);
}
