#include "arch/tables.h"

const char *grant_words(const struct arch *arch, const struct grant *grant)
{
    return table_word_texts + table_words[arch->id][grant->clause];
}
