#include "service/keyholder_desk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/text.h"

#define NAME_MAX_SIZE 33

struct keyholder_client {
	struct watch watch;
	struct keyholder_desk *desk;
	struct keyholder_client *next;
	char name[NAME_MAX_SIZE];
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

static void cut_off(struct keyholder_client *client, const char *reason)
{
	log_error(client->desk->log, "keyholder_refused", log_string("slot", client->name),
		log_string("reason", reason));
	dismiss(client);
}

static void answer(struct keyholder_client *client, const struct signing_question *question,
	const struct keyholder_key *key)
{
	unsigned char head[4], signature[SIGNING_SIGNATURE_MAX];
	struct iovec parts[] = {
		{head, sizeof(head)},
		{signature, keyholder_keys_sign(key, question, signature)},
	};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	signing_answer_head(question->id, head);
	if (sendmsg(client->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return;
	if (errno == EAGAIN)
		cut_off(client, "does not take its answers");
	else if (errno != ENOBUFS && errno != ENOMEM) /* then it is lost, and the line is not */
		dismiss(client);
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
static void client_ready(struct watch *watch, uint32_t events)
{
	struct keyholder_client *client = CONTAINER_OF(watch, struct keyholder_client, watch);
	unsigned char bytes[SIGNING_QUESTION_MAX + 1];
	struct iovec all = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_iov = &all, .msg_iovlen = 1};
	ssize_t n = recvmsg(watch->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	(void)events;
	if (n > 0)
		judge(client, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR && errno != ENOMEM))
		dismiss(client);
}

void keyholder_desk_open(struct keyholder_desk *desk, const struct keyholder_keys *keys,
	struct loop *loop, struct log *log)
{
	*desk = (struct keyholder_desk){.keys = keys, .loop = loop, .log = log};
}

void keyholder_desk_admit(struct keyholder_desk *desk, int *fd, const char *name)
{
	struct keyholder_client *client = *fd >= 0 ? calloc(1, sizeof(*client)) : NULL;
	struct text text;

	if (client == NULL) {
		fd_close(fd); /* the worker sees that, and waits for another line */
		return;
	}
	text = TEXT_OVER(client->name);
	text_add(&text, name);
	client->desk = desk;
	client->watch = (struct watch){.fd = *fd, .ready = client_ready};
	client->next = desk->first;
	desk->first = client;
	*fd = -1;
	if (loop_add(desk->loop, &client->watch, EPOLLIN) != 0)
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
