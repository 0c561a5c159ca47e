/* test: takes every row through its three runs, see escape.h. */
#include "escape.h"
#include "harness.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <mqueue.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 65534
#define INHERITED 9 /* the descriptor that start.c looks for */
#define WORDS_MAX 40

#define THEME_ROWS(name) escapes_##name,
static const struct escape *const themes[] = {THEMES(THEME_ROWS)};

/* A row and who tries it. */
struct trial {
    const struct escape *row;
    bool root;
};

/* What a trial needs outside; a test has one. */
static struct stage {
    char dir[64], output[80];
    struct scene scene;
    uid_t uid;
    int terminal, other; /* masters of two terminals */
    char terminal_name[64];
    int outsider_value; /* at scene.address of the outsider */
} stage = {.terminal = -1, .other = -1};

static char base[] = "/var/tmp/vow-escape-XXXXXX";
static pid_t main_process;

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            test_fail(__FILE__, __LINE__, "%s: %s", #call, strerror(errno));                       \
    } while (0)

/* ---------------------------------------------------------------- the stage */

static const char *at(const char *name)
{
    static char paths[4][160];
    static unsigned next;
    char *path = paths[next++ % ARRAY_COUNT(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", stage.dir, name);
    return path;
}

static void put_file(const char *name, const char *text, mode_t mode)
{
    CLEAN_FD int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    MUST(fd);
    MUST(write(fd, text, strlen(text)));
    MUST(fchown(fd, stage.uid, stage.uid ? stage.uid : 0));
}

static void put_directory(const char *name)
{
    MUST(mkdir(at(name), 0755));
    MUST(chown(at(name), stage.uid, stage.uid));
}

static void copy_program(const char *from, const char *name)
{
    struct stat st;
    char to[128];
    snprintf(to, sizeof to, "%s/%s", base, name);
    CLEAN_FD int in = open(from, O_RDONLY | O_CLOEXEC);
    CLEAN_FD int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    if (in < 0 || out < 0 || fstat(in, &st) < 0 || sendfile(out, in, NULL, (size_t)st.st_size) < 0)
        fprintf(stderr, "cannot copy %s to %s: %s\n", from, to, strerror(errno));
}

static void remove_base(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", base);
    if (getpid() == main_process && system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", base);
}

/* Programs that an ordinary user can start wherever the tree was built. */
static void make_base(void)
{
    const char *vow = getenv("VOW"), *inner = getenv("INNER");
    main_process = getpid();
    if (!vow || !inner || !mkdtemp(base) || chmod(base, 0755) < 0) {
        fprintf(stderr, "VOW and INNER must name programs, and /var/tmp be writable\n");
        exit(2);
    }
    atexit(remove_base);
    copy_program(vow, "vow");
    copy_program(inner, "inner");
    if (geteuid() == 0) {
        char setuid[64];
        copy_program("/usr/bin/id", "setuid");
        snprintf(setuid, sizeof setuid, "%s/setuid", base);
        MUST(chmod(setuid, 04755));
    }
}

static void make_directories(bool root)
{
    static const char *const directories[] = {"work",       "work/deep",       "work/deep/er",
                                              "work/.git",  "work/.git/hooks", "outside",
                                              "outside/dir"};
    stage.uid = root ? 0 : geteuid() ? geteuid() : USER;
    snprintf(stage.dir, sizeof stage.dir, "%s/scene-%d", base, (int)getpid());
    snprintf(stage.output, sizeof stage.output, "%s/output", stage.dir);
    MUST(mkdir(stage.dir, 0755));
    for (size_t i = 0; i < ARRAY_COUNT(directories); i++)
        put_directory(directories[i]);
    put_file("work/file", "file\n", 0644);
    put_file("work/scratch", "scratch\n", 0644);
    put_file("work/.git/config", "[core]\n", 0644);
    put_file("outside/secret", "secret\n", 0644);
    put_file("outside/plain", "plain\n", 0644);
    put_file("output", "", 0666);
    MUST(symlink("..", at("bin")));
}

static void become(uid_t uid)
{
    if (uid == geteuid())
        return;
    MUST(setgroups(0, NULL));
    MUST(setresgid(uid, uid, uid));
    MUST(setresuid(uid, uid, uid));
    MUST(prctl(PR_SET_DUMPABLE, 1));
}

static void listen_at(int type, const char *name, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type, 0);
    memcpy(address.sun_path, name, size);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    MUST(bind(fd, (struct sockaddr *)&address, length));
    if (type == SOCK_STREAM)
        MUST(listen(fd, 8));
}

/* What the outsider offers: sockets, shared memory, a queue, a file in /tmp. */
static void offer(int number)
{
    char name[64] = "";
    listen_at(SOCK_STREAM, at("outside/bus"), strlen(at("outside/bus")) + 1);
    listen_at(SOCK_STREAM, at("work/bus"), strlen(at("work/bus")) + 1);
    listen_at(SOCK_DGRAM, at("outside/log"), strlen(at("outside/log")) + 1);
    size_t size = (size_t)snprintf(name, sizeof name, "/tmp/vow-escape-%d.bus", number);
    listen_at(SOCK_STREAM, name, size + 1);
    name[0] = '\0';
    size = (size_t)snprintf(name + 1, sizeof name - 1, "vow-escape-%d", number);
    listen_at(SOCK_STREAM, name, 1 + size);
    snprintf(name, sizeof name, "/tmp/vow-escape-%d", number);
    CLEAN_FD int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    MUST(file);
    MUST(write(file, "x", 1));
    snprintf(name, sizeof name, "/vow-escape-%d", number);
    MUST(shm_open(name, O_RDWR | O_CREAT, 0600));
    MUST(shmget(number, 1, IPC_CREAT | 0600));
    if (mq_open(name, O_RDWR | O_CREAT, 0600, NULL) < 0 && errno != ENOSYS)
        MUST(-1);
}

static void take_back(int number)
{
    char name[64];
    snprintf(name, sizeof name, "/vow-escape-%d", number);
    shm_unlink(name);
    mq_unlink(name);
    shmctl(shmget(number, 1, 0), IPC_RMID, NULL);
    snprintf(name, sizeof name, "/tmp/vow-escape-%d", number);
    unlink(name);
    snprintf(name, sizeof name, "/tmp/vow-escape-%d.bus", number);
    unlink(name);
}

/* Starts the outsider and waits until it has everything. */
static void start_outsider(void)
{
    int ready[2];
    char byte;
    MUST(pipe2(ready, O_CLOEXEC));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        become(stage.uid);
        MUST(chdir(stage.dir));
        int secret = open(at("outside/secret"), O_RDONLY);
        MUST(dup2(secret, 3 == ready[1] ? secret : 3));
        offer(stage.scene.number);
        MUST(write(ready[1], test_failed() ? "-" : "+", 1));
        for (;;)
            pause();
    }
    MUST(pid);
    close(ready[1]);
    MUST(read(ready[0], &byte, 1));
    close(ready[0]);
    CHECK_EQ(byte, '+');
    stage.scene.outsider = pid;
}

static void open_terminals(void)
{
    int slave;
    char name[64];
    int number = 0;
    MUST(openpty(&stage.terminal, &slave, stage.terminal_name, NULL, NULL));
    close(slave);
    MUST(openpty(&stage.other, &slave, name, NULL, NULL));
    MUST(chown(stage.terminal_name, stage.uid, (gid_t)-1));
    MUST(chown(name, stage.uid, (gid_t)-1));
    sscanf(name, "/dev/pts/%d", &number);
    stage.scene.number = number << 16 | (getpid() & 0xffff);
}

/* ------------------------------------------------------------------ the runs */

enum run { WITHOUT_VOW, ATTEMPT, TWIN };

static size_t add_words(char **words, size_t count, char *text)
{
    for (char *word = strtok(text, " "); word && count < WORDS_MAX - 1; word = strtok(NULL, " ")) {
        char *place = strstr(word, "DIR/");
        struct str full = {0};
        if (place) {
            str_add_bytes(&full, word, (size_t)(place - word));
            str_addf(&full, "%s/%s", stage.dir, place + 4);
        }
        words[count++] = place ? str_take(&full) : word;
    }
    return count;
}

static _Noreturn void execute(const struct escape *row, enum run run)
{
    static char vow[80], inner[80], pid[16], address[24], number[16], options[256];
    char *words[WORDS_MAX] = {vow, (char *)"run", (char *)"-p"};
    const char *promises = run == TWIN && row->twin_promises ? row->twin_promises : row->promises;
    const char *more = run == TWIN && row->twin_options ? row->twin_options : row->options;
    size_t count = 4;
    snprintf(vow, sizeof vow, "%s/vow", base);
    snprintf(inner, sizeof inner, "%s/inner", base);
    snprintf(pid, sizeof pid, "%d", (int)stage.scene.outsider);
    snprintf(address, sizeof address, "%#lx", (unsigned long)&stage.outsider_value);
    snprintf(number, sizeof number, "%d", stage.scene.number);
    snprintf(options, sizeof options, "%s", more ? more : "");
    words[3] = (char *)promises;
    count = add_words(words, count, options);
    words[count++] = (char *)"--";
    char **command = &words[count];
    char *const rest[] = {inner,
                          (char *)row->name,
                          (char *)(run == TWIN ? "twin" : "attempt"),
                          stage.dir,
                          pid,
                          address,
                          number};
    for (size_t i = 0; i < ARRAY_COUNT(rest); i++)
        words[count++] = rest[i];
    if (run != WITHOUT_VOW)
        command = words;
    execv(command[0], command);
    _exit(121);
}

/* Ends as its child does, whose parent is so a process of the same user. */
static _Noreturn void relay(const struct escape *row, enum run run)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        execute(row, run);
    MUST(waitpid(pid, &status, 0));
    if (!WIFSIGNALED(status))
        _exit(WEXITSTATUS(status));
    prctl(PR_SET_DUMPABLE, 0); /* no core of this one */
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    _exit(122);
}

/* A descriptor that no dup2() of child() overwrites. */
static int open_above(const char *path, int flags)
{
    CLEAN_FD int fd = open(path, flags | O_CLOEXEC);
    int above = fcntl(fd, F_DUPFD, INHERITED + 1);
    MUST(above);
    return above;
}

/* In the child: a session with a terminal, a secret at a descriptor and one in
 * the environment, all output in a file. */
static _Noreturn void child(const struct escape *row, enum run run)
{
    setsid();
    int terminal = open_above(stage.terminal_name, O_RDWR);
    MUST(ioctl(terminal, TIOCSCTTY, 0));
    int output = open_above(stage.output, O_WRONLY | O_APPEND);
    int secret = open_above(at("outside/secret"), O_RDONLY);
    become(stage.uid);
    MUST(chdir(at("work")));
    MUST(dup2(secret, INHERITED));
    MUST(dup2(terminal, 0));
    MUST(dup2(output, 1));
    MUST(dup2(output, 2));
    MUST(setenv("VOW_ESCAPE_SECRET", "secret", 1));
    close_range(3, INHERITED - 1, 0);
    close_range(INHERITED + 1, ~0u, 0);
    relay(row, run);
}

/* An errno, 0, or a negative signal. */
static int outcome(const struct escape *row, enum run run)
{
    int status = 0;
    MUST(truncate(stage.output, 0));
    pid_t pid = fork();
    if (pid == 0)
        child(row, run);
    MUST(waitpid(pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool is_stopped(const struct escape *row, int result)
{
    for (size_t i = 0; i < STOPPED_MAX && row->stopped[i]; i++)
        if (row->stopped[i] == result)
            return true;
    return false;
}

static const char *in_words(int result)
{
    static char texts[2][96];
    static unsigned next;
    char *text = texts[next++ % 2];
    if (result < 0)
        snprintf(text, sizeof texts[0], "signal %d", -result);
    else
        snprintf(text, sizeof texts[0], "%d (%s)", result,
                 result ? strerror(result) : "it got through");
    return text;
}

static void show_output(void)
{
    char line[512];
    FILE *file = fopen(stage.output, "re");
    while (file && fgets(line, sizeof line, file))
        printf("#   %s%s", line, strchr(line, '\n') ? "" : "\n");
    if (file)
        fclose(file);
}

/* Skips if vow would not start for want of something of this machine. */
static void skip_if_refused(void)
{
    char command[PATH_MAX], reason[160] = "";
    snprintf(command, sizeof command, "sed -nf \"$SOURCE/tests/refused.sed\" %s", stage.output);
    FILE *sed = popen(command, "re");
    if (sed && fgets(reason, sizeof reason, sed))
        reason[strcspn(reason, "\n")] = '\0';
    if (!sed || pclose(sed) != 0)
        test_fail(__FILE__, __LINE__, "%s failed", command);
    if (reason[0])
        SKIP(reason);
}

static void judge(const struct escape *row)
{
    int without = row->everywhere ? 0 : outcome(row, WITHOUT_VOW);
    if (row->lacks && without < 0)
        SKIP(row->lacks);
    int result = outcome(row, ATTEMPT);
    if (!is_stopped(row, result)) {
        skip_if_refused();
        test_fail(__FILE__, __LINE__, "under vow it ends in %s; without, in %s", in_words(result),
                  in_words(without));
        show_output();
    }
    result = outcome(row, TWIN);
    if (result != 0) {
        skip_if_refused();
        test_fail(__FILE__, __LINE__, "the allowed twin ends in %s", in_words(result));
        show_output();
    }
    if (is_stopped(row, without) && !test_failed()) {
        char reason[160];
        snprintf(reason, sizeof reason, "attempt: without vow it ends in the same way here: %s",
                 in_words(without));
        SKIP(reason);
    }
}

static void try_row(void)
{
    const struct trial *trial = test_data;
    if ((trial->root || trial->row->who == USER_OF_ROOT) && geteuid() != 0)
        SKIP("root: not root");
    make_directories(trial->root);
    open_terminals();
    start_outsider();
    fflush(stdout);
    pid_t pid = fork(); /* which may skip */
    if (pid == 0) {
        judge(trial->row);
        fflush(stdout);
        _exit(test_failed() ? 1 : 0);
    }
    int status = 1;
    MUST(waitpid(pid, &status, 0));
    kill(stage.scene.outsider, SIGKILL);
    take_back(stage.scene.number);
    if (WIFEXITED(status) && WEXITSTATUS(status))
        _exit(WEXITSTATUS(status)); /* the child has said why */
    CHECK_EQ(status, 0);
}

static void add_trial(const struct escape *row, bool root)
{
    struct test *test = calloc(1, sizeof *test);
    struct trial *trial = calloc(1, sizeof *trial);
    char *name = NULL;
    if (!test || !trial || asprintf(&name, "%s_as_%s", row->name, root ? "root" : "user") < 0)
        exit(2);
    *trial = (struct trial){row, root};
    *test = (struct test){.name = name, .run = try_row, .data = trial};
    test_register(test);
}

__attribute__((constructor)) static void add_trials(void)
{
    make_base();
    for (size_t i = 0; i < ARRAY_COUNT(themes); i++) {
        for (const struct escape *row = themes[i]; row->name; row++) {
            if (row->who < USER_ONLY)
                add_trial(row, true);
            if (row->who != ROOT_ONLY)
                add_trial(row, false);
        }
    }
}
