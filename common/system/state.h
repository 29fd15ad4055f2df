/* state.h - what h5pay keeps beside its orders: names in the state folder
 * (h5_config_state_dir).  That is the store's folder today, so an engine that
 * looks through its folder knows these names as well as its own. */
#ifndef H5_SYSTEM_STATE_H
#define H5_SYSTEM_STATE_H

#include <stdbool.h>

/* A folder: WeChat's bills as they came. */
#define H5_STATE_BILLS "bills"
/* A file that an operator puts there to open the doctor's page. */
#define H5_STATE_DOCTOR_ENABLE "doctor.enable"
/* A file: when the doctor's page last asked WeChat. */
#define H5_STATE_DOCTOR_LAST "doctor.last"
/* A file: what the doctor had WeChat send to notify, and whether it came. */
#define H5_STATE_DOCTOR_ECHO "doctor.echo"
/* A file: what buyers have started in the last minute. */
#define H5_STATE_LIMITS "limits"
/* A file: how this machine's clock stood when the last sweep began. */
#define H5_STATE_CLOCK "sweep.clock"
/* A file: when a sweep last looked for certificates that end. */
#define H5_STATE_CERTIFICATES "certificates"
/* A file: what it saw then of the site's. */
#define H5_STATE_CERTIFICATE_SITE "certificates.site"
/* Files: when WeChat last refused a product as not opened. */
#define H5_STATE_SHUT_H5 "shut.h5"
#define H5_STATE_SHUT_NATIVE "shut.native"
#define H5_STATE_SHUT_JSAPI "shut.jsapi"

/* A file: the last addresses to pay at, by their sums. */
#define H5_STATE_CODES "codes"

/* h5_state_name(name): is it one of these? */
bool h5_state_name(const char *name);

#endif
