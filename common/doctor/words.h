/* words.h - what the files of the doctor share. */
#ifndef H5_DOCTOR_WORDS_H
#define H5_DOCTOR_WORDS_H

#include "common/doctor/doctor.h"

/* h5_doctor_say_mend(d, result, check, what, mend, name, value, ..., NULL): the
 * same as h5_doctor_say, with the words of another entry for the remedy. */
void h5_doctor_say_mend(struct h5_doctor *d, enum h5_doctor_result result,
    const char *check, const char *what, const char *mend, ...)
    __attribute__((sentinel));

/* h5_doctor_left(d, most_ms): how long the next request may take; 0: the time
 * is used up. */
int h5_doctor_left(const struct h5_doctor *d, int most_ms);

/* wechat.c: is WeChat reached, and does it know us? */
void h5_doctor_wechat(struct h5_doctor *d);

/* site.c: our own pages, as the world sees them. */
void h5_doctor_site(struct h5_doctor *d);

#endif
