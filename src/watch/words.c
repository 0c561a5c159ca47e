/* words: a denial as a person reads it. Everything that comes from the program
 * (names, paths, addresses) is quoted: it is shown, never obeyed. PURE. */
#include "watch/words.h"

#include "policy/path.h"

#include <stdlib.h>
#include <string.h>

static const char *const phrases[OP_KIND_COUNT] = {
    [OP_OPEN_READ] = "open %s for reading",
    [OP_OPEN_WRITE] = "open %s for writing",
    [OP_OPEN_READ_WRITE] = "open %s for reading and writing",
    [OP_LIST] = "list %s",
    [OP_STAT] = "look at %s",
    [OP_CHDIR] = "enter %s",
    [OP_CREATE] = "create %s",
    [OP_MKNOD] = "make the node %s",
    [OP_REMOVE] = "remove %s",
    [OP_RENAME] = "rename %s",
    [OP_TRUNCATE] = "truncate %s",
    [OP_ATTR] = "change the attributes of %s",
    [OP_CHOWN] = "change the owner of %s",
    [OP_EXEC] = "execute %s",
    [OP_CONNECT] = "connect to %s",
    [OP_BIND] = "bind to %s",
    [OP_SOCKET] = "open a socket (%s)",
    [OP_SIGNAL] = "send %s",
    [OP_IOCTL] = "use the ioctl %s",
    [OP_OPEN] = "open %s",
};

/* The object as one quoted word; where a symlink leads, as ls -l shows it. */
static void add_object(struct str *out, const struct denial *denial)
{
    if (!denial->real && denial->object[0] == '/') {
        quote_shell(out, denial->object);
        return;
    }
    if (!denial->real) {
        quote_visible(out, denial->object, strlen(denial->object));
        return;
    }
    char *normal CLEAN_FREE = path_normalise(denial->object, "/");
    if (!normal || strcmp(normal, denial->real) == 0) {
        quote_shell(out, denial->real);
        return;
    }
    quote_shell(out, denial->object);
    str_add(out, " -> ");
    quote_shell(out, denial->real);
}

void operation_words(struct str *out, const struct denial *denial)
{
    const struct call_verdict *verdict = &denial->verdict;
    const char *phrase = phrases[denial->kind];
    if (phrase && denial->object && denial->object[0]) {
        const char *hole = strstr(phrase, "%s");
        str_add_bytes(out, phrase, (size_t)(hole - phrase));
        add_object(out, denial);
        str_add(out, hole + 2);
    } else if (verdict->missing) {
        str_add(out, family_words(verdict->family));
    } else if (verdict->call) {
        str_addf(out, "call %s", call_name(verdict->call));
    } else {
        str_addf(out, "call system call %u", denial->call.nr);
    }
}

/* "a", "a and b", "a, b and c". */
static void add_promises(struct str *out, promise_set set)
{
    size_t left = 0;
    for (promise_set rest = set; rest; rest &= rest - 1)
        left++;
    for (unsigned i = 0; i < PROMISE_COUNT; i++) {
        if (!(set >> i & 1))
            continue;
        str_add(out, promise_name(i));
        left--;
        str_add(out, left > 1 ? ", " : left == 1 ? " and " : "");
    }
}

static void add_missing_promises(struct str *out, promise_set missing)
{
    add_promises(out, missing);
    str_add(out, missing & (missing - 1) ? " are not promised" : " is not promised");
}

static void add_missing_rule(struct str *out, const struct path_verdict *path)
{
    const struct path_rule *rule = path->rule;
    if (!rule) {
        str_add(out,
                path->on_parent ? "no path rule covers its directory" : "no path rule covers it");
        return;
    }
    if (rule->origin == ORIGIN_PRIVATE && path->view == ANSWER_HIDE) {
        str_addf(out, "the run has a %s of its own", rule->path);
        return;
    }
    struct str text CLEAN_STR = {0};
    perms_print(&text, rule->perms);
    str_add_char(&text, ':');
    str_add(&text, rule->path);
    str_add(out, "the path rule ");
    quote_shell(out, str_get(&text));
    if (rule->perms == 0) {
        str_add(out, " hides it");
        return;
    }
    str_add(out, " does not grant ");
    perms_print(out, path->missing_perms);
}

static void add_reason(struct str *out, const struct denial *denial)
{
    const struct call_verdict *verdict = &denial->verdict;
    promise_set missing = denial->remedy.promises;
    bool path = denial->real && denial->path.missing_perms;
    bool denied = verdict->bpf == ANSWER_DENY;
    const char *reason = denied ? decide_reason(denial->call.arch, verdict) : NULL;
    if (denial->outside && !denied) {
        str_addf(out, "%s stay among the processes of the run",
                 denial->kind == OP_SIGNAL ? "signals" : "abstract sockets");
    } else if (reason) {
        const char *none = "no promise allows it";
        bool complete = strncmp(reason, none, strlen(none)) == 0;
        str_addf(out, "%s%s%s", complete ? "" : none, complete ? "" : ": ", reason);
    } else if (denied && !verdict->known) {
        str_add(out, "vow " VOW_VERSION " does not know this call");
    } else if (denied && !verdict->missing) {
        str_add(out, "no promise allows it");
    } else if (missing || path) {
        if (missing)
            add_missing_promises(out, missing);
        str_add(out, missing && path ? " and " : "");
        if (path)
            add_missing_rule(out, &denial->path);
    } else {
        str_add(out, "no path rule allows it");
    }
}

void denial_words(struct str *out, const struct denial *denial)
{
    if (denial->program) {
        quote_shell(out, denial->program);
        str_addf(out, "[%d] may not ", denial->pid);
    }
    operation_words(out, denial);
    str_add(out, ": ");
    add_reason(out, denial);
    if (denial->killed)
        str_add(out, "; it was ended");
}

void rule_word(struct str *out, const struct path_perms *perms, const char *path)
{
    struct str rule CLEAN_STR = {0};
    str_add(&rule, perms->adds ? "+" : "");
    perms_print(&rule, perms->letters);
    str_add(&rule, perms->optional ? "?:" : ":");
    str_add(&rule, path);
    str_add(out, "-v ");
    quote_shell(out, str_get(&rule));
}

void denial_advice(struct str *out, const struct denial *denial)
{
    const struct remedy *remedy = &denial->remedy;
    if (remedy->promises) {
        bool several = remedy->promises & (remedy->promises - 1);
        str_add(out, several ? "the promises " : "the promise ");
        add_promises(out, remedy->promises);
    }
    for (size_t i = 0; i < remedy->rule_count; i++) {
        struct path_perms perms = {.letters = remedy->rules[i].perms, .adds = true};
        str_add(out, remedy->promises || i > 0 ? " and " : "");
        rule_word(out, &perms, remedy->rules[i].path);
        str_add(out, remedy->rules[i].home ? " (that is all of the home directory)" : "");
    }
}
