/* run: takes each row through its denial and its twin, alone and beside other
 * threads.
 *
 *   test process      makes the scene, looks at how its children end
 *     └ child         enters the scene, makes the promises, acts
 *         └ threads   where the row runs beside threads: one that acts, one
 *                     that sleeps; both ran before the promises were made
 *
 * Under pledge("") a child can do nothing but end. So what came of the action
 * is left in shared memory, and threads wait by looking at a variable there
 * rather than by a call. */
#include "conform.h"
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

TESTS_NEED_LANDLOCK;

/* What a child leaves behind. */
struct outcome {
    int prepared; /* the promises were made; the action began */
    int returned; /* the action came back */
    long value;
    int error;
};
static struct outcome *outcome;

/* One trial: the action, and what is to hold around it. */
struct trial {
    long (*action)(void);
    const char *veil, *promises;
    bool beside_threads;
    pthread_t actor;
};

/* unveil_all: "PERMISSIONS:PATH …"; "-" is no permission. */
static int unveil_all(const char *rules)
{
    char copy[512], *rest = copy, *rule;
    snprintf(copy, sizeof copy, "%s", rules);
    while ((rule = strsep(&rest, " "))) {
        char *path = strchr(rule, ':');
        *path++ = '\0';
        if (unveil(path, strcmp(rule, "-") == 0 ? "" : rule) != 0)
            return -1;
    }
    return 0;
}

/* hold: what the row says, in force from here on. A failure is told on
 * standard error and ends the child before `prepared`. */
static void hold(const struct trial *trial)
{
    if (trial->veil && unveil_all(trial->veil) != 0) {
        perror("unveil");
        _exit(2);
    }
    if (trial->promises && pledge(trial->promises, NULL) != 0) {
        perror("pledge");
        _exit(2);
    }
}

static _Noreturn void act(const struct trial *trial)
{
    outcome->prepared = 1;
    errno = 0;
    outcome->value = trial->action();
    outcome->error = errno;
    outcome->returned = 1;
    _exit(0);
}

static int threads_up, held;

static bool may_call(const struct trial *trial)
{
    return !trial->promises || strstr(trial->promises, "stdio");
}

/* Acts once another thread has made the promises. */
static void *actor(void *data)
{
    const struct trial *trial = data;
    __atomic_add_fetch(&threads_up, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&held, __ATOMIC_SEQ_CST))
        if (may_call(trial))
            sched_yield();
    act(trial);
}

/* Sleeps in the kernel while the promises are made, which wakes it for a moment:
 * where they allow no read (no ends), it waits as threads wait for each other. */
static void *sleeper(void *data)
{
    const int *ends = data;
    static sem_t never;
    char byte;
    __atomic_add_fetch(&threads_up, 1, __ATOMIC_SEQ_CST);
    while (!ends)
        sem_wait(&never);
    while (read(ends[0], &byte, 1) < 0)
        continue;
    return NULL;
}

static _Noreturn void act_beside_threads(struct trial *trial)
{
    static int ends[2];
    pthread_t thread;
    if (pipe(ends) != 0 ||
        pthread_create(&thread, NULL, sleeper, may_call(trial) ? ends : NULL) != 0 ||
        pthread_create(&trial->actor, NULL, actor, trial) != 0) {
        perror("pthread_create");
        _exit(2);
    }
    while (__atomic_load_n(&threads_up, __ATOMIC_SEQ_CST) < 2)
        sched_yield();
    hold(trial);
    __atomic_store_n(&held, 1, __ATOMIC_SEQ_CST);
    for (;;)
        if (may_call(trial))
            pause();
}

static _Noreturn void child(struct trial *trial, const char *top, int log)
{
    signal(SIGALRM, SIG_DFL);
    scene_make(top);
    dup2(log, STDERR_FILENO);
    if (trial->beside_threads)
        act_beside_threads(trial);
    hold(trial);
    act(trial);
}

/* try: the wait status of a trial; `said` is what it wrote to standard error. */
static int try(struct trial *trial, char *said, size_t size)
{
    char top[] = "/tmp/vow-conform-XXXXXX";
    int log = memfd_create("stderr", MFD_CLOEXEC), status = 0;
    *outcome = (struct outcome){0};
    pid_t pid = log >= 0 && mkdtemp(top) ? fork() : -1;
    if (pid == 0)
        child(trial, top, log);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        test_fail(__FILE__, __LINE__, "no trial: %s", strerror(errno));
    ssize_t got = pread(log, said, size - 1, 0);
    said[got > 0 ? got : 0] = '\0';
    close(log);
    scene_remove(top);
    return status;
}

/* describe: how a trial ended, in words. */
static const char *describe(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (!outcome->prepared)
        snprintf(text, size, "the promises or rules could not be made");
    else if (!outcome->returned)
        snprintf(text, size, "ended by itself with %d", WEXITSTATUS(status));
    else if (outcome->value < 0)
        snprintf(text, size, "failed with errno %d (%s)", outcome->error, strerror(outcome->error));
    else
        snprintf(text, size, "gave %ld", outcome->value);
    return text;
}

static void wrong(const struct row *row, int status, const char *said, const char *wanted)
{
    char how[128];
    test_fail(row->file, row->line, "%s: it %s, and said «%s»", wanted,
              describe(status, how, sizeof how), said);
}

/* expect_denial: ERROR and DEATH rows. A violation says the promise; under ""
 * it cannot speak. */
static void expect_denial(const struct row *row, int status, const char *said)
{
    char wanted[128];
    if (row->result == ERROR) {
        bool any = row->number == 0;
        snprintf(wanted, sizeof wanted, "should fail%s%s", any ? "" : " with ",
                 any ? "" : strerror(row->number));
        if (!outcome->returned || outcome->value >= 0 || (!any && outcome->error != row->number))
            wrong(row, status, said, wanted);
        return;
    }
    snprintf(wanted, sizeof wanted, "should die of signal %d", row->number);
    if (!outcome->prepared || !WIFSIGNALED(status) || WTERMSIG(status) != row->number)
        wrong(row, status, said, wanted);
    else if (row->names && !strstr(said, row->names))
        wrong(row, status, said, "should name the promise");
    else if (row->number == VIOLATION && !row->silent && *said == '\0')
        wrong(row, status, said, "should say why");
}

static void expect_success(const struct row *row, int status, const char *said, const char *which)
{
    if (!outcome->returned || outcome->value < 0)
        wrong(row, status, said, which);
}

static void run_row(const struct row *row, bool beside_threads)
{
    char said[2048];
    struct trial trial = {.action = row->action,
                          .veil = row->veil,
                          .promises = row->promises,
                          .beside_threads = beside_threads};
    int status = try(&trial, said, sizeof said);
    if (row->result == WORKS)
        return expect_success(row, status, said, "should work");
    expect_denial(row, status, said);
    trial.action = row->twin ? row->twin : row->action;
    trial.veil = row->twin_veil;
    trial.promises = row->twin_needs;
    status = try(&trial, said, sizeof said);
    expect_success(row, status, said, "its twin should work");
}

/* runs_i386: a kernel may be without its entry, which is then a fault. */
static bool runs_i386(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
#ifdef __x86_64__
        int number = 20; /* getpid */
        asm volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
#endif
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && status == 0;
}

/* has: is there what a row needs? "root: …", "i386: …", "linux-6.11: …", "landlock-6: …". */
static bool has(const char *needs)
{
    int major, minor, wanted_major, wanted_minor;
    struct utsname kernel;
    int abi;
    if (sscanf(needs, "landlock-%d:", &abi) == 1)
        return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= abi;
    if (strncmp(needs, "i386:", 5) == 0)
        return runs_i386();
    if (sscanf(needs, "linux-%d.%d:", &wanted_major, &wanted_minor) != 2)
        return strncmp(needs, "root:", 5) != 0 || geteuid() == 0;
    if (uname(&kernel) != 0 || sscanf(kernel.release, "%d.%d", &major, &minor) != 2)
        return false;
    return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
}

/* prepare: what all trials of a test share. */
static void prepare(const struct row *row)
{
    if (row->needs && !has(row->needs))
        SKIP(row->needs);
    outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (outcome == MAP_FAILED)
        test_fail(__FILE__, __LINE__, "mmap: %s", strerror(errno));
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static void alone(void)
{
    prepare(test_data);
    run_row(test_data, false);
}

static void beside_threads(void)
{
    prepare(test_data);
    run_row(test_data, true);
}

/* topic: "…/paths.c" is paths. */
static int topic(const struct row *row, const char **name)
{
    const char *slash = strrchr(row->file, '/');
    *name = slash ? slash + 1 : row->file;
    return (int)strcspn(*name, ".");
}

static void enlist(const struct row *row, const char *how, void (*run)(void))
{
    struct test *test = calloc(1, sizeof *test);
    const char *name;
    int size = topic(row, &name);
    char *title;
    if (!test || asprintf(&title, "%.*s: %s%s", size, name, row->rule, how) < 0)
        abort();
    *test = (struct test){.name = title, .run = run, .data = row};
    test_register(test);
}

void row_register(struct row *row)
{
    enlist(row, "", alone);
    if (!row->single)
        enlist(row, ", beside threads", beside_threads);
}
