/* conflict.h - how often the engine of conflict.c says CONFLICT. */
#ifndef TESTS_ENGINE_CONFLICT_H
#define TESTS_ENGINE_CONFLICT_H

/* For each append and creation before it lets one through; 1 unless a test
 * says otherwise.  Where the plain engine is linked it is not there. */
extern unsigned conflict_times __attribute__((weak));

#endif
