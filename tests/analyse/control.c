/* control.c - faults that each analyser must find, in no build: a tool that
 * runs and sees nothing proves nothing. */
#include <stdlib.h>

int h5_control_freed(void);
int h5_control_unset(int which);

int
h5_control_freed(void)
{
	int *p = malloc(sizeof *p), n;

	if (p == NULL)
		return 0;
	*p = 1;
	free(p);
	n = *p;
	return n;
}

int
h5_control_unset(int which)
{
	int n;

	if (which > 0)
		n = 1;
	return n;
}
