/*
 * attr.h - what the compiler can check for us, and the assertion for our own bugs.
 *
 * The one place outside seccomp/ where a conditional on the compiler may stand.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define PURE __attribute__((pure))
#define PRINTF(nth, first) __attribute__((format(printf, nth, first)))
#define CLEANUP(function) __attribute__((cleanup(function)))
#define EXPORT __attribute__((visibility("default")))
/* 1 in a build with AddressSanitizer, which looks for leaks at the end, in /proc and by threads. */
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZED 1
#elif defined(__has_feature)
#define ADDRESS_SANITIZED __has_feature(address_sanitizer)
#else
#define ADDRESS_SANITIZED 0
#endif
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that holds `member`, from a pointer to that member. */
#define CONTAINER_OF(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/*
 * A bug of ours, and nothing else: never for what a client, a worker, a file or the kernel can
 * cause. Says where on descriptor 2 and aborts.
 */
#define MUST(condition) (LIKELY(condition) ? (void)0 : must_fail(#condition, __FILE__, __LINE__))

NORETURN void must_fail(const char *condition, const char *file, int line);

#endif
