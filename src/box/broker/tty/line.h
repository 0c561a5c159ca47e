/* line: what a terminal makes of the bytes on their way: editing, echo, signals.
 * Pure: it knows neither files nor processes. */
#ifndef VOW_BOX_LINE_H
#define VOW_BOX_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_INPUT = 4096, LINE_OUTPUT = 65536, LINE_CONTROLS = 19 };

/* struct termios of the kernel. */
struct line_settings {
    uint32_t input, output, control, local;
    uint8_t discipline, keys[LINE_CONTROLS];
};

struct line {
    struct line_settings settings;
    uint16_t in[LINE_INPUT]; /* for who reads: bytes, or LINE_END bits; a ring */
    size_t in_start, in_used;
    size_t edited;            /* of in_used: still being typed */
    size_t ends;              /* lines that can be read */
    bool literal;             /* the next byte is no command */
    bool stopped;             /* by ^S */
    uint8_t out[LINE_OUTPUT]; /* for the terminal's screen; a ring */
    size_t out_start, out_used;
    uint8_t held[LINE_INPUT]; /* echo, while it is stopped */
    size_t held_used;
    size_t column;
};

void line_start(struct line *l);
/* line_set: new settings; what is being typed can be read once it is not edited. */
void line_set(struct line *l, const struct line_settings *to);
/* line_typed: a byte comes from the keyboard: the signal that it means, or 0. */
int line_typed(struct line *l, uint8_t byte);
/* line_room: how many bytes may be typed now; the others have to wait. */
size_t line_room(const struct line *l);
/* line_can_read: how many bytes a read would get; -1: it must wait. */
long line_can_read(const struct line *l);
size_t line_read(struct line *l, uint8_t *to, size_t size);
/* line_print: the screen gets bytes of a program: how many it took. */
size_t line_print(struct line *l, const uint8_t *from, size_t size);
/* line_stop: ^S, and tcflow(3). */
void line_stop(struct line *l, bool stop);
size_t line_take_output(struct line *l, uint8_t *to, size_t size);
void line_flush_input(struct line *l);
void line_flush_output(struct line *l);

#endif
