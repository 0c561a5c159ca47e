#include "cli/dryrun.h"

#include "cli/cli.h"
#include "policy/promise.h"
#include "policy/whole.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const origins[] = {
    [ORIGIN_USER] = "given",
    [ORIGIN_SYSTEM] = "the system",
    [ORIGIN_WORKDIR] = "working directory",
    [ORIGIN_CLOSURE] = "the program itself",
    [ORIGIN_PROMISE] = "a promise",
    [ORIGIN_PRIVATE] = "its own, empty",
};

static void add_program(struct str *out, const struct launch *l)
{
    str_add(out, "program\n  ");
    quote_shell(out, l->program);
    str_addf(out, " (%s), called as", l->arch->name);
    for (char **word = l->argv; *word; word++) {
        str_add_char(out, ' ');
        quote_shell(out, *word);
    }
    str_add(out, "\n  in ");
    quote_shell(out, l->has_view ? l->view.cwd : l->cwd);
    str_add(out, "\n");
}

static void add_promises(struct str *out, const struct policy *p)
{
    str_add(out, "promises\n");
    for (enum promise id = 0; id < PROMISE_COUNT; id++)
        if (p->promises >> id & 1)
            str_addf(out, "  %-9s %s\n", promise_name(id), promise_words(id));
    if (p->promises == 0)
        str_add(out, "  none: the program can only end\n");
    if (!(p->promises & PROMISE(EXEC)))
        str_add(out, "  exec is not among them: the program is started, and nothing after it\n");
    if (!(p->promises & PROMISE(PROC)))
        str_add(out, "  proc is not among them: no children; threads\n");
}

static void add_view(struct str *out, const struct policy *p, const char *before)
{
    str_addf(out, "%sa view: ", before);
    if (p->view == VIEW_ALL) {
        str_add(out, "what is not listed is read-only");
        return;
    }
    str_add(out, "what is not listed is not there");
    const char *but = ", or but a name in ";
    for (size_t i = 0; i < WHOLE_COUNT; i++) {
        if (!whole_shown(p, i))
            continue;
        str_addf(out, "%s%s", but, whole_paths[i]);
        but = ", ";
    }
}

static void add_paths(struct str *out, const struct launch *l)
{
    const struct policy *p = l->request->policy;
    str_addf(out, "paths, held by ");
    if (l->landlock.abi > 0)
        str_addf(out, "Landlock (interface %d, %zu rules)", l->landlock.abi,
                 l->landlock.rule_count);
    if (l->has_view)
        add_view(out, p, l->landlock.abi > 0 ? " and by " : "");
    else if (l->landlock.abi == 0)
        str_add(out, "nothing");
    str_add_char(out, '\n');
    for (size_t i = 0; i < p->path_count; i++) {
        const struct path_rule *rule = &p->paths[i];
        uint8_t left = path_rule_perms(p->promises, rule);
        if (left == 0 && rule->perms != 0)
            continue; /* its promise is missing */
        CLEAN_STR struct str letters = {0};
        perms_print(&letters, left);
        str_addf(out, "  %-6s ", left ? str_get(&letters) : "hidden");
        quote_shell(out, rule->path);
        str_addf(out, "  (%s)\n", origins[rule->origin]);
    }
}

static void add_calls(struct str *out, const struct launch *l)
{
    const struct policy *p = l->request->policy;
    str_addf(out,
             "system calls, held by a seccomp filter of %zu instructions\n"
             "  what no promise allows %s\n"
             "  other architectures' calls end the program\n",
             l->filter.count, p->kill ? "ends the program" : "fails with EPERM or ENOSYS");
}

static void add_environment(struct str *out, const struct launch *l)
{
    str_add(out, "environment\n ");
    for (char **variable = l->envp; *variable; variable++) {
        str_add_char(out, ' ');
        quote_visible(out, *variable, strcspn(*variable, "="));
    }
    str_add(out, "\n");
}

static void add_rest(struct str *out, const struct launch *l)
{
    static const char *const limits[LIMIT_COUNT] = {
        [LIMIT_CPU] = "seconds of processor time a process",
        [LIMIT_FILES] = "descriptors a process",
        [LIMIT_FSIZE] = "bytes a file",
        [LIMIT_MEM] = "bytes of private writable memory a process",
        [LIMIT_PROCS] = "processes and threads of the user",
    };
    const struct policy *p = l->request->policy;
    str_add(out, "descriptors\n  0 1 2");
    for (size_t i = 0; i < l->fds.count; i++)
        str_addf(out, " %d", l->fds.at[i]);
    str_add(out, "\nlimits\n  no core files\n");
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (p->limit_given[i])
            str_addf(out, "  %" PRIu64 " %s\n", p->limit[i], limits[i]);
    str_add(out, "capabilities\n  none, and none to be gained by an exec (no_new_privs)\n");
}

static void add_gaps(struct str *out, const struct launch *l)
{
    CLEAN_STR struct str gaps = {0};
    view_gaps(&gaps, l->request->policy, l->has_view);
    str_add_bytes(&gaps, str_get(&l->lost), l->lost.size);
    if (gaps.size == 0)
        return;
    str_add(out, "not held\n");
    for (const char *line = str_get(&gaps); *line;) {
        size_t size = strcspn(line, "\n");
        str_addf(out, "  %.*s\n", (int)size, line);
        line += size + (line[size] == '\n');
    }
}

void dryrun_words(struct str *out, const struct launch *launch)
{
    add_program(out, launch);
    add_promises(out, launch->request->policy);
    add_paths(out, launch);
    add_calls(out, launch);
    add_environment(out, launch);
    add_rest(out, launch);
    add_gaps(out, launch);
}

int dryrun_print(const struct launch *launch)
{
    CLEAN_STR struct str out = {0};
    dryrun_words(&out, launch);
    if (out.failed || fputs(str_get(&out), stdout) < 0 || fflush(stdout) != 0) {
        cli_error("run", "standard output cannot be written");
        return EXIT_SETUP;
    }
    return 0;
}
