/* prot_exec: native code that was not there when the process began. */
#include "conform.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *page(int protection)
{
    return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

GRANTS("prot_exec", "stdio", "mmap(2) with PROT_EXEC", "pledge.2 prot_exec",
       OK(page(PROT_READ | PROT_EXEC) != MAP_FAILED));
GRANTS("prot_exec", "stdio", "mmap(2) with PROT_WRITE and PROT_EXEC", "pledge.2 prot_exec",
       OK(page(PROT_READ | PROT_WRITE | PROT_EXEC) != MAP_FAILED));
GRANTS("prot_exec", "stdio", "mprotect(2) with PROT_EXEC", "pledge.2 prot_exec",
       mprotect(page(PROT_READ), 4096, PROT_READ | PROT_EXEC));
GRANTS("prot_exec", "stdio", "pkey_mprotect(2) with PROT_EXEC", "pledge.2 prot_exec",
       syscall(SYS_pkey_mprotect, page(PROT_READ), 4096, PROT_READ | PROT_EXEC, -1));
GRANTS("prot_exec", "stdio rpath", "a file mapped writable and executable", "pledge.2 prot_exec",
       OK(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE, scene.file, 0) != MAP_FAILED));
GRANTS("prot_exec", "stdio", "memfd_create(2), which makes a file that could be mapped executable",
       "vow", memfd_create("x", 0));
