#include "calls.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

static int master, slave;

/* A pair whose slave is nobody's controlling terminal. */
static void open_pair(void)
{
    master = posix_openpt(O_RDWR | O_NOCTTY);
    unlockpt(master);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
}

static void put(const char *text)
{
    write(master, text, strlen(text));
}

/* The kernel's own terminals pass on what is typed by a worker, which a loaded
 * machine may keep waiting. */
enum { QUIET_MS = 20, SOON_MS = 150, SURELY_MS = 10000 };

/* What comes out of the screen's side until it is quiet, or of one read of the
 * program's; control characters made visible. */
static void get(int fd)
{
    char buffer[2048];
    ssize_t size = 0, part = 0;
    struct pollfd p = {fd, POLLIN, 0};
    const char *name = fd == master ? "screen" : "program";
    while (poll(&p, 1, size ? QUIET_MS : SOON_MS) > 0) {
        part = read(fd, buffer + size, sizeof buffer - (size_t)size);
        size += part > 0 ? part : 0;
        if (part <= 0 || fd != master)
            break;
    }
    if (!p.revents && !size) {
        printf("%s: nothing\n", name);
        return;
    }
    printf("%s: ", name);
    for (ssize_t i = 0; i < size; i++)
        printf(buffer[i] >= ' ' && buffer[i] < 127 ? "%c" : "\\%03o", (unsigned char)buffer[i]);
    printf(" = %zd %s\n", size ? size : part, part < 0 && !size ? strerrorname_np(errno) : "");
}

static void both(const char *text)
{
    put(text);
    get(master);
    get(slave);
}

static void set(tcflag_t off, tcflag_t on)
{
    struct termios t;
    tcgetattr(slave, &t);
    t.c_lflag = (t.c_lflag & ~off) | on;
    SHOW(tcsetattr(slave, TCSANOW, &t));
}

static void pairs(void)
{
    int number = -1, locked = -1;
    struct stat st;
    char name[64] = "";
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    FAILS(master);
    SHOW(fcntl(master, F_GETFD));
    SHOW(ioctl(master, TIOCGPTN, &number));
    SHOW(ioctl(master, TIOCGPTLCK, &locked));
    SHOW(locked);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    SHOW(open(name, O_RDWR | O_NOCTTY));
    SHOW(grantpt(master));
    SHOW(unlockpt(master));
    SHOW(strcmp(ptsname(master), name));
    slave = open(name, O_RDWR | O_NOCTTY);
    FAILS(slave);
    SHOW(isatty(master));
    SHOW(isatty(slave));
    SHOW(ttyname(slave) && strcmp(ttyname(slave), name) == 0);
    SHOW(stat(name, &st));
    SHOW(S_ISCHR(st.st_mode));
    SHOW(st.st_rdev >> 8);
    SHOW(fstat(master, &st));
    SHOW(st.st_rdev == 5 * 256 + 2);
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    FAILS(peer);
    SHOW(close(peer));
    SHOW(ioctl(slave, TIOCGPTN, &number));
    SHOW(lseek(slave, 0, SEEK_SET));
    SHOW(pread(slave, name, 1, 0));
    SHOW(ioctl(slave, 0x12345678, name));
    SHOW(close(slave));
    struct pollfd p = {master, POLLIN | POLLOUT, 0};
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents & POLLHUP);
    SHOW(read(master, name, 1));
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    FAILS(slave);
    SHOW(close(master));
    p.fd = slave;
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents & POLLHUP);
    SHOW(read(slave, name, 1));
    SHOW(write(slave, name, 1));
}

static void editing(void)
{
    open_pair();
    both("hello\n");
    both("half");
    both(" a line\r");
    both("wrong\177\177\177ight\n");
    both("nothing of this\025but this\n");
    both("one two  three\027four\n");
    both("a\026\003b\n");
    both("x\022y\n");
    both("ends\004");
    both("\004");
    both("\001\033[A\n");
    both("two\nlines\n");
    get(slave);
    char small[3];
    put("abcdef\n");
    SHOW(read(slave, small, 3));
    SHOW(read(slave, small, 3));
    SHOW(read(slave, small, 3));
    get(master);
    int waiting = -1;
    put("12345\n123");
    SHOW(ioctl(slave, FIONREAD, &waiting));
    put("\n");
    SHOW(tcflush(slave, TCIFLUSH));
    get(slave);
    SHOW(tcflush(slave, 77));
}

static void echoing(void)
{
    open_pair();
    set(ECHO, 0);
    both("secret\n");
    set(ECHO, ECHONL);
    both("secret\n");
    set(0, ECHO);
    set(ECHOCTL, 0);
    both("a\001b\n");
    set(ECHOE, 0);
    both("ab\177c\n");
    struct termios t;
    tcgetattr(slave, &t);
    t.c_oflag &= ~(tcflag_t)OPOST;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(write(slave, "a\nb", 3));
    get(master);
    t.c_oflag |= OPOST | ONLCR | OCRNL;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(write(slave, "a\nb\rc\n", 6));
    get(master);
    t.c_oflag = OPOST | XTABS;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(write(slave, "\ra\tb\n", 5));
    get(master);
    t.c_iflag = IGNCR;
    tcsetattr(slave, TCSANOW, &t);
    both("x\ry\n");
    t.c_iflag = INLCR;
    tcsetattr(slave, TCSANOW, &t);
    both("x\ny");
}

static void raw(void)
{
    struct termios t, back;
    char buffer[8];
    open_pair();
    put("typed ahead");
    get(master); /* once it is echoed the line discipline has it */
    SHOW(tcgetattr(slave, &t));
    SHOW(t.c_lflag == (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN));
    SHOW(t.c_iflag == (ICRNL | IXON));
    SHOW(t.c_oflag == (OPOST | ONLCR));
    SHOW(cfgetospeed(&t) == B38400);
    for (int i = 0; i < 17; i++)
        printf("%d ", t.c_cc[i]);
    puts("");
    cfmakeraw(&t);
    SHOW(tcsetattr(slave, TCSANOW, &t));
    SHOW(tcgetattr(master, &back));
    SHOW(back.c_lflag == t.c_lflag && back.c_iflag == t.c_iflag && back.c_oflag == t.c_oflag);
    get(slave);
    get(master);
    both("\003\004\032\r\n");
    t.c_cc[VMIN] = 3;
    tcsetattr(slave, TCSANOW, &t);
    struct pollfd p = {slave, POLLIN, 0};
    put("ab");
    SHOW(poll(&p, 1, SOON_MS));
    put("c");
    SHOW(poll(&p, 1, SOON_MS));
    SHOW(read(slave, buffer, 8));
    t.c_cc[VMIN] = 0;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(read(slave, buffer, 8));
    t.c_cc[VTIME] = 1;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(read(slave, buffer, 8));
    put("z");
    SHOW(read(slave, buffer, 8));
    t.c_cc[VMIN] = 5;
    tcsetattr(slave, TCSANOW, &t);
    put("12");
    SHOW(read(slave, buffer, 8));
    fcntl(slave, F_SETFL, O_NONBLOCK);
    SHOW(read(slave, buffer, 8));
    put("gone");
    usleep(30000);
    SHOW(tcsetattr(slave, TCSAFLUSH, &t));
    SHOW(read(slave, buffer, 8));
    SHOW(tcgetattr(0, &t));
}

static volatile sig_atomic_t counts[65];

static void note(int signal)
{
    counts[signal]++;
}

/* Runs in a session of its own with the slave as its terminal; ends with a status. */
static pid_t in_session(int (*run)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    setsid();
    if (ioctl(slave, TIOCSCTTY, 0) != 0)
        _exit(98);
    _exit(run());
}

static int show_status(pid_t pid)
{
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int count_signals(void)
{
    struct sigaction action = {.sa_handler = note};
    for (int signal = 1; signal < 32; signal++)
        if (signal == SIGINT || signal == SIGQUIT || signal == SIGTSTP || signal == SIGWINCH)
            sigaction(signal, &action, NULL);
    write(slave, "r", 1);
    while (!(counts[SIGINT] && counts[SIGQUIT] && counts[SIGTSTP] && counts[SIGWINCH]))
        usleep(10000);
    return counts[SIGINT] + 2 * counts[SIGQUIT] + 4 * counts[SIGTSTP] + 8 * counts[SIGWINCH];
}

static void keys(void)
{
    struct winsize size = {24, 80, 0, 0}, seen = {0};
    open_pair();
    pid_t pid = in_session(count_signals);
    struct pollfd ready = {master, POLLIN, 0};
    poll(&ready, 1, SURELY_MS);
    get(master);
    put("lost\003");
    get(master);
    put("\034\032");
    get(master);
    SHOW(ioctl(master, TIOCSWINSZ, &size));
    SHOW(ioctl(slave, TIOCGWINSZ, &seen));
    SHOW(seen.ws_col);
    SHOW(seen.ws_row);
    SHOW(ioctl(slave, TIOCSWINSZ, &size)); /* the same: no signal */
    SHOW(show_status(pid));
    get(slave);
    pid = in_session(count_signals);
    get(master);
    set(ISIG, 0);
    both("\003");
    SHOW(kill(pid, SIGKILL));
    SHOW(show_status(pid));
    get(slave);
    set(0, ISIG);
    both("\023x");
    fcntl(slave, F_SETFL, O_NONBLOCK);
    SHOW(write(slave, "held", 4));
    both("\021");
    SHOW(write(slave, "free", 4));
    get(master);
    SHOW(ioctl(master, TIOCSIG, SIGINT));
    SHOW(ioctl(master, TIOCSIG, SIGTERM));
}

static int job_control(void)
{
    int status, foreground = 0;
    printf("own %d\n", tcgetsid(slave) == getpid());
    SHOW(tcgetpgrp(slave) == getpgrp());
    int tty = open("/dev/tty", O_RDWR);
    FAILS(tty);
    SHOW(tcgetpgrp(tty) == getpgrp());
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        char c;
        signal(SIGTTOU, SIG_DFL);
        ssize_t got = read(slave, &c, 1); /* in the background */
        _exit(got == 1 ? c : 99);
    }
    SHOW(waitpid(child, &status, WUNTRACED) == child);
    SHOW(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
    SHOW(tcsetpgrp(slave, child));
    SHOW(tcgetpgrp(slave) == child);
    SHOW(kill(child, SIGCONT));
    put("k\n");
    SHOW(waitpid(child, &status, 0) == child);
    SHOW(WEXITSTATUS(status));
    signal(SIGTTOU, SIG_IGN);
    SHOW(tcsetpgrp(slave, getpgrp()));
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_DFL);
        tcsetpgrp(slave, getpgrp());
        _exit(5);
    }
    SHOW(waitpid(child, &status, WUNTRACED) == child);
    SHOW(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        signal(SIGTTIN, SIG_IGN);
        char c;
        _exit(read(slave, &c, 1) == -1 && errno == EIO ? 6 : 7);
    }
    SHOW(waitpid(child, &status, 0) == child);
    SHOW(WEXITSTATUS(status));
    SHOW(tcsetpgrp(slave, 1 << 22));
    SHOW(tcsetpgrp(1, getpgrp()));
    SHOW(ioctl(slave, TIOCNOTTY));
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(tcgetpgrp(slave));
    fflush(stdout);
    (void)foreground;
    return 3;
}

static int sleeps(void)
{
    signal(SIGHUP, SIG_DFL);
    write(slave, "r", 1);
    close(slave);
    sleep(5);
    return 1;
}

static void sessions(void)
{
    open_pair();
    signal(SIGHUP, SIG_IGN);
    SHOW(show_status(in_session(job_control)));
    SHOW(tcgetsid(slave));
    int session = 0;
    SHOW(ioctl(master, TIOCGPGRP, &session));
    get(master);
    pid_t pid = in_session(sleeps);
    get(master);
    close(slave);
    close(master);
    SHOW(show_status(pid) - 1000);
}

static void packets(void)
{
    int on = 1;
    open_pair();
    SHOW(ioctl(master, TIOCPKT, &on));
    SHOW(ioctl(master, TIOCGPKT, &on));
    SHOW(on);
    SHOW(write(slave, "data", 4));
    get(master);
    SHOW(tcflush(slave, TCOFLUSH));
    get(master);
    SHOW(tcflow(slave, TCOOFF));
    get(master);
    SHOW(tcflow(slave, TCOON));
    get(master);
    get(master);
    SHOW(tcdrain(slave));
    SHOW(tcsendbreak(slave, 0));
    SHOW(ioctl(slave, TIOCPKT, &on));
}

const struct theme tty_themes[] = {
    {"tty_pairs", pairs}, {"tty_editing", editing},   {"tty_echoing", echoing}, {"tty_raw", raw},
    {"tty_keys", keys},   {"tty_sessions", sessions}, {"tty_packets", packets}, {NULL, NULL},
};
