/* A program names its own loader and libraries: no number in its file may make
 * the reader read outside, keep much or leave anything behind. */
#include "enforce/elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
    if (name && strlen(name) > ELF_STRING_MAX)
        abort();
}

static void check_read(const struct elf *elf, size_t size)
{
    check_name(elf->interp);
    check_name(elf->soname);
    check_name(elf->rpath);
    check_name(elf->runpath);
    /* Each library takes an entry of the dynamic section. */
    if (elf->needed_count > ELF_NEEDED_MAX || elf->needed_count > size / 8)
        abort();
    for (size_t i = 0; i < elf->needed_count; i++)
        if (!elf->needed[i])
            abort();
        else
            check_name(elf->needed[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_source source = elf_source_memory(data, size);
    struct elf elf;
    struct err err = {""};
    int rc = elf_read(&source, &elf, &err);
    if (rc == 0)
        check_read(&elf, size);
    else if (rc != -ENOEXEC || err.text[0] == '\0' || elf.needed || elf.interp || elf.soname)
        abort();
    elf_free(&elf);
    return 0;
}
