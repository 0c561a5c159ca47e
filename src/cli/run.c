/* run: `vow run`, the main job. */
#include "cli/cli.h"
#include "cli/dryrun.h"
#include "enforce/enforce.h"
#include "host/probe.h"
#include "watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char name[] = "run";

static const char usage[] = "usage: vow run [OPTIONS] [--] PROGRAM [ARGUMENT...]\n\n";
static const char usage_rest[] =
    "  --explain, --no-explain\n"
    "                       say what is stopped, and why (default: at a terminal)\n"
    "  --hint               do not watch, but say after a failure how to have it explained\n"
    "  --json FILE|FD       write each denial as a line of JSON\n"
    "  --fd N               let a descriptor pass\n"
    "  -C DIR               start in DIR\n"
    "  --best-effort        go on where this machine cannot hold something, and say so\n"
    "  --dry-run            say what would be held, and by what; start nothing\n";

enum { FDS_GIVEN_MAX = 64 };

enum explain { EXPLAIN_DEFAULT, EXPLAIN_YES, EXPLAIN_NO, EXPLAIN_HINT };

/* The command line of one run. */
struct run {
    struct policy_options policy;
    struct run_option *options; /* for suggestions: as they were typed */
    size_t option_count, option_capacity;
    const char *json;
    int json_fd;
    int fds[FDS_GIVEN_MAX];
    size_t fd_count;
    enum explain explain;
    bool best_effort, dry_run;
    bool script; /* what follows the options are arguments of the policy's program */
    char **argv; /* the program and its arguments */
};

/* Remembers an option for suggestions. */
static int remember(struct run *r, const char *option, const char *value)
{
    void *options = r->options;
    if (array_grow(&options, &r->option_capacity, r->option_count, sizeof *r->options) < 0) {
        cli_error(name, "out of memory");
        return EXIT_SETUP;
    }
    r->options = options;
    r->options[r->option_count++] = (struct run_option){option, value};
    return 0;
}

/* The value of option `word` at argv[*index]: behind "=" or a single letter, or
 * the next word; moves *index behind it. NULL: it is another option, or (*bad)
 * has no value. */
static const char *value_of(const char *word, int argc, char **argv, int *index, bool *bad)
{
    size_t size = strlen(word);
    const char *text = argv[*index];
    if (strncmp(text, word, size) != 0)
        return NULL;
    if (text[size] == '=' && text[1] == '-') {
        ++*index;
        return text + size + 1;
    }
    if (text[size] != '\0' && text[1] != '-') {
        ++*index;
        return text + size;
    }
    if (text[size] != '\0')
        return NULL;
    if (*index + 1 >= argc) {
        cli_usage_error(name, "%s wants a value", word);
        *bad = true;
        return NULL;
    }
    *index += 2;
    return argv[*index - 1];
}

static bool parse_number(const char *text, int *out)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number > 1 << 30)
        return false;
    *out = (int)number;
    return true;
}

static int add_fd(struct run *r, const char *text)
{
    if (r->fd_count == FDS_GIVEN_MAX)
        return cli_usage_error(name, "more than %d times --fd", FDS_GIVEN_MAX);
    if (!parse_number(text, &r->fds[r->fd_count]))
        return cli_usage_error(name, "--fd %s: not a descriptor's number", text);
    r->fd_count++;
    return 0;
}

/* Options with a value. 1 = it was one, 0 = it was not, -1 = it was wrong. */
static int option_with_value(struct run *r, int argc, char **argv, int *index)
{
    const char *value;
    bool bad = false;
    if ((value = value_of("-C", argc, argv, index, &bad)))
        r->policy.dir = value;
    else if (!bad && (value = value_of("--json", argc, argv, index, &bad)))
        r->json = value;
    else if (!bad && (value = value_of("--fd", argc, argv, index, &bad)))
        bad = add_fd(r, value) != 0;
    return bad ? -1 : value != NULL;
}

static int option_alone(struct run *r, const char *word)
{
    if (strcmp(word, "--explain") == 0)
        r->explain = EXPLAIN_YES;
    else if (strcmp(word, "--no-explain") == 0)
        r->explain = EXPLAIN_NO;
    else if (strcmp(word, "--hint") == 0)
        r->explain = EXPLAIN_HINT;
    else if (strcmp(word, "--best-effort") == 0)
        r->best_effort = true;
    else if (strcmp(word, "--dry-run") == 0)
        r->dry_run = true;
    else
        return 0;
    return 1;
}

/* Parses up to the program. 0, or an exit status; -1: help was asked for. */
static int parse(struct run *r, int argc, char **argv)
{
    int index = 1;
    while (index < argc && argv[index][0] == '-' && argv[index][1]) {
        int from = index;
        if (strcmp(argv[index], "--") == 0) {
            index++;
            break;
        }
        if (strcmp(argv[index], "--help") == 0 || strcmp(argv[index], "-h") == 0)
            return -1;
        int rc = policy_option(&r->policy, name, argc, argv, &index);
        if (rc == 0)
            rc = option_with_value(r, argc, argv, &index);
        if (rc == 0 && (rc = option_alone(r, argv[index])))
            index++;
        if (rc < 0)
            return EXIT_USAGE;
        if (rc == 0)
            return cli_usage_error(name, "no option '%s'", argv[index]);
        int status = remember(r, argv[from], index - from > 1 ? argv[from + 1] : NULL);
        if (status != 0)
            return status;
    }
    if (r->explain == EXPLAIN_HINT && r->json)
        return cli_usage_error(name, "--hint is for runs that nobody watches; --json watches");
    r->argv = argv + index;
    return 0;
}

/* Does somebody look on? */
static bool watched(const struct run *r)
{
    if (r->explain == EXPLAIN_DEFAULT)
        return r->json || isatty(STDERR_FILENO);
    return r->explain == EXPLAIN_YES || r->json;
}

/* Inside another supervisor there can be no second one. */
static bool may_listen(void)
{
    struct err reason;
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 || probe_listener(&reason) == 0)
        return true;
    cli_error(name, "explanations come from outside: %s", reason.text);
    return false;
}

static void print_lines(const char *lines)
{
    while (*lines) {
        size_t size = strcspn(lines, "\n");
        cli_error(name, "lost: %.*s", (int)size, lines);
        lines += size + (lines[size] == '\n');
    }
}

/* Becomes the program; returns only on failure. */
static int become(struct launch *launch)
{
    struct err err;
    int rc = launch_confine(launch, &err), status = EXIT_SETUP;
    if (rc == 0) {
        rc = launch_exec(launch, &err);
        status = rc == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
    }
    cli_error(name, "%s", err.text);
    return status;
}

/* Ends as the program ended: by the same signal, without a core of our own. */
static int end_as(int status)
{
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, WTERMSIG(status));
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* the supervisor takes signals from a descriptor */
    return 128 + WTERMSIG(status);        /* one that does not end a process */
}

/* --json's argument: a descriptor's number or a file. A dry run makes none. */
static int open_json(const struct run *r)
{
    int fd;
    if (parse_number(r->json, &fd)) {
        int flags = fd > STDERR_FILENO ? FD_CLOEXEC : 0; /* no word like /dev/fd/3 keeps it */
        return fcntl(fd, F_GETFD) < 0 || fcntl(fd, F_SETFD, flags) < 0 ? -EBADF : fd;
    }
    int make = r->dry_run ? 0 : O_CREAT | O_TRUNC;
    fd = open(r->json, O_WRONLY | make | O_CLOEXEC | O_NOCTTY, 0666);
    return fd < 0 ? -errno : fd;
}

/* hold_json: opens --json's file, and keeps it from the program, whose own lines
 * might else stand in it, by a rule like the user's. 0 or an exit status. Not a
 * part of run(), whose stack it would make two pages larger. */
static __attribute__((noinline)) int hold_json(struct run *r)
{
    char link[32], path[PATH_MAX];
    struct stat st;
    struct err err;
    r->json_fd = open_json(r);
    if (r->json_fd == -ENOENT && r->dry_run)
        return 0;
    if (r->json_fd < 0) {
        cli_error(name, "--json %s: %s", r->json, strerror(-r->json_fd));
        return EXIT_SETUP;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", r->json_fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0 || fstat(r->json_fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    path[size] = '\0';
    struct path_perms hidden = {.optional = true};
    if (policy_add_path(&r->policy.policy, path, r->policy.cwd, &hidden, &err) >= 0)
        return 0;
    cli_error(name, "%s", err.text);
    return EXIT_SETUP;
}

/* Starts the program under a supervisor. */
static int supervise(const struct run *r, struct launch *launch)
{
    struct watch_options options = {
        .text_fd = r->json && r->explain != EXPLAIN_YES ? -1 : STDERR_FILENO,
        .json_fd = r->json_fd,
        .colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR"),
        .line = {r->options, r->option_count, r->argv},
    };
    struct err err;
    int exit_status, status = watch_run(launch, &options, &exit_status, &err);
    if (status < 0) {
        cli_error(name, "%s", err.text);
        return exit_status;
    }
    return end_as(status);
}

/* Starts the program and waits for its end. */
static int wait_for(const struct run *r, struct launch *launch)
{
    const struct run_line line = {r->options, r->option_count, r->argv};
    struct err err;
    int status = hint_run(launch, become, &line, &err);
    if (status < 0) {
        cli_error(name, "%s", err.text);
        return EXIT_SETUP;
    }
    return end_as(status);
}

static int start(struct run *r)
{
    struct err err;
    int status;
    bool hint = !r->dry_run && r->explain == EXPLAIN_HINT;
    bool listen = !r->dry_run && watched(r) && may_listen();
    struct launch_request request = {
        .policy = &r->policy.policy,
        .argv = r->argv,
        .environ = environ,
        .cwd = r->policy.cwd,
        .dir = r->policy.dir,
        .keep_fds = r->fds,
        .keep_fd_count = r->fd_count,
        .best_effort = r->best_effort,
        .listen = listen,
        .stays = listen || hint,
        .plan_only = r->dry_run,
    };
    struct launch launch;
    if (launch_prepare(&request, &launch, &status, &err) < 0) {
        cli_error(name, "%s", err.text);
        return status;
    }
    print_lines(str_get(&launch.lost));
    if (r->dry_run)
        status = dryrun_print(&launch);
    else if (request.listen)
        status = supervise(r, &launch);
    else if (hint)
        status = wait_for(r, &launch);
    else
        status = become(&launch);
    launch_free(&launch);
    return status;
}

/* Which program? The one on the command line; without one, and for a policy
 * file that is a script, the policy's own. */
static int choose_program(struct run *r)
{
    char **programs = r->policy.policy.programs;
    if (programs && programs[0] && (r->script || !r->argv[0]))
        *--r->argv = programs[0]; /* in the place of the last option, which was read */
    if (!r->argv[0])
        return cli_usage_error(name, "no program");
    return 0;
}

/* The whole of a run, but for what it allocated. */
static int run(struct run *r, int argc, char **argv)
{
    struct err err;
    if (fds_open_standard(&err) < 0) {
        cli_error(name, "%s", err.text);
        return EXIT_SETUP;
    }
    int status = parse(r, argc, argv);
    if (status == -1) {
        printf("%s%s%s", usage, policy_options_help, usage_rest);
        return 0;
    }
    CLEAN_FREE char *note = NULL;
    r->json_fd = -1;
    if (status == 0 && r->json)
        status = hold_json(r);
    if (status == 0)
        status = policy_options_finish(&r->policy, name, r->script ? NULL : r->argv[0], &note);
    if (status == 0)
        status = choose_program(r);
    if (status == 0 && r->policy.implied_option)
        status = remember(r, r->policy.implied_option, r->policy.implied_value);
    if (status != 0)
        return EXIT_SETUP; /* a wrong command line, too: EXIT_USAGE may be the program's */
    if (note)
        cli_error(name, "%s", note);
    return start(r);
}

static int run_line(struct run *r, int argc, char **argv)
{
    int status = policy_options_init(&r->policy, name);
    if (status == 0)
        status = run(r, argc, argv);
    policy_options_free(&r->policy);
    free(r->options);
    return status;
}

int cmd_run(int argc, char **argv)
{
    struct run r = {0};
    return run_line(&r, argc, argv);
}

/* The kernel hands over a script's first line as one word: "vow", "run
 * --policy", SCRIPT, ARGUMENT…. What stands behind SCRIPT is never vow's. */
int cmd_run_script(int argc, char **argv)
{
    struct run r = {.script = true};
    CLEAN_FREE char *line = strdup(argv[1]);
    CLEAN_FREE char **words = calloc((size_t)argc + (line ? strlen(line) : 0) + 2, sizeof *words);
    char *rest = line, *word;
    int count = 0;
    if (!line || !words)
        return EXIT_SETUP;
    while ((word = strsep(&rest, " \t")))
        if (*word)
            words[count++] = word;
    if (argc > 2)
        words[count++] = argv[2];
    words[count++] = (char *)"--";
    for (int i = 3; i < argc; i++)
        words[count++] = argv[i];
    return run_line(&r, count, words);
}
