/* run: the parts that run.c puts together. */
#ifndef VOW_BOX_BROKER_RUN_H
#define VOW_BOX_BROKER_RUN_H

/* broker_run: serves until the first process has ended (call.c). */
void broker_run(void);

#endif
