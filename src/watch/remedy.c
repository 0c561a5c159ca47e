/* remedy: what would allow a denied operation? Asked of decide: what it says
 * is missing is added to a copy of the policy until it has nothing against the
 * operation any more. So a remedy helps, or there is none. PURE. */
#include "watch/diagnose.h"

#include "enforce/view.h"
#include "policy/path.h"
#include "policy/paths.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 6

struct trial {
    struct policy policy; /* its rules are the trial's, their strings are not */
    struct remedy remedy;
};

/* Where a rule for `path` stands among the sorted rules. */
static size_t place_for(const struct policy *p, const char *path)
{
    size_t at = 0;
    while (at < p->path_count && path_compare(p->paths[at].real, path) <= 0)
        at++;
    return at;
}

/* grant: what `-v +LETTERS:PATH` does in the planner. `path` is borrowed. */
static void grant(struct policy *p, char *path, uint8_t letters)
{
    const struct path_rule *above = paths_most_specific(p, path);
    if (!above || strcmp(above->real, path) != 0) {
        struct path_rule rule = {.path = path, .real = path, .origin = ORIGIN_USER, .adds = true};
        if (above) {
            rule.perms = above->perms;
            rule.kept = above->kept;
        }
        size_t at = place_for(p, path);
        memmove(&p->paths[at + 1], &p->paths[at], (p->path_count - at) * sizeof rule);
        p->paths[at] = rule;
        p->path_count++;
    }
    for (size_t i = 0; i < p->path_count; i++) {
        struct path_rule *rule = &p->paths[i];
        if (strcmp(rule->real, path) == 0 || (rule->adds && path_covers(path, rule->real)))
            rule->perms |= letters;
    }
}

/* open_by_promise: what a promise opens by itself comes with it, as in the
 * planner. */
static void open_by_promise(struct policy *p, char *path, promise_set promises)
{
    uint8_t letters = 0;
    for (uint8_t letter = PERM_READ; letter <= PERM_CREATE; letter = (uint8_t)(letter << 1))
        if (policy_exception(p, path, letter) & promises)
            letters |= letter;
    if (!letters)
        return;
    grant(p, path, letters);
    for (size_t i = 0; i < p->path_count; i++)
        if (strcmp(p->paths[i].real, path) == 0)
            p->paths[i].kept |= letters;
}

/* rule_for: the remedy's rule for `path`, which it takes over; NULL if there is
 * no room. */
static struct remedy_rule *rule_for(struct remedy *remedy, char *path)
{
    for (size_t i = 0; i < remedy->rule_count; i++) {
        if (strcmp(remedy->rules[i].path, path) != 0)
            continue;
        free(path);
        return &remedy->rules[i];
    }
    if (remedy->rule_count == REMEDY_RULES) {
        free(path);
        return NULL;
    }
    remedy->rules[remedy->rule_count].path = path;
    return &remedy->rules[remedy->rule_count++];
}

/* path_to_grant: the object or its directory, or what is there above; malloc'd. A
 * terminal has another number each time, and its directory is what stays. */
static char *path_to_grant(const struct denial *question)
{
    char *path = question->path.on_parent ? path_parent(question->real) : strdup(question->real);
    if (path && path_covers("/dev/pts", path)) {
        free(path);
        return strdup("/dev/pts");
    }
    while (path && question->is_there && path[1] && !question->is_there(path)) {
        char *parent = path_parent(path);
        free(path);
        path = parent;
    }
    return path;
}

/* add_letters: false if that is nothing new. */
static bool add_letters(struct trial *trial, const struct denial *question)
{
    uint8_t letters = question->path.missing_perms;
    char *path = path_to_grant(question);
    struct remedy_rule *rule = path ? rule_for(&trial->remedy, path) : NULL;
    if (!rule || (letters & ~rule->perms) == 0)
        return false;
    rule->perms |= letters;
    grant(&trial->policy, rule->path, letters);
    return true;
}

/* improve: adds what is missing now; false if that is nothing new. What the
 * path asks for comes first: it may have a better offer than the call alone
 * (getpw for /etc/passwd). */
static bool improve(struct trial *trial, const struct denial *question)
{
    promise_set missing = question->real ? question->path.missing & ~trial->policy.promises : 0;
    if (!missing && question->verdict.bpf == ANSWER_DENY)
        missing = question->verdict.missing;
    else if (question->port && question->path.landlock == ANSWER_DENY)
        missing = PROMISE(INET);
    bool rule = question->real && question->path.missing_perms && add_letters(trial, question);
    trial->policy.promises |= missing;
    trial->remedy.promises |= missing;
    if (question->real)
        open_by_promise(&trial->policy, (char *)question->real, missing);
    return missing || rule;
}

/* make_holdable: a view cannot take just one letter away from the rule above;
 * then the rules get all of its letters, if that helps. */
static void make_holdable(struct trial *trial, const struct policy *p)
{
    const char *why;
    struct remedy before = trial->remedy;
    if (!view_unheld(&trial->policy, &why) || view_unheld(p, &why))
        return;
    for (size_t i = 0; i < trial->remedy.rule_count; i++) {
        struct remedy_rule *rule = &trial->remedy.rules[i];
        char *parent CLEAN_FREE = path_parent(rule->path);
        const struct path_rule *above = parent ? paths_most_specific(p, parent) : NULL;
        if (!above)
            continue;
        rule->perms |= above->perms;
        grant(&trial->policy, rule->path, above->perms);
    }
    if (view_unheld(&trial->policy, &why))
        trial->remedy = before;
}

/* mark_home: what runs at the next login lies there, too. */
static void mark_home(struct remedy *remedy, const char *home)
{
    for (size_t i = 0; home && i < remedy->rule_count; i++)
        remedy->rules[i].home = remedy->rules[i].perms & (PERM_WRITE | PERM_CREATE) &&
                                path_covers(remedy->rules[i].path, home);
}

void remedy_free(struct remedy *remedy)
{
    for (size_t i = 0; i < remedy->rule_count; i++)
        free(remedy->rules[i].path);
    *remedy = (struct remedy){0};
}

void remedy_find(const struct policy *p, const struct denial *question, struct remedy *out)
{
    struct trial trial = {.policy = *p};
    struct path_rule *rules CLEAN_FREE = calloc(p->path_count + REMEDY_RULES + 1, sizeof *rules);
    bool allowed = false;
    if (rules && p->path_count)
        memcpy(rules, p->paths, p->path_count * sizeof *rules);
    trial.policy.paths = rules;
    for (int round = 0; rules && round < ROUNDS; round++) {
        struct denial again = *question;
        allowed = denial_ask(&trial.policy, &again);
        if (allowed || !improve(&trial, &again))
            break;
    }
    if (!allowed)
        remedy_free(&trial.remedy);
    else if (p->view != VIEW_NONE)
        make_holdable(&trial, p);
    mark_home(&trial.remedy, p->home);
    *out = trial.remedy;
}
