/* length.h - how many elements an array has. */
#ifndef H5_BASE_LENGTH_H
#define H5_BASE_LENGTH_H

/* H5_LENGTH(a): the number of elements of the array a.  The compiler tells if a
 * is a pointer. */
#define H5_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#endif
