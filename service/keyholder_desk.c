#include "service/keyholder_desk.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/channel.h"
#include "base/fd.h"
#include "base/text.h"

struct keyholder_client {
	struct watch watch;
	struct keyholder_desk *desk;
	struct keyholder_client *next;
	uint64_t pid;
	uint32_t events; /* that are waited for */
	size_t size;	 /* of an answer that it has not taken yet; 0: none */
	unsigned char answer[SIGNING_ANSWER_MAX];
};

/* One that stands in the list no more. */
static void release(struct keyholder_client *client)
{
	loop_drop(client->desk->loop, &client->watch);
	fd_close(&client->watch.fd);
	free(client);
}

static void dismiss(struct keyholder_client *client)
{
	struct keyholder_client **at = &client->desk->first;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	release(client);
}

/* If the arbiter cannot be told now, that one gets another line, and is judged there again. */
static void cut_off(struct keyholder_client *client, const char *reason)
{
	const struct keyholder_desk *desk = client->desk;
	char pid[24];
	struct text text = TEXT_OVER(pid);

	text_add_uint(&text, client->pid);
	log_error(desk->log, "keyholder_refused", log_uint("pid", client->pid),
		log_string("reason", reason));
	(void)!channel_send(desk->channel_fd, MESSAGE_REFUSED, text.bytes, text.used);
	dismiss(client);
}

static int wait_for(struct keyholder_client *client, uint32_t events)
{
	if (client->events == events)
		return 0;
	client->events = events;
	return loop_change(client->desk->loop, &client->watch, events);
}

/*
 * Until it is taken, no other question is: who reads late waits for himself alone. Who is dismissed
 * here asks again on another line.
 */
static void hand_over(struct keyholder_client *client)
{
	struct iovec all = {client->answer, client->size};
	const struct msghdr message = {.msg_iov = &all, .msg_iovlen = 1};
	bool is_sent = sendmsg(client->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
	bool is_full = !is_sent && errno == EAGAIN;

	if (is_sent)
		client->size = 0;
	if ((!is_sent && !is_full) || wait_for(client, is_full ? EPOLLOUT : EPOLLIN) != 0)
		dismiss(client);
}

static void answer(struct keyholder_client *client, const struct signing_question *question,
	struct keyholder_key *key)
{
	unsigned char *signature = client->answer + SIGNING_ANSWER_HEAD;

	signing_answer_head(question->id, client->answer);
	client->size = SIGNING_ANSWER_HEAD + keyholder_keys_sign(key, question, signature);
	hand_over(client);
}

static void judge(struct keyholder_client *client, const unsigned char *bytes, size_t size)
{
	const struct keyholder_keys *keys = client->desk->keys;
	struct signing_question question;
	const char *reason = signing_read(bytes, size, &question);

	if (reason == NULL && question.key >= keys->count)
		reason = "a key that is not there";
	if (reason == NULL)
		reason = signing_judge(&question, &keys->all[question.key].facts);
	if (reason == NULL)
		answer(client, &question, &keys->all[question.key]);
	else
		cut_off(client, reason);
}

/* One question in a turn: so all have theirs. The loop tells again of what is left. */
static void take_question(struct keyholder_client *client)
{
	unsigned char bytes[SIGNING_QUESTION_MAX + 1];
	struct iovec all = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_iov = &all, .msg_iovlen = 1};
	ssize_t n = recvmsg(client->watch.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n > 0)
		judge(client, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR && errno != ENOMEM))
		dismiss(client);
}

static void client_ready(struct watch *watch, uint32_t events)
{
	struct keyholder_client *client = CONTAINER_OF(watch, struct keyholder_client, watch);

	(void)events;
	if (client->size != 0)
		hand_over(client);
	else
		take_question(client);
}

void keyholder_desk_open(struct keyholder_desk *desk, const struct keyholder_keys *keys,
	struct loop *loop, struct log *log, int channel_fd)
{
	*desk = (struct keyholder_desk){
		.keys = keys,
		.loop = loop,
		.log = log,
		.channel_fd = channel_fd,
	};
}

/* Its line before, whoever has let go of it: none has two, and takes no numbers from others. */
static void dismiss_pid(struct keyholder_desk *desk, uint64_t pid)
{
	struct keyholder_client *client = desk->first;

	while (client != NULL && client->pid != pid)
		client = client->next;
	if (client != NULL)
		dismiss(client);
}

void keyholder_desk_admit(struct keyholder_desk *desk, int *fd, const char *name)
{
	struct keyholder_client *client = *fd >= 0 ? calloc(1, sizeof(*client)) : NULL;

	if (client == NULL || text_to_uint(name, strlen(name), INT_MAX, &client->pid) != 0) {
		fd_close(fd); /* the worker sees that, and asks for another line */
		free(client);
		return;
	}
	dismiss_pid(desk, client->pid);
	client->desk = desk;
	client->watch = (struct watch){.fd = *fd, .ready = client_ready};
	client->events = EPOLLIN;
	client->next = desk->first;
	desk->first = client;
	*fd = -1;
	if (loop_add(desk->loop, &client->watch, client->events) != 0)
		dismiss(client);
}

void keyholder_desk_close(struct keyholder_desk *desk)
{
	struct keyholder_client *client = desk->first;

	desk->first = NULL;
	while (client != NULL) {
		struct keyholder_client *next = client->next;

		release(client);
		client = next;
	}
}
