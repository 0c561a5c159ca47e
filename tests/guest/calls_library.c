/* The library that the kernel has in every process: what it says it is, and that what
 * it answers is what the calls answer. */
#include "calls.h"

#include <elf.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>

static struct {
    const char *base, *names;
    const ElfW(Sym) * symbols;
    const ElfW(Half) * versions;
    const ElfW(Verdef) * definitions;
    const uint32_t *hash;
    unsigned release; /* as its note says */
} library;

static void look_for_note(const char *at, size_t size)
{
    const ElfW(Nhdr) *n = (const void *)at;
    if (size >= 24 && n->n_type == 0 && n->n_namesz == 6 && memcmp(n + 1, "Linux", 6) == 0)
        library.release = *(const unsigned *)(const void *)(at + 20);
}

static bool find_library(void)
{
    library.base = (const char *)getauxval(AT_SYSINFO_EHDR);
    const ElfW(Ehdr) *h = (const void *)library.base;
    const ElfW(Dyn) *d = NULL;
    for (int i = 0; h && i < h->e_phnum; i++) {
        const ElfW(Phdr) *p = (const ElfW(Phdr) *)(library.base + h->e_phoff) + i;
        if (p->p_type == PT_DYNAMIC)
            d = (const void *)(library.base + p->p_offset);
        else if (p->p_type == PT_NOTE)
            look_for_note(library.base + p->p_offset, p->p_filesz);
    }
    for (; d && d->d_tag != DT_NULL; d++) {
        const void *to = library.base + d->d_un.d_ptr;
        switch (d->d_tag) {
        case DT_STRTAB: library.names = to; break;
        case DT_SYMTAB: library.symbols = to; break;
        case DT_VERSYM: library.versions = to; break;
        case DT_VERDEF: library.definitions = to; break;
        case DT_HASH: library.hash = to; break;
        }
    }
    return d && library.names && library.symbols && library.versions && library.definitions;
}

static const char *version_of(unsigned symbol)
{
    const ElfW(Verdef) *v = library.definitions;
    unsigned index = library.versions[symbol] & 0x7fff;
    while (v->vd_ndx != index && v->vd_next)
        v = (const void *)((const char *)v + v->vd_next);
    const ElfW(Verdaux) *a = (const void *)((const char *)v + v->vd_aux);
    return v->vd_ndx == index ? library.names + a->vda_name : "none";
}

static void *function(const char *name)
{
    for (unsigned i = 1; library.hash && i < library.hash[1]; i++)
        if (strcmp(library.names + library.symbols[i].st_name, name) == 0) {
            printf("%s@%s\n", name, version_of(i));
            return (void *)(library.base + library.symbols[i].st_value);
        }
    printf("%s: absent\n", name);
    return NULL;
}

static int64_t nanoseconds(const struct timespec *t)
{
    return t->tv_sec * 1000000000L + t->tv_nsec;
}

static int64_t called(int clock)
{
    struct timespec t = {0};
    syscall(SYS_clock_gettime, clock, &t);
    return nanoseconds(&t);
}

static volatile sig_atomic_t ticks;

static void tick(int signal)
{
    (void)signal;
    ticks++;
}

static void kernels_library(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    struct timespec t, before;
    SHOW(find_library());
    if (!library.hash)
        return;
    uname(&name);
    sscanf(name.release, "%u.%u", &major, &minor);
    SHOW((library.release >> 8) == (major << 8 | minor));
    int (*gettime)(int, struct timespec *) = function("__vdso_clock_gettime");
    int (*timeofday)(struct timeval *, void *) = function("__vdso_gettimeofday");
    time_t (*seconds)(time_t *) = function("__vdso_time");
    int (*resolution)(int, struct timespec *) = function("__vdso_clock_getres");
    int (*cpu_of)(unsigned *, unsigned *, void *) = function("__vdso_getcpu");
    static const int clocks[] = {0, 1, 2, 3, 4, 7, 11};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        int64_t first = called(clocks[i]);
        int result = gettime(clocks[i], &t);
        int64_t last = called(clocks[i]);
        printf("%d: %d %d\n", clocks[i], result,
               first <= nanoseconds(&t) && nanoseconds(&t) <= last);
    }
    SHOW(gettime(5, &t));
    SHOW(gettime(6, &t));
    SHOW(gettime(77, &t));
    SHOW(gettime(-1, &t));
    SHOW(resolution(1, &t));
    SHOW(t.tv_nsec);
    SHOW(resolution(77, &t));
    struct timeval now;
    struct timezone zone = {9, 9};
    int64_t first = called(0);
    SHOW(timeofday(&now, &zone));
    SHOW(now.tv_sec * 1000000L + now.tv_usec >= first / 1000);
    SHOW(zone.tz_minuteswest);
    SHOW(timeofday(NULL, NULL));
    time_t there = 0, second = seconds(&there);
    SHOW(second == there && second <= called(0) / 1000000000L);
    unsigned cpu = 9999, node = 9999;
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    SHOW(cpu_of(&cpu, &node, NULL));
    SHOW(CPU_ISSET(cpu, &set) != 0);
    SHOW(cpu_of(NULL, NULL, NULL));
    SHOW(syscall(SYS_getcpu, &cpu, &node, NULL));
    SHOW(CPU_ISSET(cpu, &set) != 0);
    SHOW(syscall(SYS_getcpu, (void *)8, NULL, NULL));
    SHOW(sched_getcpu() >= 0 && CPU_ISSET(sched_getcpu(), &set));
    /* Signals come in the middle of it. */
    struct itimerval often = {{0, 200}, {0, 200}}, never = {{0}};
    signal(SIGALRM, tick);
    setitimer(ITIMER_REAL, &often, NULL);
    long wrong = 0;
    gettime(1, &before);
    while (ticks < 500) {
        wrong += gettime(2, &t) != 0 || gettime(1, &t) != 0;
        wrong += nanoseconds(&t) < nanoseconds(&before);
        before = t;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    SHOW(wrong);
}

const struct theme library_themes[] = {
    {"kernels_library", kernels_library},
    {NULL, NULL},
};
