/* caller: without locks, so not dl_iterate_phdr: the program's own file comes
 * from what the kernel left for the start, the libraries from the list that
 * the loader keeps for debuggers (DT_DEBUG). Whatever is read may be damaged,
 * so it is read with care. */
#include "pledge/caller.h"

#include "pledge/memory.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#define STACK_SEARCHED 8192
#define MODULES_MOST 256
#define HEADERS_MOST 32
#define SYMBOLS_MOST 65536

/* A file in memory. */
struct module {
    const char *name;
    uintptr_t base; /* what its addresses are relative to */
    ElfW(Phdr) headers[HEADERS_MOST];
    size_t header_count;
};

static int read_headers(struct module *m, uintptr_t at, size_t count)
{
    m->header_count = count < HEADERS_MOST ? count : HEADERS_MOST;
    return memory_copy(m->headers, at, m->header_count * sizeof *m->headers);
}

/* The headers stand behind the first segment's ELF header. */
static bool read_program(struct module *m)
{
    uintptr_t at = getauxval(AT_PHDR);
    *m = (struct module){.name = program_invocation_name};
    if (!at || read_headers(m, at, getauxval(AT_PHNUM)) < 0)
        return false;
    for (size_t i = 0; i < m->header_count; i++)
        if (m->headers[i].p_type == PT_LOAD && m->headers[i].p_offset == 0) {
            m->base = at - sizeof(ElfW(Ehdr)) - m->headers[i].p_vaddr;
            return true;
        }
    return false;
}

static bool read_library(struct module *m, const struct link_map *library)
{
    ElfW(Ehdr) header;
    *m = (struct module){.name = library->l_name, .base = library->l_addr};
    return memory_copy(&header, library->l_addr, sizeof header) == 0 &&
           memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
           read_headers(m, library->l_addr + header.e_phoff, header.e_phnum) == 0;
}

static bool contains(const struct module *m, uintptr_t at, bool executable)
{
    for (size_t i = 0; i < m->header_count; i++) {
        const ElfW(Phdr) *h = &m->headers[i];
        bool wanted = h->p_type == PT_LOAD && (!executable || h->p_flags & PF_X);
        if (wanted && at - m->base - h->p_vaddr < h->p_memsz)
            return true;
    }
    return false;
}

/* The value of an entry of the dynamic section, as an address. */
static uintptr_t dynamic_value(const struct module *m, ElfW(Sxword) tag)
{
    ElfW(Dyn) entry;
    for (size_t i = 0; i < m->header_count; i++) {
        if (m->headers[i].p_type != PT_DYNAMIC)
            continue;
        uintptr_t at = m->base + m->headers[i].p_vaddr;
        for (; memory_copy(&entry, at, sizeof entry) == 0 && entry.d_tag != DT_NULL;
             at += sizeof entry)
            if (entry.d_tag == tag)
                return entry.d_un.d_ptr;
    }
    return 0;
}

/* Which file `at` is program text of. */
static bool find_module(uintptr_t at, struct module *m)
{
    struct r_debug loader;
    struct link_map library;
    if (!read_program(m))
        return false;
    if (contains(m, at, true))
        return true;
    if (memory_copy(&loader, dynamic_value(m, DT_DEBUG), sizeof loader) < 0)
        return false;
    uintptr_t next = (uintptr_t)loader.r_map;
    for (size_t i = 0; next && i < MODULES_MOST; i++, next = (uintptr_t)library.l_next) {
        if (memory_copy(&library, next, sizeof library) < 0)
            return false;
        if (read_library(m, &library) && contains(m, at, true))
            return true;
    }
    return false;
}

/* Does a call end at this address? Anywhere but on x86 every address will do. */
static bool is_behind_call(uintptr_t at)
{
#if defined(__x86_64__) || defined(__i386__)
    unsigned char code[7];
    if (memory_copy(code, at - sizeof code, sizeof code) < 0)
        return false;
    if (code[2] == 0xe8)
        return true;
    for (size_t size = 2; size <= sizeof code; size++)
        if (code[7 - size] == 0xff && (code[8 - size] & 0x38) == 0x10)
            return true;
    return false;
#else
    (void)at;
    return true;
#endif
}

/* libc's absolute addresses are relocated in memory, musl's are not. */
static uintptr_t table_at(const struct module *m, ElfW(Sxword) tag)
{
    uintptr_t at = dynamic_value(m, tag);
    return at && at < m->base ? at + m->base : at;
}

/* The names stand behind the symbols, in every file that a linker makes. */
static void find_symbol(const struct module *m, uintptr_t at, struct caller *out)
{
    uintptr_t table = table_at(m, DT_SYMTAB), names = table_at(m, DT_STRTAB);
    ElfW(Sym) symbol;
    size_t count = names > table ? (names - table) / sizeof symbol : 0;
    uintptr_t best = 0;
    for (size_t i = 0; i < count && i < SYMBOLS_MOST; i++) {
        if (memory_copy(&symbol, table + i * sizeof symbol, sizeof symbol) < 0)
            return;
        uintptr_t start = m->base + symbol.st_value;
        if ((symbol.st_info & 0xf) != STT_FUNC || symbol.st_shndx == SHN_UNDEF || start > at ||
            start < best)
            continue;
        best = start;
        out->symbol = (const char *)names + symbol.st_name;
        out->symbol_offset = at - start;
    }
}

static void describe(const struct module *m, uintptr_t at, struct caller *out)
{
    *out = (struct caller){.module = m->name, .offset = at - m->base};
    find_symbol(m, at, out);
}

/* libc_at: where the libc made the call. That of i386 enters the kernel by a page of
 * the kernel's, which keeps three registers before the address that it returns to. */
static uintptr_t libc_at(const struct trapped *call)
{
#ifdef __i386__
    struct module m;
    uintptr_t word;
    for (size_t i = 0; i < 4; i++)
        if (memory_copy(&word, call->stack + i * sizeof word, sizeof word) == 0 &&
            find_module(word, &m) && is_behind_call(word))
            return word;
#endif
    return call->at;
}

bool caller_find(const struct trapped *call, struct caller *out)
{
    struct module libc, m;
    uintptr_t word, at = libc_at(call);
    bool known = find_module(at, &libc);
    for (size_t i = 0; known && i <= STACK_SEARCHED / sizeof word; i++) {
        if (i == 0)
            word = call->link;
        else if (memory_copy(&word, call->stack + (i - 1) * sizeof word, sizeof word) < 0)
            break;
        if (!word || !find_module(word, &m) || !is_behind_call(word))
            continue;
        if (m.name != program_invocation_name &&
            (m.base == libc.base || m.base == getauxval(AT_BASE)))
            continue;
        describe(&m, word, out);
        return true;
    }
    if (known)
        describe(&libc, at, out);
    return known;
}
