#include "calls.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096UL
#define MAP(size) mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)

static void anonymous(void)
{
    char *m = MAP(10 * PAGE);
    SHOW(m != MAP_FAILED);
    SHOW(m[5 * PAGE]);
    m[0] = 1, m[9 * PAGE] = 9;
    SHOW(munmap(m + PAGE, PAGE));
    SHOW(munmap(m + PAGE, PAGE));
    SHOW(munmap(m + 1, PAGE));
    SHOW(munmap(m, 0));
    SHOW(mprotect(m, 3 * PAGE, PROT_READ));
    SHOW(mprotect(m + 2 * PAGE, 2 * PAGE, PROT_READ));
    SHOW(mprotect(m + 1, PAGE, PROT_READ));
    SHOW(mprotect(m + 2 * PAGE, 0, PROT_READ));
    SHOW(mprotect(m + 2 * PAGE, PAGE, 1 << 20));
    SHOW(madvise(m + 9 * PAGE, PAGE, MADV_DONTNEED));
    SHOW(m[9 * PAGE]);
    SHOW(madvise(m + PAGE, PAGE, MADV_DONTNEED));
    SHOW(madvise(m + 9 * PAGE, PAGE, 12345));
    SHOW(madvise(m + 1, PAGE, MADV_DONTNEED));
    SHOW(mmap(m, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m);
    SHOW(mmap(m, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
         MAP_FAILED);
    SHOW(errno);
    SHOW((long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
    SHOW((long)mmap(m + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 999, 0));
    SHOW((long)mmap(NULL, 1UL << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *low = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    SHOW((uintptr_t)low < 1UL << 32);
    for (int i = 0; i < 1000; i++) {
        char *n = MAP(PAGE * (1 + i % 7));
        n[0] = 1;
        munmap(n, PAGE * (1 + i % 7));
    }
    SHOW(mlock(m, PAGE));
}

static void resizing(void)
{
    char *m = MAP(2 * PAGE), *n;
    strcpy(m, "first");
    strcpy(m + PAGE, "second");
    n = mremap(m, 2 * PAGE, 100 * PAGE, MREMAP_MAYMOVE);
    SHOW(n != MAP_FAILED);
    puts(n), puts(n + PAGE);
    SHOW(n[99 * PAGE]);
    m = mremap(n, 100 * PAGE, PAGE, 0);
    SHOW(m == n);
    char *target = MAP(4 * PAGE);
    SHOW(mremap(m, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    puts(target);
    SHOW((long)mremap(target + 1, PAGE, PAGE, 0));
    SHOW((long)mremap(target, PAGE, 0, 0));
    SHOW((long)mremap(target, PAGE, PAGE, 77));
    void *start = sbrk(0);
    SHOW(sbrk(100000) == start);
    memset(start, 7, 100000);
    SHOW(sbrk(-50000) != (void *)-1);
    SHOW((char *)sbrk(0) - (char *)start);
    SHOW(brk((void *)(1UL << 60)));
    void *large = malloc(50 << 20);
    memset(large, 1, 50 << 20);
    large = realloc(large, 90 << 20);
    SHOW(((char *)large)[49 << 20]);
    free(large);
}

static void files(void)
{
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    char buffer[16] = "";
    ftruncate(fd, 3 * (long)PAGE);
    pwrite(fd, "in the file", 11, PAGE);
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    puts(p + PAGE);
    p[PAGE] = 'X';
    pread(fd, buffer, 15, PAGE);
    puts(buffer);
    char *s = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE);
    puts(s);
    s[0] = 'S';
    SHOW(pread(fd, buffer, 15, PAGE));
    puts(buffer);
    SHOW(pwrite(fd, "both", 4, PAGE + 7));
    puts(s);
    SHOW(msync(s, PAGE, MS_SYNC));
    SHOW(munmap(s, PAGE));
    close(fd);
    fd = open("f", O_RDONLY);
    SHOW(pread(fd, buffer, 15, PAGE));
    puts(buffer);
    SHOW((long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    SHOW(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 1));
    s = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    SHOW(mprotect(s, PAGE, PROT_READ | PROT_WRITE));
    int directory = open(".", O_RDONLY), pipes[2];
    pipe(pipes);
    SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, 0));
    SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, pipes[0], 0));
    int writer = open("f", O_WRONLY);
    SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0));
    if (fork() == 0) {
        puts(p + PAGE);
        p[PAGE] = 'C';
        _exit(0);
    }
    wait(NULL);
    puts(p + PAGE);
    int zero = open("/dev/zero", O_RDWR);
    s = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
    if (fork() == 0) {
        s[0] = 'z';
        _exit(0);
    }
    wait(NULL);
    SHOW(s[0]);
}

static void code(void)
{
    static const unsigned char returns_42[] = {0xb8, 42, 0, 0, 0, 0xc3};
    unsigned char *m = MAP(PAGE);
    memcpy(m, returns_42, sizeof returns_42);
    SHOW(mprotect(m, PAGE, PROT_READ | PROT_EXEC));
    SHOW(((int (*)(void))(void *)m)());
    /* A system call from code that was just made. */
    static const unsigned char getppid_[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3};
    mprotect(m, PAGE, PROT_READ | PROT_WRITE);
    memcpy(m, getppid_, sizeof getppid_);
    mprotect(m, PAGE, PROT_READ | PROT_EXEC);
    SHOW(((int (*)(void))(void *)m)() == getpid());
}

const struct theme memory_themes[] = {
    {"anonymous", anonymous}, {"resizing", resizing}, {"mapped_files", files},
    {"code", code},           {NULL, NULL},
};
