#include "init/oom.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/cgroup.h"

void oom_account_update(struct oom_account *account, uint64_t kills, uint64_t now_ms)
{
	if (now_ms > account->until_ms)
		account->open = 0;
	if (kills > account->kills) { /* less than before: another counter, opened anew */
		account->open += kills - account->kills;
		account->until_ms = now_ms + OOM_SOON_MS;
	}
	account->kills = kills;
}

bool oom_account_take(struct oom_account *account, uint64_t now_ms)
{
	if (account->open == 0 || now_ms > account->until_ms)
		return false;
	account->open--;
	return true;
}

static bool read_counter(struct oom *oom, uint64_t *kills)
{
	char bytes[1024];
	ssize_t n = oom->fd >= 0 ? pread(oom->fd, bytes, sizeof(bytes) - 1, 0) : -1;

	bytes[n > 0 ? n : 0] = '\0';
	return cgroup_parse_oom_kills(bytes, kills);
}

void oom_open(struct oom *oom, const char *root)
{
	struct cgroup cgroup;

	*oom = (struct oom){.fd = -1};
	cgroup_find(&cgroup, root);
	oom->fd = cgroup_open_oom_counter(&cgroup, oom->path);
	if (oom->fd < 0 || !read_counter(oom, &oom->account.kills))
		oom_close(oom);
}

void oom_close(struct oom *oom)
{
	fd_close(&oom->fd);
	*oom = (struct oom){.fd = -1};
}

void oom_look(struct oom *oom, uint64_t now_ms)
{
	uint64_t kills;

	if (oom->path[0] == '\0')
		return;
	if (!read_counter(oom, &kills)) { /* ENODEV: the group was removed, and perhaps made anew */
		fd_close(&oom->fd);
		oom->fd = open(oom->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (!read_counter(oom, &kills))
			return;
	}
	oom_account_update(&oom->account, kills, now_ms);
}

bool oom_explains(struct oom *oom, uint64_t now_ms)
{
	oom_look(oom, now_ms);
	return oom_account_take(&oom->account, now_ms);
}
