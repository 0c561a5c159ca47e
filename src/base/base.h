/* base: what every other folder may use; libc only, no policy.
 *
 * Conventions for the whole tree:
 * - inside, a function returns 0 or a value, or -errno; only the public API
 *   in include/vow.h turns that into -1/errno;
 * - a function that can fail for a reason a person must read also takes a
 *   `struct err *` (never NULL) and fills it before it returns;
 * - "size" is bytes, "count" is elements;
 * - ownership is by the cleanup attributes below plus take_*(); a file that
 *   uses them does not use goto-out.
 */
#ifndef VOW_BASE_H
#define VOW_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_USE __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))

/* A message for a person: one line, no newline, no program name. */
struct err {
    char text[512];
};

/* err_set: writes the message (cut to fit) and returns `code`, a negative
 * errno, so that `return err_set(err, -EINVAL, "…")` reads in one line. */
int err_set(struct err *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* A growing byte string. Zero-initialise. `at` is NUL-terminated whenever
 * size > 0; on allocation failure `failed` is set and later calls do nothing,
 * so that a caller checks once at the end. */
struct str {
    char *at;
    size_t size;
    size_t capacity;
    bool failed;
};
void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *bytes, size_t size);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *format, ...) PRINTF_LIKE(2, 3);
void str_addv(struct str *s, const char *format, va_list args);
void str_clear(struct str *s);
void str_free(struct str *s);
/* str_get: the text, never NULL ("" when empty). Valid until the next change. */
const char *str_get(const struct str *s);
/* str_take: hands the malloc'd text to the caller, NULL if failed. */
char *str_take(struct str *s);

/* quote_shell: appends one argument so that a POSIX shell reads it back as
 * the same bytes; control characters, invalid UTF-8 and bidirectional marks
 * come out visible as in $'\033'. quote_visible: the same bytes made harmless
 * for a terminal (vis(3) style), without quotes. quote_controls: a message in
 * which some words may be quoted already; it leaves "\" as it is. */
void quote_shell(struct str *out, const char *argument);
void quote_visible(struct str *out, const char *text, size_t size);
void quote_controls(struct str *out, const char *text);

/* word_nearest: the one of `count` known words that a mistyped word resembles
 * most, NULL if at least half of it would have to change. */
const char *word_nearest(const char *word, size_t size, const char *(*known)(size_t index),
                         size_t count);

/* What a path leads to. */
enum path_kind {
    PATH_UNKNOWN,
    PATH_ABSENT,
    PATH_FILE, /* anything but a directory */
    PATH_DIRECTORY,
};

/* array_grow: makes room for `count`+1 elements; returns -ENOMEM or 0. */
int array_grow(void **array, size_t *capacity, size_t count, size_t element_size) MUST_USE;

/* Memory that is given back in the order opposite to that in which it was taken.
 * Zero-initialise. arena_take: room for `count` elements, not cleared; NULL if
 * there is no memory. arena_release: gives back what was taken since the mark;
 * the mark of an empty arena, (struct arena_mark){0}, gives back all. */
struct arena {
    struct arena_chunk *top;
};
struct arena_mark {
    struct arena_chunk *top;
    size_t used;
};
void *arena_take(struct arena *a, size_t count, size_t size) MUST_USE;
struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark mark);

/* Cleanup attributes. */
#define CLEAN_FREE __attribute__((cleanup(clean_free)))
#define CLEAN_FD __attribute__((cleanup(clean_fd)))
#define CLEAN_STR __attribute__((cleanup(str_free)))
void clean_free(void *pointer_to_pointer);
void clean_fd(int *fd);
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
#define take_ptr(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) taken_ptr_ = (p);                                                            \
        (p) = NULL;                                                                                \
        taken_ptr_;                                                                                \
    })

#endif
