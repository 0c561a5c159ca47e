#include "watch/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char *const operations[OP_KIND_COUNT] = {
    [OP_NONE] = "call",
    [OP_OPEN_READ] = "open-read",
    [OP_OPEN_WRITE] = "open-write",
    [OP_OPEN_READ_WRITE] = "open-read-write",
    [OP_LIST] = "list",
    [OP_STAT] = "stat",
    [OP_CHDIR] = "chdir",
    [OP_CREATE] = "create",
    [OP_MKNOD] = "mknod",
    [OP_REMOVE] = "remove",
    [OP_RENAME] = "rename",
    [OP_TRUNCATE] = "truncate",
    [OP_ATTR] = "attributes",
    [OP_CHOWN] = "chown",
    [OP_EXEC] = "exec",
    [OP_CONNECT] = "connect",
    [OP_BIND] = "bind",
    [OP_SOCKET] = "socket",
    [OP_SIGNAL] = "signal",
    [OP_IOCTL] = "ioctl",
    [OP_PROCESS] = "process",
    [OP_MEMORY] = "memory",
    [OP_OPEN] = "open",
};

/* The size of the UTF-8 sequence at `text`, or 0: jansson is the judge. */
static size_t sequence(const char *text, size_t left)
{
    for (size_t size = 1; size <= 4 && size <= left; size++) {
        json_t *one = json_stringn(text, size);
        json_decref(one);
        if (one)
            return size;
    }
    return 0;
}

/* set_text: `text` under `name`; "NAME_hex" beside it where it is not UTF-8. */
static void set_text(json_t *object, const char *name, const char *text)
{
    json_t *plain = json_string(text);
    if (plain) {
        json_object_set_new(object, name, plain);
        return;
    }
    struct str lossy CLEAN_STR = {0}, hex CLEAN_STR = {0}, key CLEAN_STR = {0};
    for (size_t left = strlen(text); left > 0;) {
        size_t size = sequence(text, left), step = size ? size : 1;
        if (size)
            str_add_bytes(&lossy, text, size);
        else
            str_add(&lossy, "\xef\xbf\xbd");
        for (size_t i = 0; i < step; i++)
            str_addf(&hex, "%02x", (unsigned char)text[i]);
        text += step;
        left -= step;
    }
    str_addf(&key, "%s_hex", name);
    json_object_set_new(object, name, json_string(str_get(&lossy)));
    json_object_set_new(object, str_get(&key), json_string(str_get(&hex)));
}

static void set_words(json_t *object, const char *name, promise_set set)
{
    json_t *words = json_array();
    for (unsigned i = 0; i < PROMISE_COUNT; i++)
        if (set >> i & 1)
            json_array_append_new(words, json_string(promise_name(i)));
    json_object_set_new(object, name, words);
}

/* put: the object as one line; takes it. */
static void put(struct str *out, json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT);
    str_add(out, line ? line : "{\"event\":\"lost\"}");
    str_add_char(out, '\n');
    free(line);
    json_decref(object);
}

void json_start(struct str *out, const struct launch *launch, int pid)
{
    struct str command CLEAN_STR = {0};
    for (char *const *word = launch->request->argv; *word; word++) {
        str_add(&command, command.size ? " " : "");
        quote_shell(&command, *word);
    }
    json_t *object = json_pack("{s:s, s:i, s:s, s:i}", "event", "start", "schema", JSON_SCHEMA,
                               "version", VOW_VERSION, "pid", pid);
    set_text(object, "program", launch->program);
    set_text(object, "command", str_get(&command));
    set_words(object, "promises", launch->request->policy->promises);
    put(out, object);
}

void json_set_missing(json_t *object, const struct remedy *remedy)
{
    json_t *missing = json_object(), *rules = json_array();
    set_words(missing, "promises", remedy->promises);
    for (size_t i = 0; i < remedy->rule_count; i++) {
        struct str perms CLEAN_STR = {0};
        json_t *rule = json_object();
        perms_print(&perms, remedy->rules[i].perms);
        set_text(rule, "path", remedy->rules[i].path);
        set_text(rule, "perms", str_get(&perms));
        json_array_append_new(rules, rule);
    }
    json_object_set_new(missing, "paths", rules);
    json_object_set_new(object, "missing", missing);
}

/* Which of the three parties stops it. */
static const char *stopped_by(const struct denial *denial)
{
    if (denial->verdict.bpf == ANSWER_DENY)
        return "seccomp";
    if (denial->outside)
        return "landlock";
    return denial->path.view == ANSWER_HIDE || denial->path.view == ANSWER_DENY ? "view"
                                                                                : "landlock";
}

void json_denial(struct str *out, const struct denial *denial, const struct run_line *line)
{
    const struct call_event *call = &denial->call;
    const struct sys_call *row = call->arch ? arch_call(call->arch, call->nr) : NULL;
    struct str words CLEAN_STR = {0}, advice CLEAN_STR = {0}, rerun CLEAN_STR = {0};
    denial_words(&words, denial);
    denial_advice(&advice, denial);
    denial_rerun(&rerun, denial, 1, line);
    json_t *object =
        json_pack("{s:s, s:i, s:s, s:i, s:s?, s:s, s:s, s:b}", "event", "denial", "pid",
                  denial->pid, "arch", call->arch ? call->arch->name : "", "nr", (int)call->nr,
                  "call", row ? call_name(row) : NULL, "operation", operations[denial->kind], "by",
                  stopped_by(denial), "killed", denial->killed);
    set_text(object, "program", denial->program ? denial->program : "");
    if (denial->object)
        set_text(object, "object", denial->object);
    if (denial->real)
        set_text(object, "real", denial->real);
    json_set_missing(object, &denial->remedy);
    set_text(object, "text", str_get(&words));
    set_text(object, "advice", str_get(&advice));
    set_text(object, "rerun", str_get(&rerun));
    put(out, object);
}

void json_closed(struct str *out, const char *program, int pid)
{
    json_t *object = json_pack("{s:s, s:i}", "event", "closed", "pid", pid);
    set_text(object, "program", program);
    put(out, object);
}

void json_end(struct str *out, const struct json_totals *totals)
{
    json_t *object = json_pack("{s:s, s:I, s:I, s:s}", "event", "end", "operations",
                               (json_int_t)totals->operations, "denials", (json_int_t)totals->times,
                               "rerun", totals->rerun);
    if (WIFSIGNALED(totals->status))
        json_object_set_new(object, "signal", json_integer(WTERMSIG(totals->status)));
    else
        json_object_set_new(object, "exit", json_integer(WEXITSTATUS(totals->status)));
    put(out, object);
}
