/* vdso: what the host's own library has, for the guests' (arch/x86_64/vdso.S). */
#include <linux/elf.h>

#include "box/shim/shim.h"

enum { GNU_HASH = 0x6ffffef5 }; /* DT_GNU_HASH, which not all headers have */

/* The parts of a loaded object that names are found with. */
struct object {
    uint64_t base; /* what is added to its addresses */
    const struct elf64_sym *symbols;
    const char *names;
    const uint32_t *hash; /* of DT_HASH or DT_GNU_HASH */
    bool is_gnu;
};

static bool read_object(uint64_t at, struct object *o)
{
    const struct elf64_hdr *h = (const void *)at;
    const struct elf64_phdr *p = (const void *)(at + h->e_phoff);
    const Elf64_Dyn *d = NULL;
    bool has_base = false;
    for (unsigned i = 0; i < h->e_phnum; i++, p++) {
        if (p->p_type == PT_LOAD && !has_base) {
            o->base = at + p->p_offset - p->p_vaddr;
            has_base = true;
        } else if (p->p_type == PT_DYNAMIC) {
            d = (const void *)(at + p->p_offset);
        }
    }
    for (; d && d->d_tag != DT_NULL; d++) {
        const void *to = (const void *)(o->base + d->d_un.d_ptr);
        switch (d->d_tag) {
        case DT_STRTAB: o->names = to; break;
        case DT_SYMTAB: o->symbols = to; break;
        case DT_HASH:
            o->hash = to;
            o->is_gnu = false;
            break;
        case GNU_HASH:
            if (!o->hash) {
                o->hash = to;
                o->is_gnu = true;
            }
            break;
        }
    }
    return has_base && o->names && o->symbols && o->hash;
}

/* How many symbols there are: the old table says it; in the new one, the last chain
 * ends with the last of them. */
static uint32_t symbol_count(const struct object *o)
{
    enum { HEAD = 4, NCHAIN = 1 };
    if (!o->is_gnu)
        return o->hash[NCHAIN];
    uint32_t buckets = o->hash[0], first = o->hash[1], filters = o->hash[2], last = 0;
    const uint32_t *bucket = o->hash + HEAD + 2 * filters, *chains = bucket + buckets;
    for (uint32_t i = 0; i < buckets; i++)
        last = bucket[i] > last ? bucket[i] : last;
    if (last < first)
        return first;
    while (!(chains[last - first] & 1))
        last++;
    return last + 1;
}

static bool is_same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static uint64_t find(const struct object *o, const char *name)
{
    uint32_t count = symbol_count(o);
    for (uint32_t i = 0; i < count; i++)
        if (o->symbols[i].st_shndx && is_same(o->names + o->symbols[i].st_name, name))
            return o->base + o->symbols[i].st_value;
    return 0;
}

struct host_clocks vdso_clocks;

void vdso_start(uint64_t host)
{
    struct object o = {0};
    if (!host || !read_object(host, &o))
        return;
    vdso_clocks.clock = find(&o, "__vdso_clock_gettime");
    vdso_clocks.timeofday = find(&o, "__vdso_gettimeofday");
    vdso_clocks.time = find(&o, "__vdso_time");
}
