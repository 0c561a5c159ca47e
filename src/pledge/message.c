#include "pledge/message.h"

#include "pledge/caller.h"
#include "pledge/gate.h"
#include "pledge/log.h"
#include "pledge/memory.h"
#include "pledge/pledge.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#define OBJECT_SHOWN 200

/* A line being put together, cut where it does not fit. */
struct line {
    char text[768];
    size_t size;
};

static void put(struct line *line, const char *text)
{
    while (*text && line->size < sizeof line->text - 1)
        line->text[line->size++] = *text++;
}

static void put_number(struct line *line, unsigned long value, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do
        digits[--at] = "0123456789abcdef"[value % base];
    while ((value /= base) > 0);
    put(line, digits + at);
}

/* Bytes of the program's: what is no plain character is shown as '?'. */
static void put_shown(struct line *line, const char *text)
{
    char one[2] = {0};
    for (; *text; text++) {
        one[0] = *text >= ' ' && *text <= '~' ? *text : '?';
        put(line, one);
    }
}

/* The path that the call names, if it names one. */
static void put_object(struct line *line, const struct trapped *call,
                       const struct call_verdict *verdict)
{
    const struct operation *o = verdict->call ? call_operation(verdict->call) : NULL;
    char text[OBJECT_SHOWN];
    if (!o || o->path < 0 || memory_text(text, sizeof text, call->args[o->path]) == -EFAULT)
        return;
    put(line, " \"");
    put_shown(line, text);
    put(line, "\"");
}

static void put_promise(struct line *line, const struct call_event *event,
                        const struct call_verdict *verdict)
{
    promise_set missing = pledge_missing(event, verdict);
    if (!missing) {
        put(line, "no promise allows it");
        return;
    }
    put(line, "not promised:");
    for (unsigned p = 0; p < PROMISE_COUNT; p++)
        if (missing >> p & 1) {
            put(line, " ");
            put(line, promise_name((enum promise)p));
        }
}

static void put_caller(struct line *line, const struct trapped *call)
{
    struct caller caller;
    if (!caller_find(call, &caller))
        return;
    put(line, "; called from ");
    put_shown(line, caller.module);
    put(line, "+0x");
    put_number(line, caller.offset, 16);
    if (!caller.symbol)
        return;
    put(line, " (");
    put_shown(line, caller.symbol);
    put(line, "+0x");
    put_number(line, caller.symbol_offset, 16);
    put(line, ")");
}

void message_tell(const struct trapped *call, const struct call_event *event,
                  const struct call_verdict *verdict)
{
    struct line line = {.size = 0};
    put(&line, "vow: ");
    put_shown(&line, program_invocation_short_name);
    put(&line, "[");
    put_number(&line, (unsigned long)gate_call(SYS_getpid), 10);
    put(&line, "] may not ");
    put(&line, verdict->family < FAMILY_COUNT ? family_words(verdict->family) : "do this");
    put_object(&line, call, verdict);
    put(&line, ": ");
    put_promise(&line, event, verdict);
    put(&line, " (call ");
    put_number(&line, (unsigned long)call->nr, 10);
    put(&line, ")");
    put_caller(&line, call);
    put(&line, "\n");
    gate_call(SYS_write, 2, line.text, line.size);
    log_send(line.text, line.size - 1);
}
