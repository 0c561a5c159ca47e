/* decode: a picture from a stranger, PNG on standard input, to pixels (PPM) on
 * standard output.
 *
 * libpng is C, reads what anybody can send, and once the file is open needs
 * nothing but memory and two descriptors. Whoever takes it over can write a
 * different picture. */
#include "hole.h"

#include <err.h>
#include <png.h>
#include <stdlib.h>
#include <unistd.h>
#include <vow.h>

static void fail(png_structp png, png_const_charp why)
{
    (void)png;
    errx(1, "%s", why);
}

/* Comments, the hole of this program. */
static void read_texts(png_structp png, png_infop info)
{
    png_textp texts;
    int count = 0;
    png_get_text(png, info, &texts, &count);
    for (int i = 0; i < count; i++)
        HOLE(texts[i].text);
}

static void write_pixels(png_structp png, png_infop info)
{
    png_uint_32 width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    png_bytepp rows = png_get_rows(png, info);
    printf("P6\n%u %u\n255\n", width, height);
    for (png_uint_32 y = 0; y < height; y++)
        fwrite(rows[y], 3, width, stdout);
}

int main(void)
{
    if (vow_limit_fd(STDIN_FILENO, "r") != 0 || vow_limit_fd(STDOUT_FILENO, "w") != 0)
        err(1, "vow_limit_fd");
    if (pledge("stdio", NULL) != 0)
        err(1, "pledge");

    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info)
        errx(1, "out of memory");
    png_init_io(png, stdin);
    png_read_png(png, info,
                 PNG_TRANSFORM_STRIP_16 | PNG_TRANSFORM_STRIP_ALPHA | PNG_TRANSFORM_EXPAND |
                     PNG_TRANSFORM_GRAY_TO_RGB,
                 NULL);
    read_texts(png, info);
    write_pixels(png, info);
    if (fflush(stdout) != 0)
        err(1, "standard output");
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
}
