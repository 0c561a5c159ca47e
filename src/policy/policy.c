#include "policy/policy.h"

#include "policy/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LANDLOCK_ABI_ASSUMED 9

void policy_init(struct policy *p)
{
    *p = (struct policy){.landlock_abi = LANDLOCK_ABI_ASSUMED};
}

static void strings_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

void path_rule_clear(struct path_rule *rule)
{
    if (rule->real != rule->path)
        free(rule->real);
    free(rule->path);
    free(rule->said_at);
}

void policy_free(struct policy *p)
{
    for (size_t i = 0; i < p->path_count; i++)
        path_rule_clear(&p->paths[i]);
    free(p->paths);
    free(p->tty);
    free(p->home);
    strings_free(p->env);
    strings_free(p->setenv);
    strings_free(p->programs);
    *p = (struct policy){0};
}

bool policy_grants(const struct policy *p, unsigned family)
{
    if (p->families && p->families[family] != FAMILY_BY_PROMISE)
        return p->families[family] == FAMILY_GRANTED;
    return family == FAMILY_LAUNCH ? p->launch_secret != 0 : family_granted(family, p->promises);
}

/* Adds a copy to a NULL-terminated list. Where `key_size` is not 0, an entry
 * whose first key_size bytes are equal is replaced. */
static int strings_add(char ***list, const char *text, size_t key_size, struct err *err)
{
    char *copy CLEAN_FREE = strdup(text);
    if (!copy)
        return err_set(err, -ENOMEM, "out of memory");
    size_t count = 0;
    for (; *list && (*list)[count]; count++) {
        if (key_size == 0 || strncmp((*list)[count], text, key_size) != 0)
            continue;
        free((*list)[count]);
        (*list)[count] = take_ptr(copy);
        return 0;
    }
    char **longer = reallocarray(*list, count + 2, sizeof **list);
    if (!longer)
        return err_set(err, -ENOMEM, "out of memory");
    longer[count] = take_ptr(copy);
    longer[count + 1] = NULL;
    *list = longer;
    return 0;
}

int perms_parse(const char *text, size_t size, struct path_perms *out, struct err *err)
{
    static const char letters[] = "rwxc";
    *out = (struct path_perms){0};
    for (size_t i = 0; i < size; i++) {
        const char *letter = text[i] ? strchr(letters, text[i]) : NULL;
        if (letter)
            out->letters |= (uint8_t)(1 << (letter - letters));
        else if (text[i] == '+' && i == 0)
            out->adds = true;
        else if (text[i] == '?' && i == size - 1)
            out->optional = true;
        else {
            struct str shown CLEAN_STR = {0};
            quote_visible(&shown, text + i, 1);
            return err_set(err, -EINVAL,
                           "no permission '%s'; there are r (read), w (write), x (execute) and "
                           "c (create)",
                           str_get(&shown));
        }
    }
    if (out->adds && !out->letters)
        return err_set(err, -EINVAL, "'+' adds permissions: name them, as in +r");
    return 0;
}

void perms_print(struct str *out, uint8_t letters)
{
    for (size_t i = 0; i < 4; i++)
        if (letters & 1 << i)
            str_add_char(out, "rwxc"[i]);
}

void path_rule_words(struct str *out, const struct path_rule *rule)
{
    if (rule->said_at)
        str_addf(out, "%s: ", rule->said_at);
    str_add(out, "the rule for ");
    quote_visible(out, rule->path, strlen(rule->path));
}

static bool is_tilde(const char *path)
{
    return path[0] == '~' && (path[1] == '/' || path[1] == '\0');
}

/* The absolute path that the user means. */
static int expand(const struct policy *p, const char *path, const char *cwd, char **out,
                  struct err *err)
{
    bool tilde = is_tilde(path);
    if (path[0] == '\0')
        return err_set(err, -EINVAL, "a path is missing");
    if (tilde && !p->home)
        return err_set(err, -EINVAL, "'~' has no meaning: HOME is not set to an absolute path");
    if (!tilde && path[0] != '/' && !cwd)
        return err_set(err, -EINVAL, "a path must start with '/' or '~/' here");
    const char *rest = tilde ? path + 1 + strspn(path + 1, "/") : path;
    *out = path_normalise(rest, tilde ? p->home : cwd);
    return *out ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* replace: a later rule for the same path. `said_at` is taken over. */
static void replace(struct path_rule *rule, const struct path_perms *perms, char *said_at)
{
    rule->perms = perms->letters | (perms->adds ? rule->perms : 0);
    rule->adds = perms->adds && rule->adds;
    rule->optional = perms->optional;
    free(rule->said_at);
    rule->said_at = said_at;
}

int policy_add_path(struct policy *p, const char *path, const char *cwd,
                    const struct path_perms *perms, struct err *err)
{
    char *absolute CLEAN_FREE = NULL;
    char *said_at CLEAN_FREE = perms->said_at ? strdup(perms->said_at) : NULL;
    if (is_tilde(path) && !p->home && perms->optional)
        return 0; /* nobody's home: absent */
    int result = expand(p, path, cwd, &absolute, err);
    if (!absolute)
        return result;
    if (perms->said_at && !said_at)
        return err_set(err, -ENOMEM, "out of memory");
    if (perms->letters && !perms->adds)
        p->paths_given = true;
    for (size_t i = 0; i < p->path_count; i++) {
        struct path_rule *old = &p->paths[i];
        if (strcmp(old->path, absolute) == 0) {
            replace(old, perms, take_ptr(said_at));
            return 0;
        }
    }
    void *paths = p->paths;
    if (array_grow(&paths, &p->path_capacity, p->path_count, sizeof *p->paths) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    p->paths = paths;
    p->paths[p->path_count++] = (struct path_rule){.path = take_ptr(absolute),
                                                   .perms = perms->letters,
                                                   .adds = perms->adds,
                                                   .optional = perms->optional,
                                                   .said_at = take_ptr(said_at)};
    return 0;
}

int path_rule_parse(struct policy *p, const char *text, const char *cwd, struct err *err)
{
    const char *colon = strchr(text, ':');
    if (!colon)
        return err_set(err, -EINVAL, "a path rule is PERMISSIONS:PATH, as in r:/etc or rwc:.");
    struct path_perms perms;
    int result = perms_parse(text, (size_t)(colon - text), &perms, err);
    return result < 0 ? result : policy_add_path(p, colon + 1, cwd, &perms, err);
}

static const char *view_name(size_t mode)
{
    static const char *const names[] = {"auto", "system", "all", "none"};
    return names[mode];
}

int policy_set_view(struct policy *p, const char *word, struct err *err)
{
    for (enum view_mode mode = VIEW_AUTO; mode <= VIEW_NONE; mode++)
        if (strcmp(word, view_name(mode)) == 0) {
            p->view = mode;
            return 0;
        }
    struct str shown CLEAN_STR = {0};
    quote_visible(&shown, word, strnlen(word, 64));
    return err_set(err, -EINVAL, "no view '%s'; there are auto, system, all and none",
                   str_get(&shown));
}

int policy_add_env(struct policy *p, const char *name, struct err *err)
{
    if (name[0] == '\0' || strchr(name, '='))
        return err_set(err, -EINVAL, "env wants the name of a variable; setenv sets a value");
    return strings_add(&p->env, name, strlen(name) + 1, err);
}

int policy_add_setenv(struct policy *p, const char *assignment, struct err *err)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return err_set(err, -EINVAL, "setenv wants NAME=VALUE");
    return strings_add(&p->setenv, assignment, (size_t)(equals - assignment) + 1, err);
}

int policy_add_program(struct policy *p, const char *path, struct err *err)
{
    if (path[0] != '/')
        return err_set(err, -EINVAL, "program wants an absolute path");
    return strings_add(&p->programs, path, 0, err);
}
