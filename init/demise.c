#include "init/demise.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

static bool is_dead(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 ||
	       info.si_pid == pid;
}

/* "0 0 0 0 0 0 0". The file is everybody's to read, and asks for no lock of that process. */
static bool has_no_memory(pid_t pid)
{
	char path_bytes[48], first = '\0';
	struct text path = TEXT_OVER(path_bytes);
	FD_SCOPED fd = -1;

	text_printf(&path, "/proc/%d/statm", (int)pid);
	fd = open(path_bytes, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &first, 1) == 1 && first == '0';
}

bool demise_has_begun(pid_t pid)
{
	return is_dead(pid) || has_no_memory(pid);
}

bool demise_is_trap(const siginfo_t *info)
{
	/* SIGTRAP is what an exec is to a tracer, and none of its own. */
	long number = info->si_status == SIGTRAP ? 0 : info->si_status;

	if (info->si_code != CLD_TRAPPED)
		return false;
	(void)ptrace(PTRACE_DETACH, info->si_pid, 0L, number);
	return true;
}
