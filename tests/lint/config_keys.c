/* config_keys keys: every key of the parser's table, tab-separated: its name,
 *     required or optional, its limits (of numbers), its default.
 * config_keys load FILE, config_keys catalogue FILE: is it good? */
#include <stdio.h>
#include <string.h>

#include "common/shop/catalogue.h"
#include "common/config/config.h"
#include "common/config/keys.h"
#include "common/config/value.h"

static int
print_keys(void)
{
	const struct h5_config_key *k = h5_keys;
	size_t i;

	for (i = 0; i < h5_keys_n; i++) {
		(void)printf("%s.%s\t%s\t", k[i].section, k[i].name,
		    k[i].required ? "required" : "optional");
		if (k[i].type == &h5_config_value_number)
			(void)printf("%llu to %llu",
			    (unsigned long long)k[i].min,
			    (unsigned long long)k[i].max);
		(void)printf(
		    "\t%s\n", k[i].fallback == NULL ? "" : k[i].fallback);
	}
	return 0;
}

static int
load(const char *path, bool is_catalogue)
{
	struct h5_catalogue *catalogue = NULL;
	struct h5_config *config = NULL;
	struct h5_buf faults;
	struct h5_err e;
	enum h5_code rc;

	h5_buf_init(&faults, 1 << 16);
	rc = is_catalogue ? h5_catalogue_load(path, &faults, &catalogue, &e)
			  : h5_config_load(path, &faults, &config, &e);
	if (rc != H5_OK)
		(void)fprintf(stderr, "%s\n%s", e.msg, faults.data);
	h5_catalogue_free(catalogue);
	h5_config_free(config);
	h5_buf_release(&faults);
	return rc == H5_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "keys") == 0)
		return print_keys();
	if (argc == 3 && strcmp(argv[1], "load") == 0)
		return load(argv[2], false);
	if (argc == 3 && strcmp(argv[1], "catalogue") == 0)
		return load(argv[2], true);
	return 64;
}
