/* hole: the bug that is still in the parser.
 *
 * HOLE(text) stands where a program has just read what a stranger sent. In the
 * program itself it is nothing. In its taken twin (NAME-taken, the same source)
 * it hands control to code that the stranger sent along: if the text holds
 * "exploit:ATTEMPT", that attempt (hole.c) is made with all that the process
 * still can, and the process ends. */
#ifndef HOLE_H
#define HOLE_H

#ifdef TAKEN
#define HOLE(text) hole(text)
#else
#define HOLE(text) (void)(text)
#endif

void hole(const char *text);

#endif
