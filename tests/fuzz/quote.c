/* What strangers wrote must reach a terminal harmless. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_harmless(const struct str *out)
{
    for (size_t i = 0; i < out->size; i++) {
        unsigned char c = (unsigned char)out->at[i];
        if (c < ' ' || c == 0x7f)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str visible CLEAN_STR = {0}, quoted CLEAN_STR = {0};
    quote_visible(&visible, (const char *)data, size);
    check_harmless(&visible);

    char *argument CLEAN_FREE = strndup((const char *)data, size);
    quote_shell(&quoted, argument);
    check_harmless(&quoted);
    return 0;
}
