/* error: ENOSYS where there would be an end. */
#include "conform.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static long close_file(void)
{
    return close(scene.file);
}

FAILS(ENOSYS, "stdio error", "socket(2) without inet", "pledge.2 error",
      socket(AF_INET, SOCK_STREAM, 0));
FAILS(ENOSYS, "stdio error", "open(2) without rpath", "pledge.2 error", open("file", O_RDONLY));
FAILS(ENOSYS, "stdio rpath error", "open(2) for writing without wpath", "pledge.2 error",
      open("file", O_WRONLY));
FAILS(ENOSYS, "stdio error", "mkdir(2) without cpath", "pledge.2 error", mkdir("new", 0755));
FAILS(ENOSYS, "stdio error", "chmod(2) without fattr", "pledge.2 error", chmod("file", 0600));
FAILS(ENOSYS, "stdio error", "fork(2) without proc", "pledge.2 error", fork());
FAILS(ENOSYS, "stdio error", "mprotect(2) without prot_exec", "pledge.2 error",
      mprotect(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096,
               PROT_READ | PROT_EXEC));
FAILS(ENOSYS, "stdio rpath error", "execve(2) without exec", "pledge.2 error",
      execl("/bin/true", "true", (char *)NULL), .twin = close_file);
ALLOWS("stdio rpath error", "what is promised works", "pledge.2 error", open("file", O_RDONLY));
ALLOWS("stdio error", "an increase is ignored, and succeeds", "pledge.2 error",
       pledge("stdio rpath error", NULL));
FAILS(ENOSYS, "stdio error", "an increase that was ignored gave nothing", "pledge.2 error",
      pledge("stdio rpath error", NULL) == 0 ? open("file", O_RDONLY) : 0);
ALLOWS(NULL, "an increase of execpromises is ignored, too", "pledge.2 error",
       pledge("stdio error", "stdio error") == 0 ? pledge(NULL, "stdio rpath error") : -1);
FAILS(EINVAL, "stdio error", "an unknown word is refused nevertheless", "pledge.2 EINVAL",
      pledge("stdio nonsense", NULL), .twin = close_file);
