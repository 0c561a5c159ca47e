/* Memory and queues that are shared by name. */
#include "escape.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define WIDE "stdio rpath wpath cpath unix proc exec"

static int posix_memory(const struct scene *s)
{
    char name[64];
    snprintf(name, sizeof name, "/vow-escape-%d", s->number);
    CLEAN_FD int fd = shm_open(name, O_RDWR, 0600);
    return fd < 0 ? errno : 0;
}

static int own_memory(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = shm_open("/own", O_RDWR | O_CREAT, 0600);
    return fd < 0 ? errno : 0;
}

static int anonymous_memory(UNUSED const struct scene *s)
{
    void *at = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int system_v_memory(const struct scene *s)
{
    return TRY(shmget(s->number, 1, 0));
}

static int queue(const struct scene *s)
{
    char name[64];
    snprintf(name, sizeof name, "/vow-escape-%d", s->number);
    mqd_t open = mq_open(name, O_RDWR);
    return open < 0 ? errno : TRY(mq_close(open));
}

static int pipe_inside(UNUSED const struct scene *s)
{
    int ends[2];
    return TRY(pipe(ends));
}

const struct escape escapes_ipc[] = {
    {"posix_shared_memory", WIDE, NULL, {ENOENT}, posix_memory, own_memory},
    {"posix_shared_memory_without_a_view", WIDE, NO_VIEW, {EACCES}, posix_memory, anonymous_memory},
    {"system_v_shared_memory", WIDE, NULL, {EPERM}, system_v_memory, anonymous_memory},
    {"message_queue", WIDE, NULL, {EPERM}, queue, pipe_inside},
    {0},
};
