#include "service/apps/validators.h"

#include <string.h>

#include "base/text.h"

/* In seconds; a tick is 10 ms at the most, but a file system's times may be as coarse as that. */
#define SETTLED_AFTER 2

void version_read(struct version *version, const struct stat *status)
{
	*version = (struct version){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = status->st_size,
		.modified = status->st_mtim,
		.changed = status->st_ctim,
	};
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool version_same(const struct version *a, const struct version *b)
{
	return a->inode == b->inode && a->device == b->device && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

static char *put_hex(char *at, uint64_t value)
{
	int shift = (63 - __builtin_clzll(value | 1)) & ~3;

	for (; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[value >> shift & 15];
	return at;
}

/*
 * Strong (section 8.8.1): the inode is in it because a new version moved into place may have the
 * old one's size and, out of a reproducible build, its time.
 */
static void write_etag(struct validators *validators, const struct version *version,
	const char *mark)
{
	const struct timespec *modified = &version->modified;
	char *at = validators->etag;

	*at++ = '"';
	at = put_hex(at, (uint64_t)modified->tv_sec * 1000000000 + (uint64_t)modified->tv_nsec);
	*at++ = '-';
	at = put_hex(at, (uint64_t)version->size);
	*at++ = '-';
	at = put_hex(at, version->inode);
	if (*mark != '\0')
		*at++ = '-';
	at = mempcpy(at, mark, strlen(mark));
	*at++ = '"';
	*at = '\0';
	validators->etag_size = (size_t)(at - validators->etag);
}

void validators_write(struct validators *validators, const struct version *version,
	const char *mark, int64_t now_s)
{
	struct text date = TEXT_OVER(validators->date);
	int64_t modified = version->modified.tv_sec;

	/* Section 8.8.2.1: never later than Date. Before 1970 there is nothing to be told apart. */
	validators->modified = modified < 0 ? 0 : modified < now_s ? modified : now_s;
	validators->settled = modified + SETTLED_AFTER <= now_s &&
			      version->changed.tv_sec + SETTLED_AFTER <= now_s;
	write_etag(validators, version, mark);
	clock_add_http_date(&date, validators->modified);
}
