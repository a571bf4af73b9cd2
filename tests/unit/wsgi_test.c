#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "service/apps/wsgi/locate.h"
#include "service/apps/wsgi/python.h"
#include "service/apps/wsgi/script.h"
#include "service/apps/wsgi/wsgi.h"

static void a_name_of_a_module_is_no_path(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} rows[] = {
		{"app:app", true},
		{"package.module:factory()", true},
		{"project.wsgi", true},
		{"app:", false},
		{"app", false},
		{"./app:app", false},
		{"hello.so", false},
		{"3d:app", false},
		{".app:app", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(wsgi_is_name(rows[i].name), rows[i].is);
}

static bool defines(const char *script, const char *name)
{
	char definition[3][80];
	bool found = false;

	(void)snprintf(definition[0], sizeof(definition[0]), "\ndef %s(", name);
	(void)snprintf(definition[1], sizeof(definition[1]), "\nclass %s:", name);
	(void)snprintf(definition[2], sizeof(definition[2]), "\n%s = ", name);
	for (size_t n = 0; n < COUNT_OF(definition); n++)
		found = found || strstr(script, definition[n]) != NULL;
	return found;
}

static void what_the_worker_wants_of_the_scripts_is_there(void **state)
{
	(void)state;
#define SCRIPT(name) assert_true(defines(script_text, #name));
#include "service/apps/wsgi/script.def"
#undef SCRIPT
#define SCRIPT(name) assert_true(defines(script_hooks, #name));
#include "service/apps/wsgi/hooks.def"
#undef SCRIPT
}

static void no_key_of_the_environment_comes_from_a_client(void **state)
{
	static const char *const keys[] = {
#define BASE(key, ...) key,
#define KEY(member, key) key,
#define RARE(member, key) key,
#include "service/apps/wsgi/environ.def"
#undef RARE
#undef KEY
#undef BASE
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		assert_true(strncmp(keys[i], "HTTP_", 5) != 0);
}

static void grants_and_fields_are_given_once(void **state)
{
	static const char *const given[] = {
#define GRANT(name, what, path) path,
#include "service/apps/wsgi/paths.def"
#undef GRANT
#define FIELD(name, handling) name,
#include "service/apps/wsgi/server_fields.def"
#undef FIELD
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(given); i++) {
		for (size_t n = i + 1; n < COUNT_OF(given); n++)
			assert_string_not_equal(given[i], given[n]);
	}
}

/* A tree of files below a directory of the test's own. */
struct tree {
	char root[64];
	char path[256];
};

static int make_tree(void **state)
{
	static struct tree tree;

	(void)snprintf(tree.root, sizeof(tree.root), "/tmp/wsgi_test.XXXXXX");
	*state = &tree;
	return mkdtemp(tree.root) != NULL ? 0 : -1;
}

static int remove_tree(void **state)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", ((struct tree *)*state)->root);
	return system(command);
}

static const char *below(struct tree *tree, const char *name)
{
	(void)snprintf(tree->path, sizeof(tree->path), "%s/%s", tree->root, name);
	return tree->path;
}

static void put_directory(struct tree *tree, const char *name)
{
	assert_int_equal(mkdir(below(tree, name), 0755), 0);
}

static void put_file(struct tree *tree, const char *name, const char *text)
{
	FILE *file = fopen(below(tree, name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(tree->path, 0755), 0);
}

static void put_python(struct tree *tree, const char *minor)
{
	char name[64];

	put_directory(tree, "usr");
	put_directory(tree, "usr/bin");
	put_directory(tree, "usr/lib");
	(void)snprintf(name, sizeof(name), "usr/bin/python3.%s", minor);
	put_file(tree, name, "");
	(void)snprintf(name, sizeof(name), "python3.%s", minor);
	assert_int_equal(symlink(name, below(tree, "usr/bin/python3")), 0);
	(void)snprintf(name, sizeof(name), "usr/lib/libpython3.%s.so.1.0", minor);
	put_file(tree, name, "");
}

static void the_library_of_the_program_is_found(void **state)
{
	struct tree *tree = *state;
	struct located located;
	char bytes[2048], directory[512];
	struct text why = TEXT_OVER(bytes);

	put_python(tree, "12");
	assert_int_equal(locate(&located, NULL, NULL, below(tree, "usr/bin"), &why), 0);
	assert_string_equal(located.program, below(tree, "usr/bin/python3"));
	assert_string_equal(located.library, below(tree, "usr/lib/libpython3.12.so.1.0"));
	(void)snprintf(directory, sizeof(directory), "/nowhere:%s", below(tree, "usr/bin"));
	assert_int_equal(locate(&located, NULL, NULL, directory, &why), 0);
	assert_int_equal(locate(&located, below(tree, "usr"), NULL, "/nowhere", &why), 0);
	assert_string_equal(bytes, "");
}

static void a_virtual_environment_leads_to_its_python(void **state)
{
	struct tree *tree = *state;
	struct located located;
	char bytes[2048], text[512];
	struct text why = TEXT_OVER(bytes);

	put_python(tree, "9");
	put_directory(tree, "venv");
	put_directory(tree, "venv/bin");
	put_file(tree, "venv/bin/python3", ""); /* a copy: its name tells no version */
	(void)snprintf(text, sizeof(text), "home = %s\nversion = 3.9.2\n", below(tree, "usr/bin"));
	put_file(tree, "venv/pyvenv.cfg", text);
	assert_int_equal(locate(&located, NULL, below(tree, "venv"), "/nowhere", &why), 0);
	assert_string_equal(located.program, below(tree, "venv/bin/python3"));
	assert_string_equal(located.library, below(tree, "usr/lib/libpython3.9.so.1.0"));
}

static void what_is_wrong_with_a_python_is_said(void **state)
{
	struct tree *tree = *state;
	struct located located;
	char bytes[2048];
	struct text why = TEXT_OVER(bytes);

	put_python(tree, "15");
	assert_int_equal(locate(&located, NULL, NULL, below(tree, "usr/bin"), &why), -ENOENT);
	assert_non_null(strstr(bytes, "is 3.15; allowed are 3.8 to 3.14"));
	why = TEXT_OVER(bytes);
	put_file(tree, "usr/bin/python3.12", "");
	assert_int_equal(locate(&located, below(tree, "usr/bin/python3.12"), NULL, NULL, &why),
		-ENOENT);
	assert_non_null(strstr(bytes, "no shared library libpython3.12.so.1.0"));
	why = TEXT_OVER(bytes);
	put_file(tree, "usr/bin/python3.13t", "");
	put_file(tree, "usr/lib/libpython3.13.so.1.0", "");
	assert_int_equal(locate(&located, below(tree, "usr/bin/python3.13t"), NULL, NULL, &why),
		-EINVAL);
	assert_non_null(strstr(bytes, "is free-threaded; allowed are builds with the"));
	why = TEXT_OVER(bytes);
	assert_int_equal(locate(&located, NULL, NULL, NULL, &why), -ENOENT);
	assert_non_null(strstr(bytes, "no python3 in PATH (not set)"));
	why = TEXT_OVER(bytes);
	assert_int_equal(locate(&located, "/nowhere/python3", NULL, NULL, &why), -ENOENT);
	assert_non_null(strstr(bytes, "python \"/nowhere/python3\": allowed are"));
}

/* On a machine with a Python, every name of the table is in its library. */
static void the_table_is_what_the_library_has(void **state)
{
	static const char *const names[] = {
#define PYTHON(type, name, arguments) #name,
#define PYTHON_OBJECT(name) #name,
#include "service/apps/wsgi/python.def"
#undef PYTHON_OBJECT
#undef PYTHON
	};
	struct located located;
	struct python python;
	char bytes[2048];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_true(COUNT_OF(names) > 40);
	if (locate(&located, "/usr/bin/python3", NULL, NULL, &why) != 0)
		skip();
	assert_int_equal(python_open(&python, located.library, &why), 0);
	assert_string_equal(bytes, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_of_a_module_is_no_path),
		cmocka_unit_test(what_the_worker_wants_of_the_scripts_is_there),
		cmocka_unit_test(no_key_of_the_environment_comes_from_a_client),
		cmocka_unit_test(grants_and_fields_are_given_once),
		cmocka_unit_test_setup_teardown(the_library_of_the_program_is_found, make_tree,
			remove_tree),
		cmocka_unit_test_setup_teardown(a_virtual_environment_leads_to_its_python,
			make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(what_is_wrong_with_a_python_is_said, make_tree,
			remove_tree),
		cmocka_unit_test(the_table_is_what_the_library_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
