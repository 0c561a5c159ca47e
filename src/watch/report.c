#include "watch/report.h"

#include "watch/json.h"
#include "watch/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* send_all: a reader that went away is no reason to stop the program. */
static void send_all(int fd, const struct str *text)
{
    for (size_t at = 0; fd >= 0 && at < text->size;) {
        ssize_t wrote = write(fd, text->at + at, text->size - at);
        if (wrote < 0 && errno != EINTR)
            return;
        at += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* say: one line for a person. */
static void say(const struct report *report, const char *text)
{
    struct str line CLEAN_STR = {0};
    str_add(&line, report->options->colour ? "\033[1;31mvow:\033[0m " : "vow: ");
    str_add(&line, text);
    str_add_char(&line, '\n');
    send_all(report->options->text_fd, &line);
}

int report_init(struct report *report, const struct watch_options *options)
{
    *report = (struct report){.options = options};
    report->denials = calloc(REPORT_MAX, sizeof *report->denials);
    report->keys = calloc(REPORT_MAX, sizeof *report->keys);
    if (report->denials && report->keys)
        return 0;
    report_free(report);
    return -ENOMEM;
}

static void forget(struct denial *denial)
{
    free((char *)denial->program);
    free((char *)denial->object);
    free((char *)denial->real);
    denial_free(denial);
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        forget(&report->denials[i]);
    free(report->denials);
    free(report->keys);
    *report = (struct report){0};
}

/* FNV-1a; a collision makes two denials one, and a program that builds one
 * hides nothing but its own. */
static uint64_t hash(uint64_t state, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        state = (state ^ at[i]) * UINT64_C(0x100000001b3);
    return state;
}

/* What makes two denials the same: operation, object, what is missing. Where there
 * is no object, the words say what was done. */
static uint64_t key_of(const struct denial *denial)
{
    struct str words CLEAN_STR = {0};
    const char *object = denial->real ? denial->real : denial->object ? denial->object : "";
    uint64_t state = UINT64_C(0xcbf29ce484222325);
    if (object[0])
        state = hash(state, &denial->kind, sizeof denial->kind);
    else
        operation_words(&words, denial);
    state = hash(state, str_get(&words), words.size);
    state = hash(state, &denial->remedy.promises, sizeof denial->remedy.promises);
    state = hash(state, &denial->path.missing_perms, sizeof denial->path.missing_perms);
    return hash(state, object, strlen(object));
}

/* A program that is looked for in one directory of PATH after the other was stopped
 * once. */
static bool is_same_search(const struct denial *a, const struct denial *b)
{
    return a->kind == OP_EXEC && b->kind == OP_EXEC && !b->real && !b->killed &&
           a->remedy.promises == b->remedy.promises;
}

static bool is_known(const struct report *report, const struct denial *denial, uint64_t key)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->keys[i] == key || is_same_search(&report->denials[i], denial))
            return true;
    return false;
}

static char *copy_of(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;
    *failed |= text && !copy;
    return copy;
}

/* keep: a copy with its own strings; NULL if there is no memory. */
static const struct denial *keep(struct report *report, const struct denial *denial, uint64_t key)
{
    struct denial *copy = &report->denials[report->count];
    bool failed = false;
    *copy = *denial;
    copy->program = copy_of(denial->program, &failed);
    copy->object = copy_of(denial->object, &failed);
    copy->real = copy_of(denial->real, &failed);
    for (size_t i = 0; i < denial->remedy.rule_count; i++)
        copy->remedy.rules[i].path = copy_of(denial->remedy.rules[i].path, &failed);
    if (failed) {
        forget(copy);
        return NULL;
    }
    report->keys[report->count++] = key;
    return copy;
}

void report_start(struct report *report, const struct launch *launch, int pid)
{
    struct str line CLEAN_STR = {0};
    if (report->options->json_fd < 0)
        return;
    json_start(&line, launch, pid);
    send_all(report->options->json_fd, &line);
}

static void tell(struct report *report, const struct denial *denial)
{
    struct str line CLEAN_STR = {0}, advice CLEAN_STR = {0};
    if (report->options->json_fd >= 0) {
        json_denial(&line, denial, &report->options->line);
        send_all(report->options->json_fd, &line);
        str_clear(&line);
    }
    denial_words(&line, denial);
    denial_advice(&advice, denial);
    if (advice.size)
        str_addf(&line, "; add %s", str_get(&advice));
    say(report, str_get(&line));
}

void report_denial(struct report *report, const struct denial *denial)
{
    uint64_t key = key_of(denial);
    report->times++;
    if (is_known(report, denial, key))
        return;
    if (report->count == REPORT_MAX) {
        if (!report->full)
            say(report, "more is stopped than can be listed; from here on it is only counted");
        report->full = true;
        return;
    }
    const struct denial *copy = keep(report, denial, key);
    if (copy)
        tell(report, copy);
}

void report_closed(struct report *report, const char *program, int pid)
{
    struct str line CLEAN_STR = {0};
    if (report->closed)
        return;
    report->closed = true;
    if (report->options->json_fd >= 0) {
        json_closed(&line, program, pid);
        send_all(report->options->json_fd, &line);
        str_clear(&line);
    }
    quote_shell(&line, program);
    str_addf(&line, "[%d] has memory that cannot be read: what path rules stop is not explained",
             pid);
    say(report, str_get(&line));
}

static size_t count_remedied(const struct report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++)
        count += report->denials[i].remedy.promises || report->denials[i].remedy.rule_count;
    return count;
}

static void summarise(const struct report *report, const char *rerun)
{
    struct str line CLEAN_STR = {0};
    size_t remedied = count_remedied(report);
    bool one = report->count == 1 && !report->full;
    str_addf(&line, "%s%zu operation%s stopped", report->full ? "more than " : "", report->count,
             one ? " was" : "s were");
    if (report->times > report->count)
        str_addf(&line, " (%llu times)", (unsigned long long)report->times);
    if (remedied == 0)
        str_addf(&line, "; no option allows %s", one ? "it" : "them");
    else if (one)
        str_add(&line, "; to allow it: ");
    else if (remedied == report->count)
        str_add(&line, "; to allow them all: ");
    else
        str_addf(&line, "; to allow %zu of them: ", remedied);
    str_add(&line, rerun);
    say(report, str_get(&line));
}

void report_end(struct report *report, int status)
{
    struct str rerun CLEAN_STR = {0}, line CLEAN_STR = {0};
    denial_rerun(&rerun, report->denials, report->count, &report->options->line);
    if (report->count > 0)
        summarise(report, str_get(&rerun));
    if (report->options->json_fd < 0)
        return;
    json_end(&line, &(struct json_totals){status, report->count, report->times, str_get(&rerun)});
    send_all(report->options->json_fd, &line);
}
