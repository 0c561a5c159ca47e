/* within: a program that is asked only about calls from one range of text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/bpf.h"
#include "bpf/insn.h"

int bpf_within(struct program *program, const struct arch *arch, const struct range *text,
               uint32_t elsewhere)
{
    uint32_t first = (uint32_t)text->lo, last = (uint32_t)text->hi,
             block = (uint32_t)(text->hi >> 32);
    if (text->lo > text->hi || text->lo >> 32 != block)
        return -EINVAL;
    const struct insn front[] = {
        {INSN_LOAD, 0, 0, data_ip(arch, true)},
        {INSN_JEQ, 0, 3, block},
        {INSN_LOAD, 0, 0, data_ip(arch, false)},
        {INSN_JGE, 0, 1, first},
        {INSN_JGT, 0, 1, last},
        {INSN_RET, 0, 0, elsewhere},
    };
    size_t count = program->count + ARRAY_COUNT(front);
    struct insn *at = count <= INSN_MAX ? calloc(count, sizeof *at) : NULL;
    if (!at)
        return count <= INSN_MAX ? -ENOMEM : -E2BIG;
    memcpy(at, front, sizeof front);
    memcpy(at + ARRAY_COUNT(front), program->at, program->count * sizeof *at);
    free(program->at);
    *program = (struct program){at, count, count};
    return 0;
}
