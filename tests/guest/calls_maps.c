/* Mapped files: their ends, large ones, what is read when it is touched; limits of
 * memory. */
#include "calls.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define PAGE 4096L
#define MIB (1L << 20)
#define GIB (1L << 30)

static sigjmp_buf after;
static volatile sig_atomic_t caught, code;
static char *volatile where;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    caught = signal, code = info->si_code;
    where = info->si_addr;
    siglongjmp(after, 1);
}

static void catch (void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
}

/* What reading, or writing, a byte gives: 1000 and the signal if it faults. */
static int get(char *at)
{
    return sigsetjmp(after, 1) ? 1000 + caught : *(volatile char *)at;
}

static int put(char *at, char byte)
{
    if (sigsetjmp(after, 1))
        return 1000 + caught;
    *(volatile char *)at = byte;
    return 0;
}

static int ended(void)
{
    int status;
    wait(&status);
    return status;
}

static void both_ends(const char *name, int how)
{
    int fd = open(name, O_RDWR | O_CREAT, 0600), pipes[2];
    pipe(pipes);
    pwrite(fd, "last", 4, PAGE + 100);
    char *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, how, fd, 0);
    SHOW(get(m + PAGE + 100));
    SHOW(get(m + 2 * PAGE - 1)); /* the rest of the last page */
    SHOW(get(m + 2 * PAGE));
    SHOW(code);
    SHOW(where - m);
    SHOW(put(m + 3 * PAGE + 5, 1));
    SHOW(where - m);
    SHOW(write(pipes[1], m + 2 * PAGE, 10));
    SHOW(write(pipes[1], m + 2 * PAGE - 5, 5));
    SHOW(read(pipes[0], m + 2 * PAGE, 5));
    SHOW(mprotect(m, 4 * PAGE, PROT_READ));
    SHOW(get(m + 2 * PAGE));
    SHOW(put(m, 1));
    SHOW(mprotect(m, 4 * PAGE, PROT_READ | PROT_WRITE));
    SHOW(ftruncate(fd, 3 * PAGE)); /* now there is more */
    SHOW(get(m + 2 * PAGE));
    SHOW(put(m + 2 * PAGE, 'n'));
    SHOW(get(m + 3 * PAGE));
    char byte = 0;
    SHOW(pread(fd, &byte, 1, 2 * PAGE));
    SHOW(byte);
    SHOW(pwrite(fd, "w", 1, 3 * PAGE + 7));
    SHOW(get(m + 3 * PAGE + 7));
    if (fork() == 0) {
        SHOW(ftruncate(fd, 5 * PAGE));
        SHOW(get(m + 3 * PAGE + 7));
        char *n = mremap(m, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
        SHOW(n != MAP_FAILED);
        SHOW(get(n + PAGE + 100));
        SHOW(get(n + 4 * PAGE));
        SHOW(get(n + 5 * PAGE));
        _exit(0);
    }
    SHOW(ended());
    SHOW(munmap(m + PAGE, 2 * PAGE));
    SHOW(get(m + PAGE));
    SHOW(get(m + 3 * PAGE));
    SHOW(mmap(m, 4 * PAGE, PROT_READ, how | MAP_FIXED, fd, 4 * PAGE) == m);
    SHOW(get(m));
    SHOW(get(m + PAGE));
    SHOW(munmap(m, 4 * PAGE));
    close(fd);
}

static void behind_the_end(void)
{
    catch ();
    both_ends("shared", MAP_SHARED);
    both_ends("private", MAP_PRIVATE);
    int fd = syscall(SYS_memfd_create, "m", 0);
    char *m = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(get(m));
    SHOW(ftruncate(fd, 10));
    SHOW(put(m, 'a'));
    SHOW(get(m + PAGE));
    char byte = 0;
    SHOW(pread(fd, &byte, 1, 0));
    SHOW(byte);
    if (fork() == 0) {
        signal(SIGBUS, SIG_DFL);
        m[PAGE] = 1;
        _exit(0);
    }
    SHOW(WTERMSIG(ended()));
}

/* The file's byte at a place. */
static int at(int fd, long offset)
{
    char byte = 77;
    return pread(fd, &byte, 1, offset) == 1 ? byte : -2;
}

static void large_files(void)
{
    catch ();
    int fd = open("large", O_RDWR | O_CREAT, 0600);
    SHOW(ftruncate(fd, 5 * GIB + 100));
    SHOW(pwrite(fd, "a", 1, 3 * GIB + 5));
    SHOW(pwrite(fd, "b", 1, 5 * GIB + 99));
    char *m = mmap(NULL, 5 * GIB + 100, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(m != MAP_FAILED);
    SHOW(get(m));
    SHOW(get(m + 3 * GIB + 5));
    SHOW(get(m + 5 * GIB + 99));
    SHOW(get(m + 2 * GIB - 1));
    m[2 * GIB] = 'c', m[2 * GIB - 1] = 'd', m[4 * GIB + 3] = 'e';
    SHOW(at(fd, 2 * GIB));
    SHOW(at(fd, 2 * GIB - 1));
    SHOW(at(fd, 4 * GIB + 3));
    SHOW(pwrite(fd, "12345678", 8, 2 * GIB - 4)); /* across a border */
    SHOW(memcmp(m + 2 * GIB - 4, "12345678", 8));
    char *n = mmap(NULL, MIB, PROT_READ, MAP_PRIVATE, fd, 4 * GIB);
    SHOW(n[3]);
    if (fork() == 0) {
        m[4 * GIB + 4] = 'f';
        _exit(m[3 * GIB + 5]);
    }
    SHOW(WEXITSTATUS(ended()));
    SHOW(at(fd, 4 * GIB + 4));
    SHOW(n[4]);
    SHOW(msync(m, 5 * GIB, MS_SYNC));
    SHOW(munmap(m, 5 * GIB + 100));
    SHOW(munmap(n, MIB));
    close(fd);
    fd = open("large", O_RDONLY);
    SHOW(at(fd, 2 * GIB));
    SHOW(at(fd, 4 * GIB + 4));
    SHOW(unlink("large"));
    SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, (off_t)1 << 62 | PAGE) != -1 || errno);
}

static unsigned sum_of(const char *m, long from, long to)
{
    unsigned sum = 0;
    for (long i = from; i < to; i += 1001)
        sum = sum * 31 + (unsigned char)m[i];
    return sum;
}

/* 24 MiB: more than is there at once. */
static void touched(void)
{
    enum { SIZE = 24 << 20 };
    char *bytes = malloc(SIZE);
    for (long i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7 + i / 4096);
    int fd = open("touched", O_RDWR | O_CREAT | O_TRUNC, 0600), copy;
    SHOW(write(fd, bytes, SIZE));
    for (int how = MAP_SHARED; how <= MAP_PRIVATE; how++) {
        char *m = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, how, fd, 0);
        unsigned random = 1;
        long wrong = 0;
        for (int i = 0; i < 300; i++) {
            random = random * 1103515245 + 12345;
            long place = (random >> 4) % SIZE;
            wrong += m[place] != bytes[place];
        }
        SHOW(wrong);
        copy = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
        SHOW(write(copy, m, SIZE));
        SHOW(lseek(copy, 0, SEEK_END));
        SHOW(sum_of(m, 0, SIZE) == sum_of(bytes, 0, SIZE));
        SHOW(pread(copy, m + 12 * MIB, 4 * MIB, 0));
        SHOW(memcmp(m + 12 * MIB, bytes, 4 * MIB));
        SHOW(memcmp(m + 17 * MIB, bytes + 17 * MIB, 7 * MIB));
        char *moved = mremap(m, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
        SHOW(moved != MAP_FAILED);
        SHOW(memcmp(moved + 12 * MIB, bytes, 4 * MIB));
        SHOW(memcmp(moved + 17 * MIB, bytes + 17 * MIB, 7 * MIB));
        SHOW(munmap(moved, 2 * SIZE));
        m = mmap(NULL, SIZE, PROT_NONE, how, fd, 0);
        SHOW(mprotect(m + 20 * MIB, MIB, PROT_READ));
        SHOW(memcmp(m + 20 * MIB, bytes + 20 * MIB, MIB));
        for (long i = 20 * MIB - 1; i < 20 * MIB; i++)
            SHOW(mprotect(m, SIZE, PROT_READ));
        for (long i = SIZE - 1; i >= 0; i -= 100000) /* downwards */
            wrong +=
                m[i] != (i >= 12 * MIB && i < 16 * MIB && how == MAP_SHARED ? bytes[i - 12 * MIB]
                         : i >= 12 * MIB && i < 16 * MIB                    ? m[i]
                                                                            : bytes[i]);
        SHOW(wrong);
        SHOW(munmap(m, SIZE));
        close(copy);
    }
    free(bytes);
}

/* Shared memory that nobody has touched yet. */
static void untouched(void)
{
    int *m = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *word = m + 40 * MIB / 4, *other = m + 50 * MIB / 4;
    SHOW(syscall(SYS_futex, word, FUTEX_WAIT, 1, NULL));
    SHOW(syscall(SYS_futex, other, FUTEX_WAKE, 1));
    if (fork() == 0) {
        usleep(50000);
        __atomic_store_n(m + 60 * MIB / 4, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, m + 60 * MIB / 4, FUTEX_WAKE, 1);
        _exit(0);
    }
    while (!__atomic_load_n(m + 60 * MIB / 4, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, m + 60 * MIB / 4, FUTEX_WAIT, 0, NULL);
    SHOW(ended());
    SHOW(syscall(SYS_futex, m + 20 * MIB / 4, FUTEX_LOCK_PI, 0, NULL));
    SHOW(m[20 * MIB / 4] == getpid());
    SHOW(syscall(SYS_futex, m + 20 * MIB / 4, FUTEX_UNLOCK_PI));
    SHOW(munmap(m, 64 * MIB));
    int id = shmget(IPC_PRIVATE, 40 * MIB, 0600);
    char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);
    a[33 * MIB] = 'x';
    SHOW(b[33 * MIB]);
    SHOW(shmdt(a));
    SHOW(b[33 * MIB]);
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmdt(b));
    int memory = syscall(SYS_memfd_create, "m", 0);
    SHOW(ftruncate(memory, 8 * GIB)); /* holes cost nothing */
    a = mmap(NULL, 8 * GIB, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    SHOW(a != MAP_FAILED);
    a[7 * GIB] = 'y';
    SHOW(at(memory, 7 * GIB));
    SHOW(pwrite(memory, "z", 1, 6 * GIB));
    SHOW(a[6 * GIB]);
    SHOW(at(memory, 5 * GIB));
}

/* Files that are mapped, written, and go, again and again. */
static void again_and_again(void)
{
    long wrong = 0;
    char name[32], bytes[PAGE];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "again%d", i % 7);
        int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
        ftruncate(fd, 3 * PAGE);
        char *m = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        memset(m, i, 2 * PAGE);
        wrong += p[PAGE] != (char)i;
        if (i % 3 == 0)
            unlink(name);
        munmap(m, 3 * PAGE);
        wrong += pread(fd, bytes, PAGE, PAGE) != PAGE || bytes[77] != (char)i;
        wrong += p[77] != (char)i;
        munmap(p, 3 * PAGE);
        m = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
        wrong += m[PAGE] != (char)i;
        if (i % 2)
            munmap(m, 3 * PAGE);
        close(fd);
    }
    SHOW(wrong);
    int fd = open("again1", O_RDWR | O_CREAT | O_TRUNC, 0600);
    memset(bytes, 'p', sizeof bytes);
    for (int i = 0; i < 4; i++)
        pwrite(fd, bytes, PAGE, i * PAGE);
    char *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    m[0] = 'q';
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE));
    SHOW(m[0]);
    SHOW(m[PAGE]);
    SHOW(m[2 * PAGE]);
    SHOW(fallocate(fd, 0, 0, 6 * PAGE));
    SHOW(at(fd, 0));
    SHOW(at(fd, PAGE));
    SHOW(at(fd, 2 * PAGE));
}

static void memory_limits(void)
{
    struct rlimit limit;
    if (fork() == 0) {
        limit = (struct rlimit){512 * MIB, 512 * MIB};
        SHOW(setrlimit(RLIMIT_AS, &limit));
        void *m = mmap(NULL, 400 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        SHOW(m != MAP_FAILED);
        SHOW((long)mmap(NULL, 200 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        SHOW((long)mmap(NULL, 200 * MIB, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        SHOW(mmap(m, 400 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m);
        SHOW((long)mremap(m, 400 * MIB, 600 * MIB, MREMAP_MAYMOVE));
        SHOW(malloc(200 * MIB) == NULL);
        SHOW(munmap(m, 400 * MIB));
        SHOW(malloc(200 * MIB) != NULL);
        SHOW((long)sbrk(450 * MIB));
        _exit(0);
    }
    SHOW(ended());
    if (fork() == 0) {
        limit = (struct rlimit){256 * MIB, 256 * MIB};
        SHOW(setrlimit(RLIMIT_DATA, &limit));
        void *m = mmap(NULL, 400 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        SHOW(m != MAP_FAILED);
        SHOW(mprotect(m, 100 * MIB, PROT_READ | PROT_WRITE));
        SHOW(mprotect(m, 300 * MIB, PROT_READ | PROT_WRITE));
        SHOW((long)mmap(NULL, 200 * MIB, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        SHOW(mmap(NULL, 200 * MIB, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
        SHOW((long)sbrk(200 * MIB));
        _exit(0);
    }
    SHOW(ended());
}

/* Each page of another kind than its neighbours, until there is no room for more. */
static void many_mappings(void)
{
    catch ();
    long most = 0, made = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    fscanf(file, "%ld", &most);
    fclose(file);
    char *m = mmap(NULL, most * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(m != MAP_FAILED);
    while (made < most / 2 && mprotect(m + 2 * made * PAGE, PAGE, PROT_READ) == 0)
        made++;
    SHOW(errno == ENOMEM);
    SHOW(most >= 65530 && made > most / 2 - 300 && made < most / 2);
    SHOW(get(m + 2 * made * PAGE));
    SHOW(get(m + 2 * (made - 1) * PAGE));
    SHOW(munmap(m, most * PAGE));
    m = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(get(m));
}

const struct theme map_themes[] = {
    {"behind_the_end", behind_the_end},
    {"large_files", large_files},
    {"touched", touched},
    {"untouched", untouched},
    {"again_and_again", again_and_again},
    {"memory_limits", memory_limits},
    {"many_mappings", many_mappings},
    {NULL, NULL},
};
