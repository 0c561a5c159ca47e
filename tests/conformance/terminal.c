/* tty: terminals and their settings. */
#include "conform.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios settings;

static long asks_terminal(void)
{
    return ioctl(scene.terminal, TIOCGWINSZ, &(struct winsize){0});
}

GRANTS("tty", "stdio", "/dev/tty may be opened", "pledge.2 tty",
       OK(open("/dev/tty", O_RDWR) >= 0 || errno == ENXIO || errno == ENOENT));
ALLOWS("stdio tty", "tcgetattr(3)", "pledge.2 tty", tcgetattr(scene.terminal, &settings));
GRANTS("tty", "stdio", "tcsetattr(3)", "pledge.2 tty",
       tcgetattr(scene.terminal, &settings) == 0 ? tcsetattr(scene.terminal, TCSAFLUSH, &settings)
                                                 : -1);
GRANTS("tty", "stdio", "tcflush(3)", "kern_pledge.c pledge_ioctl",
       tcflush(scene.terminal, TCIOFLUSH));
GRANTS("tty", "stdio", "tcsendbreak(3)", "kern_pledge.c pledge_ioctl",
       tcsendbreak(scene.terminal, 0));
ALLOWS("stdio tty", "ioctl(2) TIOCGWINSZ", "pledge.2 tty",
       ioctl(scene.terminal, TIOCGWINSZ, &(struct winsize){0}));
GRANTS("tty", "stdio", "ioctl(2) TIOCSWINSZ", "pledge.2 tty",
       ioctl(scene.terminal, TIOCSWINSZ, &(struct winsize){24, 80, 0, 0}));
FAILS(ENOTTY, "stdio tty", "asking a file for a terminal's width gives ENOTTY",
      "kern_pledge.c pledge_ioctl", ioctl(scene.file, TIOCGWINSZ, &(struct winsize){0}),
      .twin = asks_terminal);
GRANTS("proc", "stdio tty", "ioctl(2) TIOCSPGRP takes proc, too", "kern_pledge.c pledge_ioctl",
       OK(ioctl(scene.terminal, TIOCSPGRP, &(pid_t){1}) == -1 && errno == ENOTTY));
