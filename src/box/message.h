/* message: how what sendmsg and recvmsg point to lies in a thread's window: this
 * header, then room for a name, for control data and for bytes, at fixed places.
 *
 * A stream travels in pieces, a call each. A datagram that is larger than the
 * window is put together on the broker's side first (BOX_STAGE), or fetched from
 * there afterwards (BOX_UNSTAGE). */
#ifndef VOW_BOX_MESSAGE_H
#define VOW_BOX_MESSAGE_H

#include "box/channel.h"

struct box_message {
    uint32_t name_size;    /* there is, or room for; the broker says what it put there */
    uint32_t control_size; /* likewise */
    uint32_t data_size;    /* of what lies in the window, or fits there */
    uint32_t flags;        /* the broker's: MSG_x, MESSAGE_x */
    uint64_t total;        /* size of the whole message, or of all buffers for one */
};

enum {
    MESSAGE_NAME_ROOM = 128,
    MESSAGE_CONTROL_ROOM = 4096,
    MESSAGE_NAME = WINDOW_START + 64,
    MESSAGE_CONTROL = MESSAGE_NAME + MESSAGE_NAME_ROOM,
    MESSAGE_DATA = MESSAGE_CONTROL + MESSAGE_CONTROL_ROOM,
    MESSAGE_DATA_ROOM = WINDOW_SIZE - MESSAGE_DATA,
    MESSAGE_STAGE_MAX = 512 * 1024, /* of a datagram */
    /* Flags of an answer: bytes of a stream; the rest is to be fetched. */
    MESSAGE_STREAM = 1 << 29,
    MESSAGE_STAGED = 1 << 28,
    /* The errno by which the broker asks for a datagram to be put together first. */
    MESSAGE_TO_STAGE = 600,
};

#endif
