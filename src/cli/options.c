/* options: the policy options that many subcommands share. */
#include "cli/cli.h"
#include "cli/preset.h"

#include "host/process.h"
#include "policy/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1 << 20) /* bytes of a policy file */

const char policy_options_help[] =
    "  -p PROMISES          what the program may do ('vow promises' lists them)\n"
    "  -v [+]PERMS[?]:PATH  a path rule: letters of rwxc, none hides; + keeps the default\n"
    "                       rules, ? lets the path be absent\n"
    "  --ro, --rw, --rox, --rwx PATH\n"
    "                       the same as -v r:, rwc:, rx:, rwxc:\n"
    "  --policy FILE        a policy file, see vow-policy(5)\n"
    "  --preset NAME        a policy that comes with vow\n"
    "  --view MODE          hide what no rule shows: auto, system, all or none\n"
    "  --limit NAME=VALUE   cpu, files, fsize, mem or procs\n"
    "  --env NAME, --env-all, --setenv NAME=VALUE\n"
    "                       the environment: let a variable pass, let all pass, set one\n"
    "  --kill               end the program at its first denial\n";

/* ----------------------------------------------------------------- includes */

static int read_text(const char *path, struct str *text, struct err *err)
{
    char buffer[16384];
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : 0;
    while (fd >= 0 && (size = read(fd, buffer, sizeof buffer)) > 0) {
        str_add_bytes(text, buffer, (size_t)size);
        if (text->size > FILE_MAX)
            return err_set(err, -EFBIG, "%.300s: longer than a policy is (%d bytes)", path,
                           FILE_MAX);
    }
    if (size < 0)
        return err_set(err, -errno, "%.300s: %s", *path ? path : "''", strerror(errno));
    return text->failed ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static int load(void *context, const char *name, bool preset, struct str *text, struct err *err)
{
    (void)context;
    if (!preset)
        return read_text(name, text, err);
    const struct preset *found = preset_find(name, err);
    if (!found)
        return -ENOENT;
    str_add(text, found->text);
    return text->failed ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static int parse(struct policy *p, const char *name, const struct str *text, const char *dir,
                 struct err *err)
{
    struct policy_source source = {
        .name = name, .text = str_get(text), .size = text->size, .dir = dir, .preset = !dir};
    return policy_parse(p, &source, &(struct policy_loader){.load = load}, err);
}

/* Each of these applies one option. */

static int apply_file(struct policy_options *o, const char *file, struct err *err)
{
    struct str text CLEAN_STR = {0};
    char *path CLEAN_FREE = path_normalise(file, o->cwd);
    char *dir CLEAN_FREE = path ? path_parent(path) : NULL;
    if (!dir)
        return err_set(err, -ENOMEM, "out of memory");
    int result = read_text(file, &text, err);
    return result < 0 ? result : parse(&o->policy, file, &text, dir, err);
}

static int apply_preset(struct policy_options *o, const char *name, struct err *err)
{
    if (strcmp(name, "none") == 0)
        return 0; /* the default, whatever the program */
    struct str text CLEAN_STR = {0}, label CLEAN_STR = {0};
    str_addf(&label, "preset %s", name);
    int result = load(NULL, name, true, &text, err);
    return result < 0 ? result : parse(&o->policy, str_get(&label), &text, NULL, err);
}

static int apply_promises(struct policy_options *o, const char *words, struct err *err)
{
    promise_set set;
    int result = promises_parse(words, &set, err);
    if (result < 0)
        return result;
    o->policy.promises |= set;
    o->policy.promises_given = true;
    return 0;
}

static int apply_rule(struct policy_options *o, const char *rule, struct err *err)
{
    return path_rule_parse(&o->policy, rule, o->cwd, err);
}

static int apply_path(struct policy_options *o, const char *path, uint8_t letters, struct err *err)
{
    struct path_perms perms = {.letters = letters};
    return policy_add_path(&o->policy, path, o->cwd, &perms, err);
}

static int apply_ro(struct policy_options *o, const char *path, struct err *err)
{
    return apply_path(o, path, PERM_READ, err);
}

static int apply_rw(struct policy_options *o, const char *path, struct err *err)
{
    return apply_path(o, path, PERM_READ | PERM_WRITE | PERM_CREATE, err);
}

static int apply_rox(struct policy_options *o, const char *path, struct err *err)
{
    return apply_path(o, path, PERM_READ | PERM_EXEC, err);
}

static int apply_rwx(struct policy_options *o, const char *path, struct err *err)
{
    return apply_path(o, path, PERM_READ | PERM_WRITE | PERM_EXEC | PERM_CREATE, err);
}

static int apply_view(struct policy_options *o, const char *mode, struct err *err)
{
    return policy_set_view(&o->policy, mode, err);
}

static int apply_limit(struct policy_options *o, const char *limit, struct err *err)
{
    return policy_set_limit(&o->policy, limit, err);
}

static int apply_env(struct policy_options *o, const char *variable, struct err *err)
{
    return policy_add_env(&o->policy, variable, err);
}

static int apply_setenv(struct policy_options *o, const char *assignment, struct err *err)
{
    return policy_add_setenv(&o->policy, assignment, err);
}

static int apply_env_all(struct policy_options *o, const char *nothing, struct err *err)
{
    (void)nothing, (void)err;
    o->policy.env_all = true;
    return 0;
}

static int apply_kill(struct policy_options *o, const char *nothing, struct err *err)
{
    (void)nothing, (void)err;
    o->policy.kill = true;
    return 0;
}

/* ------------------------------------------------------------------ options */

static const struct option_row {
    const char *name;
    int (*apply)(struct policy_options *o, const char *value, struct err *err);
    const char *value; /* what stands behind it, NULL: nothing */
    bool whole;        /* says what the program is: no preset is chosen */
} option_rows[] = {
    {"-p", apply_promises, "promises, as in -p 'stdio rpath'", true},
    {"-v", apply_rule, "a rule, as in -v r:/etc", false},
    {"--ro", apply_ro, "a path", false},
    {"--rw", apply_rw, "a path", false},
    {"--rox", apply_rox, "a path", false},
    {"--rwx", apply_rwx, "a path", false},
    {"--policy", apply_file, "a file", true},
    {"--preset", apply_preset, "a name", true},
    {"--view", apply_view, "auto, system, all or none", false},
    {"--limit", apply_limit, "a limit, as in --limit mem=1G", false},
    {"--env", apply_env, "the name of a variable", false},
    {"--setenv", apply_setenv, "NAME=VALUE", false},
    {"--env-all", apply_env_all, NULL, false},
    {"--kill", apply_kill, NULL, false},
};

struct policy_word {
    const struct option_row *row;
    const char *value;
};

int policy_options_init(struct policy_options *o, const char *name)
{
    *o = (struct policy_options){0};
    policy_init(&o->policy);
    const char *home = getenv("HOME");
    o->cwd = process_cwd();
    if (!o->cwd) {
        cli_error(name, "the working directory cannot be named: %s", strerror(errno));
        return EXIT_SETUP;
    }
    o->policy.home = home && home[0] == '/' ? path_normalise(home, "/") : NULL;
    if (o->policy.home || !home || home[0] != '/')
        return 0;
    cli_error(name, "out of memory");
    return EXIT_SETUP;
}

static int collect(struct policy_options *o, const char *name, struct policy_word word)
{
    void *words = o->words;
    if (array_grow(&words, &o->word_capacity, o->word_count, sizeof *o->words) < 0) {
        cli_error(name, "out of memory");
        return -1;
    }
    o->words = words;
    o->words[o->word_count++] = word;
    return 1;
}

int policy_option(struct policy_options *o, const char *name, int argc, char **argv, int *index)
{
    const char *word = argv[*index];
    for (size_t i = 0; i < ARRAY_COUNT(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        if (word[0] != '-' || word[1] != row->name[1])
            continue; /* most are seen to be others at once */
        size_t size = strlen(row->name);
        if (strncmp(word, row->name, size) != 0)
            continue;
        const char *value = NULL;
        int used = 1;
        if (word[size] == '=' && row->value && row->name[1] == '-')
            value = word + size + 1;
        else if (word[size] != '\0' && row->name[1] != '-')
            value = word + size;
        else if (word[size] != '\0')
            continue;
        else if (row->value && *index + 1 < argc) {
            value = argv[*index + 1];
            used = 2;
        }
        if (row->value && !value) {
            cli_usage_error(name, "%s wants %s", row->name, row->value);
            return -1;
        }
        *index += used;
        return collect(o, name, (struct policy_word){row, value});
    }
    return 0;
}

static int apply(struct policy_options *o, const char *name, const struct policy_word *word)
{
    struct err err;
    if (word->row->apply(o, word->value, &err) >= 0)
        return 0;
    if (word->row->apply == apply_file) { /* names the place itself */
        cli_error(name, "%s", err.text);
        return EXIT_SETUP;
    }
    return cli_usage_error(name, "%s: %s", word->row->name, err.text);
}

/* The PATH that the program gets: a preset's own lines change none. */
static const char *search_path(const struct policy_options *o)
{
    const char *path = getenv("PATH");
    for (size_t i = 0; i < o->word_count; i++)
        if (o->words[i].row->apply == apply_setenv && strncmp(o->words[i].value, "PATH=", 5) == 0)
            path = o->words[i].value + 5;
    return path;
}

/* What is taken where the user did not say what the program may do. */
static int choose(struct policy_options *o, const char *name, const char *program, char **note)
{
    char *path CLEAN_FREE = NULL;
    struct str line CLEAN_STR = {0};
    struct preset_question question = {program, o->dir ? o->dir : ".", search_path(o)};
    const struct preset *preset = program ? preset_choose(&question, &path) : NULL;
    if (preset) {
        o->implied_option = "--preset";
        o->implied_value = preset->name;
        str_addf(&line, "no promises given: taking preset %s, for %s", preset->name, path);
    } else {
        o->implied_option = "-p";
        o->implied_value = "stdio rpath";
        str_add(&line, "no promises given: taking -p 'stdio rpath'");
    }
    if (note)
        *note = str_take(&line);
    struct err err;
    int result =
        preset ? apply_preset(o, preset->name, &err) : apply_promises(o, o->implied_value, &err);
    if (result >= 0)
        return 0;
    cli_error(name, "%s", err.text);
    return EXIT_SETUP;
}

int policy_options_finish(struct policy_options *o, const char *name, const char *program,
                          char **note)
{
    bool whole = false;
    int status = 0;
    for (size_t i = 0; i < o->word_count; i++)
        whole |= o->words[i].row->whole;
    if (!whole)
        status = choose(o, name, program, note);
    for (size_t i = 0; i < o->word_count && status == 0; i++)
        status = apply(o, name, &o->words[i]);
    if (status == 0 && !o->policy.promises_given)
        status = choose(o, name, NULL, note);
    return status;
}

void policy_options_free(struct policy_options *o)
{
    policy_free(&o->policy);
    free(o->cwd);
    free(o->words);
    *o = (struct policy_options){0};
}
