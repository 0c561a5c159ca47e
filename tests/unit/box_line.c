/* A terminal's input at its bounds: what does not fit counts for nothing. */
#include <string.h>

#include "box/broker/tty/line.h"
#include "harness.h"

enum { ERASE = 127, END = 4, REPRINT = 18 };

static void fill(struct line *l)
{
    for (size_t i = 0; i < LINE_INPUT + 10; i++)
        line_typed(l, 'x');
    line_typed(l, '\n');
}

TEST(a_full_line_can_be_ended_once)
{
    static struct line l;
    static uint8_t to[2 * LINE_INPUT];
    line_start(&l);
    CHECK_EQ(line_room(&l), LINE_INPUT);
    fill(&l);
    CHECK_EQ(line_room(&l), 0);
    line_typed(&l, '\n');
    line_typed(&l, END);
    CHECK_EQ(line_can_read(&l), LINE_INPUT);
    CHECK_EQ(line_read(&l, to, sizeof to), LINE_INPUT);
    CHECK_EQ(line_can_read(&l), -1); /* the others were lost */
    line_typed(&l, 'a');
    CHECK_EQ(line_can_read(&l), -1);
    line_typed(&l, ERASE);
    line_typed(&l, ERASE);
    CHECK_EQ(l.in_used, 0);
    line_typed(&l, '\n');
    CHECK_EQ(line_read(&l, to, sizeof to), 1);
}

TEST(a_line_is_shown_again_while_there_is_room)
{
    static struct line l;
    static uint8_t to[2 * LINE_OUTPUT];
    line_start(&l);
    for (size_t i = 0; i < LINE_INPUT; i++)
        line_typed(&l, 'x');
    for (size_t i = 0; i < LINE_INPUT; i++)
        line_typed(&l, REPRINT);
    CHECK_EQ(line_take_output(&l, to, sizeof to), LINE_OUTPUT);
    line_typed(&l, REPRINT);
    CHECK(line_take_output(&l, to, sizeof to) >= LINE_INPUT - 1);
}
