/* order_json.h - an order as JSON, for whoever is told of it.  Each function
 * appends one object to out.  All of them:
 * H5_E_INPUT: out has no room for it.
 * H5_E_NOMEM: no memory. */
#ifndef H5_ORDER_ORDER_JSON_H
#define H5_ORDER_ORDER_JSON_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/order/order.h"

/* h5_order_json(o, out, e): all of the order, as show --json prints it
 * (INTERFACE 6). */
H5_MUST_CHECK enum h5_code h5_order_json(
    const struct h5_order *o, struct h5_buf *out, struct h5_err *e);

/* h5_order_outgoing_json(o, g, out, e): what a hook gets of the event g of o,
 * {"id","type","at","order":{...}}; with "test":true before the order if it is
 * made up. */
H5_MUST_CHECK enum h5_code h5_order_outgoing_json(const struct h5_order *o,
    const struct h5_outgoing *g, struct h5_buf *out, struct h5_err *e);

/* h5_order_status_json(o, out, e): what POST query answers to Accept:
 * application/json. */
H5_MUST_CHECK enum h5_code h5_order_status_json(
    const struct h5_order *o, struct h5_buf *out, struct h5_err *e);

#endif
