/* Runs a target over files, without libFuzzer: with any compiler.  Each
 * argument is a file or a folder of files. */
#include <dirent.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1 << 20)

static unsigned inputs;

static void
run_file(const char *path)
{
	uint8_t *data = malloc(INPUT_MAX);
	FILE *file = fopen(path, "rb");
	size_t n;

	if (file == NULL || data == NULL) {
		(void)fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	n = fread(data, 1, INPUT_MAX, file);
	(void)fclose(file);
	/* The exact size, so that a sanitizer sees one byte more. */
	data = realloc(data, n > 0 ? n : 1);
	if (data == NULL)
		abort();
	(void)fprintf(stderr, "input %s\n", path);
	(void)LLVMFuzzerTestOneInput(data, n);
	free(data);
	inputs++;
}

static int
visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void
run_folder(const char *path)
{
	struct dirent **list;
	char name[4096];
	int n, i;

	n = scandir(path, &list, visible, alphasort);
	for (i = 0; i < n; i++) {
		(void)snprintf(
		    name, sizeof name, "%s/%s", path, list[i]->d_name);
		run_file(name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

int
main(int argc, char **argv)
{
	struct stat st;
	int i;

	for (i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			run_folder(argv[i]);
		else
			run_file(argv[i]);
	}
	(void)printf("%u inputs\n", inputs);
	return inputs > 0 ? 0 : 1;
}
