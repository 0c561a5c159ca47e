#include "box/broker/tty/line.h"

#include <asm/termbits.h>
#include <signal.h>
#include <string.h>

/* Beside a byte: a line ends behind it; it is no byte, but an end of input. */
enum { LINE_END = 0x100, NO_BYTE = 0x200, OUTPUT_MOST = 8 };
enum { DELETE = 0x7f, NO_KEY = 0 };

void line_start(struct line *l)
{
    static const uint8_t keys[LINE_CONTROLS] = {
        [VINTR] = 3,     [VQUIT] = 28,   [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,
        [VMIN] = 1,      [VSTART] = 17,  [VSTOP] = 19,   [VSUSP] = 26, [VREPRINT] = 18,
        [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22};
    memset(l, 0, sizeof *l);
    l->settings = (struct line_settings){.input = ICRNL | IXON,
                                         .output = OPOST | ONLCR,
                                         .control = B38400 | CS8 | CREAD,
                                         .local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL |
                                                  ECHOKE | IEXTEN};
    memcpy(l->settings.keys, keys, sizeof keys);
}

static bool has(uint32_t flags, uint32_t flag)
{
    return (flags & flag) != 0;
}

static bool is_edited(const struct line *l)
{
    return has(l->settings.local, ICANON);
}

static bool is_key(const struct line *l, uint8_t byte, int key)
{
    return byte != NO_KEY && l->settings.keys[key] == byte;
}

/* The screen -----------------------------------------------------------------------------*/

/* What comes now is lost. */
static bool is_full(const struct line *l)
{
    return l->stopped ? l->held_used == sizeof l->held : l->out_used == LINE_OUTPUT;
}

static void put(struct line *l, uint8_t byte)
{
    if (l->stopped) {
        if (l->held_used < sizeof l->held)
            l->held[l->held_used++] = byte;
        return;
    }
    if (l->out_used == LINE_OUTPUT)
        return;
    l->out[(l->out_start + l->out_used++) % LINE_OUTPUT] = byte;
    if (byte == '\n' || byte == '\r')
        l->column = byte == '\n' ? l->column : 0;
    else if (byte == '\b')
        l->column -= l->column > 0;
    else if (byte == '\t')
        l->column = (l->column | 7) + 1;
    else if (byte >= ' ')
        l->column++;
}

void line_stop(struct line *l, bool stop)
{
    l->stopped = stop;
    for (size_t i = 0; !stop && i < l->held_used; i++)
        put(l, l->held[i]);
    if (!stop)
        l->held_used = 0;
}

/* One byte as OPOST has it; needs room for OUTPUT_MOST. */
static void print(struct line *l, uint8_t byte)
{
    uint32_t flags = l->settings.output;
    if (!has(flags, OPOST)) {
        put(l, byte);
        return;
    }
    if (byte == '\n' && has(flags, ONLCR))
        put(l, '\r');
    if (byte == '\r' && has(flags, ONOCR) && l->column == 0)
        return;
    if (byte == '\r' && has(flags, OCRNL))
        byte = '\n';
    if (byte == '\t' && (flags & TABDLY) == XTABS) {
        for (size_t spaces = 8 - l->column % 8; spaces > 0; spaces--)
            put(l, ' ');
        return;
    }
    put(l, has(flags, OLCUC) && byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
}

size_t line_print(struct line *l, const uint8_t *from, size_t size)
{
    size_t done = 0;
    while (done < size && LINE_OUTPUT - l->out_used >= OUTPUT_MOST && !l->stopped)
        print(l, from[done++]);
    return done;
}

size_t line_take_output(struct line *l, uint8_t *to, size_t size)
{
    size_t n = size < l->out_used ? size : l->out_used;
    for (size_t i = 0; i < n; i++)
        to[i] = l->out[(l->out_start + i) % LINE_OUTPUT];
    l->out_start = (l->out_start + n) % LINE_OUTPUT;
    l->out_used -= n;
    return n;
}

static bool shows_as_two(const struct line *l, uint8_t byte)
{
    return has(l->settings.local, ECHOCTL) && (byte < ' ' || byte == DELETE) && byte != '\t' &&
           byte != '\n';
}

static void echo_always(struct line *l, uint8_t byte)
{
    if (shows_as_two(l, byte)) {
        print(l, '^');
        print(l, byte ^ 0x40);
    } else {
        print(l, byte);
    }
}

static void echo(struct line *l, uint8_t byte)
{
    if (has(l->settings.local, ECHO))
        echo_always(l, byte);
}

/* What is typed ---------------------------------------------------------------------------*/

static uint16_t *in_at(struct line *l, size_t index)
{
    return &l->in[(l->in_start + index) % LINE_INPUT];
}

static void store(struct line *l, uint16_t what)
{
    if (l->in_used == LINE_INPUT)
        return;
    *in_at(l, l->in_used++) = what;
    if (!is_edited(l))
        return;
    if (what & LINE_END) {
        l->edited = 0;
        l->ends++;
    } else {
        l->edited++;
    }
}

size_t line_room(const struct line *l)
{
    bool drops = is_edited(l) && !l->ends; /* what does not fit: so a line can always be ended */
    bool full = l->in_used >= LINE_INPUT - 1;
    return drops ? LINE_INPUT : full ? 0 : LINE_INPUT - 1 - l->in_used;
}

/* Takes the last character off, and from the screen. */
static void erase(struct line *l)
{
    uint8_t byte;
    do
        byte = (uint8_t)*in_at(l, --l->in_used);
    while (--l->edited > 0 && has(l->settings.input, IUTF8) && (byte & 0xc0) == 0x80);
    if (!has(l->settings.local, ECHO))
        return;
    if (!has(l->settings.local, ECHOE)) {
        echo(l, l->settings.keys[VERASE]);
        return;
    }
    for (int i = shows_as_two(l, byte) ? 2 : 1; i > 0; i--) {
        print(l, '\b');
        print(l, ' ');
        print(l, '\b');
    }
}

static bool last_is_blank(struct line *l)
{
    uint8_t last = (uint8_t)*in_at(l, l->in_used - 1);
    return last == ' ' || last == '\t';
}

static void erase_word(struct line *l)
{
    while (l->edited && last_is_blank(l))
        erase(l);
    while (l->edited && !last_is_blank(l))
        erase(l);
}

static void erase_all(struct line *l)
{
    uint32_t flags = l->settings.local;
    if (has(flags, ECHO) && !(has(flags, ECHOK) && has(flags, ECHOKE) && has(flags, ECHOE))) {
        l->in_used -= l->edited;
        l->edited = 0;
        echo(l, l->settings.keys[VKILL]);
        if (has(flags, ECHOK))
            print(l, '\n');
        return;
    }
    while (l->edited)
        erase(l);
}

static void show_again(struct line *l)
{
    echo(l, l->settings.keys[VREPRINT]);
    print(l, '\n');
    for (size_t i = l->in_used - l->edited; i < l->in_used && !is_full(l); i++)
        echo(l, (uint8_t)*in_at(l, i));
}

/* A key of line editing: true if it was one. */
static bool edit(struct line *l, uint8_t byte)
{
    bool more = has(l->settings.local, IEXTEN);
    if (is_key(l, byte, VERASE)) {
        if (l->edited)
            erase(l);
    } else if (is_key(l, byte, VKILL)) {
        erase_all(l);
    } else if (more && is_key(l, byte, VWERASE)) {
        erase_word(l);
    } else if (more && is_key(l, byte, VLNEXT)) {
        l->literal = true;
        if (has(l->settings.local, ECHO) && has(l->settings.local, ECHOCTL)) {
            print(l, '^');
            print(l, '\b');
        }
    } else if (more && is_key(l, byte, VREPRINT) && has(l->settings.local, ECHO)) {
        show_again(l);
    } else if (is_key(l, byte, VEOF)) {
        store(l, LINE_END | NO_BYTE);
    } else {
        return false;
    }
    return true;
}

static void type_into_line(struct line *l, uint8_t byte)
{
    bool newline = byte == '\n';
    bool end = newline || is_key(l, byte, VEOL) ||
               (has(l->settings.local, IEXTEN) && is_key(l, byte, VEOL2));
    if (!end && l->in_used >= LINE_INPUT - 1)
        return; /* there is always room to end a line */
    if (newline && !has(l->settings.local, ECHO) && has(l->settings.local, ECHONL))
        print(l, '\n');
    else
        echo(l, byte);
    store(l, end ? byte | LINE_END : byte);
}

/* The signal that a key means; 0: none. */
static int signal_of(const struct line *l, uint8_t byte)
{
    if (!has(l->settings.local, ISIG))
        return 0;
    return is_key(l, byte, VINTR)   ? SIGINT
           : is_key(l, byte, VQUIT) ? SIGQUIT
           : is_key(l, byte, VSUSP) ? SIGTSTP
                                    : 0;
}

/* ^S and ^Q: true if it was one. */
static bool flow(struct line *l, uint8_t byte)
{
    if (!has(l->settings.input, IXON))
        return false;
    bool start = is_key(l, byte, VSTART), stop = is_key(l, byte, VSTOP);
    if (start || (l->stopped && !stop && has(l->settings.input, IXANY)))
        line_stop(l, false);
    else if (stop)
        line_stop(l, true);
    return start || stop;
}

/* Line ends as ICRNL and its kin have them; false: the byte is ignored. */
static bool convert(const struct line *l, uint8_t *byte)
{
    uint32_t flags = l->settings.input;
    if (has(flags, ISTRIP))
        *byte &= 0x7f;
    if (*byte == '\r') {
        if (has(flags, IGNCR))
            return false;
        if (has(flags, ICRNL))
            *byte = '\n';
    } else if (*byte == '\n' && has(flags, INLCR)) {
        *byte = '\r';
    }
    return true;
}

int line_typed(struct line *l, uint8_t byte)
{
    if (l->literal) {
        l->literal = false;
        if (l->in_used < LINE_INPUT - 1) {
            echo(l, byte);
            store(l, byte);
        }
        return 0;
    }
    if (flow(l, byte))
        return 0;
    int signal = signal_of(l, byte);
    if (signal) {
        if (!has(l->settings.local, NOFLSH)) {
            line_flush_input(l);
            line_flush_output(l);
        }
        echo(l, byte);
        return signal;
    }
    if (!convert(l, &byte))
        return 0;
    if (!is_edited(l)) {
        echo(l, byte);
        store(l, byte);
    } else if (!edit(l, byte)) {
        type_into_line(l, byte);
    }
    return 0;
}

/* What can be read -------------------------------------------------------------------------*/

long line_can_read(const struct line *l)
{
    if (!is_edited(l))
        return l->in_used ? (long)l->in_used : -1;
    return l->ends ? (long)(l->in_used - l->edited) : -1;
}

size_t line_read(struct line *l, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (l->in_used > 0) {
        uint16_t what = *in_at(l, 0);
        bool end = what & LINE_END, byte = !(what & NO_BYTE);
        if (byte && done == size)
            break;
        l->in_start = (l->in_start + 1) % LINE_INPUT;
        l->in_used--;
        l->ends -= end && l->ends > 0;
        if (byte)
            to[done++] = (uint8_t)what;
        if (end && is_edited(l))
            break;
    }
    return done;
}

void line_set(struct line *l, const struct line_settings *to)
{
    bool was_edited = is_edited(l);
    l->settings = *to;
    if (!has(to->input, IXON))
        line_stop(l, false);
    if (was_edited && !is_edited(l)) {
        l->edited = l->ends = 0;
    } else if (!was_edited && is_edited(l) && l->in_used) {
        *in_at(l, l->in_used - 1) |= LINE_END; /* what came raw is a line now */
        l->ends = 1;
    }
}

void line_flush_input(struct line *l)
{
    l->in_used = l->edited = l->ends = 0;
}

void line_flush_output(struct line *l)
{
    l->out_used = l->held_used = 0;
}
