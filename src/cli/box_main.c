/* vow-box: what `vow box` becomes. A program of its own, because the libraries
 * of the box have no place in the start of every `vow run`. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cmd_box(argc, argv);
}
