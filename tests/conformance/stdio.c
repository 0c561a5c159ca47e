/* stdio: what a process may always do with what it has. */
#include "conform.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STDIO(in_words, act, ...) ALLOWS("stdio", in_words, "pledge.2 stdio", act, ##__VA_ARGS__)

static char bytes[16];
static struct iovec vector = {bytes, 4};

STDIO("read(2)", OK(read(scene.file, bytes, 4) == 4));
STDIO("readv(2)", OK(readv(scene.file, &vector, 1) == 4));
STDIO("pread(2)", OK(pread(scene.file, bytes, 2, 1) == 2));
STDIO("preadv(2)", OK(preadv(scene.file, &vector, 1, 0) == 4));
STDIO("write(2)", OK(write(scene.file, "abc", 3) == 3));
STDIO("writev(2)", OK(writev(scene.file, &vector, 1) == 4));
STDIO("pwrite(2)", OK(pwrite(scene.file, "abc", 3, 1) == 3));
STDIO("pwritev(2)", OK(pwritev(scene.file, &vector, 1, 0) == 4));
STDIO("lseek(2)", OK(lseek(scene.file, 2, SEEK_SET) == 2));
STDIO("ftruncate(2)", ftruncate(scene.file, 1));
STDIO("fsync(2)", fsync(scene.file));
STDIO("close(2)", close(scene.file));
STDIO("closing all descriptors from a number on (closefrom(2))",
      syscall(SYS_close_range, 100, ~0u, 0));
STDIO("dup(2)", dup(scene.file));
STDIO("dup2(2)", OK(dup2(scene.file, 99) == 99));
STDIO("dup3(2)", OK(dup3(scene.file, 99, O_CLOEXEC) == 99));
STDIO("fcntl(2) F_DUPFD", OK(fcntl(scene.file, F_DUPFD, 50) >= 50));
STDIO("fcntl(2) F_DUPFD_CLOEXEC", OK(fcntl(scene.file, F_DUPFD_CLOEXEC, 50) >= 50));
STDIO("fcntl(2) F_GETFD", OK(fcntl(scene.file, F_GETFD) == FD_CLOEXEC));
STDIO("fcntl(2) F_SETFD", fcntl(scene.file, F_SETFD, 0));
STDIO("fcntl(2) F_GETFL", OK((fcntl(scene.file, F_GETFL) & O_ACCMODE) == O_RDWR));
STDIO("fcntl(2) F_SETFL", fcntl(scene.file, F_SETFL, O_NONBLOCK));
STDIO("fchdir(2)", fchdir(scene.dir));
STDIO("umask(2)", OK(umask(077) == 022));

static long state_of(int fd, mode_t type)
{
    struct stat state;
    return fstat(fd, &state) == 0 ? OK((state.st_mode & S_IFMT) == type) : -1;
}

STDIO("fstat(2) of a file", state_of(scene.file, S_IFREG));
STDIO("fstat(2) of a directory", state_of(scene.dir, S_IFDIR));
STDIO("fstat(2) of a socket", state_of(scene.pair[0], S_IFSOCK));

STDIO("getpid(2)", syscall(SYS_getpid));
STDIO("getppid(2)", syscall(SYS_getppid));
STDIO("gettid(2), as getthrid(2)", syscall(SYS_gettid));
STDIO("getuid(2) and its like", OK(getuid() == geteuid() && getgid() == getegid()));
STDIO("getresuid(2)", getresuid(&(uid_t){0}, &(uid_t){0}, &(uid_t){0}));
STDIO("getresgid(2)", getresgid(&(gid_t){0}, &(gid_t){0}, &(gid_t){0}));
STDIO("getgroups(2)", getgroups(0, NULL));
STDIO("getpgrp(2)", getpgrp());
STDIO("getpgid(2)", getpgid(0));
STDIO("getsid(2)", getsid(0));
STDIO("getrlimit(2)", getrlimit(RLIMIT_STACK, &(struct rlimit){0}));
STDIO("getrusage(2)", getrusage(RUSAGE_SELF, &(struct rusage){0}));
STDIO("uname(3)", uname(&(struct utsname){0}));
STDIO("gethostname(3)", gethostname(bytes, 0) == 0 || errno == ENAMETOOLONG ? 0 : -1);
STDIO("the number of processors", sysconf(_SC_NPROCESSORS_ONLN));
STDIO("the size of a page", sysconf(_SC_PAGESIZE));
STDIO("getentropy(2)", getentropy(bytes, sizeof bytes));

STDIO("clock_gettime(2)", syscall(SYS_clock_gettime, CLOCK_REALTIME, &(struct timespec){0}));
STDIO("clock_getres(2)", syscall(SYS_clock_getres, CLOCK_MONOTONIC, &(struct timespec){0}));
STDIO("gettimeofday(2)", gettimeofday(&(struct timeval){0}, NULL));
STDIO("nanosleep(2)", nanosleep(&(struct timespec){0, 1000}, NULL));
STDIO("clock_nanosleep(2)", clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 1}, NULL));
STDIO("getitimer(2)", getitimer(ITIMER_REAL, &(struct itimerval){0}));
STDIO("setitimer(2)", setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {60, 0}}, NULL));
STDIO("alarm(3)", alarm(60));

STDIO("poll(2)", poll(&(struct pollfd){scene.pair[0], POLLOUT, 0}, 1, 0));
STDIO("ppoll(2)", ppoll(&(struct pollfd){scene.pair[0], POLLOUT, 0}, 1, NULL, NULL));
STDIO("select(2)", select(0, NULL, NULL, NULL, &(struct timeval){0, 1}));
STDIO("pselect(2)", pselect(0, NULL, NULL, NULL, &(struct timespec){0, 1}, NULL));
STDIO("event queues (kqueue(2) there, epoll(7) here)",
      epoll_ctl(epoll_create1(EPOLL_CLOEXEC), EPOLL_CTL_ADD, scene.pair[0],
                &(struct epoll_event){.events = EPOLLIN}));
STDIO("pipe(2)", pipe((int[2]){0}));
STDIO("pipe2(2)", pipe2((int[2]){0}, O_CLOEXEC | O_NONBLOCK));
STDIO("socketpair(2)", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, (int[2]){0}));
STDIO("recvfrom(2)",
      OK(recvfrom(scene.pair[0], bytes, 1, MSG_DONTWAIT, NULL, NULL) == -1 && errno == EAGAIN));
STDIO("sendto(2) without an address", OK(sendto(scene.pair[0], "ab", 2, 0, NULL, 0) == 2));
STDIO("sendmsg(2) without descriptors",
      OK(sendmsg(scene.pair[0], &(struct msghdr){.msg_iov = &vector, .msg_iovlen = 1}, 0) == 4));
STDIO("recvmsg(2) without descriptors",
      OK(recvmsg(scene.pair[0], &(struct msghdr){.msg_iov = &vector, .msg_iovlen = 1},
                 MSG_DONTWAIT) == -1 &&
         errno == EAGAIN));
STDIO("shutdown(2)", shutdown(scene.pair[0], SHUT_WR));
STDIO("getsockname(2)",
      getsockname(scene.pair[0], &(struct sockaddr){0}, &(socklen_t){sizeof(struct sockaddr)}));
STDIO("getpeername(2)",
      getpeername(scene.pair[0], &(struct sockaddr){0}, &(socklen_t){sizeof(struct sockaddr)}));
STDIO("getsockopt(2) SO_ERROR",
      getsockopt(scene.pair[0], SOL_SOCKET, SO_ERROR, &(int){0}, &(socklen_t){sizeof(int)}));
STDIO("setsockopt(2) SO_RCVBUF",
      setsockopt(scene.pair[0], SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int)));

STDIO("mmap(2) without PROT_EXEC", OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED));
STDIO("mmap(2) of an open file",
      OK(mmap(NULL, 1, PROT_READ, MAP_SHARED, scene.file, 0) != MAP_FAILED));

/* A page of its own. */
static void *page(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

STDIO("mprotect(2) without PROT_EXEC", mprotect(page(), 4096, PROT_READ));
STDIO("munmap(2)", munmap(page(), 4096));
STDIO("madvise(2)", madvise(page(), 4096, MADV_DONTNEED));
STDIO("msync(2)", msync(page(), 4096, MS_ASYNC));
STDIO("malloc(3) of much memory", OK(memset(malloc(64 << 20), 1, 1 << 20)));

static void note(int number)
{
    bytes[0] = (char)number;
}

static long caught(int number)
{
    bytes[0] = 0;
    return sigaction(number, &(struct sigaction){.sa_handler = note}, NULL) == 0 &&
                   raise(number) == 0
               ? OK(bytes[0] == number)
               : -1;
}

static long on_another_stack(void)
{
    static char stack[1 << 16];
    return sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
}

static long pends(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || raise(SIGUSR1) != 0)
        return -1;
    return OK(sigtimedwait(&set, NULL, &(struct timespec){0, 0}) == SIGUSR1);
}

STDIO("sigaction(2), and raise(3) to itself", caught(SIGUSR1));
STDIO("sigprocmask(2) and sigpending(2)", pends());
STDIO("sigaltstack(2)", on_another_stack());
STDIO("kill(2) of the process itself", kill(getpid(), 0));
STDIO("kill(2) of the own process group, as 0",
      signal(SIGWINCH, SIG_IGN) == SIG_ERR ? -1 : kill(0, 0));
STDIO("wait4(2)", OK(wait4(-1, NULL, WNOHANG, NULL) == -1 && errno == ECHILD));
STDIO("waitid(2)", OK(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG) == -1 && errno == ECHILD));

STDIO("ioctl(2) FIONREAD", ioctl(scene.pair[0], FIONREAD, &(int){0}));
STDIO("ioctl(2) FIONBIO", ioctl(scene.pair[0], FIONBIO, &(int){1}));
STDIO("ioctl(2) FIOCLEX", ioctl(scene.file, FIOCLEX));
STDIO("ioctl(2) FIONCLEX", ioctl(scene.file, FIONCLEX));
STDIO("isatty(3) of a terminal", OK(isatty(scene.terminal)));
STDIO("isatty(3) of a file", OK(!isatty(scene.file) && errno == ENOTTY));

STDIO("eventfd(2)", eventfd(0, EFD_CLOEXEC));

DIES("stdio", "another ioctl(2) is a violation", "pledge.2 ioctl",
     ioctl(scene.file, _IOC(_IOC_READ, 'v', 1, 64), bytes) == -1 && errno == ENOTTY ? 0 : -1);
DIES("stdio", "typing into the terminal (ioctl(2) TIOCSTI) is a violation",
     "kern_pledge.c pledge_ioctl",
     ioctl(scene.terminal, TIOCSTI, "x") == -1 && errno == EIO ? 0 : 0);
