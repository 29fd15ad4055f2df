/* problem.h - a refusal in the words that programs read (RFC 9457). */
#ifndef H5_WEB_PROBLEM_H
#define H5_WEB_PROBLEM_H

#include <stdbool.h>

#include "common/web/pages.h"

/* h5_problem_wanted(r, status): should an answer of this status be a problem?
 * It should if it refuses and Accept names JSON. */
bool h5_problem_wanted(const struct h5_request *r, int status);

/* h5_problem_fill(x, page, status, lang, v): make x's response an
 * application/problem+json.  Its type is urn:h5pay: and page's name; title and
 * detail are what page would say in lang with the values v; request is the
 * request's id.  It does not fail: words that cannot be made are left out. */
void h5_problem_fill(const struct h5_page_ctx *x, const char *page, int status,
    const char *lang, const struct h5_data *v);

#endif
