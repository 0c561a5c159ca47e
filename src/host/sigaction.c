#include "host/sigaction.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
/* x86_64's kernel returns from handlers by no way but the program's own. */
void host_restorer(void) __attribute__((visibility("hidden")));
__asm__(".pushsection .text\n"
        ".hidden host_restorer\n"
        ".type host_restorer, @function\n"
        "host_restorer:\n"
        "    mov $15, %rax\n"
        "    syscall\n"
        ".size host_restorer, . - host_restorer\n"
        ".popsection\n");
#define HAS_RESTORER 0x04000000ul /* SA_RESTORER */
#endif

static int change(int signal, const struct kernel_action *action, struct kernel_action *before)
{
    int saved = errno, result = 0;
    if (syscall(SYS_rt_sigaction, signal, action, before, SIGNAL_SET_SIZE, 0L, LIBRARY_MARK) < 0)
        result = -errno;
    errno = saved;
    return result;
}

int host_sigaction(int signal, signal_handler handler, int flags, enum signal_block block,
                   struct kernel_action *before)
{
    struct kernel_action action = {.handler = handler};
    memset(&action.mask, block == SIGNAL_BLOCK_ALL ? 0xff : 0, sizeof action.mask);
    action.flags = (__typeof__(action.flags))flags;
#if defined(__x86_64__)
    action.flags |= HAS_RESTORER;
    action.restorer = host_restorer;
#endif
    return change(signal, &action, before);
}

int host_sigaction_restore(int signal, const struct kernel_action *before)
{
    return change(signal, before, NULL);
}
