/* words.h - what the files of the doctor share. */
#ifndef H5_DOCTOR_WORDS_H
#define H5_DOCTOR_WORDS_H

#include "common/doctor/doctor.h"
#include "common/format/template.h"

/* h5_doctor_say_mend(d, result, check, what, mend, name, value, ..., NULL): the
 * same as h5_doctor_say, with the words of another entry for the remedy. */
void h5_doctor_say_mend(struct h5_doctor *d, enum h5_doctor_result result,
    const char *check, const char *what, const char *mend, ...)
    __attribute__((sentinel));

/* h5_doctor_line(at, word, dot_word, n): what stands behind word and dot_word
 * in the entry's lines from at, *n bytes of it; NULL: there is no such line. */
const char *h5_doctor_line(
    const char *at, const char *word, const char *dot_word, size_t *n);

/* h5_doctor_language(d): "en" or "zh", as the lines of an entry have it. */
const char *h5_doctor_language(const struct h5_doctor *d);

/* h5_doctor_fill(d, text, n, v, out): append text with the values of v in it,
 * without the folders that the reader is not told. */
void h5_doctor_fill(const struct h5_doctor *d, const char *text, size_t n,
    const struct h5_data *v, struct h5_buf *out);

/* h5_doctor_explain(d, said, found, remedy): append what said, an English
 * message of a loader, the store or the network, means in the words of
 * templates/doctor/faults.txt, and what there is to do about it, if that is
 * known.  false: no words are known for it; nothing is appended. */
H5_MUST_CHECK bool h5_doctor_explain(const struct h5_doctor *d,
    const char *said, struct h5_buf *found, struct h5_buf *remedy);

/* h5_doctor_left(d, most_ms): how long the next request may take; 0: the time
 * is used up. */
int h5_doctor_left(const struct h5_doctor *d, int most_ms);

/* places.c: what to enter at WeChat. */
void h5_doctor_places(struct h5_doctor *d);

/* wechat.c: is WeChat reached, and does it know us? */
void h5_doctor_wechat(struct h5_doctor *d);

/* site_certificate.c: if base_url is https, would a browser take its
 * certificate, and until when?  h is borrowed for its bundle. */
struct h5_https;
void h5_doctor_site_certificate(struct h5_doctor *d, const struct h5_https *h);

/* api.c: what APIv3 is set up with, proved by WeChat's echo. */
void h5_doctor_api(struct h5_doctor *d);

/* site.c: our own pages, as the world sees them. */
void h5_doctor_site(struct h5_doctor *d);

#endif
