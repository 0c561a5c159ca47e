/* heap: malloc for the command. musl's own keeps blocks of different sizes
 * apart: each size costs a mapping and three page faults, which together were a
 * tenth of the time in which `vow run` starts a program.
 *
 * Blocks are cut off one region after the other; the beginning of the first one
 * is asked of the kernel at once, since a page that it gives on a fault costs
 * several times as much; and so what follows, as it is needed. A block that is
 * given back waits in the list of its size for the next of that size; what the
 * kernel gave stays. Sizes are multiples of 32 up to 1024, above there are four
 * between a power of two and the next. In front of each block stands its size,
 * sealed with a secret: a block that is not one, was written over or is given back
 * twice ends the process. For one thread. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

enum {
    STEP = 32,
    SMALL_MAX = 1024,
    SMALL_LISTS = SMALL_MAX / STEP,
    LISTS = SMALL_LISTS + 4 * 40,
    FIRST_REGION = 256 * 1024,
    AT_ONCE = 28 * 1024, /* what a start with a prepared filter touches */
    STACK_AT_ONCE = 16 * 1024,
    REGION = 1024 * 1024,
};
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; before, pages come on faults */
#endif
#define SIZE_LIMIT ((size_t)1 << 40)

struct block {
    uint64_t size; /* with this head */
    uint64_t seal;
    struct block *next; /* of a block that waits; else the memory begins here */
};
#define HEAD offsetof(struct block, next)

/* "common": behind all other variables, whose last page it begins in. */
extern char first_region[FIRST_REGION];
__attribute__((common)) _Alignas(32) char first_region[FIRST_REGION];
static char *unused = first_region, *region_end = first_region + FIRST_REGION;
static char *ready; /* below it the kernel gave the pages of the first region */
static struct block *lists[LISTS];
static uint64_t secret;

static char *page_of(char *at)
{
    return at - ((uintptr_t)at & 4095);
}

/* The stack below is used soon, too. */
static void begin(void)
{
    char here;
    madvise(page_of(&here) - STACK_AT_ONCE, STACK_AT_ONCE, MADV_POPULATE_WRITE);
    memcpy(&secret, (const void *)getauxval(AT_RANDOM), sizeof secret);
    secret |= 1;
}

static void get_ready(const char *end)
{
    if (!ready)
        ready = page_of(first_region);
    while (ready < end && ready + AT_ONCE <= first_region + FIRST_REGION) {
        madvise(ready, AT_ONCE, MADV_POPULATE_WRITE);
        ready += AT_ONCE;
    }
}

static uint64_t seal_of(const struct block *block, bool waits)
{
    if (!secret)
        begin();
    return (secret ^ (uintptr_t)block ^ block->size) + waits;
}

static void check(const struct block *block, bool waits)
{
    if (block->seal != seal_of(block, waits))
        abort();
}

/* The list for blocks with room for this many bytes, and their size. */
static unsigned list_for(size_t size, size_t *rounded)
{
    size += HEAD;
    if (size <= SMALL_MAX) {
        *rounded = (size + STEP - 1) / STEP * STEP;
        return (unsigned)(*rounded / STEP - 1);
    }
    unsigned bits = 63 - (unsigned)__builtin_clzll(size - 1); /* 10: SMALL_MAX */
    size_t step = (size_t)1 << (bits - 2);
    *rounded = (size + step - 1) / step * step;
    return SMALL_LISTS + 4 * (bits - 10) + (unsigned)((*rounded - 1) >> (bits - 2)) % 4;
}

/* New memory: it is zero. */
static struct block *cut(size_t size)
{
    if ((size_t)(region_end - unused) < size) {
        size_t wanted = size < REGION ? REGION : size;
        char *region =
            mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (region == MAP_FAILED)
            return NULL;
        unused = region;
        region_end = region + wanted;
    }
    struct block *block = (struct block *)unused;
    unused += size;
    if (region_end == first_region + FIRST_REGION && unused > ready)
        get_ready(unused);
    block->size = size;
    return block;
}

static void *take(size_t size, bool cleared)
{
    size_t rounded;
    if (size > SIZE_LIMIT) {
        errno = ENOMEM;
        return NULL;
    }
    struct block **list = &lists[list_for(size, &rounded)], *block = *list;
    if (block) {
        check(block, true);
        *list = block->next;
        if (cleared)
            memset(&block->next, 0, size);
    } else if (!(block = cut(rounded))) {
        errno = ENOMEM;
        return NULL;
    }
    block->seal = seal_of(block, false);
    return &block->next;
}

void *malloc(size_t size)
{
    return take(size, false);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    return take(__builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes, true);
}

void free(void *memory)
{
    size_t rounded;
    if (!memory)
        return;
    struct block *block = (struct block *)((char *)memory - HEAD);
    check(block, false);
    struct block **list = &lists[list_for(block->size - HEAD, &rounded)];
    block->seal = seal_of(block, true);
    block->next = *list;
    *list = block;
}

void *realloc(void *memory, size_t size)
{
    if (!memory)
        return take(size, false);
    const struct block *block = (const struct block *)((char *)memory - HEAD);
    check(block, false);
    if (size <= block->size - HEAD)
        return memory;
    void *larger = take(size, false);
    if (!larger)
        return NULL;
    memcpy(larger, memory, block->size - HEAD);
    free(memory);
    return larger;
}
