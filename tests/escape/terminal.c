/* Typing into the terminal on behalf of the user, and other terminals. */
#include "escape.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define WIDE "stdio rpath wpath cpath tty proc exec"

/* Descriptor 0 is a terminal, the controlling one of the session. */
static int type(UNUSED const struct scene *s)
{
    return TRY(ioctl(0, TIOCSTI, "x"));
}

/* The kernel reads the request as 32 bits. */
static int type_with_high_bits(UNUSED const struct scene *s)
{
    return RAW(SYS_ioctl, 0, 0x100000000 | TIOCSTI, "x");
}

static int paste(UNUSED const struct scene *s)
{
    char subcode = 3; /* paste the selection */
    return TRY(ioctl(0, TIOCLINUX, &subcode));
}

static int line_discipline(UNUSED const struct scene *s)
{
    int plain = 0;
    return TRY(ioctl(0, TIOCSETD, &plain));
}

static int console(UNUSED const struct scene *s)
{
    return TRY(ioctl(0, TIOCCONS));
}

static int settings(UNUSED const struct scene *s)
{
    struct termios t;
    int failed = TRY(tcgetattr(0, &t));
    return failed ? failed : TRY(tcsetattr(0, TCSANOW, &t));
}

static int is_terminal(UNUSED const struct scene *s)
{
    return isatty(0) ? 0 : errno;
}

static int name(UNUSED const struct scene *s)
{
    return ttyname(0) ? 0 : errno;
}

static int by_name(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    return fd < 0 ? errno : TRY(write(fd, "x", 1));
}

/* DIR/outside/terminal is a link to another terminal of the same user. */
static int other_terminal(const struct scene *s)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/pts/%d", s->number >> 16);
    CLEAN_FD int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

static int new_terminal(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

const struct escape escapes_terminal[] = {
    {"type_into_the_terminal", WIDE, NULL, {EPERM}, type, settings},
    {"type_with_high_bits", WIDE, NULL, {EPERM}, type_with_high_bits, settings},
    {"paste_into_the_console", WIDE, NULL, {EPERM}, paste, settings},
    {"line_discipline", WIDE, NULL, {EPERM}, line_discipline, settings},
    {"take_the_console", WIDE, NULL, {EPERM}, console, settings},
    {"settings_without_tty", "stdio rpath", NULL, {EPERM}, settings, is_terminal},
    {"open_the_terminal_without_tty", "stdio rpath wpath", NULL, {EACCES, ENOENT}, by_name, name},
    {"open_the_terminal_with_tty",
     "stdio rpath wpath",
     NULL,
     {EACCES, ENOENT},
     by_name,
     by_name,
     .twin_promises = WIDE},
    {"another_terminal", WIDE, NULL, {ENOENT}, other_terminal, by_name},
    {"another_terminal_without_a_view", WIDE, NO_VIEW, {EACCES}, other_terminal, by_name},
    {"new_terminal", WIDE, NULL, {ENOENT, EACCES}, new_terminal, by_name},
    {0},
};
