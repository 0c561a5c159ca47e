/* box_progress: how far a long copy has come, for somebody who watches. */
#ifndef VOW_CLI_BOX_PROGRESS_H
#define VOW_CLI_BOX_PROGRESS_H

#include <stdint.h>

/* box_progress: shows both on the standard error's last line, if that is a
 * terminal; at most ten times a second, and nothing in the first. */
void box_progress(uint64_t files, uint64_t bytes);
/* box_progress_end: takes the line away. */
void box_progress_end(void);

#endif
