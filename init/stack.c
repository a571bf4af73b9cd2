#include "init/stack.h"

#include <stdbool.h>
#include <string.h>

#define FRAMES_MAX 12

struct piece {
	const char *bytes;
	size_t size;
};

struct stack {
	struct text *text;
	bool current;	 /* the thread that had the signal is told now, or the others are */
	unsigned frames; /* of this thread, so far */
	bool over;	 /* more of them would say nothing */
};

static bool is(struct piece piece, const char *name)
{
	return piece.size == strlen(name) && memcmp(piece.bytes, name, piece.size) == 0;
}

static bool begins_with(struct piece piece, const char *start)
{
	return piece.size >= strlen(start) && memcmp(piece.bytes, start, strlen(start)) == 0;
}

/* What stands before `mark`, which is taken with it; false without a mark. */
static bool take_before(struct piece *rest, const char *mark, struct piece *before)
{
	const char *at = memmem(rest->bytes, rest->size, mark, strlen(mark));

	if (at == NULL)
		return false;
	*before = (struct piece){rest->bytes, (size_t)(at - rest->bytes)};
	rest->bytes = at + strlen(mark);
	rest->size -= before->size + strlen(mark);
	return true;
}

static struct piece last_of_path(struct piece path)
{
	const char *slash = memrchr(path.bytes, '/', path.size);

	if (slash == NULL)
		return path;
	return (struct piece){slash + 1, path.size - (size_t)(slash + 1 - path.bytes)};
}

static void add(struct stack *stack, struct piece piece)
{
	text_add_bytes(stack->text, piece.bytes, piece.size);
}

static void add_frame(struct stack *stack, struct piece file, struct piece line, struct piece name)
{
	if (stack->frames == FRAMES_MAX) {
		text_add(stack->text, " < ...");
		stack->over = true;
		return;
	}
	if (stack->frames != 0)
		text_add(stack->text, " < ");
	else if (stack->text->used != 0)
		text_add(stack->text, " | ");
	add(stack, file);
	text_add_char(stack->text, ':');
	add(stack, line);
	text_add_char(stack->text, ' ');
	add(stack, name);
	stack->frames++;
}

/* `Thread 0x... (most recent call first):`, or with "Current" before it. */
static bool begin_thread(struct stack *stack, struct piece line)
{
	bool current = begins_with(line, "Current thread ");

	if (!current && !begins_with(line, "Thread "))
		return false;
	stack->frames = 0;
	stack->over = current != stack->current;
	return true;
}

/* `  File "PATH", line N in NAME`, the innermost first. */
static void add_line(struct stack *stack, struct piece rest)
{
	struct piece before, path, number;

	if (begin_thread(stack, rest) || stack->over || !begins_with(rest, "  File \"") ||
		!take_before(&rest, "\"", &before) || !take_before(&rest, "\", line ", &path) ||
		!take_before(&rest, " in ", &number))
		return;
	path = last_of_path(path);
	/* That is how each thread begins, and all there is of one that waits in C. */
	if (is(path, "threading.py") && (is(rest, "run") || begins_with(rest, "_bootstrap")))
		stack->over = true;
	else
		add_frame(stack, path, number, rest);
}

static void add_threads(struct stack stack, struct piece lines)
{
	struct piece line;

	while (take_before(&lines, "\n", &line))
		add_line(&stack, line);
	add_line(&stack, lines);
}

void stack_tell(const char *lines, size_t size, struct text *text)
{
	const struct piece all = {lines, size};

	add_threads((struct stack){.text = text, .current = true, .over = true}, all);
	add_threads((struct stack){.text = text, .over = true}, all);
}
