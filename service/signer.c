#include "service/signer.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"

/* No event tells that the kernel has memory again: so soon it is asked. */
#define RETRY_MS 10

static void hang_up(struct signer *signer)
{
	if (signer->watch.fd < 0)
		return;
	loop_drop(signer->loop, &signer->watch);
	fd_close(&signer->watch.fd);
}

static void lose(struct signer *signer)
{
	hang_up(signer);
	signer->is_lost = true;
}

/* That is not the line's fault, and there is no other one. */
static bool is_shortage(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

/* False: not now. Who is gone does not take it: the next line gets it again. */
static bool send_question(struct signer *signer, struct signer_request *request)
{
	struct iovec all = {request->question, request->question_size};
	const struct msghdr message = {.msg_iov = &all, .msg_iovlen = 1};

	request->is_sent = signer->watch.fd >= 0 &&
			   sendmsg(signer->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
	if (signer->watch.fd < 0 || request->is_sent)
		return request->is_sent;
	if (is_shortage(errno))
		signer->retry_ms = clock_ms() + RETRY_MS;
	else
		lose(signer);
	return false;
}

static void send_unsent(struct signer *signer)
{
	for (size_t i = 0; i < SIGNING_OPEN_MAX; i++) {
		struct signer_request *request = &signer->requests[i];

		if (request->is_taken && !request->is_answered && !request->is_sent &&
			!send_question(signer, request))
			return;
	}
}

static struct signer_request *find_free(struct signer *signer)
{
	for (size_t i = 0; i < SIGNING_OPEN_MAX; i++) {
		if (!signer->requests[i].is_taken)
			return &signer->requests[i];
	}
	return NULL;
}

/* Those that waited for a free request; who finds none again stands last in the line again. */
static void call_waiting(struct signer *signer)
{
	for (int i = 0; i < SIGNING_OPEN_MAX; i++) {
		struct signer_turn *turn = signer->first;

		if (turn == NULL || find_free(signer) == NULL)
			return;
		signer_leave(signer, turn);
		signer->resume(turn->transport);
	}
}

/* One that is known no more comes late, for somebody who is gone. */
static void hear_answer(struct signer *signer, const struct signing_answer *answer)
{
	struct signer_request *request = &signer->requests[answer->id % SIGNING_OPEN_MAX];

	if (!request->is_taken || request->is_answered || request->id != answer->id)
		return;
	request->size = answer->size;
	memcpy(request->signature, answer->signature, answer->size);
	request->is_answered = true;
	signer->resume(request->transport);
}

/* The size of the next answer; 0 when there is none now; -EPIPE: nobody will send one. */
static ssize_t receive(int fd, unsigned char bytes[SIGNING_ANSWER_MAX])
{
	struct iovec all = {bytes, SIGNING_ANSWER_MAX};
	struct msghdr message = {.msg_iov = &all, .msg_iovlen = 1};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n > 0 && (message.msg_flags & MSG_TRUNC) == 0)
		return n;
	return n < 0 && (errno == EINTR || is_shortage(errno)) ? 0 : -EPIPE;
}

static void line_ready(struct watch *watch, uint32_t events)
{
	struct signer *signer = CONTAINER_OF(watch, struct signer, watch);
	unsigned char bytes[SIGNING_ANSWER_MAX];
	struct signing_answer answer;
	ssize_t n;

	(void)events;
	while (watch->fd >= 0 && (n = receive(watch->fd, bytes)) != 0) {
		if (n > 0 && signing_answer_read(bytes, (size_t)n, &answer))
			hear_answer(signer, &answer);
		else
			lose(signer);
		call_waiting(signer);
	}
	send_unsent(signer);
}

void signer_init(struct signer *signer)
{
	*signer = (struct signer){
		.watch = {.fd = -1, .ready = line_ready},
		.retry_ms = CLOCK_NEVER,
		.last = &signer->first,
	};
}

void signer_close(struct signer *signer)
{
	hang_up(signer);
}

void signer_use(struct signer *signer, struct loop *loop, int *fd,
	void (*resume)(struct transport *transport))
{
	hang_up(signer);
	signer->loop = loop;
	signer->resume = resume;
	signer->watch.fd = *fd;
	*fd = -1;
	signer->is_lost = loop_add(signer->loop, &signer->watch, EPOLLIN) != 0;
	if (signer->is_lost)
		fd_close(&signer->watch.fd);
	for (size_t i = 0; i < SIGNING_OPEN_MAX; i++)
		signer->requests[i].is_sent = false;
	send_unsent(signer);
	call_waiting(signer);
}

uint64_t signer_nearest(const struct signer *signer)
{
	return signer->retry_ms;
}

void signer_tick(struct signer *signer, uint64_t now_ms)
{
	if (now_ms < signer->retry_ms)
		return;
	signer->retry_ms = CLOCK_NEVER;
	send_unsent(signer);
}

bool signer_is_lost(const struct signer *signer)
{
	return signer->is_lost;
}

bool signer_miss(struct signer *signer)
{
	signer->is_lost = signer->is_lost || signer->watch.fd < 0;
	return signer->watch.fd < 0;
}

void signer_told(struct signer *signer)
{
	signer->is_lost = false;
}

struct signer_request *signer_ask(struct signer *signer, const struct signing_question *question)
{
	struct signer_request *request = find_free(signer);
	struct signing_question numbered = *question;

	if (request == NULL)
		return NULL;
	/* The place, and a number behind it that the next one there does not have. */
	numbered.id = ++signer->asked * SIGNING_OPEN_MAX + (uint32_t)(request - signer->requests);
	request->question_size = signing_ask(&numbered, request->question);
	if (request->question_size == 0)
		return NULL;
	request->id = numbered.id;
	request->transport = signer->current;
	request->is_answered = false;
	request->is_taken = true;
	(void)send_question(signer, request);
	return request;
}

size_t signer_take(struct signer_request *request, unsigned char *signature, size_t room)
{
	size_t size = request->size <= room ? request->size : 0;

	memcpy(signature, request->signature, size);
	request->is_taken = false;
	return size;
}

void signer_give_up(struct signer *signer, const struct transport *transport)
{
	for (size_t i = 0; i < SIGNING_OPEN_MAX; i++) {
		struct signer_request *request = &signer->requests[i];

		if (!request->is_taken || request->transport != transport)
			continue;
		request->size = 0;
		request->is_answered = true;
	}
}

void signer_wait(struct signer *signer, struct signer_turn *turn, struct transport *transport)
{
	struct signer_turn **at = signer->last;

	if (turn->at != NULL)
		return;
	MUST(at != NULL); /* see signer_init() */
	*turn = (struct signer_turn){.at = at, .transport = transport};
	*at = turn;
	signer->last = &turn->next;
}

void signer_leave(struct signer *signer, struct signer_turn *turn)
{
	if (turn->at == NULL)
		return;
	*turn->at = turn->next;
	if (turn->next != NULL)
		turn->next->at = turn->at;
	else
		signer->last = turn->at;
	turn->at = NULL;
}
