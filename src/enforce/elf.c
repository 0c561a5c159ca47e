/* Theory of operation: the file is read through one block of 4096 bytes that
 * moves to wherever the next structure is (`window`). Headers, the dynamic
 * section and its strings mostly lie within two or three blocks, so a library
 * costs two or three preads, and no file can make us read or keep much.
 *
 * As the loader does it, the dynamic section is found by its address in
 * memory: PT_DYNAMIC's and DT_STRTAB's addresses go through the PT_LOAD
 * segments to file offsets. */
#include "enforce/elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BLOCK_SIZE = 4096,
    HEADER_SIZE_32 = 52,
    HEADER_SIZE_64 = 64,
    SEGMENT_SIZE_32 = 32,
    SEGMENT_SIZE_64 = 56,
    SEGMENTS_SIZE_MAX = 65536, /* the kernel's own limit */
    CLASS_32 = 1,
    CLASS_64 = 2,
    DATA_LITTLE = 1,
    DATA_BIG = 2,
    TYPE_EXEC = 2,
    TYPE_DYN = 3,
    SEGMENT_LOAD = 1,
    SEGMENT_DYNAMIC = 2,
    SEGMENT_INTERP = 3,
    SEGMENT_STACK = 0x6474e551,
    FLAG_EXECUTE = 1,
    FLAG_WRITE = 2,
    MACHINE_386 = 3,
    MACHINE_ARM = 40,
    TAG_NULL = 0,
    TAG_NEEDED = 1,
    TAG_STRTAB = 5,
    TAG_STRSZ = 10,
    TAG_SONAME = 14,
    TAG_RPATH = 15,
    TAG_RUNPATH = 29,
};

struct segment {
    uint32_t type, flags;
    uint64_t offset, address, size; /* size in the file */
};

struct reader {
    const struct elf_source *source;
    struct elf *elf;
    struct err *err;
    struct segment *segments;
    size_t segment_count;
    uint64_t strings_at, strings_size;
    uint64_t block_at;
    size_t block_size;
    uint8_t *block; /* BLOCK_SIZE bytes */
};

static int64_t read_fd(const struct elf_source *source, void *buffer, size_t size, uint64_t offset)
{
    if (offset > INT64_MAX)
        return 0;
    ssize_t got;
    do
        got = pread(source->fd, buffer, size, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static int64_t read_memory(const struct elf_source *source, void *buffer, size_t size,
                           uint64_t offset)
{
    if (offset >= source->size)
        return 0;
    size_t left = source->size - (size_t)offset;
    size_t taken = size < left ? size : left;
    memcpy(buffer, (const char *)source->memory + offset, taken);
    return (int64_t)taken;
}

struct elf_source elf_source_fd(int fd)
{
    return (struct elf_source){.read = read_fd, .fd = fd};
}

struct elf_source elf_source_memory(const void *memory, size_t size)
{
    return (struct elf_source){.read = read_memory, .fd = -1, .memory = memory, .size = size};
}

static int damaged(struct reader *r, const char *what)
{
    err_set(r->err, -ENOEXEC, "is a damaged ELF file: %s", what);
    return -ENOEXEC;
}

static int no_memory(struct reader *r)
{
    err_set(r->err, -ENOMEM, "out of memory");
    return -ENOMEM;
}

/* At least `least` bytes at `offset`, valid until the next call; *size says
 * how many there are. -ENODATA behind the end of the file. */
static int window(struct reader *r, uint64_t offset, size_t least, const uint8_t **out,
                  size_t *size)
{
    bool inside = offset >= r->block_at && offset - r->block_at < r->block_size &&
                  r->block_size - (offset - r->block_at) >= least;
    if (!inside) {
        r->block_size = 0;
        int64_t got = r->source->read(r->source, r->block, BLOCK_SIZE, offset);
        if (got < 0) {
            err_set(r->err, (int)got, "cannot be read: %s", strerror((int)-got));
            return (int)got;
        }
        r->block_at = offset;
        r->block_size = (size_t)got;
        if (r->block_size < least)
            return -ENODATA;
    }
    *out = r->block + (offset - r->block_at);
    *size = r->block_size - (size_t)(offset - r->block_at);
    return 0;
}

/* A number of 2, 4 or 8 bytes in the file's byte order. */
static uint64_t number(const struct reader *r, const uint8_t *at, unsigned width)
{
    bool swap = r->elf->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (width) {
    case 2: memcpy(&two, at, sizeof two); return swap ? __builtin_bswap16(two) : two;
    case 4: memcpy(&four, at, sizeof four); return swap ? __builtin_bswap32(four) : four;
    default: memcpy(&eight, at, sizeof eight); return swap ? __builtin_bswap64(eight) : eight;
    }
}

static int read_segments(struct reader *r, uint64_t at, size_t entry_size, size_t count)
{
    r->segments = calloc(count, sizeof *r->segments);
    if (!r->segments)
        return no_memory(r);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p;
        size_t size;
        int rc = window(r, at + i * entry_size, entry_size, &p, &size);
        if (rc == -ENODATA)
            return damaged(r, "program headers behind its end");
        if (rc < 0)
            return rc;
        bool wide = r->elf->elf64;
        unsigned word = wide ? 8 : 4;
        r->segments[r->segment_count++] = (struct segment){
            .type = (uint32_t)number(r, p, 4),
            .flags = (uint32_t)number(r, p + (wide ? 4 : 24), 4),
            .offset = number(r, p + (wide ? 8 : 4), word),
            .address = number(r, p + (wide ? 16 : 8), word),
            .size = number(r, p + (wide ? 32 : 16), word),
        };
    }
    return 0;
}

static int read_header(struct reader *r)
{
    const uint8_t *h;
    size_t size;
    int rc = window(r, 0, HEADER_SIZE_32, &h, &size);
    if (rc == 0 && memcmp(h, "\177ELF", 4) != 0)
        rc = -ENODATA;
    if (rc == -ENODATA)
        return err_set(r->err, -ENOEXEC, "is no ELF file");
    if (rc < 0)
        return rc;
    if ((h[4] != CLASS_32 && h[4] != CLASS_64) || (h[5] != DATA_LITTLE && h[5] != DATA_BIG))
        return damaged(r, "class or byte order");
    struct elf *e = r->elf;
    e->elf64 = h[4] == CLASS_64;
    e->big_endian = h[5] == DATA_BIG;
    if (e->elf64 && size < HEADER_SIZE_64)
        return damaged(r, "header");
    uint64_t type = number(r, h + 16, 2);
    if (type != TYPE_EXEC && type != TYPE_DYN)
        return err_set(r->err, -ENOEXEC, "is an ELF file, but neither a program nor a library");
    e->machine = (uint16_t)number(r, h + 18, 2);
    uint64_t at = e->elf64 ? number(r, h + 32, 8) : number(r, h + 28, 4);
    uint64_t entry_size = number(r, h + (e->elf64 ? 54 : 42), 2);
    uint64_t count = number(r, h + (e->elf64 ? 56 : 44), 2);
    if (entry_size != (e->elf64 ? SEGMENT_SIZE_64 : SEGMENT_SIZE_32) || count == 0 ||
        count * entry_size > SEGMENTS_SIZE_MAX || at > INT64_MAX)
        return damaged(r, "program headers");
    return read_segments(r, at, (size_t)entry_size, (size_t)count);
}

/* The file offset of an address in memory, and how many bytes of the segment
 * are left there. */
static int to_offset(struct reader *r, uint64_t address, uint64_t *offset, uint64_t *left)
{
    for (size_t i = 0; i < r->segment_count; i++) {
        const struct segment *s = &r->segments[i];
        if (s->type != SEGMENT_LOAD || address < s->address || address - s->address >= s->size)
            continue;
        *left = s->size - (address - s->address);
        if (__builtin_add_overflow(s->offset, address - s->address, offset))
            return damaged(r, "a segment's offset");
        return 0;
    }
    return damaged(r, "an address outside its segments");
}

/* The NUL-terminated string at `offset`, at most `limit` bytes with its NUL. */
static int read_string(struct reader *r, uint64_t offset, uint64_t limit, char **out)
{
    const uint8_t *p;
    size_t size, wanted = limit < ELF_STRING_MAX + 1 ? (size_t)limit : ELF_STRING_MAX + 1;
    int rc = window(r, offset, 1, &p, &size);
    if (rc == 0 && !memchr(p, '\0', size < wanted ? size : wanted) && size < wanted) {
        r->block_size = 0; /* cut by the end of the block: start the block here */
        rc = window(r, offset, 1, &p, &size);
    }
    if (rc < 0 && rc != -ENODATA)
        return rc;
    if (rc == -ENODATA || !memchr(p, '\0', size < wanted ? size : wanted))
        return damaged(r, "a name without an end");
    free(*out);
    *out = strdup((const char *)p);
    return *out ? 0 : no_memory(r);
}

/* Reads the string that a dynamic entry points to. */
static int read_name(struct reader *r, uint64_t index, char **out)
{
    uint64_t at;
    if (index >= r->strings_size || __builtin_add_overflow(r->strings_at, index, &at))
        return damaged(r, "a name outside the string table");
    return read_string(r, at, r->strings_size - index, out);
}

struct dynamic {
    uint64_t tag, value;
};

/* Reads the dynamic section at `at`, up to DT_NULL, into *out. */
static int read_dynamic(struct reader *r, uint64_t at, uint64_t size, struct dynamic **out,
                        size_t *out_count)
{
    unsigned word = r->elf->elf64 ? 8 : 4;
    size_t capacity = 0, count = 0;
    for (uint64_t i = 0; i < size / (2 * word); i++) {
        const uint8_t *p;
        size_t left;
        uint64_t entry_at;
        if (count == ELF_DYNAMIC_MAX || __builtin_add_overflow(at, i * 2 * word, &entry_at))
            return damaged(r, "dynamic section too long");
        int rc = window(r, entry_at, 2 * word, &p, &left);
        if (rc == -ENODATA)
            return damaged(r, "dynamic section behind its end");
        if (rc < 0)
            return rc;
        struct dynamic d = {number(r, p, word), number(r, p + word, word)};
        if (d.tag == TAG_NULL)
            break;
        void *entries = *out;
        if (array_grow(&entries, &capacity, count, sizeof **out) < 0)
            return no_memory(r);
        *out = entries;
        (*out)[count++] = d;
    }
    *out_count = count;
    return 0;
}

static int find_strings(struct reader *r, const struct dynamic *entries, size_t count)
{
    uint64_t address = 0, size = 0, left;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].tag == TAG_STRTAB)
            address = entries[i].value;
        else if (entries[i].tag == TAG_STRSZ)
            size = entries[i].value;
    }
    if (size == 0)
        return 0;
    int rc = to_offset(r, address, &r->strings_at, &left);
    if (rc == 0)
        r->strings_size = size < left ? size : left;
    return rc;
}

static int read_entry(struct reader *r, const struct dynamic *entry)
{
    struct elf *e = r->elf;
    switch (entry->tag) {
    case TAG_NEEDED:
        if (e->needed_count == ELF_NEEDED_MAX)
            return damaged(r, "too many libraries");
        e->needed_count++;
        return read_name(r, entry->value, &e->needed[e->needed_count - 1]);
    case TAG_SONAME: return read_name(r, entry->value, &e->soname);
    case TAG_RPATH: return read_name(r, entry->value, &e->rpath);
    case TAG_RUNPATH: return read_name(r, entry->value, &e->runpath);
    default: return 0;
    }
}

static int read_libraries(struct reader *r, const struct segment *segment)
{
    CLEAN_FREE struct dynamic *entries = NULL;
    size_t count = 0, needed = 0;
    uint64_t at, left;
    int rc = to_offset(r, segment->address, &at, &left);
    if (rc == 0)
        rc = read_dynamic(r, at, segment->size < left ? segment->size : left, &entries, &count);
    if (rc == 0)
        rc = find_strings(r, entries, count);
    for (size_t i = 0; i < count; i++)
        needed += entries[i].tag == TAG_NEEDED;
    if (rc == 0 && needed > 0 && !(r->elf->needed = calloc(needed, sizeof(char *))))
        return no_memory(r);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_entry(r, &entries[i]);
    return rc;
}

/* Where nothing is said of the stack, all memory of an i386 or arm program is
 * executable. */
static bool has_writable_code(const struct reader *r)
{
    bool executable = r->elf->machine == MACHINE_386 || r->elf->machine == MACHINE_ARM;
    for (size_t i = 0; i < r->segment_count; i++) {
        const struct segment *s = &r->segments[i];
        if (s->type == SEGMENT_LOAD && s->flags & FLAG_WRITE && s->flags & FLAG_EXECUTE)
            return true;
        if (s->type == SEGMENT_STACK)
            executable = s->flags & FLAG_EXECUTE;
    }
    return executable;
}

static int read_all(struct reader *r)
{
    int rc = read_header(r);
    r->elf->writable_code = rc == 0 && has_writable_code(r);
    const struct segment *dynamic = NULL;
    if (r->source->only && !elf_same_kind(r->source->only, r->elf))
        return rc;
    for (size_t i = 0; rc == 0 && i < r->segment_count; i++) {
        const struct segment *s = &r->segments[i];
        if (s->type == SEGMENT_INTERP && !r->elf->interp)
            rc = read_string(r, s->offset, s->size, &r->elf->interp);
        if (s->type == SEGMENT_DYNAMIC && !dynamic)
            dynamic = s;
    }
    return rc == 0 && dynamic ? read_libraries(r, dynamic) : rc;
}

bool elf_same_kind(const struct elf *a, const struct elf *b)
{
    return a->machine == b->machine && a->elf64 == b->elf64 && a->big_endian == b->big_endian;
}

int elf_read(const struct elf_source *source, struct elf *out, struct err *err)
{
    *out = (struct elf){0};
    uint8_t block[BLOCK_SIZE];
    struct reader r = {.source = source, .elf = out, .err = err, .block = block};
    int rc = read_all(&r);
    free(r.segments);
    if (rc < 0)
        elf_free(out);
    return rc;
}

void elf_free(struct elf *elf)
{
    free(elf->interp);
    free(elf->soname);
    free(elf->rpath);
    free(elf->runpath);
    for (size_t i = 0; i < elf->needed_count; i++)
        free(elf->needed[i]);
    free(elf->needed);
    *elf = (struct elf){0};
}
