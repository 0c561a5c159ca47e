/* What the handler of a pledged program does: what libcs make of plain
 * requests works, the same call for something else ends the program. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vow.h>

TESTS_NEED_LANDLOCK;

/* How a child ends that promised and then did this: 0 if every check held, the
 * signal's number, negative, if one ended it. What it said on standard error
 * is in `said`. */
static char said[2048];

static int child_of(const char *promises, void (*act)(void))
{
    int ends[2], status;
    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], 2);
        CHECK_EQ(pledge(promises, NULL), 0);
        act();
        test_end();
    }
    close(ends[1]);
    size_t size = 0;
    ssize_t got;
    while ((got = read(ends[0], said + size, sizeof said - 1 - size)) > 0)
        size += (size_t)got;
    said[size] = '\0';
    close(ends[0]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ------------------------------------------------------------------- files */

static void states_of_descriptors(void)
{
    struct stat st;
    CHECK_EQ(fstat(2, &st), 0);
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_EQ(fstatat(2, "", &st, AT_EMPTY_PATH), 0);
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_EQ(fstat(77, &st), -1);
    CHECK_EQ(errno, EBADF);
#ifdef STATX_BASIC_STATS
    struct statx more;
    CHECK_EQ(statx(2, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &more), 0);
    CHECK_EQ(more.stx_ino, st.st_ino);
    CHECK_EQ(more.stx_mode, st.st_mode);
    CHECK_EQ(syscall(SYS_statx, 2, "", AT_EMPTY_PATH, STATX_BASIC_STATS, 1), -1);
    CHECK_EQ(errno, EFAULT);
#endif
}

static void state_of_a_path(void)
{
    struct stat st;
    CHECK_EQ(stat("/etc/passwd", &st), 0);
}

TEST(fstat_has_many_forms)
{
    CHECK_EQ(child_of("stdio", states_of_descriptors), 0);
    CHECK_EQ(child_of("stdio rpath", state_of_a_path), 0);
    CHECK_EQ(child_of("stdio", state_of_a_path), -SIGSYS);
    CHECK(strstr(said, "/etc/passwd"));
    CHECK(strstr(said, "rpath"));
}

static void first_output(void)
{
    FILE *null = fopen("/dev/null", "w");
    CHECK(null);
    CHECK(fprintf(null, "%d\n", 7) > 0);
    CHECK_EQ(fclose(null), 0);
    CHECK(fprintf(stdout, "# first\n") > 0);
    CHECK_EQ(fflush(stdout), 0);
}

static void local_time(void)
{
    time_t now = 86400;
    struct tm *parts = localtime(&now);
    CHECK(parts && parts->tm_year == 70);
    CHECK_EQ(access("/dev/null", R_OK), 0);
    CHECK_EQ(access("/dev/null", R_OK | W_OK), 0);
}

static void write_zone(void)
{
    CHECK_EQ(open("/usr/share/zoneinfo/UTC", O_WRONLY), -1);
}

TEST(exceptions_are_served)
{
    CHECK_EQ(child_of("stdio", first_output), 0);
    CHECK_EQ(child_of("stdio", local_time), 0);
    CHECK_EQ(child_of("stdio rpath", local_time), 0);
    CHECK_EQ(child_of("stdio", write_zone), -SIGSYS);
}

static void leave_the_exception(void)
{
    CHECK_EQ(open("/usr/share/zoneinfo/../../../etc/passwd", O_RDONLY), -1);
}

/* With the handler's own mark: what the filter lets through, Landlock does not. */
static void forge_the_mark(void)
{
    CHECK_EQ(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0, 0, 0x766f7721L) >= 0, 1);
    CHECK_EQ(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0, 0, 0x766f7721L), -1);
    CHECK_EQ(errno, EACCES);
    CHECK_EQ(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDWR, 0, 0, 0x766f7721L), -1);
    CHECK_EQ(errno, EACCES);
}

static void read_at_nowhere(void)
{
    CHECK_EQ(syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY), -1);
    CHECK_EQ(errno, EFAULT);
    CHECK_EQ(syscall(SYS_openat, AT_FDCWD, (void *)-1, O_RDONLY), -1);
    CHECK_EQ(errno, EFAULT);
}

TEST(landlock_holds_what_is_served)
{
    CHECK_EQ(child_of("stdio", leave_the_exception), -SIGSYS);
    CHECK_EQ(child_of("stdio", forge_the_mark), 0);
    CHECK_EQ(child_of("stdio", read_at_nowhere), 0);
}

static char folder[] = "/tmp/vow-served-XXXXXX";

static void drop_set_id(void)
{
    struct stat st;
    CHECK_EQ(chdir(folder), 0);
    int fd = open("made", O_CREAT | O_RDWR, 06755);
    CHECK(fd >= 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode & 07000, 0);
    CHECK_EQ(fchmod(fd, 06711), 0);
    CHECK_EQ(chmod("made", 06711), 0);
    CHECK_EQ(stat("made", &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0711);
    CHECK_EQ(unlink("made"), 0);
}

static void change_mode(void)
{
    CHECK_EQ(chmod(folder, 04700), 0);
}

TEST(set_id_bits_are_dropped)
{
    CHECK(mkdtemp(folder));
    CHECK_EQ(child_of("stdio rpath wpath cpath fattr", drop_set_id), 0);
    CHECK_EQ(child_of("stdio rpath", change_mode), -SIGSYS);
    CHECK_EQ(rmdir(folder), 0);
}

static void temporary_file(void)
{
    FILE *file = tmpfile();
    CHECK(file);
    CHECK(fputs("x", file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

TEST(tmpfile_falls_back)
{
    CHECK_EQ(child_of("stdio rpath wpath cpath", temporary_file), 0);
    CHECK_EQ(child_of("stdio rpath wpath", temporary_file), -SIGSYS);
}

static void find_users(void)
{
    struct passwd *root = getpwnam("root");
    CHECK(root && root->pw_uid == 0);
    CHECK(!getpwnam("vow-nobody-has-this-name"));
}

TEST(users_are_found)
{
    CHECK_EQ(child_of("stdio getpw", find_users), 0);
    CHECK_EQ(child_of("stdio", find_users), -SIGSYS);
}

/* ---------------------------------------------------------------- messages */

static void messages(void)
{
    int ends[2];
    char sent[] = "abcdef", got[3] = "", more[8] = "";
    struct iovec from[] = {{sent, 2}, {sent + 2, 4}}, to[] = {{got, 2}, {more, 7}};
    struct msghdr out = {.msg_iov = from, .msg_iovlen = 2};
    struct msghdr in = {.msg_iov = to, .msg_iovlen = 2};
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    for (int flags = 0; flags <= MSG_NOSIGNAL; flags += MSG_NOSIGNAL) {
        CHECK_EQ(sendmsg(ends[0], &out, flags), 6);
        CHECK_EQ(recvmsg(ends[1], &in, 0), 6);
        CHECK_STR(got, "ab");
        CHECK_STR(more, "cdef");
        CHECK_EQ(in.msg_flags, 0);
    }
    in.msg_iovlen = 1;
    CHECK_EQ(sendmsg(ends[0], &out, 0), 6);
    CHECK_EQ(recvmsg(ends[1], &in, 0), 2);
    CHECK_EQ(in.msg_flags, MSG_TRUNC);
    CHECK_EQ(syscall(SYS_sendmsg, ends[0], NULL, 0), -1);
    CHECK_EQ(errno, EFAULT);
}

static void several_messages(void)
{
    int ends[2];
    char sent[] = "ab", got[2] = "";
    struct iovec from[] = {{sent, 1}, {sent + 1, 1}}, to[] = {{got, 1}, {got + 1, 1}};
    struct mmsghdr out[] = {{{.msg_iov = from, .msg_iovlen = 1}, 0},
                            {{.msg_iov = from + 1, .msg_iovlen = 1}, 0}};
    struct mmsghdr in[] = {{{.msg_iov = to, .msg_iovlen = 1}, 0},
                           {{.msg_iov = to + 1, .msg_iovlen = 1}, 0}};
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    CHECK_EQ(sendmmsg(ends[0], out, 2, 0), 2);
    CHECK_EQ(out[1].msg_len, 1);
    CHECK_EQ(recvmmsg(ends[1], in, 2, MSG_WAITFORONE, NULL), 2);
    CHECK_EQ(got[0], 'a');
    CHECK_EQ(got[1], 'b');
}

/* Sends descriptor 0 along; what arrives is what the other side may take. */
static void send_descriptor(int to)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = ""};
    char byte = 'x';
    struct iovec from = {&byte, 1};
    struct msghdr out = {.msg_iov = &from,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *head = CMSG_FIRSTHDR(&out);
    *head = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(head), &(int){0}, sizeof(int));
    CHECK_EQ(sendmsg(to, &out, 0), 1);
}

static size_t received_control(int from)
{
    char control[CMSG_SPACE(sizeof(int))], byte = 0;
    struct iovec to = {&byte, 1};
    struct msghdr in = {
        .msg_iov = &to, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    CHECK_EQ(recvmsg(from, &in, 0), 1);
    CHECK_EQ(byte, 'x');
    return in.msg_controllen;
}

static int pair[2];

static void pass_descriptor(void)
{
    send_descriptor(pair[0]);
}

static void take_descriptor(void)
{
    CHECK(received_control(pair[1]) > 0);
}

static void take_without(void)
{
    CHECK_EQ(received_control(pair[1]), 0);
}

TEST(messages_carry_no_descriptors)
{
    CHECK_EQ(child_of("stdio", messages), 0);
    CHECK_EQ(child_of("stdio", several_messages), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(child_of("stdio sendfd", pass_descriptor), 0);
    CHECK_EQ(child_of("stdio recvfd", take_descriptor), 0);
    CHECK_EQ(child_of("stdio", pass_descriptor), -SIGSYS);
    CHECK(strstr(said, "sendfd"));
    send_descriptor(pair[0]);
    CHECK_EQ(child_of("stdio", take_without), 0);
}

/* ----------------------------------------------------------------- signals */

static sigjmp_buf back;
static volatile sig_atomic_t seen;

static void on_signal(int sig)
{
    struct stat st;
    seen = sig;
    if (fstat(2, &st) == 0) /* served though all signals were to be blocked */
        siglongjmp(back, 1);
}

static void handlers_and_masks(void)
{
    sigset_t all, old, now;
    struct stat st;
    struct sigaction action = {.sa_handler = on_signal}, was;
    sigfillset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    if (sigsetjmp(back, 1) == 0)
        raise(SIGUSR1);
    CHECK_EQ(seen, SIGUSR1);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &was), 0);
    CHECK(was.sa_handler == on_signal && sigismember(&was.sa_mask, SIGUSR2) == 1);

    sigfillset(&all);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &all, &old), 0);
    CHECK_EQ(sigismember(&old, SIGUSR1), 0);
    CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &now), 0);
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
    CHECK_EQ(sigismember(&now, SIGSYS), 0);
    CHECK_EQ(fstat(2, &st), 0);
    seen = 0;
    if (sigsetjmp(back, 1) == 0) {
        raise(SIGUSR1);
        CHECK_EQ(seen, 0); /* it waits */
        CHECK_EQ(sigprocmask(SIG_SETMASK, &old, NULL), 0);
    }
    CHECK_EQ(seen, SIGUSR1);
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, (void *)1, NULL, 8), -1);
    CHECK_EQ(errno, EFAULT);
}

static void violate_anyhow(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigset_t all;
    sigfillset(&all);
    CHECK_EQ(sigaction(SIGSYS, &action, NULL), 0);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &all, NULL), 0);
    syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); /* i386's libc has another way to fail by */
}

TEST(signals_are_handled_and_blocked)
{
    CHECK_EQ(child_of("stdio", handlers_and_masks), 0);
    CHECK_EQ(child_of("stdio", violate_anyhow), -SIGSYS);
    CHECK(strstr(said, "inet"));
    CHECK_EQ(child_of("stdio rpath proc exec", violate_anyhow), -SIGSYS);
}

static void *in_thread(void *unused)
{
    struct stat st;
    (void)unused;
    return fstat(2, &st) == 0 ? (void *)1 : NULL;
}

static void threads(void)
{
    sigset_t all;
    pthread_t thread;
    void *result;
    sigfillset(&all);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &all, NULL), 0);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(pthread_create(&thread, NULL, in_thread, NULL), 0);
        CHECK_EQ(pthread_join(thread, &result), 0);
        CHECK(result);
    }
}

TEST(threads_are_served)
{
    CHECK_EQ(child_of("stdio", threads), 0);
}

/* ------------------------------------------------------------- last words */

static void make_socket(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
}

TEST(the_last_words_say_what)
{
    char number[32];
    CHECK_EQ(child_of("stdio inet", make_socket), 0);
    CHECK_STR(said, "");
    CHECK_EQ(child_of("stdio", make_socket), -SIGSYS);
    CHECK(strstr(said, "test_lib_pledge"));
    CHECK(strstr(said, "not promised: inet"));
    CHECK(strstr(said, "internet sockets"));
    CHECK(strstr(said, "called from"));
    snprintf(number, sizeof number, "(call %d)", SYS_socket);
    CHECK(strstr(said, number));
    CHECK(strchr(said, '\n') == said + strlen(said) - 1);
    CHECK_EQ(child_of("stdio error", make_socket), 0);
    CHECK_STR(said, "");
}
