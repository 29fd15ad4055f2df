/* value.h - what a value may be, type by type.  Private to common/config. */
#ifndef H5_CONFIG_VALUE_H
#define H5_CONFIG_VALUE_H

#include "common/config/config.h"
#include "common/config/keys.h"

/* One value on its way into the configuration. */
struct h5_config_in {
	struct h5_config *c;
	const struct h5_config_key *key;
	const char *dir; /* the configuration's folder, absolute */
	bool secret; /* set by read: the value itself is a secret */
};

/* read: check value (which it may cut up) and store it at in->key->at.
 * H5_E_CONFIG: e says what the value must be, without repeating a secret, and
 * nothing is stored.
 * H5_E_NOMEM: no memory. */
struct h5_config_type {
	enum h5_code (*read)(
	    struct h5_config_in *in, char *value, struct h5_err *e);
	bool may_be_empty;
};

extern const struct h5_config_type h5_config_value_text, /* one line */
    h5_config_value_optional_text, /* may be empty */
    h5_config_value_appid, h5_config_value_digits, h5_config_value_suffix,
    h5_config_value_number, h5_config_value_lang, h5_config_value_sign_type,
    h5_config_value_api, h5_config_value_handoff,
    h5_config_value_products, /* fixed words */
    h5_config_value_public_key_id, h5_config_value_engine,
    h5_config_value_yes_no,
    h5_config_value_database, /* how to reach one, without a password */
    h5_config_value_password_file, /* as text */
    h5_config_value_base, /* https, or http to loopback; no slash at its end */
    h5_config_value_optional_base, /* may be empty */
    h5_config_value_prefix, /* the same, as it stands */
    h5_config_value_link, /* the same, may have a query string */
    h5_config_value_origins, h5_config_value_hosts,
    h5_config_value_ranges, /* lists */
    h5_config_value_path, /* need not exist */
    h5_config_value_log, /* a path, or syslog */
    h5_config_value_file, /* can be read */
    h5_config_value_key_file, /* and only by us: a secret */
    h5_config_value_program, /* can be executed */
    h5_config_value_secret, h5_config_value_secret_file,
    h5_config_value_webhook, h5_config_value_webhook_file,
    h5_config_value_previous, h5_config_value_previous_file,
    h5_config_value_file_previous; /* of a merchant key: with its age */

/* For the files that define types. */
#define H5_CONFIG_TYPE(name, function)                                         \
	const struct h5_config_type h5_config_value_##name = {function, false}
#define H5_CONFIG_TYPE_OR_EMPTY(name, function)                                \
	const struct h5_config_type h5_config_value_##name = {function, true}

/* h5_config_value_field(in): where the value goes. */
void *h5_config_value_field(const struct h5_config_in *in);

/* h5_config_value_fault(rc, e): change the code rc of a reader into
 * H5_E_CONFIG, since malformed input is for the operator to mend here. */
H5_MUST_CHECK enum h5_code h5_config_value_fault(
    enum h5_code rc, struct h5_err *e);

/* h5_config_value_dup(s, out, e): copy s; the old *out is freed first. */
H5_MUST_CHECK enum h5_code h5_config_value_dup(
    const char *s, char **out, struct h5_err *e);

/* h5_config_value_buf(b, out, e): the same for a buffer's text; releases b. */
H5_MUST_CHECK enum h5_code h5_config_value_buf(
    struct h5_buf *b, char **out, struct h5_err *e);

#endif
