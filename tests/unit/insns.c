/* usage: insns FILE <OFFSETS
 * What the box's decoder says of the instructions at these offsets of a file, a
 * line each: kind, size, has it four bytes that are relative, target; and for a
 * syscall: can it become a jump? */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "box/arch/x86_64/insn.h"
#include "box/arch/x86_64/site.h"

int main(int argc, char **argv)
{
    struct stat st;
    struct site site;
    size_t offset;
    int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &st) != 0)
        return 1;
    size_t size = (size_t)st.st_size;
    const uint8_t *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED)
        return 1;
    while (scanf("%zu", &offset) == 1 && offset < size) {
        struct insn i = insn_decode(file + offset, size - offset);
        size_t reach = size - offset < SITE_REACH ? size - offset : SITE_REACH;
        printf("%d %d %d %d %d\n", i.kind, i.size, i.relative != 0, i.target,
               site_read(file + offset, reach, offset, &site));
    }
    return 0;
}
