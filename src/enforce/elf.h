/* elf: what a dynamic loader would read from an ELF file: the architecture,
 * the loader's name and the libraries that the file asks for. Files are other
 * people's: every offset, size and string is checked, nothing is mapped, and
 * memory is bounded by the constants below. Works on both classes and both
 * byte orders. */
#ifndef VOW_ENFORCE_ELF_H
#define VOW_ENFORCE_ELF_H

#include "base/base.h"

enum {
    ELF_STRING_MAX = 4095,  /* longest name that is accepted: PATH_MAX without the NUL */
    ELF_NEEDED_MAX = 1024,  /* libraries that one file may ask for */
    ELF_DYNAMIC_MAX = 8192, /* entries of its dynamic section */
};

/* Where the bytes come from. read: fills `buffer` with up to `size` bytes at
 * `offset`; returns how many (short only at the end), or -errno. */
struct elf;
struct elf_source {
    int64_t (*read)(const struct elf_source *source, void *buffer, size_t size, uint64_t offset);
    int fd;             /* elf_source_fd */
    const void *memory; /* elf_source_memory */
    size_t size;
    const struct elf *only; /* of another kind nothing is read but the kind; NULL: all is read */
};
struct elf_source elf_source_fd(int fd);
struct elf_source elf_source_memory(const void *memory, size_t size);

struct elf {
    uint16_t machine; /* EM_… */
    bool elf64, big_endian;
    bool writable_code; /* the kernel gives it memory to write and execute: a segment, the stack */
    char *interp;       /* PT_INTERP, NULL for a static program or a library */
    char *soname, *rpath, *runpath;
    char **needed;
    size_t needed_count;
};

/* elf_read: 0; -ENOEXEC if it is no ELF file (err says "is no ELF file") or a
 * damaged one (err says what is wrong); -EIO and others from the source. On
 * failure *out is empty. */
int elf_read(const struct elf_source *source, struct elf *out, struct err *err);
void elf_free(struct elf *elf);
/* elf_same_kind: the same machine, class and byte order? */
bool elf_same_kind(const struct elf *a, const struct elf *b);

#endif
