#include "calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static char text[1 << 18];

/* Reads all of a file; its size, or -1. */
static long get(const char *path)
{
    int fd = open(path, O_RDONLY);
    size_t size = 0;
    ssize_t part = fd < 0 ? -1 : 0;
    while (fd >= 0 && (part = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)part;
    if (fd >= 0)
        close(fd);
    text[size] = '\0';
    return part < 0 ? -1 : (long)size;
}

/* The rest of the line that begins with a word, in what was read. */
static const char *line(const char *word)
{
    static char found[256];
    const char *at = strncmp(text, word, strlen(word)) == 0 ? text : strstr(text, word);
    snprintf(found, sizeof found, "%s", at ? at + strlen(word) : "absent");
    found[strcspn(found, "\n")] = '\0';
    return found;
}

/* In a program of its own, with what is too long to go at once. */
static void environment(void)
{
    static char more[100000] = "LONG=";
    char self[4096] = "", *argv[] = {"calls", "environment", NULL};
    char *const with[] = {"FIRST=1", more, "EMPTY=", "LAST=last", NULL};
    memset(more + 5, 'x', sizeof more - 6);
    SHOW(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    if (!getenv("FIRST"))
        execve(self, argv, with);
    setenv("LATER", "absent", 1);
    long size = get("/proc/self/environ");
    SHOW(size);
    for (long i = 0; i < size; i += (long)strlen(text + i) + 1)
        printf("%.9s %zu\n", text + i, strlen(text + i));
}

/* Does a line of the map, behind the access, name the file that is there? */
static bool is_of(const char *l)
{
    unsigned long offset, ino;
    unsigned device[2];
    char path[256] = "";
    struct stat file = {0};
    return sscanf(l, "%lx %x:%x %lu %255[^\n]", &offset, device, device + 1, &ino, path) == 5 &&
           stat(path, &file) == 0 && file.st_ino == ino &&
           file.st_dev == makedev(device[0], device[1]);
}

/* The part of a file that the map says lies at a place. */
static void file_place(const char *what, const void *at)
{
    SHOW(get("/proc/self/maps") > 0);
    for (char *next, *l = text; (next = strchr(l, '\n')); l = next + 1) {
        unsigned long start, end, offset;
        int behind = 0;
        *next = '\0';
        if (sscanf(l, "%lx-%lx %*s %n%lx", &start, &end, &behind, &offset) == 3 &&
            (unsigned long)at >= start && (unsigned long)at < end)
            printf("%s: %lx of %s\n", what, offset + (unsigned long)at - start,
                   is_of(l + behind) ? strrchr(l, '/') : "nothing");
    }
}

static void map_names(void)
{
    char *page[4];
    int fd = open("two\nlines", O_RDWR | O_CREAT, 0600);
    SHOW(ftruncate(fd, 5 * 4096));
    page[0] = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 4096);
    file_place("a line feed", page[0] + 4096); /* is not the file's name any more */
    SHOW(rename("two\nlines", "a file"));
    file_place("shared", page[0]);
    page[1] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4 * 4096);
    page[1][0] = 1;
    file_place("private", page[1] + 5);
    page[2] = mmap(NULL, 3 * 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    SHOW(mprotect(page[2] + 4096, 4096, PROT_NONE));
    file_place("code", page[2]);
    file_place("within", page[2] + 4096);
    file_place("behind", page[2] + 8192);
    SHOW(munmap(page[2], 4096));
    file_place("gone", page[2]);
    page[3] = mremap(page[1], 4096, 8192, MREMAP_MAYMOVE);
    file_place("moved", page[3] + 4096);
    SHOW(unlink("a file"));
}

/* The access that the map says a place has, or "none"; and what it calls it. */
static void place(const char *what, const void *at)
{
    char path[64], access[8] = "none", name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/maps", (int)getpid());
    get(path);
    for (char *next, *l = text; (next = strchr(l, '\n')); l = next + 1) {
        unsigned long start, end;
        char how[8] = "", rest[32] = "";
        *next = '\0';
        sscanf(l, "%lx-%lx %7s %*s %*s %*s %31s", &start, &end, how, rest);
        if ((unsigned long)at < start || (unsigned long)at >= end)
            continue;
        strcpy(access, how);
        strcpy(name, rest[0] == '[' ? rest : "");
    }
    printf("%s: %s %s\n", what, access, name);
    fflush(stdout);
}

static void maps(void)
{
    long now = syscall(SYS_brk, 0L);
    SHOW(syscall(SYS_brk, now + 8192) == now + 8192);
    char *page = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    place("stack", &page);
    place("heap", (void *)(now + 4096));
    place("text", (void *)(uintptr_t)maps);
    place("page", page);
    SHOW(mprotect(page + 4096, 4096, PROT_NONE));
    place("before", page + 4095);
    place("within", page + 4096);
    place("behind", page + 8192);
    SHOW(munmap(page, 3 * 4096));
    place("gone", page);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    place("shared", page);
    int failed = 0;
    for (int i = 0; i < 1500; i++) /* more lines than go at once */
        failed += mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0) == MAP_FAILED;
    SHOW(failed);
    int lines = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (f && fgets(text, sizeof text, f))
        lines += strchr(text, '\n') != NULL;
    SHOW(lines > 1500);
}

/* Who closes what is listed, while it is, meets each descriptor. */
static void listing(void)
{
    char part[128];
    long size;
    SHOW(syscall(SYS_close_range, 3, ~0U, 0));
    int fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY), seen = 0, left = 0;
    for (int i = 0; i < 200; i++)
        dup(0);
    while ((size = syscall(SYS_getdents64, fds, part, sizeof part)) > 0)
        for (long at = 0; at < size; at += *(unsigned short *)(part + at + 16)) {
            int fd = atoi(part + at + 19);
            if (part[at + 19] != '.' && fd > fds)
                seen += close(fd) == 0;
        }
    for (int fd = fds + 1; fd < 300; fd++)
        left += fcntl(fd, F_GETFD) >= 0;
    SHOW(size);
    SHOW(seen);
    SHOW(left);
    SHOW(lseek(fds, 0, SEEK_SET));
    SHOW(syscall(SYS_getdents64, fds, part, sizeof part) > 0);
}

/* A directory of /proc stands for its process. */
static void signal_by_proc(void)
{
    int status, child = fork();
    char path[64];
    if (child == 0)
        for (;;)
            pause();
    snprintf(path, sizeof path, "/proc/%d", child);
    int p = open(path, O_RDONLY | O_DIRECTORY), all = open("/proc", O_RDONLY | O_DIRECTORY);
    snprintf(path, sizeof path, "/proc/%d/fd", child);
    int files = open(path, O_RDONLY | O_DIRECTORY);
    SHOW(syscall(SYS_pidfd_send_signal, all, 0, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, files, 0, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, p, 0, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, p, SIGTERM, NULL, 0));
    SHOW(waitpid(child, &status, 0) == child);
    SHOW(status);
    SHOW(syscall(SYS_pidfd_send_signal, p, 0, NULL, 0));
}

static void limits(void)
{
    struct rlimit l = {12345, 23456};
    SHOW(setrlimit(RLIMIT_FSIZE, &l));
    SHOW(getrlimit(RLIMIT_FSIZE, &l));
    SHOW(l.rlim_cur + l.rlim_max);
    SHOW(get("/proc/self/limits") > 0);
    puts(line("Limit "));
    puts(line("Max file size "));
    SHOW(getrlimit(RLIMIT_FSIZE, (void *)8));
    SHOW(syscall(SYS_setrlimit, RLIMIT_FSIZE, NULL));
    SHOW(setrlimit(16, &l));
    SHOW(syscall(SYS_prlimit64, 1 << 22, RLIMIT_FSIZE, NULL, NULL));
    SHOW(setuid(5));
    l.rlim_max++;
    SHOW(setrlimit(RLIMIT_FSIZE, &l));
    l.rlim_max -= 2;
    SHOW(setrlimit(RLIMIT_FSIZE, &l));
}

/* A user who has as many processes as allowed gets no more; root does. */
static void processes(void)
{
    struct rlimit l = {1, 1};
    SHOW(setrlimit(RLIMIT_NPROC, &l));
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    SHOW(waitpid(pid, NULL, 0) == pid);
    SHOW(setresuid(54321, 54321, 54321));
    SHOW(fork());
    pthread_t thread;
    SHOW(pthread_create(&thread, NULL, (void *(*)(void *))getpid, NULL) == EAGAIN);
}

static void descriptors(void)
{
    char path[64];
    int fd = open("file", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    SHOW(write(fd, "0123456789", 10));
    SHOW(lseek(fd, 7, SEEK_SET));
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    SHOW(get(path) > 0);
    puts(line("pos:")), puts(line("flags:"));
    SHOW(close(fd));
    SHOW(get(path));
    SHOW(get("/proc/self/fdinfo/x"));
}

static int count(const char *path)
{
    DIR *d = opendir(path);
    int found = 0;
    for (const struct dirent *e; d && (e = readdir(d));)
        found += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return d ? found : -1;
}

static void *other(void *unused)
{
    char link[64] = "", wanted[64], path[128];
    pid_t tid = (pid_t)syscall(SYS_gettid);
    (void)unused;
    SHOW(readlink("/proc/thread-self", link, sizeof link - 1) > 0);
    snprintf(wanted, sizeof wanted, "%d/task/%d", (int)getpid(), (int)tid);
    SHOW(strcmp(link, wanted));
    SHOW(count("/proc/self/task"));
    SHOW(get("/proc/thread-self/status") > 0);
    SHOW(atoi(line("\nPid:")) == tid);
    SHOW(atoi(line("\nTgid:")) == getpid());
    puts(line("\nThreads:"));
    snprintf(path, sizeof path, "/proc/%s/stat", link);
    SHOW(get(path) > 0);
    SHOW(atoi(text) == tid);
    snprintf(path, sizeof path, "/proc/%s/comm", link);
    SHOW(get(path));
    puts(text);
    SHOW(access("/proc/thread-self/task", F_OK));
    SHOW(access("/proc/thread-self/../../task", F_OK));
    return NULL;
}

static void tasks(void)
{
    pthread_t thread;
    char path[64];
    SHOW(count("/proc/self/task"));
    int error = pthread_create(&thread, NULL, other, NULL); /* which prints, too */
    SHOW(pthread_join(thread, NULL));
    SHOW(error);
    SHOW(get("/proc/self/task/1x/stat"));
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getppid());
    SHOW(get(path));
}

static void handle(int signal)
{
    (void)signal;
}

/* Three bits of a line of status, as one number. */
static int bits(const char *word)
{
    unsigned long set = strtoul(line(word), NULL, 16);
    return (int)((set >> (SIGUSR1 - 1) & 1) * 100 + (set >> (SIGUSR2 - 1) & 1) * 10 +
                 (set >> (SIGWINCH - 1) & 1));
}

static void status(void)
{
    sigset_t set;
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handle);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGWINCH);
    SHOW(sigprocmask(SIG_BLOCK, &set, NULL));
    SHOW(raise(SIGUSR2));
    SHOW(kill(getpid(), SIGUSR2));
    SHOW(get("/proc/self/status") > 0);
    SHOW(bits("SigIgn:")), SHOW(bits("SigCgt:")), SHOW(bits("SigBlk:"));
    SHOW(bits("SigPnd:")), SHOW(bits("ShdPnd:"));
    puts(line("NoNewPrivs:"));
    puts(line("CapInh:"));
}

/* Its own, even outside, where all programs would see it. */
static void host_names(void)
{
    struct utsname u;
    char more[80] = "";
    uname(&u);
    if (!strstr(u.release, "-vow"))
        unshare(CLONE_NEWUTS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWUTS) == 0 || (abort(), 0);
    SHOW(sethostname("another", 7));
    SHOW(syscall(SYS_setdomainname, "domain.test", 11));
    SHOW(uname(&u));
    puts(u.nodename), puts(u.domainname);
    SHOW(gethostname(more, sizeof more));
    puts(more);
    SHOW(get("/proc/sys/kernel/hostname"));
    puts(text);
    SHOW(get("/proc/sys/kernel/domainname"));
    puts(text);
    SHOW(sethostname((void *)8, 3));
    SHOW(syscall(SYS_sethostname, more, 65));
    SHOW(syscall(SYS_sethostname, more, -1L));
    SHOW(syscall(SYS_setdomainname, more, 65));
    SHOW(sethostname("", 0));
    SHOW(uname(&u));
    SHOW(strlen(u.nodename));
    SHOW(setresuid(5, 5, 5));
    SHOW(sethostname("x", 1));
    SHOW(syscall(SYS_setdomainname, "x", 1));
}

/* Who asks for it gets the children of its children, but its children do not. */
static void adopt(void)
{
    int value = 7, status, p[2];
    pid_t self = getpid();
    char byte = 0;
    SHOW(prctl(PR_GET_CHILD_SUBREAPER, &value));
    SHOW(value);
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
    SHOW(prctl(PR_GET_CHILD_SUBREAPER, &value));
    SHOW(value);
    SHOW(prctl(PR_GET_CHILD_SUBREAPER, 8L));
    pipe(p);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_GET_CHILD_SUBREAPER, &value);
        if (value == 0 && fork() == 0) {
            read(p[0], &byte, 1);
            _exit(getppid() == self ? 11 : 12);
        }
        _exit(value);
    }
    SHOW(waitpid(pid, &status, 0) == pid);
    SHOW(status);
    SHOW(write(p[1], "x", 1));
    SHOW(wait(&status) > 0);
    SHOW(WEXITSTATUS(status));
    SHOW(wait(&status));
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 0));
    pid = fork();
    if (pid == 0) {
        if (fork() == 0)
            read(p[0], &byte, 1);
        _exit(0);
    }
    SHOW(waitpid(pid, &status, 0) == pid);
    SHOW(wait(&status));
    SHOW(write(p[1], "x", 1));
}

/* Not in the first process of a box, which adopts anyway. */
static void adopted(void)
{
    int status;
    if (fork() == 0) {
        adopt();
        _exit(0);
    }
    SHOW(wait(&status) > 0);
    SHOW(status);
}

static void personalities(void)
{
    SHOW(personality(0xffffffff));
    SHOW(personality(ADDR_NO_RANDOMIZE));
    SHOW(personality(0xffffffff));
    int status;
    if (fork() == 0)
        _exit(personality(0xffffffff) == ADDR_NO_RANDOMIZE ? 3 : 4);
    SHOW(wait(&status) > 0);
    SHOW(WEXITSTATUS(status));
    SHOW(personality(0));
}

static void system_files(void)
{
    SHOW(get("/proc/self/mountinfo") > 0);
    SHOW(strstr(text, " / ") != NULL); /* outside the root may be a part of another file system */
    SHOW(get("/proc/sys/fs/pipe-max-size") > 0);
    SHOW(atoi(text) >= 4096);
    SHOW(get("/proc/sys/kernel/random/uuid"));
    SHOW(text[8] == '-' && text[14] == '4' && text[36] == '\n');
    SHOW(get("/proc/sys/kernel/random/boot_id"));
    char first[64];
    strcpy(first, text);
    SHOW(get("/proc/sys/kernel/random/boot_id"));
    SHOW(strcmp(first, text));
    SHOW(get("/proc/sys/kernel/ostype"));
    puts(text);
    SHOW(get("/proc/sys/kernel/absent"));
    SHOW(get("/proc/sys/ostype"));
    SHOW(get("/proc/sys/kernel/../kernel/ostype"));
    SHOW(get("/proc/sys/kernel"));
    SHOW(get("/proc/sys/../self/comm") > 0);
    SHOW(get("/sys/devices/system/cpu/online") > 0);
    SHOW(get("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") > 0 && atoi(text) == 2 << 20);
    SHOW(count("/proc/sys/kernel/random") > 3);
    SHOW(count("/proc/sys") > 3);
    SHOW(count("/sys/devices/system/cpu") > 3);
}

/* What /proc says a descriptor is, from the working directory on. */
static void called(const char *what, int fd)
{
    char link[64], path[4096] = "", here[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    getcwd(here, sizeof here);
    size_t prefix = strlen(here);
    bool below = strncmp(path, here, prefix) == 0;
    printf("%s: %d %s\n", what, size < 0 ? -1 : 0, below ? path + prefix : path);
    if (fd >= 0)
        close(fd);
}

static void names_of_descriptors(void)
{
    mkdir("there", 0700), chdir("there");
    mkdir("names", 0700), mkdir("names/in", 0700);
    close(open("names/file", O_RDWR | O_CREAT, 0600));
    symlink("file", "names/link");
    called("a directory", open("names/in", O_RDONLY));
    called("a file", open("names/file", O_RDONLY));
    called("made", open("names/made", O_RDWR | O_CREAT, 0600));
    called("by a link", open("names/link", O_RDONLY));
    called("a link", open("names/link", O_PATH | O_NOFOLLOW));
    called("by dots", open("names/in/../file", O_RDONLY));
    int fd = open("names/file", O_RDWR);
    rename("names/file", "names/in/moved");
    called("moved", fd);
    called("below /proc", open("/proc/sys/kernel/ostype", O_RDONLY));
    called("self", open("/proc/self", O_PATH | O_NOFOLLOW));
    called("null", open("/dev/null", O_RDONLY));
    called("mounts", open("/proc/mounts", O_PATH | O_NOFOLLOW));
    char text[64] = "";
    SHOW(readlink("/proc/mounts", text, sizeof text - 1));
    puts(text);
    called("nothing", -1);
    int memory = syscall(SYS_memfd_create, "m", 0);
    SHOW(read(memory, text, 1)); /* it is empty */
    SHOW(pread(memory, text, 1, 100));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

const struct theme proc_themes[] = {
    {"environment", environment},
    {"maps", maps},
    {"map-names", map_names},
    {"listing", listing},
    {"signal-by-proc", signal_by_proc},
    {"proc_limits", limits},
    {"processes", processes},
    {"descriptors", descriptors},
    {"tasks", tasks},
    {"status", status},
    {"system_files", system_files},
    {"host_names", host_names},
    {"adopted", adopted},
    {"personalities", personalities},
    {"names_of_descriptors", names_of_descriptors},
    {NULL, NULL},
};
