/* A policy file by anybody: no crash, no leak of one message into another, and
 * whatever parses can be planned, decided and turned into Landlock rules. */
#include "landlock/landlock.h"
#include "policy/path.h"
#include "policy/paths.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An include is the same text again: circles and depth are reached. */
static int load(void *context, const char *name, bool preset, struct str *text, struct err *err)
{
    const struct policy_source *source = context;
    if (preset && name[0] == 'n')
        return err_set(err, -2, "no such preset");
    str_add_bytes(text, source->text, source->size);
    return 0;
}

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void check_message(const struct err *err)
{
    check(err->text[0] != '\0' && memchr(err->text, '\0', sizeof err->text) != NULL);
}

static void check_rules(const struct policy *p)
{
    for (size_t i = 0; i < p->path_count; i++) {
        const struct path_rule *rule = &p->paths[i];
        char *again = path_normalise(rule->path, "/nowhere");
        check(rule->path[0] == '/' && strcmp(again, rule->path) == 0);
        check((rule->kept & ~rule->perms) == 0);
        check(i == 0 || path_compare(p->paths[i - 1].real, rule->real) <= 0);
        free(again);
    }
}

/* What Landlock is given is what is decided. */
static void check_decisions(const struct policy *p, const struct landlock_plan *plan)
{
    for (size_t i = 0; i < p->path_count; i++) {
        struct path_verdict verdict;
        uint32_t access = 0;
        decide_path(p, &(struct path_event){OP_OPEN_READ, p->paths[i].real}, &verdict);
        for (size_t k = 0; k < plan->rule_count; k++)
            if (path_covers(plan->rules[k].path, p->paths[i].real))
                access |= plan->rules[k].access;
        check((verdict.landlock == ANSWER_ALLOW) == ((access & LL_READ_FILE) != 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy p;
    struct err err = {""};
    struct landlock_plan plan = {0};
    struct policy_source source = {
        .name = "fuzz", .text = (const char *)data, .size = size, .dir = "/dir"};
    struct policy_loader loader = {load, &source};
    struct path_facts facts = {.home = "/home/u", .cwd = "/w", .has_private = true};
    policy_init(&p);
    p.home = strdup("/home/u");
    if (policy_parse(&p, &source, &loader, &err) < 0) {
        check_message(&err);
    } else {
        check(paths_plan(&p, &facts, &err) == 0);
        check_rules(&p);
        check(landlock_plan_make(&p, LANDLOCK_ABI_NEWEST, &plan, &err) == 0);
        check_decisions(&p, &plan);
        landlock_plan_free(&plan);
    }
    policy_free(&p);
    return 0;
}
