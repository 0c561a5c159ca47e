/* Code of one's own: memory that is executable and not a mapped file. */
#include "escape.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WRITES "stdio rpath wpath cpath"
#define CODE (PROT_READ | PROT_EXEC)

static int map(int fd, int protection)
{
    void *at = mmap(NULL, 1, protection, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE, fd, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int anonymous_code(UNUSED const struct scene *s)
{
    return map(-1, CODE | PROT_WRITE);
}

static int anonymous_data(UNUSED const struct scene *s)
{
    return map(-1, PROT_READ | PROT_WRITE);
}

static int data_to_code(UNUSED const struct scene *s)
{
    void *at = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return TRY(mprotect(at, 1, CODE));
}

static int data_to_code_by_key(UNUSED const struct scene *s)
{
    void *at = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return RAW(SYS_pkey_mprotect, at, 1, CODE, -1);
}

static int data_to_constant(UNUSED const struct scene *s)
{
    void *at = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return TRY(mprotect(at, 1, PROT_READ));
}

static int library(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
    return map(fd, CODE);
}

static int own_file(UNUSED const struct scene *s)
{
    int failed = escape_write("code", "\xc3");
    CLEAN_FD int fd = open("code", O_RDONLY | O_CLOEXEC);
    return failed ? failed : map(fd, CODE);
}

static int own_file_in_tmp(UNUSED const struct scene *s)
{
    char path[] = "/tmp/vow-escape-XXXXXX";
    CLEAN_FD int fd = mkstemp(path);
    if (fd < 0)
        return errno;
    int failed = unlink(path) < 0 || write(fd, "\xc3", 1) < 0 ? errno : 0;
    return failed ? failed : map(fd, CODE);
}

static int writable_library(UNUSED const struct scene *s)
{
    int failed = escape_write("code", "\xc3");
    CLEAN_FD int fd = open("code", O_RDONLY | O_CLOEXEC);
    return failed ? failed : map(fd, CODE | PROT_WRITE);
}

static int memory_file(UNUSED const struct scene *s)
{
    return TRY(memfd_create("code", MFD_CLOEXEC));
}

static int write_over_code(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    return fd < 0 ? errno : TRY(pwrite(fd, "\xc3", 1, (off_t)(uintptr_t)&library));
}

/* A second mapping of the same shared memory is written, the first one runs. */
static int shared_zero(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
    char *code = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, CODE, MAP_SHARED, fd, 0);
    if (code == MAP_FAILED)
        return errno;
    char *data = mremap(code, 0, 4096, MREMAP_MAYMOVE);
    if (data == MAP_FAILED || mprotect(data, 4096, PROT_READ | PROT_WRITE) < 0)
        return errno;
    *data = 1;
    return *code == 1 ? 0 : EIO;
}

static int shared_zero_as_data(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno;
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int read_is_execute(UNUSED const struct scene *s)
{
    return TRY(personality(READ_IMPLIES_EXEC));
}

static int ask_personality(UNUSED const struct scene *s)
{
    return TRY(personality(0xffffffff));
}

static int shared_code(UNUSED const struct scene *s)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
    if (id < 0)
        return errno;
    int failed = shmat(id, NULL, SHM_EXEC) == (void *)-1 ? errno : 0;
    shmctl(id, IPC_RMID, NULL);
    return failed;
}

static int shared_data(UNUSED const struct scene *s)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
    if (id < 0)
        return errno;
    int failed = shmat(id, NULL, 0) == (void *)-1 ? errno : 0;
    shmctl(id, IPC_RMID, NULL);
    return failed;
}

const struct escape escapes_memory[] = {
    {"anonymous_code", WRITES, NULL, {EPERM}, anonymous_code, anonymous_data},
    {"data_to_code", WRITES, NULL, {EPERM}, data_to_code, data_to_constant},
    {"data_to_code_by_key", WRITES, NULL, {EPERM}, data_to_code_by_key, data_to_constant},
    {"code_from_an_own_file", WRITES, NULL, {EPERM}, own_file, library},
    {"code_from_a_file_in_tmp", WRITES, NULL, {EPERM}, own_file_in_tmp, library},
    {"code_that_is_written", WRITES, NULL, {EPERM}, writable_library, library},
    {"with_prot_exec_it_works",
     WRITES,
     NULL,
     {EPERM},
     own_file,
     own_file,
     .twin_promises = WRITES " prot_exec"},
    {"memfd",
     WRITES,
     NULL,
     {EPERM},
     memory_file,
     memory_file,
     .twin_promises = WRITES " prot_exec"},
    {"own_memory_by_proc", WRITES, NULL, {EACCES, EROFS}, write_over_code, anonymous_data},
    {"code_mapped_twice", "stdio", NULL, {EPERM}, shared_zero, shared_zero_as_data},
    {"code_mapped_twice_without_a_view",
     "stdio",
     NO_VIEW,
     {EPERM},
     shared_zero,
     shared_zero_as_data},
    {"personality", WRITES " exec", NULL, {EPERM}, read_is_execute, ask_personality},
    {"shared_memory_as_code", WRITES " sysv", NULL, {EPERM}, shared_code, shared_data},
    {0},
};
