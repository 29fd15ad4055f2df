/* problem.h - a refusal in the words of programs (RFC 9457). */
#ifndef H5_WEB_PROBLEM_H
#define H5_WEB_PROBLEM_H

#include <stdbool.h>

#include "common/web/pages.h"

/* h5_problem_wanted(r, status): is an answer of this status to be a problem:
 * does it refuse, and does Accept name JSON? */
bool h5_problem_wanted(const struct h5_request *r, int status);
/* h5_problem_fill(x, page, status, lang, v): x's response becomes
 * application/problem+json: type is urn:h5pay: and page's name, title and
 * detail are what page would say in lang with the values v, request is the
 * request's id.  It does not fail: where words cannot be had there are none. */
void h5_problem_fill(const struct h5_page_ctx *x, const char *page, int status,
    const char *lang, const struct h5_data *v);

#endif
