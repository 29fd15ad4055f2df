/* embed.h - the files of templates/, compiled in by templates/embed.sh. */
#ifndef H5_BASE_EMBED_H
#define H5_BASE_EMBED_H

#include <stddef.h>

struct h5_embed {
	const char *name; /* without its folder */
	const unsigned char *bytes; /* a NUL follows the last one */
	size_t length;
};

extern const struct h5_embed h5_embed_files[];
extern const size_t h5_embed_count;

/* What the operator's command alone needs (explain.txt). */
extern const struct h5_embed h5_embed_command_files[];
extern const size_t h5_embed_command_count;

/* What the doctor says (doctor/faults.txt, doctor/words.txt, in this order);
 * linked where there is one. */
extern const struct h5_embed h5_embed_doctor_files[];
extern const size_t h5_embed_doctor_count;

#endif
