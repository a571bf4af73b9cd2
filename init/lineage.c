#include "init/lineage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

/* "PID (NAME) STATE PARENT ...": the name may hold anything, also parentheses. */
pid_t lineage_parse(const char *bytes, size_t size)
{
	static const size_t skip = sizeof(") S ") - 1;
	const char *end = bytes + size, *name_end = memrchr(bytes, ')', size);
	const char *number, *space;
	uint64_t parent;

	if (name_end == NULL || (size_t)(end - name_end) <= skip)
		return -EINVAL;
	number = name_end + skip;
	space = memchr(number, ' ', (size_t)(end - number));
	if (space == NULL ||
		text_to_uint(number, (size_t)(space - number), INT32_MAX, &parent) != 0)
		return -EINVAL;
	return (pid_t)parent;
}

pid_t lineage_parent(pid_t pid)
{
	char path_bytes[48], bytes[512];
	struct text path = TEXT_OVER(path_bytes);
	FD_SCOPED fd = -1;
	ssize_t n;

	text_printf(&path, "/proc/%d/stat", (int)pid);
	fd = open(path_bytes, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, bytes, sizeof(bytes));
	return n < 0 ? -errno : lineage_parse(bytes, (size_t)n);
}
