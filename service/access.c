#include "service/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define BUFFER_SIZE ((size_t)64 * 1024)
/* A pipe takes so much in one piece (PIPE_BUF), and has not room for many of them. */
#define PIECE ((size_t)ACCESS_LINE_MAX)
#define ENOUGH_PIECES ((size_t)16 * 1024)
#define LATEST_MS 1000
/* Notes that were many once should not keep a worker large. */
#define NOTES_KEPT_MAX ((size_t)64 * 1024)
#define NOTES_LEAST ((size_t)16 * 1024)

struct note {
	struct access_place place;
	struct access_draft draft;
};

_Static_assert(ENOUGH_PIECES + ACCESS_LINE_MAX < BUFFER_SIZE,
	"enough is before the buffer is full");

static void room_ready(struct watch *watch, uint32_t events);

void access_init(struct access *access)
{
	*access = (struct access){.fd = -1, .flush_ms = CLOCK_NEVER};
}

/* Values of the environment do not change any more: they stand for their names. */
static void fill_in_environment(struct access_format *format)
{
	for (size_t i = 0; i < format->count; i++) {
		struct access_part *part = &format->parts[i];

		if (part->atom != ACCESS_ENVIRONMENT)
			continue;
		part->text = getenv(part->text);
		part->size = part->text != NULL ? (uint16_t)strnlen(part->text, UINT16_MAX) : 0;
	}
}

/* O_APPEND keeps writes to a file apart, whatever their size; others take pieces. */
static void measure(struct access *access)
{
	struct stat status;
	bool file = fstat(access->fd, &status) == 0 && S_ISREG(status.st_mode);

	access->room = (struct watch){.fd = access->fd, .ready = room_ready};
	access->piece = file ? BUFFER_SIZE : PIECE;
	access->enough = file ? BUFFER_SIZE - ACCESS_LINE_MAX : ENOUGH_PIECES;
}

static void say_worker(struct access *access, uint64_t generation)
{
	struct text pid = TEXT_OVER(access->pid_bytes);
	struct text number = TEXT_OVER(access->generation_bytes);

	text_printf(&pid, "<%d>", (int)getpid());
	text_add_uint(&number, generation);
	access->scene.pid = (struct narwhal_bytes){pid.bytes, pid.used};
	access->scene.generation = (struct narwhal_bytes){number.bytes, number.used};
}

int access_open(struct access *access, const char *format, int *fd, const struct access_home *home,
	struct text *why)
{
	int error;

	access_init(access);
	access->fd = *fd;
	*fd = -1;
	error = access_format_read(format, &access->format, why);
	if (error != 0)
		return error;
	access->buffer = malloc(BUFFER_SIZE);
	if (access->buffer == NULL)
		return -ENOMEM;
	fill_in_environment(&access->format);
	access->timed = access_format_is_timed(&access->format);
	say_worker(access, home->generation);
	access->loop = home->loop;
	access->log = home->log;
	access->all_dropped = home->dropped;
	measure(access);
	return 0;
}

/* The size of what the next write takes: whole lines. */
static size_t next_piece(const struct access *access, size_t from)
{
	size_t left = access->used - from;
	const char *end;

	if (left <= access->piece)
		return left;
	end = memrchr(access->buffer + from, '\n', access->piece);
	return end != NULL ? (size_t)(end + 1 - access->buffer) - from : access->piece;
}

/* Writes as much as is taken. 0, or -errno of what is not. */
static int write_out(struct access *access)
{
	size_t at = 0;
	int error = 0;

	while (at < access->used && error == 0) {
		ssize_t n = log_write_now(access->fd, access->buffer + at, next_piece(access, at));

		if (n > 0)
			at += (size_t)n;
		else
			error = n < 0 ? (int)n : -EIO;
	}
	if (at != 0) {
		access->torn = access->buffer[at - 1] != '\n';
		access->used -= at;
		memmove(access->buffer, access->buffer + at, access->used);
	}
	return error;
}

/* A reader that is slow, or a terminal that is stopped, says when it has room; a disk does not. */
static void watch_for_room(struct access *access)
{
	if (!access->watching && access->loop != NULL)
		access->watching = loop_add(access->loop, &access->room, EPOLLOUT | EPOLLET) == 0;
}

static void unwatch(struct access *access)
{
	if (access->watching)
		loop_drop(access->loop, &access->room);
	access->watching = false;
}

static void say_dropped(struct access *access)
{
	if (access->dropped != 0)
		log_warning(access->log, "access_log_dropped", log_uint("lines", access->dropped));
	access->dropped = 0;
}

static void flush(struct access *access)
{
	int error = write_out(access);

	if (error == 0) {
		access->failing = false;
		access->flush_ms = CLOCK_NEVER;
		unwatch(access);
		say_dropped(access);
		return;
	}
	if (!access->failing)
		log_warning(access->log, "access_log_waits", log_errno("error", error));
	access->failing = true;
	access->flush_ms = access->scene.now_ms + LATEST_MS;
	if (error == -EAGAIN)
		watch_for_room(access);
}

static void room_ready(struct watch *watch, uint32_t events)
{
	struct access *access = CONTAINER_OF(watch, struct access, room);

	(void)events;
	flush(access);
}

uint64_t access_turn(struct access *access, uint64_t now_ms)
{
	access->scene.now_ms = now_ms;
	access_times_at(&access->scene.times, now_ms);
	return access->timed ? clock_us() : 0;
}

void access_tick(struct access *access)
{
	if (access->used != 0 && access->scene.now_ms >= access->flush_ms)
		flush(access);
}

static void drop(struct access *access, uint64_t lines)
{
	access->dropped += lines;
	atomic_store_explicit(access->all_dropped,
		atomic_load_explicit(access->all_dropped, memory_order_relaxed) + lines,
		memory_order_relaxed);
}

/* Half a line does not begin a file. */
static void drop_torn(struct access *access)
{
	const char *end = access->torn ? memchr(access->buffer, '\n', access->used) : NULL;

	access->torn = false;
	if (end == NULL)
		return;
	access->used -= (size_t)(end + 1 - access->buffer);
	memmove(access->buffer, end + 1, access->used);
	drop(access, 1);
}

void access_reopen(struct access *access, int *fd)
{
	if (access->used != 0)
		flush(access);
	unwatch(access);
	drop_torn(access);
	fd_close(&access->fd);
	access->fd = *fd;
	*fd = -1;
	measure(access);
	if (access->used != 0)
		flush(access);
}

void access_close(struct access *access)
{
	if (access->used != 0)
		flush(access);
	drop_torn(access);
	for (size_t i = 0; i < access->used; i++)
		drop(access, access->buffer[i] == '\n');
	say_dropped(access);
	unwatch(access);
	fd_close(&access->fd);
	free(access->buffer);
	access_format_free(&access->format);
	access_init(access);
}

/* The line of an answer that has ended. */
static void add_line(struct access *access, const struct note *note, const struct access_end *end)
{
	if (access->used >= access->enough &&
		(!access->failing || access->scene.now_ms >= access->flush_ms))
		flush(access);
	if (BUFFER_SIZE - access->used < ACCESS_LINE_MAX) {
		drop(access, 1);
		return;
	}
	if (access->flush_ms == CLOCK_NEVER)
		access->flush_ms = access->scene.now_ms + LATEST_MS;
	access->used +=
		access_line_end(&access->format, &note->draft, end, access->buffer + access->used);
}

/* Room for one more note. NULL without memory. */
static struct note *next_note(struct access_notes *notes)
{
	const size_t most = sizeof(struct note) + ACCESS_LINE_MAX + ACCESS_SLACK;
	size_t size = notes->size != 0 ? notes->size : NOTES_LEAST;
	char *bytes;

	if (notes->size - notes->used < most) {
		while (size - notes->used < most)
			size *= 2;
		bytes = realloc(notes->bytes, size);
		if (bytes == NULL)
			return NULL;
		notes->bytes = bytes;
		notes->size = size;
	}
	return (struct note *)(void *)(notes->bytes + notes->used);
}

static size_t note_size(const struct note *note)
{
	const size_t align = _Alignof(struct note);

	return (sizeof(*note) + note->draft.size + align - 1) / align * align;
}

static uint64_t body_sent(const struct access_place *place, uint64_t sent)
{
	uint64_t to = sent < place->end ? sent : place->end;

	return to > place->body_at ? to - place->body_at : 0;
}

/* If all goes well. */
static uint64_t body_guess(const struct access_place *place)
{
	return place->end == UINT64_MAX ? UINT64_MAX : body_sent(place, place->end);
}

void access_note(struct access *access, struct access_notes **notes,
	const struct access_facts *facts, const struct access_place *place)
{
	struct note *note;

	if (*notes == NULL)
		*notes = calloc(1, sizeof(**notes));
	note = *notes != NULL ? next_note(*notes) : NULL;
	if (note == NULL) {
		drop(access, 1);
		return;
	}
	(*notes)->access = access;
	note->place = *place;
	access_line_draft(&access->format, facts, body_guess(place), &note->draft);
	(*notes)->used += note_size(note);
}

void access_notes_fit(struct access_notes *notes)
{
	char *bytes;

	if (notes == NULL || notes->used == 0 || notes->used == notes->size)
		return;
	bytes = realloc(notes->bytes, notes->used);
	if (bytes == NULL)
		return;
	notes->bytes = bytes;
	notes->size = notes->used;
}

void access_notes_end(struct access_notes *notes)
{
	struct access *access = notes->access;
	uint64_t now_us = notes->used != 0 && access->timed ? clock_us() : 0;

	for (size_t at = 0; at < notes->used;) {
		const struct note *note = (const void *)(notes->bytes + at);
		const struct access_end end = {
			.bytes = body_sent(&note->place, notes->sent),
			.duration_us = now_us - note->place.began_us,
		};

		add_line(access, note, &end);
		at += note_size(note);
	}
	notes->used = 0;
	notes->sent = 0;
	if (notes->size <= NOTES_KEPT_MAX)
		return;
	free(notes->bytes);
	notes->bytes = NULL;
	notes->size = 0;
}

void access_notes_free(struct access_notes **notes)
{
	if (*notes == NULL)
		return;
	access_notes_end(*notes);
	free((*notes)->bytes);
	free(*notes);
	*notes = NULL;
}
