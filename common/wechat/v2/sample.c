/* A notice as WeChat would send it: the doctor asks with it whether notify is
 * reached and has the right key. */
#include "common/wechat/v2/call.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/length.h"
#include "common/system/crypto.h"
#include "common/wechat/v2/converse.h"
#include "common/wechat/v2/sign.h"
#include "common/wechat/v2/xml.h"

enum h5_code
h5_v2_sample_notice(const struct h5_config *c, const char *number,
    struct h5_buf *out, struct h5_err *e)
{
	char transaction[33], time_end[H5_CLOCK_WIRE], nonce[33];
	char sign[H5_SIGN_HEX];
	struct h5_fields f;
	enum h5_code rc;
	size_t i;

	h5_fields_init(&f, 32, 8192);
	/* The smallest amount, an order that cannot be there: whatever notify
	 * does with it, nobody is paid. */
	h5_clock_wire(h5_clock_now(), time_end);
	rc = h5_crypto_nonce(nonce, e);
	if (rc != H5_OK)
		return rc;
	(void)snprintf(transaction, sizeof transaction, "doctor%.16s", nonce);
	const char *const pairs[][2] = {
	    {"appid", c->merchant.appid},
	    {"bank_type", "OTHERS"},
	    {"cash_fee", "1"},
	    {"fee_type", "CNY"},
	    {"is_subscribe", "N"},
	    {"mch_id", c->merchant.mch_id},
	    {"nonce_str", nonce},
	    {"out_trade_no", number},
	    {"result_code", "SUCCESS"},
	    {"return_code", "SUCCESS"},
	    {"time_end", time_end},
	    {"total_fee", "1"},
	    {"trade_type", "MWEB"},
	    {"transaction_id", transaction},
	};
	for (i = 0; rc == H5_OK && i < H5_LENGTH(pairs); i++)
		rc = h5_fields_add(&f, pairs[i][0], pairs[i][1], e);
	if (rc == H5_OK)
		rc = h5_v2_add_sub(c, &f, e);
	if (rc == H5_OK)
		rc = h5_sign_fields(
		    c->merchant.api_key, c->merchant.sign_type, &f, sign, e);
	if (rc == H5_OK)
		rc = h5_fields_add(&f, "sign", sign, e);
	if (rc == H5_OK)
		rc = h5_xml_write(&f, out, e);
	h5_fields_release(&f);
	return rc;
}
