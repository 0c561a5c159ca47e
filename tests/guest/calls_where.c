/* Roots, working directories and masks of a process's or a thread's own. */
#include "calls.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { ROOM = 4096, NOBODY = 65534 };

static int ended(void)
{
    int status = -1;
    wait(&status);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void copy_self(const char *to)
{
    static char buffer[65536];
    ssize_t size;
    int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0755);
    while ((size = read(in, buffer, sizeof buffer)) > 0)
        write(out, buffer, size);
    close(in), close(out);
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write(fd, text, strlen(text));
    close(fd);
}

/* The first byte of a file. */
static int first(const char *path)
{
    char byte = 0;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    read(fd, &byte, 1);
    close(fd);
    return byte;
}

static void make_jail(void)
{
    mkdir("jail", 0755), mkdir("jail/sub", 0755), mkdir("jail/sub/deep", 0755);
    mkdir("jail/closed", 0700), mkdir("jail/dev", 0755), mkdir("jail/proc", 0755);
    put("mark", "outside"), put("jail/mark", "jail"), put("jail/sub/mark", "sub");
    symlink("/mark", "jail/sub/absolute"), symlink("../../../../mark", "jail/sub/relative");
    symlink("/sub/deep", "jail/deep");
}

/* What the process says of where it is; the part that differs between machines is cut. */
static void say_cwd(void)
{
    char text[ROOM] = "";
    long size = syscall(SYS_getcwd, text, sizeof text);
    bool outside = strncmp(text, "(unreachable)/", 14) == 0;
    printf("cwd: %s\n", size < 0 ? "none" : outside ? "unreachable" : text);
    fflush(stdout);
}

static ino_t ino_of(int dir, const char *name)
{
    struct stat s = {0};
    return fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0 ? s.st_ino : 0;
}

static void refused(void)
{
    make_jail();
    SHOW(chroot("absent"));
    SHOW(chroot("mark"));
    SHOW(chroot(""));
    SHOW(syscall(SYS_chroot, NULL));
    SHOW(chroot((char *)-4096));
    fflush(stdout);
    if (fork() == 0) {
        SHOW(setresuid(NOBODY, NOBODY, NOBODY));
        SHOW(chroot("jail"));
        SHOW(chroot("jail/closed"));
        SHOW(chroot("absent"));
        _exit(0);
    }
    SHOW(ended());
    SHOW(first("mark"));
}

static void inside(void)
{
    make_jail();
    SHOW(chdir("jail/sub"));
    SHOW(chroot(".."));
    say_cwd();
    SHOW(first("mark"));
    SHOW(first("/mark"));
    SHOW(first("../mark"));
    SHOW(first("../../../mark"));
    SHOW(first("/../../mark"));
    SHOW(first("absolute"));
    SHOW(first("relative"));
    SHOW(first("/deep/../mark"));
    SHOW(ino_of(AT_FDCWD, "/") == ino_of(AT_FDCWD, "/.."));
    SHOW(ino_of(AT_FDCWD, "/") == ino_of(AT_FDCWD, ".."));
    SHOW(access("/sub/deep", X_OK));
    SHOW(access("/jail", F_OK));
    SHOW(access("/dev/null", F_OK));
    SHOW(access("/proc/self", F_OK));
    SHOW(mkdir("/made", 0755));
    SHOW(rename("/made", "../../remade"));
    SHOW(access("/remade", F_OK));
    SHOW(symlink("/remade", "/link"));
    SHOW(open("/link", O_RDONLY | O_DIRECTORY) >= 0);
    SHOW(chdir("/remade"));
    say_cwd();
    SHOW(chdir("../.."));
    say_cwd();
    SHOW(rmdir("/remade"));
    SHOW(chroot("/sub"));
    say_cwd();
    SHOW(first("/mark"));
    SHOW(chdir("/"));
    SHOW(first("mark"));
    SHOW(chdir("deep"));
    SHOW(rmdir("/deep"));
    say_cwd();
    SHOW(first("../mark"));
}

/* The ways that stay open: what was open before, and a directory outside of the root. */
static void ways_out(void)
{
    make_jail();
    int here = open(".", O_RDONLY | O_DIRECTORY), sub = open("jail/sub", O_RDONLY | O_DIRECTORY);
    ino_t outside = ino_of(AT_FDCWD, "mark");
    SHOW(chroot("jail"));
    say_cwd();
    SHOW(ino_of(here, "mark") == outside);
    SHOW(ino_of(AT_FDCWD, "mark") == outside);
    SHOW(ino_of(AT_FDCWD, "/mark") == outside);
    SHOW(ino_of(sub, "../../mark") == outside);
    SHOW(ino_of(sub, "../../mark") == ino_of(AT_FDCWD, "/mark"));
    SHOW(fchdir(sub));
    say_cwd();
    SHOW(ino_of(AT_FDCWD, "../../mark") == outside);
    SHOW(chroot("deep"));
    SHOW(ino_of(AT_FDCWD, "../../mark") == outside);
    SHOW(fchdir(here));
    say_cwd();
    SHOW(chroot("."));
    say_cwd();
    SHOW(ino_of(AT_FDCWD, "/mark") == outside);
    SHOW(ino_of(AT_FDCWD, "/jail/../mark") == outside);
}

static void show_link(int proc, const char *name, const char *before)
{
    char text[ROOM] = "";
    ssize_t size = readlinkat(proc, name, text, sizeof text - 1);
    size_t skip = before && strncmp(text, before, strlen(before)) == 0 ? strlen(before) : 0;
    printf("%s: %s%s\n", strrchr(name, '/'),
           size < 0 ? strerrorname_np(errno)
           : skip   ? "…"
                    : "",
           text + skip);
    fflush(stdout);
}

/* As others see it, and as it sees itself and them. */
static void seen(void)
{
    char name[64], here[ROOM] = "";
    int go[2], proc = open("/proc", O_RDONLY | O_DIRECTORY);
    mkdir("base", 0755), chdir("base");
    make_jail();
    getcwd(here, sizeof here);
    int file = open("jail/sub/mark", O_RDONLY), other = open("mark", O_RDONLY);
    pipe(go);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        chdir("jail/sub");
        chroot("..");
        show_link(proc, "self/root", NULL);
        show_link(proc, "self/cwd", NULL);
        snprintf(name, sizeof name, "self/fd/%d", file);
        show_link(proc, name, NULL);
        snprintf(name, sizeof name, "self/fd/%d", other);
        show_link(proc, name, here);
        snprintf(name, sizeof name, "%d/cwd", getppid());
        show_link(proc, name, here);
        snprintf(name, sizeof name, "%d/root", getppid());
        show_link(proc, name, NULL);
        SHOW(ino_of(proc, "self/root/mark") == ino_of(AT_FDCWD, "/mark"));
        SHOW(ino_of(proc, "self/cwd/mark") == ino_of(AT_FDCWD, "/sub/mark"));
        SHOW(ino_of(proc, "self/cwd/../../mark") == ino_of(AT_FDCWD, "/mark"));
        SHOW(ino_of(proc, "self/exe") != 0);
        SHOW(openat(proc, "self/exe", O_RDONLY) >= 0);
        write(go[1], "", 1);
        pause();
        _exit(0);
    }
    read(go[0], name, 1);
    snprintf(name, sizeof name, "/proc/%d/root", child);
    show_link(AT_FDCWD, name, here);
    snprintf(name, sizeof name, "/proc/%d/cwd", child);
    show_link(AT_FDCWD, name, here);
    snprintf(name, sizeof name, "/proc/%d/task/%d/cwd", child, child);
    show_link(AT_FDCWD, name, here);
    snprintf(name, sizeof name, "/proc/%d/root/mark", child);
    SHOW(first(name));
    snprintf(name, sizeof name, "/proc/%d/root/../mark", child);
    SHOW(first(name));
    snprintf(name, sizeof name, "/proc/%d/cwd/absolute", child);
    SHOW(first(name));
    kill(child, SIGKILL);
    SHOW(ended());
}

static void openat2_ways(void)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_RDONLY, 0, 0};
    make_jail();
    chdir("jail/sub");
    chroot("..");
    static const uint64_t ways[] = {0, 0x02 /* MAGICLINKS */, 0x04 /* SYMLINKS */,
                                    0x08 /* BENEATH */, 0x10 /* IN_ROOT */};
    static const char *const paths[] = {"mark",     "/mark",    "../mark",     "../../mark",
                                        "absolute", "relative", "deep/../mark"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
            char byte = 0;
            how.resolve = ways[i];
            int fd = syscall(SYS_openat2, AT_FDCWD, paths[k], &how, sizeof how);
            printf("%d %s: %s %c\n", (int)how.resolve, paths[k],
                   fd < 0 ? strerrorname_np(errno) : "opened",
                   fd >= 0 && read(fd, &byte, 1) == 1 ? byte : '-');
            close(fd);
        }
    fflush(stdout);
}

static void sockets(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/socket"};
    make_jail();
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    fflush(stdout);
    if (fork() == 0) {
        chroot("jail");
        SHOW(bind(s, (void *)&a, sizeof a));
        SHOW(listen(s, 1));
        _exit(0);
    }
    SHOW(ended());
    SHOW(access("jail/socket", F_OK));
    strcpy(a.sun_path, "jail/socket");
    SHOW(connect(c, (void *)&a, sizeof a));
}

/* A program, and one by its descriptor, where there is no /proc. */
static void executing(void)
{
    make_jail();
    copy_self("jail/prog");
    put("jail/script", "#!/prog where_executed\n");
    int outer = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), proc = open("/proc", O_RDONLY);
    static char *const argv[] = {"prog", "where_executed", NULL};
    static const char *const names[] = {"/prog", "/script", "sub/../prog", "/absent", ""};
    dup2(proc, 77);
    for (int i = 0; i < 6; i++) {
        fflush(stdout);
        if (fork() == 0) {
            chdir("jail"), chroot(".");
            if (i == 5)
                syscall(SYS_execveat, outer, "", argv, environ, AT_EMPTY_PATH);
            else
                execv(names[i], argv);
            _exit(100 + (errno == ENOENT));
        }
        SHOW(ended());
    }
}

static void executed(void)
{
    printf("executed\n");
    SHOW(first("mark"));
    SHOW(first("/mark"));
    show_link(77, "self/root", NULL);
}

/* Threads ------------------------------------------------------------------------------*/

static pthread_barrier_t turn;

static void *apart(void *unused)
{
    SHOW(unshare(CLONE_FS));
    pthread_barrier_wait(&turn); /* the others are about to move */
    pthread_barrier_wait(&turn);
    say_cwd();
    SHOW(umask(077));
    SHOW(first("mark"));
    SHOW(chroot("."));
    SHOW(chdir("/sub"));
    say_cwd();
    put("by_thread", "x");
    show_link(AT_FDCWD, "/proc/thread-self/cwd", NULL); /* it sees no /proc any more */
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    say_cwd();
    return unused;
}

static void threads(void)
{
    pthread_t t;
    struct stat s;
    make_jail();
    chdir("jail"), chroot(".");
    pthread_barrier_init(&turn, NULL, 2);
    pthread_create(&t, NULL, apart, NULL);
    pthread_barrier_wait(&turn);
    SHOW(chdir("/sub/deep"));
    umask(0);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    say_cwd();
    SHOW(umask(022));
    SHOW(stat("/sub/by_thread", &s));
    SHOW(s.st_mode);
    fflush(stdout);
    if (fork() == 0) {
        say_cwd();
        _exit(0);
    }
    SHOW(ended());
    pthread_barrier_wait(&turn);
    pthread_join(t, NULL);
    say_cwd();
}

static void *together(void *unused)
{
    SHOW(chdir("sub"));
    SHOW(umask(0));
    SHOW(chroot("."));
    return unused;
}

static void threads_share(void)
{
    pthread_t t;
    make_jail();
    chdir("jail"), chroot(".");
    SHOW(first("mark"));
    pthread_create(&t, NULL, together, NULL);
    pthread_join(t, NULL);
    say_cwd();
    SHOW(umask(022));
    SHOW(first("/mark"));
    SHOW(first("../mark"));
}

/* Processes made with CLONE_FS, and without. */
static void processes_share(void)
{
    struct stat s;
    int base = open(".", O_RDONLY | O_DIRECTORY);
    make_jail();
    for (int i = 0; i < 3; i++) {
        fflush(stdout);
        long child = syscall(SYS_clone, (i == 1 ? CLONE_FS : 0) | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            if (i == 2)
                SHOW(unshare(CLONE_FS));
            SHOW(chdir("jail/sub"));
            SHOW(umask(027));
            SHOW(first("mark"));
            _exit(0);
        }
        SHOW(ended());
        SHOW(first("mark"));
        SHOW(umask(022));
        SHOW(stat("mark", &s));
        fchdir(base);
    }
}

static void unsharing(void)
{
    SHOW(unshare(0));
    SHOW(unshare(CLONE_FS));
    SHOW(unshare(CLONE_FILES));
    SHOW(unshare(CLONE_SYSVSEM));
    SHOW(unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM));
    SHOW(unshare(CLONE_VM));
    SHOW(unshare(CLONE_SIGHAND));
    SHOW(unshare(CLONE_THREAD));
    SHOW(unshare(CLONE_PARENT));
    SHOW(unshare(SIGCHLD));
    SHOW(unshare(-1));
}

/* Names ----------------------------------------------------------------------------------*/

static void show_names(void)
{
    static const char *const files[] = {"/proc/self/comm", "/proc/self/cmdline"};
    char name[17] = "", text[ROOM];
    prctl(PR_GET_NAME, name);
    printf("%s\n", name);
    for (int i = 0; i < 2; i++) {
        int fd = open(files[i], O_RDONLY);
        ssize_t size = read(fd, text, sizeof text);
        for (ssize_t k = 0; k < size; k++)
            putchar(text[k] ? text[k] : ' ');
        printf("\n");
        close(fd);
    }
    char exe[ROOM] = "";
    if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0)
        perror("exe");
    printf("%s\n", strrchr(exe, '/'));
    fflush(stdout);
}

static void called(void)
{
    copy_self("prog");
    symlink("prog", "link");
    put("script", "#!./prog show_names");
    put("second", "#!./script of a script\n");
    put("a_name_of_many_letters", "#!./link\tshow_names \n");
    link("prog", "again");
    static const char *const names[] = {"./prog",        "./link",  "./script",
                                        "second",        "./again", "./a_name_of_many_letters",
                                        "/proc/self/exe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fflush(stdout);
        if (fork() == 0) {
            execl(names[i], "zero", "show_names", "two", NULL);
            printf("%s\n", strerrorname_np(errno));
            _exit(9);
        }
        SHOW(ended());
    }
}

/* A program whose file has gone, or been moved. */
static void gone(void)
{
    copy_self("prog");
    fflush(stdout);
    if (fork() == 0) {
        execl("./prog", "prog", "where_gone", NULL);
        _exit(9);
    }
    SHOW(ended());
}

static void is_gone(void)
{
    char text[ROOM] = "";
    mkdir("dir", 0755);
    SHOW(rename("prog", "dir/moved"));
    if (readlink("/proc/self/exe", text, sizeof text - 1) < 0)
        perror("exe");
    printf("%s\n", strstr(text, "/dir/") ? strstr(text, "/dir/") : text);
    SHOW(rename("dir/moved", "prog"));
    SHOW(unlink("prog"));
    memset(text, 0, sizeof text);
    if (readlink("/proc/self/exe", text, sizeof text - 1) < 0)
        perror("exe");
    printf("%s\n", strrchr(text, '/'));
    SHOW(access("/proc/self/exe", X_OK));
    SHOW(open("/proc/self/exe", O_RDONLY) >= 0);
    fflush(stdout);
    if (fork() == 0) {
        execl("/proc/self/exe", "prog", "show_names", NULL);
        _exit(9);
    }
    SHOW(ended());
}

const struct theme where_themes[] = {
    {"where_refused", refused},
    {"where_inside", inside},
    {"where_ways_out", ways_out},
    {"where_seen", seen},
    {"where_openat2", openat2_ways},
    {"where_sockets", sockets},
    {"where_executing", executing},
    {"where_executed", executed},
    {"where_threads", threads},
    {"where_threads_share", threads_share},
    {"where_processes_share", processes_share},
    {"where_unsharing", unsharing},
    {"show_names", show_names},
    {"where_called", called},
    {"where_is_gone", gone},
    {"where_gone", is_gone},
    {NULL, NULL},
};
