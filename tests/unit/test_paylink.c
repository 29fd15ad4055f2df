#include "tests/unit/help.h"
#include "tests/fields_set.h"

#include <jansson.h>

#include "common/format/escape.h"
#include "common/format/form.h"
#include "tests/form_read.h"
#include "common/shop/link.h"

static struct h5_crypto_key *
key_of(const char *text)
{
	struct h5_crypto_key *k = NULL;

	assert_int_equal(
	    h5_crypto_key_new(text, strlen(text), &k, NULL), H5_OK);
	assert_non_null(k);
	return k;
}

static void
add(struct h5_fields *f, const char *name, const char *value)
{
	assert_int_equal(h5_fields_add(f, name, value, NULL), H5_OK);
}

static const char *
member(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (text == NULL)
		fail_msg("no member %s", name);
	return text;
}

struct vector {
	json_t *json;
	struct h5_crypto_key *k;
	struct h5_fields f;
};

static int
set_up(void **state)
{
	struct vector *v = calloc(1, sizeof *v);
	const char *name;
	json_t *value;

	assert_non_null(v);
	v->json = json_load_file("tests/fixtures/paylink.json", 0, NULL);
	assert_non_null(v->json);
	v->k = key_of(member(v->json, "link_key"));
	h5_fields_init(&v->f, 20, 2000);
	json_object_foreach(json_object_get(v->json, "params"), name, value)
	{
		add(&v->f, name, json_string_value(value));
	}
	*state = v;
	return 0;
}

static int
tear_down(void **state)
{
	struct vector *v = *state;

	h5_fields_release(&v->f);
	h5_crypto_key_free(v->k);
	json_decref(v->json);
	free(v);
	return 0;
}

static void
test_paylink__signs_the_published_vector(void **state)
{
	struct vector *v = *state;
	const char *text = member(v->json, "canonical");
	unsigned char mac[32];
	char hex[H5_LINK_SIG], byte[3];
	size_t i;

	assert_int_equal(h5_link_sign(v->k, &v->f, hex, NULL), H5_OK);
	assert_string_equal(hex, member(v->json, "sig"));
	/* And that is the MAC of the canonical text the vector shows. */
	assert_int_equal(
	    h5_crypto_mac(v->k, text, strlen(text), mac, NULL), H5_OK);
	for (i = 0; i < sizeof mac; i++) {
		(void)snprintf(byte, sizeof byte, "%02x", mac[i]);
		assert_memory_equal(hex + 2 * i, byte, 2);
	}
}

static void
test_paylink__the_published_link_is_read_back(void **state)
{
	struct vector *v = *state;
	const char *link = member(v->json, "link");
	const char *query = strchr(link, '?') + 1;
	struct h5_fields f;
	struct h5_buf b;
	size_t i;

	h5_fields_init(&f, 20, 2000);
	assert_int_equal(form_read(query, strlen(query), &f, NULL), H5_OK);
	assert_int_equal(f.n, v->f.n + 1);
	for (i = 0; i < v->f.n; i++)
		assert_true(h5_fields_is(&f, v->f.v[i].name, v->f.v[i].value));
	assert_int_equal(h5_link_check(v->k, &f, NULL), H5_OK);
	/* h5_escape_url writes the same link. */
	h5_buf_init(&b, 2000);
	h5_buf_puts(&b, member(v->json, "checkout"));
	for (i = 0; i < f.n; i++) {
		h5_buf_printf(&b, "%c%s=", i == 0 ? '?' : '&', f.v[i].name);
		h5_escape_url(&b, f.v[i].value);
	}
	assert_string_equal(b.data, link);
	h5_buf_release(&b);
	h5_fields_release(&f);
}

static void
test_paylink__sig_and_lang_are_not_signed(void **state)
{
	struct vector *v = *state;

	add(&v->f, "sig", member(v->json, "sig"));
	assert_int_equal(h5_link_check(v->k, &v->f, NULL), H5_OK);
	add(&v->f, "lang", "en");
	assert_int_equal(h5_link_check(v->k, &v->f, NULL), H5_OK);
	/* B1: nor is what others add to a link, whatever it holds. */
	add(&v->f, "from", "singlemessage");
	add(&v->f, "Order", "other");
	add(&v->f, "utm_content", "a\nb");
	assert_int_equal(h5_link_check(v->k, &v->f, NULL), H5_OK);
	/* A term is, even when it is empty. */
	h5_fields_drop(&v->f, "attach");
	assert_int_equal(h5_link_check(v->k, &v->f, NULL), H5_E_AUTH);
	add(&v->f, "attach", "");
	assert_int_equal(h5_link_check(v->k, &v->f, NULL), H5_E_AUTH);
}

static void
test_paylink__wrong_sigs_are_refused(void **state)
{
	static const char *const sigs[] = {"", "0", "e40c02ac",
	    "E40C02AC112A63604B40E9D83853C60554838B1FEB1108ED1ACD2E6416369FE0",
	    "e40c02ac112a63604b40e9d83853c60554838b1feb1108ed1acd2e6416369fe1",
	    "e40c02ac112a63604b40e9d83853c60554838b1feb1108ed1acd2e6416369fe0 ",
	    "e40c02ac112a63604b40e9d83853c60554838b1feb1108ed1acd2e6416369fe",
	    "00e40c02ac112a63604b40e9d83853c60554838b1feb1108ed1acd2e641636"};
	struct vector *v = *state;
	struct h5_err e;
	size_t i;

	assert_int_equal(h5_link_check(v->k, &v->f, &e), H5_E_AUTH);
	for (i = 0; i < COUNT(sigs); i++) {
		assert_int_equal(
		    fields_set(&v->f, "sig", sigs[i], NULL), H5_OK);
		ROW(sigs[i], h5_link_check(v->k, &v->f, &e) == H5_E_AUTH);
		ROW(sigs[i], strstr(e.msg, "e40c02ac") == NULL);
	}
}

static void
test_paylink__every_change_is_seen(void **state)
{
	static const char *const changes[][2] = {{"total_fee", "1"},
	    {"total_fee", "128000"}, {"order", "shop-20261123-0008"},
	    {"body", "x"}, {"attach", ""}, {"expires", "1895449600"}};
	struct vector *v = *state;
	char *kept;
	size_t i;

	add(&v->f, "sig", member(v->json, "sig"));
	for (i = 0; i < COUNT(changes); i++) {
		kept = strdup(h5_fields_get(&v->f, changes[i][0]));
		assert_non_null(kept);
		assert_int_equal(
		    fields_set(&v->f, changes[i][0], changes[i][1], NULL),
		    H5_OK);
		ROW(changes[i][0],
		    h5_link_check(v->k, &v->f, NULL) == H5_E_AUTH);
		assert_int_equal(
		    fields_set(&v->f, changes[i][0], kept, NULL), H5_OK);
		free(kept);
	}
	assert_int_equal(h5_link_check(v->k, &v->f, NULL), H5_OK);
	h5_fields_drop(&v->f, "expires");
	assert_int_equal(h5_link_check(v->k, &v->f, NULL), H5_E_AUTH);
}

static void
test_paylink__control_bytes_are_refused(void **state)
{
	static const char *const values[] = {
	    "a\nb=c", "a\rb", "a\tb", "\x01", "\x1f", "\x7f"};
	struct vector *v = *state;
	char hex[H5_LINK_SIG];
	size_t i;

	for (i = 0; i < COUNT(values); i++) {
		assert_int_equal(
		    fields_set(&v->f, "attach", values[i], NULL), H5_OK);
		ROW("value",
		    h5_link_sign(v->k, &v->f, hex, NULL) == H5_E_INPUT);
		ROW("value", hex[0] == '\0');
		ROW("value", h5_link_check(v->k, &v->f, NULL) == H5_E_INPUT);
	}
	assert_int_equal(fields_set(&v->f, "attach", "x", NULL), H5_OK);
	add(&v->f, "sig", "\n");
	assert_int_equal(h5_link_check(v->k, &v->f, NULL), H5_E_AUTH);
}

static void
test_paylink__nothing_can_be_signed(void **state)
{
	struct vector *v = *state;
	char hex[H5_LINK_SIG];
	struct h5_fields f;

	h5_fields_init(&f, 10, 100);
	assert_int_equal(h5_link_sign(v->k, &f, hex, NULL), H5_OK);
	assert_int_equal(strlen(hex), 64);
	h5_fields_release(&f);
}

static void
test_paylink__tokens(void **state)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct h5_crypto_key *k = key_of("0123456789abcdef0123456789abcdef");
	struct h5_crypto_key *other =
	    key_of("0123456789abcdef0123456789abcdeg");
	char t[H5_LINK_TOKEN], u[H5_LINK_TOKEN];

	(void)state;
	/* printf 'order\nshop-1' | openssl dgst -sha256 -hmac KEY -binary |
	 * basenc --base64url, less the pad */
	assert_int_equal(h5_link_token(k, "order", "shop-1", t, NULL), H5_OK);
	assert_string_equal(t, "KgkTf-ld9_JO6orkAu4ncTMn_hS1dHCLviKQU5BdSO4");
	assert_int_equal(strlen(t), 43);
	assert_int_equal(strspn(t, alphabet), 43);
	/* Another purpose, text or key: another token. */
	assert_int_equal(h5_link_token(k, "form", "shop-1", u, NULL), H5_OK);
	assert_string_not_equal(t, u);
	assert_int_equal(h5_link_token(k, "order", "shop-2", u, NULL), H5_OK);
	assert_string_not_equal(t, u);
	assert_int_equal(
	    h5_link_token(other, "order", "shop-1", u, NULL), H5_OK);
	assert_string_not_equal(t, u);
	assert_int_equal(h5_link_token(k, "", "", u, NULL), H5_OK);
	assert_int_equal(strlen(u), 43);
	h5_crypto_key_free(k);
	h5_crypto_key_free(other);
}

/* All 64 digits occur, so that both replacements of base64 are reached. */
static void
test_paylink__tokens_are_base64url(void **state)
{
	struct h5_crypto_key *k = key_of("0123456789abcdef0123456789abcdef");
	char t[H5_LINK_TOKEN], text[16];
	int i, dashes = 0, lines = 0;

	(void)state;
	for (i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof text, "%d", i);
		assert_int_equal(
		    h5_link_token(k, "order", text, t, NULL), H5_OK);
		assert_null(strpbrk(t, "+/="));
		dashes += strchr(t, '-') != NULL;
		lines += strchr(t, '_') != NULL;
	}
	assert_true(dashes > 50 && lines > 50);
	h5_crypto_key_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_paylink__signs_the_published_vector, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_paylink__the_published_link_is_read_back, set_up,
		tear_down),
	    cmocka_unit_test_setup_teardown(
		test_paylink__sig_and_lang_are_not_signed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_paylink__wrong_sigs_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_paylink__every_change_is_seen, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_paylink__control_bytes_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_paylink__nothing_can_be_signed, set_up, tear_down),
	    cmocka_unit_test(test_paylink__tokens),
	    cmocka_unit_test(test_paylink__tokens_are_base64url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
