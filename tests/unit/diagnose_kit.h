/* diagnose_kit: a policy of a command line, planned without a look at the system. */
#ifndef TESTS_DIAGNOSE_KIT_H
#define TESTS_DIAGNOSE_KIT_H

#include "harness.h"

#include "policy/paths.h"
#include "watch/diagnose.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A command line and what it stands for. */
struct line {
    struct run_option options[24];
    size_t count;
    char promises[256];
};

static char *const argv[] = {"cat", "a file", "$(x)", "-p", NULL};

static inline void plan(struct policy *p, enum view_mode view)
{
    static const struct closure_path closure[] = {{"/usr/bin/cat", PERM_READ | PERM_EXEC},
                                                  {"/usr/lib/libc.so.6", PERM_READ}};
    struct path_facts facts = {.home = "/home/u",
                               .cwd = "/home/u/work",
                               .closure = closure,
                               .closure_count = ARRAY_COUNT(closure)};
    struct err err = {""};
    CHECK_EQ(paths_plan(p, &facts, &err), 0);
    CHECK_STR(err.text, "");
    p->view = view;
    p->landlock_abi = 7;
}

static inline void make_policy(struct policy *p, const struct line *line, enum view_mode view)
{
    struct err err = {""};
    policy_init(p);
    p->home = strdup("/home/u");
    for (size_t i = 0; i < line->count; i++) {
        const struct run_option *option = &line->options[i];
        promise_set some = 0;
        if (strcmp(option->name, "-p") == 0)
            CHECK_EQ(promises_parse(option->value, &some, &err), 0);
        else if (strcmp(option->name, "-v") == 0)
            CHECK_EQ(path_rule_parse(p, option->value, "/home/u/work", &err), 0);
        p->promises |= some;
    }
    CHECK_STR(err.text, "");
    plan(p, view);
}

#endif
