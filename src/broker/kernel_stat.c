/* The kernel's struct stat: not the libc's, whose names it bears. */
#include <asm/stat.h>
#include <stddef.h>
#include <sys/syscall.h>

#define AT_EMPTY_PATH 0x1000

long syscall(long number, ...);
extern const size_t kernel_stat_size;
int kernel_stat(int object, void *to);

#if __SIZEOF_LONG__ == 4
const size_t kernel_stat_size = sizeof(struct stat64);
#define SYS_STAT SYS_fstatat64
#else
const size_t kernel_stat_size = sizeof(struct stat);
#define SYS_STAT SYS_newfstatat
#endif

int kernel_stat(int object, void *to)
{
    return (int)syscall(SYS_STAT, object, "", to, AT_EMPTY_PATH);
}
