/* exec: a program takes the place of another in the same process.
 *
 * Up to commit() everything can fail and the old program goes on: names and
 * strings are copied to memory of the shim's, the files are opened and their
 * headers read. Behind it there is no way back, and a failure ends the
 * process. */
#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/mman.h>

#include "box/arch/x86_64/cpu.h"
#include "box/shim/memory.h"
#include "box/shim/site.h"
#include "box/shim/sys.h"

enum {
    STAGE_SIZE = 4 << 20, /* the strings */
    STRINGS_MAX = 65536,
    SCRIPTS_MAX = 4,
    HEADERS_MAX = 64,
    HEAD_AT = WINDOW_SIZE / 2, /* of the file that was opened last */
    STACK_SIZE = 8 << 20,
    STACK_GAP = 1 << 20,
};
#define STAGE (BLOCKS_BASE + (uint64_t)BLOCK_COUNT * BLOCK_SIZE)
#define BREAK_BASE 0x555555554000UL /* of the heap of a program that can lie anywhere */

/* The strings of argv, then of envp, by their offsets in the stage. */
struct strings {
    uint32_t *at;          /* behind the strings in the stage */
    unsigned count, first; /* `first` leaves room in front for scripts */
    uint32_t used;
};

/* One ELF file. */
struct image {
    struct elf64_hdr header;
    struct elf64_phdr segments[HEADERS_MAX];
    uint64_t base; /* what is added to its addresses */
    uint64_t low, end;
};

struct exec {
    struct strings strings;
    unsigned argc;
    uint32_t name;      /* AT_EXECFN */
    bool by_descriptor; /* which /proc has, even if this process sees no /proc */
    bool has_loader;
    struct image program, loader;
    uint32_t head_size; /* of the file that was opened last */
};

/* What commit brings; 64 bytes. */
struct commit {
    uint8_t random[16];
    uint64_t seed;
    uint32_t uid, euid, gid, egid, secure, pad[5];
};

static struct exec plan; /* one exec at a time: `busy` */
static uint32_t busy;
static uint64_t auxv_hwcap, auxv_hwcap2, auxv_sigstack;

void exec_start(const uint64_t *auxv)
{
    for (; auxv[0] != AT_NULL; auxv += 2) {
        switch (auxv[0]) {
        case AT_HWCAP: auxv_hwcap = auxv[1]; break;
        case AT_HWCAP2: auxv_hwcap2 = auxv[1] & ~(set_bases ? CPU_FSGSBASE : 0ul); break;
        case AT_MINSIGSTKSZ: auxv_sigstack = auxv[1]; break;
        }
    }
    host_call(__NR_mmap, STAGE, STAGE_SIZE + STRINGS_MAX * 4, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

void exec_forget(void)
{
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}

/* Strings -----------------------------------------------------------------------------*/

static char *staged(uint32_t at)
{
    return (char *)STAGE + at;
}

static long stage(struct strings *s, const char *text)
{
    long length = guest_copy_string(staged(s->used), text, STAGE_SIZE - s->used);
    if (length < 0)
        return length;
    if ((uint64_t)length == STAGE_SIZE - s->used)
        return -E2BIG;
    long at = s->used;
    s->used += (uint32_t)length + 1;
    return at;
}

/* Appends the strings of a guest's list; how many, or -errno. */
static long stage_list(struct strings *s, const long *list)
{
    long number = 0, text = 0;
    while (list) {
        if (guest_copy(&text, list + number, sizeof text) < 0)
            return -EFAULT;
        if (!text)
            break;
        if (s->first + s->count == STRINGS_MAX)
            return -E2BIG;
        long at = stage(s, (const char *)text);
        if (at < 0)
            return at;
        s->at[s->first + s->count++] = (uint32_t)at;
        number++;
    }
    return number;
}

static long prepend(struct exec *e, const char *text)
{
    struct strings *s = &e->strings;
    long at = stage(s, text);
    if (at < 0)
        return at;
    s->at[--s->first] = (uint32_t)at;
    s->count++;
    e->argc++;
    return 0;
}

static long read_strings(struct exec *e, const long a[3])
{
    struct strings *s = &e->strings;
    *s = (struct strings){.at = (uint32_t *)(STAGE + STAGE_SIZE), .first = 2 * SCRIPTS_MAX};
    long name = stage(s, (const char *)a[0]);
    if (name < 0)
        return name;
    e->name = (uint32_t)name;
    long argc = stage_list(s, (const long *)a[1]);
    if (argc < 0)
        return argc;
    if (argc == 0) { /* as Linux: a program has at least one */
        s->at[s->first + s->count++] = e->name;
        argc = 1;
    }
    e->argc = (unsigned)argc;
    long envc = stage_list(s, (const long *)a[2]);
    return envc < 0 ? envc : 0;
}

/* Files -------------------------------------------------------------------------------*/

static long open_image(struct thread *t, long index, const char *path, struct box_image *out)
{
    bool from_box = plan.by_descriptor && path == staged(plan.name);
    uint64_t size = text_length(path) + 1, at = WINDOW_START + ((size + 7) & ~UINT64_C(7));
    if (size > PAGE_SIZE)
        return -ENAMETOOLONG;
    memcpy(t->window + WINDOW_START, path, size);
    long result = call_broker(t, BOX_EXEC_OPEN, index, WINDOW_START, (long)at, from_box, HEAD_AT);
    memcpy(out, t->window + at, sizeof *out);
    plan.head_size = result < 0 ? 0 : out->head_size;
    return result;
}

/* Opens the program; a script leads to its interpreter. */
static long open_program(struct thread *t, struct exec *e)
{
    struct box_image found;
    uint32_t path = e->name;
    for (int depth = 0; depth <= SCRIPTS_MAX; depth++) {
        long result = open_image(t, 0, staged(path), &found);
        if (result < 0 || !found.is_script)
            return result;
        e->strings.first++; /* argv[0] gives way to the interpreter and the script's name */
        e->strings.count--;
        e->argc--;
        result = prepend(e, staged(path));
        if (result == 0 && found.argument_size)
            result = prepend(e, found.argument);
        if (result == 0)
            result = prepend(e, found.interpreter);
        if (result < 0)
            return result;
        path = e->strings.at[e->strings.first];
    }
    return -ELOOP;
}

/* Of the file that was opened last. */
static long read_file(struct thread *t, long index, void *to, uint64_t size, uint64_t offset)
{
    if (offset <= plan.head_size && size <= plan.head_size - offset) {
        memcpy(to, t->window + HEAD_AT + offset, size);
        return 0;
    }
    long result = call_broker(t, BOX_EXEC_READ, index, WINDOW_START, (long)size, (long)offset);
    if (result < 0)
        return result;
    memcpy(to, t->window + WINDOW_START, size);
    return (uint64_t)result == size ? 0 : -ENOEXEC;
}

static long read_image(struct thread *t, long index, struct image *i)
{
    struct elf64_hdr *h = &i->header;
    long result = read_file(t, index, h, sizeof *h, 0);
    if (result < 0)
        return result;
    if (*(const uint32_t *)(const void *)h->e_ident != 0x464c457f || h->e_machine != EM_X86_64 ||
        (h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_phnum == 0 ||
        h->e_phnum > HEADERS_MAX || h->e_phentsize != sizeof i->segments[0])
        return -ENOEXEC;
    result = read_file(t, index, i->segments, h->e_phnum * sizeof i->segments[0], h->e_phoff);
    i->low = UINT64_MAX;
    i->end = 0;
    for (unsigned n = 0; result == 0 && n < h->e_phnum; n++) {
        const struct elf64_phdr *s = &i->segments[n];
        if (s->p_type != PT_LOAD)
            continue;
        if (s->p_memsz < s->p_filesz || s->p_vaddr > GUEST_TOP || s->p_memsz > GUEST_TOP ||
            (s->p_vaddr ^ s->p_offset) & (PAGE_SIZE - 1))
            return -ENOEXEC;
        if (s->p_vaddr < i->low)
            i->low = s->p_vaddr & ~UINT64_C(0xfff);
        if (PAGE_UP(s->p_vaddr + s->p_memsz) > i->end)
            i->end = PAGE_UP(s->p_vaddr + s->p_memsz);
    }
    return result < 0 ? result : i->end ? 0 : -ENOEXEC;
}

static long open_loader(struct thread *t, struct exec *e)
{
    struct box_image found;
    char path[PAGE_SIZE];
    e->has_loader = false;
    for (unsigned n = 0; n < e->program.header.e_phnum; n++) {
        const struct elf64_phdr *s = &e->program.segments[n];
        if (s->p_type != PT_INTERP)
            continue;
        if (s->p_filesz == 0 || s->p_filesz > sizeof path)
            return -ENOEXEC;
        long result = read_file(t, 0, path, s->p_filesz, s->p_offset);
        if (result < 0)
            return result;
        path[s->p_filesz - 1] = '\0';
        result = open_image(t, 1, path, &found);
        if (result == 0)
            result = found.is_script ? -ELIBBAD : read_image(t, 1, &e->loader);
        e->has_loader = true;
        return result;
    }
    return 0;
}

/* Behind the point of no return --------------------------------------------------------*/

static long commit(struct thread *t, const struct exec *e, struct commit *out)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < e->argc; i++) {
        const char *text = staged(e->strings.at[e->strings.first + i]);
        uint64_t part = text_length(text) + 1;
        if (size + part > WINDOW_SIZE / 2)
            break;
        memcpy(t->window + WINDOW_START + size, text, part);
        size += part;
    }
    const char *name = staged(e->name);
    uint64_t name_size = text_length(name) + 1;
    if (name_size <= PAGE_SIZE)
        memcpy(t->window + WINDOW_START + size, name, name_size);
    long result =
        call_broker(t, BOX_EXEC_COMMIT, WINDOW_START, (long)size, (long)(WINDOW_START + size));
    memcpy(out, t->window + WINDOW_START, sizeof *out);
    return result;
}

static bool map_part(struct mapping m)
{
    return m.start == m.end || memory_map(&m) >= 0;
}

static uint32_t protection(const struct elf64_phdr *s)
{
    return (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) |
           (s->p_flags & PF_X ? PROT_EXEC : 0);
}

static bool is_mapped(const struct elf64_phdr *s)
{
    return s->p_type == PT_LOAD && s->p_memsz;
}

/* What to ask of a segment, which has its place. */
static struct box_part part_of(const struct image *i, long index, const struct elf64_phdr *s)
{
    uint64_t at = i->base + s->p_vaddr, start = at & ~UINT64_C(0xfff);
    uint32_t prot = protection(s);
    bool text = (prot & (PROT_WRITE | PROT_EXEC)) == PROT_EXEC &&
                memory_may_be_text(start, PAGE_UP(at + s->p_memsz));
    return (struct box_part){{(uint64_t)(index ? MAP_EXEC_LOADER : MAP_EXEC_FILE), prot,
                              text ? MAP_AS_TEXT : MAP_AS_PRIVATE, s->p_offset & ~UINT64_C(0xfff),
                              PAGE_UP(at + s->p_filesz) - start},
                             0};
}

/* `answer`: where it lies, as of BOX_MAP. */
static bool map_segment(const struct image *i, const struct elf64_phdr *s, int64_t answer)
{
    uint32_t prot = protection(s);
    uint64_t at = i->base + s->p_vaddr, start = at & ~UINT64_C(0xfff);
    uint64_t file_end = at + s->p_filesz, end = PAGE_UP(at + s->p_memsz);
    uint64_t file_pages = s->p_filesz ? PAGE_UP(file_end) : start;
    if (s->p_filesz) {
        const struct mapping m = {.start = start,
                                  .end = file_pages,
                                  .prot = prot,
                                  .kind = MAPPING_FILE,
                                  .text = answer & MAP_IS_TEXT,
                                  .arena = map_place(answer)};
        if (memory_map_file(&m, map_present(answer)) < 0)
            return false;
    }
    if (s->p_memsz > s->p_filesz && prot & PROT_WRITE && file_pages > file_end && s->p_filesz)
        memset((void *)file_end, 0, file_pages - file_end);
    return end <= file_pages ||
           map_part((struct mapping){
               .start = file_pages, .end = end, .prot = prot, .kind = MAPPING_ANON});
}

/* Asks for all segments at once; `answers`: of each of them. */
static long ask_for_parts(struct thread *t, long index, const struct image *i, int64_t *answers)
{
    struct box_part *parts = (struct box_part *)(void *)(t->window + WINDOW_START);
    long asked = 0, result;
    for (unsigned n = 0; n < i->header.e_phnum; n++)
        if (is_mapped(&i->segments[n]) && i->segments[n].p_filesz)
            parts[asked++] = part_of(i, index, &i->segments[n]);
    result = asked ? call_broker(t, BOX_MAP_ALL, WINDOW_START, asked) : 0;
    asked = 0;
    for (unsigned n = 0; result == 0 && n < i->header.e_phnum; n++)
        if (is_mapped(&i->segments[n]) && i->segments[n].p_filesz)
            answers[n] = parts[asked++].answer;
    return result;
}

static bool map_image(struct thread *t, long index, const struct image *i)
{
    int64_t answers[HEADERS_MAX] = {0};
    if (ask_for_parts(t, index, i, answers) < 0)
        return false;
    for (unsigned n = 0; n < i->header.e_phnum; n++)
        if (is_mapped(&i->segments[n]) && !map_segment(i, &i->segments[n], answers[n]))
            return false;
    return true;
}

/* Where in memory the program headers lie; 0 if nowhere. */
static uint64_t headers_at(const struct image *i)
{
    for (unsigned n = 0; n < i->header.e_phnum; n++) {
        const struct elf64_phdr *s = &i->segments[n];
        if (s->p_type == PT_LOAD && i->header.e_phoff >= s->p_offset &&
            i->header.e_phoff < s->p_offset + s->p_filesz)
            return i->base + s->p_vaddr + i->header.e_phoff - s->p_offset;
    }
    return 0;
}

/* Puts strings, vectors and auxiliary values on the stack; its pointer. */
static uint64_t fill_stack(const struct exec *e, const struct commit *c, uint64_t top)
{
    const struct strings *s = &e->strings;
    uint64_t strings = (top - 64 - s->used) & ~UINT64_C(15);
    memcpy((void *)strings, staged(0), s->used);
    uint64_t random = strings - 16, platform = random - 16;
    memcpy((void *)random, c->random, sizeof c->random);
    memcpy((void *)platform, "x86_64", 7);
    const struct image *p = &e->program;
    const uint64_t auxv[][2] = {
        {AT_SYSINFO_EHDR, VDSO_BASE},
        {AT_HWCAP, auxv_hwcap},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_CLKTCK, 100},
        {AT_PHDR, headers_at(p)},
        {AT_PHENT, sizeof(struct elf64_phdr)},
        {AT_PHNUM, p->header.e_phnum},
        {AT_BASE, e->has_loader ? e->loader.base : 0},
        {AT_FLAGS, 0},
        {AT_ENTRY, p->base + p->header.e_entry},
        {AT_UID, c->uid},
        {AT_EUID, c->euid},
        {AT_GID, c->gid},
        {AT_EGID, c->egid},
        {AT_SECURE, c->secure},
        {AT_RANDOM, random},
        {AT_HWCAP2, auxv_hwcap2},
        {AT_EXECFN, strings + e->name},
        {AT_PLATFORM, platform},
        {AT_MINSIGSTKSZ, auxv_sigstack},
        {AT_NULL, 0},
    };
    uint64_t words = 1 + s->count + 2 + COUNT(auxv) * 2;
    uint64_t *at = (uint64_t *)((platform - words * 8) & ~UINT64_C(15)), *word = at;
    *word++ = e->argc;
    for (unsigned i = 0; i < s->count; i++) {
        if (i == e->argc)
            *word++ = 0;
        *word++ = strings + s->at[s->first + i];
    }
    if (e->argc == s->count)
        *word++ = 0;
    *word++ = 0;
    memcpy(word, auxv, sizeof auxv);
    uint64_t environ = strings + s->at[s->first + e->argc], end = environ;
    for (unsigned i = e->argc; i < s->count; i++)
        end += text_length((const char *)end) + 1;
    tell_environ_at(environ, end);
    return (uint64_t)at;
}

static void place(struct image *i)
{
    i->base = i->header.e_type == ET_DYN ? memory_find_text(i->end - i->low) - i->low : 0;
}

static bool replace(struct thread *t, struct exec *e, const struct commit *c, struct regs *r)
{
    struct image *p = &e->program, *l = &e->loader;
    memory_reset(c->seed);
    sys_shm_forget();
    actions_exec();
    barrier_forget();
    uint64_t top = memory_top;
    memory_top -= STACK_SIZE + STACK_GAP;
    place(p);
    if (!map_part((struct mapping){.start = top - STACK_SIZE,
                                   .end = top,
                                   .prot = PROT_READ | PROT_WRITE,
                                   .kind = MAPPING_ANON}) ||
        !map_image(t, 0, p))
        return false;
    memory_set_break(p->base ? BREAK_BASE + (c->seed >> 44) * PAGE_SIZE : p->end);
    if (e->has_loader) {
        place(l);
        if (!map_image(t, 1, l))
            return false;
    }
    const struct image *first = e->has_loader ? l : p;
    *r = (struct regs){.sp = fill_stack(e, c, top), .ip = first->base + first->header.e_entry};
    return true;
}

long exec_replace(struct thread *t, const long a[3], bool by_descriptor)
{
    struct commit c = {0};
    struct regs r;
    if (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE))
        return -EAGAIN; /* another thread is about to end this one */
    plan.by_descriptor = by_descriptor;
    long result = read_strings(&plan, a);
    if (result == 0)
        result = open_program(t, &plan);
    if (result == 0)
        result = read_image(t, 0, &plan.program);
    if (result == 0)
        result = open_loader(t, &plan);
    if (result == 0)
        result = commit(t, &plan, &c);
    if (result >= 0)
        sys_robust_end(t);
    exec_forget();
    if (result < 0)
        return result;
    t->clear_tid = t->robust = 0;
    t->restoring = false;
    t->alt = (struct alt_stack){.flags = 2}; /* SS_DISABLE */
    thread_set_fs(t, 0);
    site_forget();
    lock_take(&memory_lock);
    if (!replace(t, &plan, &c, &r))
        call_leave(t, true, SIGKILL);
    lock_drop(&memory_lock);
    signal_enter(t, &r);
}
