#include "lib/program.h"

#include "arch/arch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

typedef ElfW(Ehdr) elf_head;
typedef ElfW(Phdr) elf_part;

/* Where the loaders of glibc and musl look by themselves. */
static const char library_places[][sizeof "/etc/ld.so.preload"] = {
    "/etc/ld.so.cache", "/etc/ld.so.preload", "/lib",           "/lib64",
    "/usr/lib",         "/usr/lib64",         "/usr/local/lib",
};

static void add(struct program_needs *needs, const char *path, uint8_t perms)
{
    if (needs->count < ARRAY_COUNT(needs->paths))
        needs->paths[needs->count++] = (struct closure_path){path, perms};
}

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
    return pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

static bool is_native(const elf_head *head)
{
    const struct arch *native = arch_native();
    return memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_machine == native->elf_machine &&
           (head->e_ident[EI_CLASS] == ELFCLASS64) == native->elf64 &&
           head->e_phentsize == sizeof(elf_part);
}

/* find_loader: its path into `loader`; "" in a static program. */
static bool find_loader(int fd, const elf_head *head, char *loader, size_t size)
{
    loader[0] = '\0';
    for (unsigned i = 0; i < head->e_phnum; i++) {
        elf_part part;
        if (!read_at(fd, &part, sizeof part, head->e_phoff + i * sizeof part))
            return false;
        if (part.p_type != PT_INTERP)
            continue;
        return part.p_filesz > 0 && part.p_filesz < size &&
               read_at(fd, loader, part.p_filesz, part.p_offset) &&
               loader[part.p_filesz - 1] == '\0' && loader[0] == '/';
    }
    return true;
}

int program_needs(const char *path, struct program_needs *out, struct err *err)
{
    elf_head head;
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, -errno, "%.300s: %s", path, strerror(errno));
    if (!read_at(fd, &head, sizeof head, 0) || !is_native(&head) ||
        !find_loader(fd, &head, out->loader, sizeof out->loader))
        return err_set(err, -ENOEXEC,
                       "%.300s is not a program for %s (of a script name the interpreter)", path,
                       arch_native()->name);
    out->count = 0;
    add(out, path, PERM_READ | PERM_EXEC);
    if (out->loader[0] == '\0')
        return 0;
    add(out, out->loader, PERM_READ | PERM_EXEC);
    for (size_t i = 0; i < ARRAY_COUNT(library_places); i++)
        add(out, library_places[i], PERM_READ);
    return 0;
}
