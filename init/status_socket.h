/*
 * status_socket.h - where the arbiter tells how it is: a listening unix socket with an abstract
 * name, so that no file system need be writable and no network need be there.
 *
 * The name says whose it is (pid, and inode of the pid namespace: those who share a network
 * namespace do not collide); that it is not somebody else's, whoever connects asks the kernel
 * (SO_PEERCRED). The kernel says in the same way who connects: root and our own user are told, in
 * one piece, all others are refused in one line. Nothing is ever read, and nobody is waited for.
 *
 * What is told is a text for people, a NUL, the same as JSON, a NUL; a refusal has no NUL. What
 * ends without its second NUL was cut.
 */
#ifndef INIT_STATUS_SOCKET_H
#define INIT_STATUS_SOCKET_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/attr.h"
#include "base/loop.h"
#include "init/status_report.h"

#define STATUS_SIZE_MAX (STATUS_TEXT_MAX + STATUS_JSON_MAX)

struct arbiter;

struct status_socket {
	struct watch watch;
	uint64_t due_ms;    /* when somebody may be waiting, or it is opened again; CLOCK_NEVER */
	uint64_t window_ms; /* since when answers are counted */
	unsigned answers;
	unsigned misses; /* so often in a row it could not be opened */
};

/* The name that the arbiter with that pid has it under, seen from its pid namespace. The size. */
socklen_t status_socket_name(pid_t pid, struct sockaddr_un *name);

void status_socket_init(struct status_socket *socket);
/*
 * Without it the arbiter goes on, and tries it again each second. It says so once, when the second
 * try fails: behind an exec a child that has not exec'd yet may have the one before for a moment.
 */
void status_socket_open(struct arbiter *arbiter);
void status_socket_close(struct arbiter *arbiter);
/* Somebody may have connected: SIGCHLD says so in init mode, where there is no loop. */
void status_socket_wake(struct arbiter *arbiter);
/* Answers whoever waits, but not many in a short time: the others are for a later turn. */
void status_socket_turn(struct arbiter *arbiter);
uint64_t status_socket_deadline(const struct arbiter *arbiter) PURE;

#endif
