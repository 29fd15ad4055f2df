/* since.h - since which format of the store each thing in a record exists.
 * A store carries the number of its format.  It is raised just before the
 * first write of something that programs of the present format cannot read,
 * so that they refuse the store as a whole, and not one order after another.
 * The one table of this stands in since.c. */
#ifndef H5_ORDER_SINCE_H
#define H5_ORDER_SINCE_H

#include "common/order/event.h"

/* h5_since_event(ev): the oldest format whose programs understand ev: its kind,
 * the names of its fields, and those values that come from a closed list.  It
 * is 0 if the table lacks one of these; such an event must not be written. */
unsigned h5_since_event(const struct h5_event *ev);

/* The format since which a store may have archives.  A program that does not
 * look into them would take an archived order's id for a free one. */
#define H5_SINCE_ARCHIVE 2

/* h5_since_newest(): the newest format in the table, which is what this program
 * can read. */
unsigned h5_since_newest(void);

#endif
