/* vow box IMAGE: runs a program in an image. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box/run.h"
#include "cli/box.h"
#include "cli/box_image.h"
#include "cli/cli.h"

/* What a program in a box gets from the outside: how to talk to its user. */
static const char *const passed[] = {"TERM", "LANG", "LC_ALL", "COLUMNS", "LINES", "TZ"};

/* The environment, NULL-terminated. The texts are never freed. */
static char **make_environment(void)
{
    char **out = calloc(ARRAY_COUNT(passed) + 4, sizeof *out);
    size_t count = 0;
    if (!out)
        return NULL;
    out[count++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    out[count++] = "HOME=/root";
    out[count++] = "USER=root";
    for (size_t i = 0; i < ARRAY_COUNT(passed); i++) {
        const char *value = getenv(passed[i]);
        CLEAN_STR struct str s = {0};
        if (!value)
            continue;
        str_addf(&s, "%s=%s", passed[i], value);
        if (!(out[count++] = str_take(&s)))
            return NULL;
    }
    return out;
}

/* The box's end is the program's: its status, or its signal. */
static int end_like(int status)
{
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    return 128 + WTERMSIG(status);
}

bool box_read_host(const char *word, enum box_host *out)
{
    if (word && box_host_by_name(word, out) == 0)
        return true;
    cli_usage_error(BOX_NAME, "--host takes 'trap' or 'notify'");
    return false;
}

/* Why the program did not run, and what helps; the status of a shell. */
static int not_executed(const struct box_request *request, int status)
{
    CLEAN_STR struct str shown = {0};
    const char *word = request->argv[0];
    quote_visible(&shown, word, strlen(word));
    if (WEXITSTATUS(status) == EXIT_NOT_FOUND)
        cli_error(BOX_NAME,
                  "%s, or its loader or interpreter, is not in %s; 'vow box ls' lists what is",
                  str_get(&shown), request->image);
    else
        cli_error(BOX_NAME,
                  "%s in %s cannot be executed: it is no program of this "
                  "machine, or its mode forbids it",
                  str_get(&shown), request->image);
    return WEXITSTATUS(status);
}

/* A word before '--' that is nothing. */
static int unknown_word(const char *image, const char *word)
{
    CLEAN_STR struct str shown = {0};
    bool is_image = strchr(image, '/') || access(image, F_OK) == 0;
    quote_visible(&shown, is_image ? word : image, strlen(is_image ? word : image));
    return cli_usage_error(BOX_NAME,
                           is_image ? "'%s' is not an option; the program stands behind '--'"
                                    : "'%s' is neither a command nor an image",
                           str_get(&shown));
}

/* --limit mem=SIZE or procs=NUMBER. */
static bool read_limit(const char *word, struct cgroup_bounds *out)
{
    enum { PROCESSES_MIN = 8, PROCESSES_MAX = 1 << 22 };
    char *end;
    if (!word)
        return false;
    if (strncmp(word, "mem=", strlen("mem=")) == 0)
        return box_size(word + strlen("mem="), &out->memory);
    if (strncmp(word, "procs=", strlen("procs=")) != 0)
        return false;
    word += strlen("procs=");
    out->processes = strtoul(word, &end, 10);
    return *word >= '0' && *word <= '9' && !*end && out->processes >= PROCESSES_MIN &&
           out->processes <= PROCESSES_MAX;
}

/* The option at argv[i], which may take the next word: 0, or an exit status. */
static int read_option(char **argv, int *i, struct box_request *request)
{
    const char *option = argv[*i];
    if (strcmp(option, "--discard") == 0)
        request->discard = true;
    else if (strcmp(option, "--stats") == 0)
        request->stats = true;
    else if (strcmp(option, "--plain") == 0)
        request->plain = true;
    else if (strcmp(option, "--memory") == 0) {
        if (!argv[++*i] || !box_size(argv[*i], &request->memory))
            return cli_usage_error(BOX_NAME, "--memory takes a size, as 512M or 4G");
    } else if (strcmp(option, "--limit") == 0) {
        if (!read_limit(argv[++*i], &request->bounds))
            return cli_usage_error(BOX_NAME, "--limit takes mem=SIZE, as mem=512M, or procs=N, 8 "
                                             "or more");
    } else if (strcmp(option, "--host") != 0)
        return unknown_word(request->image, option);
    else if (!box_read_host(argv[++*i], &request->host))
        return EXIT_USAGE;
    return 0;
}

int box_run_command(int argc, char **argv)
{
    struct box_request request = {.image = argv[0]};
    struct err err;
    int status, i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++)
        if ((status = read_option(argv, &i, &request)) != 0)
            return status;
    if (i + 1 >= argc)
        return cli_usage_error(BOX_NAME, "a program is missing: vow box IMAGE -- PROGRAM");
    request.argv = argv + i + 1;
    request.environ = make_environment();
    if (!request.environ) {
        cli_error(BOX_NAME, "out of memory");
        return EXIT_SETUP;
    }
    int result = box_run(&request, &status, &err);
    if (result < 0) {
        cli_error(BOX_NAME, "%s%s", err.text,
                  result == -ENOENT ? "; 'vow box pack' or 'vow box create' makes an image" : "");
        return EXIT_SETUP;
    }
    return result == 1 ? not_executed(&request, status) : end_like(status);
}
