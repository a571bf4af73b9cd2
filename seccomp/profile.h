/*
 * profile.h - what a container with narwhal in it may ask of the kernel, as a file for whoever runs
 * it: an engine, or an operator in Kubernetes.
 *
 * It is made of container.def and of the rows of a role. An engine's profile cannot be as narrow as
 * the filter that a worker puts around itself, as it holds for PID 1 and for hooks, too: it takes
 * away what nobody in the container needs. What is not in it fails with EPERM. Makes no system call
 * but to write.
 */
#ifndef SECCOMP_PROFILE_H
#define SECCOMP_PROFILE_H

#include <stdio.h>

#include "base/attr.h"
#include "seccomp/calls.h"

enum profile_format {
	PROFILE_OCI, /* JSON, as Docker, Podman, containerd and CRI-O read it */
	PROFILE_SPO, /* a SeccompProfile of Kubernetes' Security Profiles Operator */
	PROFILE_FORMATS
};

/* By its word; PROFILE_FORMATS when there is none of that name. */
enum profile_format profile_format_named(const char *word) PURE;
/* 0 or -ENOMEM; whether all could be written, `out` knows. */
MUST_USE int profile_write(FILE *out, enum profile_format format, enum calls_role role);

#endif
