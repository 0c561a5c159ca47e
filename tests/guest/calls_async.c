/* Signals that tell that something can be done with a file: O_ASYNC and who gets them. */
#include "calls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#ifndef F_SETSIG
#define F_SETSIG 10
#define F_GETSIG 11
#define F_SETOWN_EX 15
#define F_GETOWN_EX 16
struct f_owner_ex {
    int type, pid;
};
#endif

static volatile sig_atomic_t count, last, code, band, descriptor;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    count++, last = signal, code = info->si_code;
    band = info->si_band, descriptor = info->si_fd;
}

static void catch (int signal)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(signal, &action, NULL);
}

/* What has come since the last time, of which `fd` is told. */
static void told(const char *what, int fd)
{
    printf("%s: %d", what, count > 0);
    if (count && last != SIGIO)
        printf(", signal %d, code %d, band %#x, its file %d", last - SIGRTMIN, code, band,
               descriptor == fd);
    else if (count)
        printf(", SIGIO, code %d", code);
    printf("\n");
    fflush(stdout);
    count = 0;
}

static void turn_on(int fd, int signal)
{
    SHOW(fcntl(fd, F_SETOWN, getpid()));
    SHOW(fcntl(fd, F_SETSIG, signal));
    SHOW(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

static void of_pipes(void)
{
    char bytes[70000] = "";
    int p[2];
    setpgid(0, 0);
    catch (SIGIO), catch (SIGRTMIN + 3);
    pipe(p);
    write(p[1], "a", 1);
    told("before", p[0]);
    turn_on(p[0], 0);
    write(p[1], "b", 1);
    told("written", p[0]);
    read(p[0], bytes, 1);
    told("read", p[0]);
    SHOW(fcntl(p[0], F_SETSIG, SIGRTMIN + 3));
    SHOW(fcntl(p[0], F_GETSIG) - SIGRTMIN);
    write(p[1], "c", 1);
    told("written", p[0]);
    turn_on(p[1], SIGRTMIN + 3);
    read(p[0], bytes, 1);
    told("read", p[1]);
    SHOW(fcntl(p[0], F_SETFL, 0));
    write(p[1], "d", 1);
    told("off", p[0]);
    int on = 1;
    SHOW(ioctl(p[0], FIOASYNC, &on));
    SHOW(fcntl(p[0], F_GETFL) & O_ASYNC ? 1 : 0);
    SHOW(fcntl(p[1], F_SETFL, O_WRONLY));
    if (fork() == 0) {
        write(p[1], "e", 1);
        _exit(0);
    }
    wait(NULL);
    told("by a child", p[0]);
    SHOW(fcntl(p[0], F_SETOWN, 0));
    write(p[1], "f", 1);
    told("nobody's", p[0]);
    SHOW(fcntl(p[0], F_SETOWN, -getpgrp()));
    write(p[1], "g", 1);
    told("of a group", p[0]);
    close(p[1]);
    told("closed", p[0]);
}

static int wait_with(const char *what, int fd)
{
    for (int i = 0; i < 500 && !count; i++)
        usleep(1000);
    told(what, fd);
    return 0;
}

static void of_sockets(void)
{
    int s[2], on = 1, me = getpid(), owner = 0;
    char bytes[16];
    catch (SIGIO), catch (SIGRTMIN + 3);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    SHOW(ioctl(s[0], SIOCSPGRP, &me));
    SHOW(ioctl(s[0], SIOCGPGRP, &owner));
    SHOW(owner == me);
    SHOW(ioctl(s[0], FIOASYNC, &on));
    send(s[1], "a", 1, 0);
    told("sent", s[0]);
    SHOW(fcntl(s[0], F_SETSIG, SIGRTMIN + 3));
    send(s[1], "b", 1, 0);
    told("sent", s[0]);
    recv(s[0], bytes, sizeof bytes, 0);
    told("received", s[0]);
    shutdown(s[1], SHUT_WR);
    told("shut", s[0]);
    close(s[1]);
    told("closed", s[0]);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    turn_on(s[0], SIGRTMIN + 3);
    send(s[1], "a", 1, 0);
    told("datagram", s[0]);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind(l, (void *)&name, size));
    getsockname(l, (void *)&name, &size);
    listen(l, 5);
    turn_on(l, SIGRTMIN + 3);
    SHOW(connect(c, (void *)&name, size));
    wait_with("connected", l);
    int a = accept(l, NULL, NULL);
    turn_on(a, SIGRTMIN + 3);
    send(c, "x", 1, 0);
    wait_with("TCP", a);
    close(c);
    wait_with("TCP closed", a);
}

static void of_others(void)
{
    catch (SIGIO), catch (SIGRTMIN + 3);
    int n = inotify_init(), master = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(master), unlockpt(master);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    turn_on(slave, SIGRTMIN + 3);
    write(master, "half", 4);
    wait_with("half a line", slave);
    write(master, "\n", 1);
    wait_with("a line", slave);
    SHOW(fcntl(slave, F_SETFL, O_RDWR));
    inotify_add_watch(n, ".", IN_CREATE);
    turn_on(n, SIGRTMIN + 3);
    close(open("file", O_CREAT | O_WRONLY, 0600));
    wait_with("inotify", n);
    int file = open("file", O_RDWR);
    SHOW(fcntl(file, F_SETFL, O_ASYNC));
    SHOW(fcntl(file, F_GETFL) & O_ASYNC ? 1 : 0);
    write(file, "x", 1);
    told("file", file);
}

static volatile int thread_told;
static pthread_t thread;

static void on_thread(int signal)
{
    thread_told = pthread_equal(pthread_self(), thread) ? 1 : 2;
}

static volatile int thread_id;

static void *be_told(void *nothing)
{
    thread_id = gettid();
    for (int i = 0; i < 2000 && !thread_told; i++)
        usleep(1000);
    return nothing;
}

static void owners(void)
{
    struct f_owner_ex owner = {77, 0};
    int p[2], status;
    pipe(p);
    SHOW(fcntl(p[0], F_GETOWN));
    SHOW(fcntl(p[0], F_GETOWN_EX, &owner));
    SHOW(owner.type);
    SHOW(owner.pid);
    owner.type = 77;
    SHOW(fcntl(p[0], F_SETOWN_EX, &owner));
    SHOW(fcntl(p[0], F_SETOWN, 4000000));
    SHOW(fcntl(p[0], F_SETOWN, -4000000));
    SHOW(fcntl(p[0], F_SETOWN, 1 << 31));
    SHOW(fcntl(p[0], F_SETOWN, getpid()));
    SHOW(fcntl(p[0], F_GETOWN) == getpid());
    SHOW(fcntl(p[0], F_SETOWN, -getpgrp()));
    SHOW(fcntl(p[0], F_GETOWN_EX, &owner));
    SHOW(owner.type);
    SHOW(owner.pid == getpgrp());
    SHOW(fcntl(p[0], F_SETSIG, 65));
    SHOW(fcntl(p[0], F_SETSIG, -1));
    SHOW(fcntl(p[0], F_GETSIG));
    SHOW(fcntl(99, F_GETSIG));
    pid_t child = fork();
    if (child == 0) {
        fcntl(p[0], F_SETOWN, getpid());
        _exit(0);
    }
    wait(NULL);
    SHOW(fcntl(p[0], F_GETOWN));
    signal(SIGUSR1, on_thread);
    pthread_create(&thread, NULL, be_told, NULL);
    while (!thread_id)
        usleep(1000);
    owner = (struct f_owner_ex){F_OWNER_TID, thread_id};
    SHOW(fcntl(p[0], F_SETOWN_EX, &owner));
    SHOW(fcntl(p[0], F_SETSIG, SIGUSR1));
    SHOW(fcntl(p[0], F_SETFL, O_ASYNC));
    write(p[1], "x", 1);
    pthread_join(thread, NULL);
    SHOW(thread_told);
    child = fork();
    if (child == 0) { /* ends by what it writes */
        fcntl(p[0], F_SETOWN, getpid());
        fcntl(p[0], F_SETSIG, SIGKILL);
        write(p[1], "y", 1);
        _exit(1);
    }
    wait(&status);
    SHOW(WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status));
    child = fork();
    if (child == 0) { /* a user's signals go to his processes alone */
        setresuid(1000, 1000, 1000);
        fcntl(p[0], F_SETSIG, SIGUSR1);
        fcntl(p[0], F_SETOWN, getppid());
        _exit(0);
    }
    wait(NULL);
    thread_told = 0;
    write(p[1], "z", 1);
    SHOW(thread_told);
}

const struct theme async_themes[] = {
    {"async_pipes", of_pipes},
    {"async_sockets", of_sockets},
    {"async_others", of_others},
    {"async_owners", owners},
    {NULL, NULL},
};
