/* length.h - how many elements an array has. */
#ifndef H5_BASE_LENGTH_H
#define H5_BASE_LENGTH_H

/* H5_LENGTH(a): of an array, never of a pointer (which the compiler tells). */
#define H5_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#endif
