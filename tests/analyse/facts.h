/* facts.h - what analysers, which look at one file at a time, cannot see.
 * Read before each file of the product by tests/analyse/analyse.py, and by
 * no build.
 *
 * These three return the code that they are given, which is a fault: without
 * that every "return h5_err_set(...)" is followed as if it had gone well,
 * into results that were not set. */
#ifndef H5_FACTS_H
#define H5_FACTS_H

#include "common/base/err.h"

#define h5_err_set(e, code, ...)                                               \
	((void)(h5_err_set)(e, code, __VA_ARGS__), code)
#define h5_err_sys(e, code, sys, ...)                                          \
	((void)(h5_err_sys)(e, code, sys, __VA_ARGS__), code)
#define h5_err_nomem(e) ((void)(h5_err_nomem)(e), H5_E_NOMEM)

#endif
