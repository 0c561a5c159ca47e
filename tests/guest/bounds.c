/* bounds: runs in a box with little memory for what programs share, on a small image:
 * who takes too much gets an errno or SIGBUS, what nobody uses is given back, and the
 * box goes on. bounds.py has what it must print. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, PART = 16 * MIB };

static sigjmp_buf after;

static void on_fault(int signal)
{
    (void)signal;
    siglongjmp(after, 1);
}

/* Touches each page: 0, or SIGBUS. */
static int touch(char *at, long size)
{
    signal(SIGBUS, on_fault);
    if (sigsetjmp(after, 1))
        return SIGBUS;
    for (long i = 0; i < size; i += 4096)
        at[i] = 1;
    return 0;
}

static char *shared(long size)
{
    return mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* How many parts there are until one fails. */
static void take_shared(void)
{
    char *parts[64];
    int count = 0, result = 0;
    while (count < 64 && result == 0) {
        parts[count] = shared(PART);
        if (parts[count] == MAP_FAILED)
            break;
        result = touch(parts[count++], PART);
    }
    printf("%d parts, then %s\n", count, result ? "SIGBUS" : strerrorname_np(errno));
    while (count > 0)
        munmap(parts[--count], PART);
}

static void shared_memory(void)
{
    take_shared();
    take_shared();
    printf("and small ones: %d\n", shared(4096) != MAP_FAILED);
}

static long fill(const char *name)
{
    static char bytes[65536];
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    long size = 0, got;
    memset(bytes, 1, sizeof bytes);
    while ((got = write(fd, bytes, sizeof bytes)) > 0)
        size += got;
    printf("%ld MiB, then %s\n", size / MIB, strerrorname_np(errno));
    close(fd);
    unlink(name);
    return size;
}

static void memory_files(void)
{
    printf("%d\n", fill("/dev/shm/a") == fill("/dev/shm/b"));
    int fd = (int)syscall(SYS_memfd_create, "m", 0);
    printf("%d\n", ftruncate(fd, 1L << 40)); /* a hole */
    for (int i = 0; i < 20000; i++) {
        fd = (int)syscall(SYS_memfd_create, "m", 0);
        char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd < 0 || ftruncate(fd, 4096) != 0 || m == MAP_FAILED || touch(m, 4096) != 0) {
            printf("%d: %s\n", i, strerror(errno));
            return;
        }
        munmap(m, 4096);
        close(fd);
    }
    puts("20000 came and went");
}

static long free_blocks(void)
{
    struct statfs s;
    sync();
    return statfs("/", &s) == 0 ? (long)s.f_bfree : -1;
}

static char *map_unlinked(long size, int how)
{
    static char bytes[PART];
    int fd = open("/unlinked", O_RDWR | O_CREAT, 0600);
    memset(bytes, 1, sizeof bytes);
    if (write(fd, bytes, (size_t)size) != size)
        printf("cannot write: %s\n", strerror(errno));
    char *m = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, how, fd, 0);
    if (m == MAP_FAILED || touch(m, size) != 0)
        printf("cannot map: %s\n", strerror(errno));
    unlink("/unlinked");
    close(fd);
    return m;
}

static void unlinked_files(void)
{
    long before = free_blocks();
    for (int i = 0; i < 20; i++)
        munmap(map_unlinked(PART, i % 2 ? MAP_SHARED : MAP_PRIVATE), PART);
    printf("unmapped: %ld\n", free_blocks() - before);
    for (int i = 0; i < 20; i++) {
        if (fork() == 0) {
            map_unlinked(PART, MAP_SHARED);
            if (i % 2)
                _exit(0);
            raise(SIGKILL);
        }
        wait(NULL);
    }
    printf("ended: %ld\n", free_blocks() - before);
    char *m = map_unlinked(PART, MAP_SHARED);
    printf("mapped: %d\n", before - free_blocks() >= PART / 4096);
    if (fork() == 0)
        _exit(m[PART - 1]);
    wait(NULL);
    printf("still there: %d\n", m[PART - 1]);
    munmap(m, PART);
    printf("unmapped: %ld\n", free_blocks() - before);
}

/* More files than there is memory for, one after the other. */
static void many_files(void)
{
    static char bytes[PART];
    char name[32];
    long wrong = 0;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "/many%d", i);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        memset(bytes, i, sizeof bytes);
        wrong += write(fd, bytes, PART) != PART;
        close(fd);
    }
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "/many%d", i % 10);
        int fd = open(name, O_RDONLY);
        char *m = mmap(NULL, PART, PROT_READ, i % 2 ? MAP_SHARED : MAP_PRIVATE, fd, 0);
        memset(bytes, i % 10, sizeof bytes);
        wrong += m == MAP_FAILED || memcmp(m, bytes, PART) != 0;
        munmap(m, PART);
        close(fd);
    }
    printf("wrong: %ld\n", wrong);
}

/* Memory of its own, in a child: how that ends. */
static void own(long mib)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char *at = mmap(NULL, (size_t)mib * MIB, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        _exit(at == MAP_FAILED ? 1 : touch(at, mib * MIB));
    }
    waitpid(pid, &status, 0);
    printf("%ld MiB: %s %d\n", mib, WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void own_memory(void)
{
    own(32);
    own(512);
    own(32);
}

/* As many as the box has slots for, or the host processes for the box. */
static void many_children(void)
{
    int count = 0;
    pid_t pid;
    while (count < 400 && (pid = fork()) > 0)
        count++;
    if (pid == 0)
        for (;;)
            pause();
    printf("%s\n", count == 400 ? "all" : strerrorname_np(errno));
    kill(-1, SIGKILL);
    while (wait(NULL) > 0)
        ;
    pid = fork();
    if (pid == 0)
        _exit(0);
    printf("again: %d\n", pid > 0);
}

/* Of bytes of a file, each other one, so that no two are the same lock. */
static void many_locks(void)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    int fd = open("/locked", O_RDWR | O_CREAT, 0600);
    while (l.l_start < 200000 && fcntl(fd, F_SETLK, &l) == 0)
        l.l_start += 2;
    printf("%ld, then %s\n", (long)l.l_start / 2, strerrorname_np(errno));
    struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    printf("given up: %d\n", fcntl(fd, F_SETLK, &all));
    printf("again: %d\n", fcntl(fd, F_SETLK, &l));
}

static void wait_for_the_end(void)
{
    puts("here");
    fflush(stdout);
    pause();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } themes[] = {{"shared", shared_memory},    {"memory", memory_files},
                  {"unlinked", unlinked_files}, {"many", many_files},
                  {"own", own_memory},          {"children", many_children},
                  {"locks", many_locks},        {"waits", wait_for_the_end}};
    for (size_t i = 0; argc > 1 && i < sizeof themes / sizeof *themes; i++)
        if (strcmp(argv[1], themes[i].name) == 0) {
            themes[i].run();
            return 0;
        }
    return 2;
}
