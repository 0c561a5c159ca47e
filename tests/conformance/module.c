/* What fresh.c's dlopen loads. */
int answer(void);

__attribute__((visibility("default"))) int answer(void)
{
    return 42;
}
