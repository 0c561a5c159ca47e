#include "enforce/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What programs need to know of the user, the terminal, the language and the
 * time zone. No variable that often holds a secret or the address of a socket
 * (SSH_AUTH_SOCK, DBUS_SESSION_BUS_ADDRESS, …_TOKEN), none that makes a
 * program load code. */
static const char default_names[][16] = {
    "PATH",     "HOME",           "USER",        "LOGNAME",  "SHELL",  "PWD",    "TERM",
    "LINES",    "COLUMNS",        "LANG",        "LANGUAGE", "LC_*",   "TZ",     "COLORTERM",
    "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "NO_COLOR", "EDITOR", "VISUAL", "PAGER",
};

const char *env_default_name(size_t index)
{
    return index < ARRAY_COUNT(default_names) ? default_names[index] : NULL;
}

/* Is the name of "NAME=VALUE" `pattern`? A "*" at its end stands for any rest. */
static bool matches(const char *variable, const char *pattern)
{
    for (; *pattern; variable++, pattern++) {
        if (*pattern == '*' && pattern[1] == '\0')
            return true;
        if (*pattern != *variable)
            return false;
    }
    return *variable == '=';
}

static bool in_list(const char *variable, const char *const *names)
{
    for (; names && *names; names++)
        if (matches(variable, *names))
            return true;
    return false;
}

/* A bit for how a name begins. */
static uint64_t beginning(const char *name)
{
    unsigned second = *name ? (unsigned char)name[1] : 0;
    return UINT64_C(1) << (((unsigned char)*name * 5 + second) % 64);
}

/* Those of the default names: few variables get past them. */
static uint64_t beginnings(void)
{
    uint64_t all = 0;
    for (size_t i = 0; i < ARRAY_COUNT(default_names); i++)
        all |= beginning(default_names[i]);
    return all;
}

static bool passes(const struct policy *p, uint64_t defaults, const char *variable)
{
    if (in_list(variable, (const char *const *)p->env))
        return true;
    if (p->env_all)
        return strncmp(variable, "LD_", 3) != 0;
    if (!(defaults & beginning(variable)))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(default_names); i++)
        if (*variable == *default_names[i] && matches(variable, default_names[i]))
            return true;
    return false;
}

bool env_passes(const struct policy *p, const char *variable)
{
    return passes(p, beginnings(), variable);
}

const char *env_get(char *const *envp, const char *name)
{
    size_t size = strlen(name);
    for (; *envp; envp++)
        if (strncmp(*envp, name, size) == 0 && (*envp)[size] == '=')
            return *envp + size + 1;
    return NULL;
}

static size_t count_of(char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

/* Sets a variable in a list that has room; takes over `variable`. */
static bool put(char **envp, char *variable)
{
    if (!variable)
        return false;
    size_t size = strcspn(variable, "=") + 1, i = 0;
    while (envp[i] && strncmp(envp[i], variable, size) != 0)
        i++;
    free(envp[i]);
    envp[i] = variable;
    return true;
}

char **env_build(const struct policy *p, char *const *environment, const char *dir)
{
    char **out = calloc(count_of(environment) + count_of(p->setenv) + 2, sizeof *out), *pwd;
    uint64_t defaults = beginnings();
    bool ok = out;
    for (size_t i = 0, count = 0; ok && environment[i]; i++)
        if (passes(p, defaults, environment[i]))
            ok = (out[count++] = strdup(environment[i]));
    if (ok && dir && env_passes(p, "PWD="))
        ok = asprintf(&pwd, "PWD=%s", dir) >= 0 && put(out, pwd);
    for (char **variable = p->setenv; ok && variable && *variable; variable++)
        ok = put(out, strdup(*variable));
    if (ok)
        return out;
    env_free(out);
    return NULL;
}

void env_free(char **envp)
{
    for (char **variable = envp; envp && *variable; variable++)
        free(*variable);
    free(envp);
}
