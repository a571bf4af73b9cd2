/* narwhal/request.h - what the client asks for. A part of narwhal/service.h. */
#ifndef NARWHAL_REQUEST_H
#define NARWHAL_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed bytes, not NUL-terminated. */
struct narwhal_bytes {
	const char *data;
	size_t size;
};

struct narwhal_request;
struct narwhal_response;

/* What becomes of a body, the request's or the response's. */
enum narwhal_outcome {
	NARWHAL_MORE,	/* go on */
	NARWHAL_WAIT,	/* not now: go on when a function named _resume says so */
	NARWHAL_DONE,	/* that was all */
	NARWHAL_FAILED, /* it cannot become whole */
};

/*
 * The request. All bytes are borrowed and valid until handle() returns.
 * RFC 9110 and 9112 were enforced before: what is here is well-formed.
 */

/* As sent; case matters (RFC 9110 section 9.1). */
struct narwhal_bytes narwhal_request_method(const struct narwhal_request *request);
/* The request target as sent (RFC 9112 section 3.2). */
struct narwhal_bytes narwhal_request_target(const struct narwhal_request *request);
/* The target's path, still percent-encoded, and what stands behind its "?" (or nothing). */
struct narwhal_bytes narwhal_request_path(const struct narwhal_request *request);
struct narwhal_bytes narwhal_request_query(const struct narwhal_request *request);
/* The first field line of that name, whatever its case; data is NULL if there is none. */
struct narwhal_bytes narwhal_request_field(const struct narwhal_request *request, const char *name);
/* Every field line, in order: 1 and the line, or 0 when `index` is past the last. */
int narwhal_request_field_at(const struct narwhal_request *request, size_t index,
	struct narwhal_bytes *name, struct narwhal_bytes *value);
/*
 * The body, transfer coding removed; size is 0 when there is none. Trailer fields are checked, and
 * dropped (RFC 9110 section 6.5.1).
 */
struct narwhal_bytes narwhal_request_body(const struct narwhal_request *request);
/*
 * A body as it comes, for begin() alone: from then on it goes to the receiver, piece by piece, and
 * not to handle(). A piece is valid until take() returns; it is as large as what has come, at most
 * some 64 KiB. The limits of a body hold all the same, and a client that stops half way is cut.
 */
struct narwhal_receiver {
	/*
	 * NARWHAL_WAIT: no more before narwhal_request_resume(); but behind the last piece done()
	 * is called in any case. NARWHAL_DONE: the rest is of no use; done() is called, and the
	 * connection ends behind the answer. NARWHAL_FAILED: so it does, and the client gets a 500.
	 */
	enum narwhal_outcome (*take)(void *state, struct narwhal_bytes piece);
	/* Answers, as handle() does. */
	void (*done)(void *state, const struct narwhal_request *request,
		struct narwhal_response *response);
	/* Called once, and last: after done(), or when the client is gone. May be NULL. */
	void (*end)(void *state);
};

/* `receiver` is borrowed until end(). 0, -EINVAL, -ENOMEM; end() is called also when it fails. */
int narwhal_request_receive(struct narwhal_request *request,
	const struct narwhal_receiver *receiver, void *state);
/* After NARWHAL_WAIT, any time up to end(). */
void narwhal_request_resume(struct narwhal_request *request);

/*
 * For begin() alone: nobody wants the body. It is thrown away as it comes, mostly without being
 * copied out of the kernel; handle() gets none, and the connection goes on behind the answer. The
 * limits of a body hold all the same. 0 or -EINVAL.
 */
int narwhal_request_discard(struct narwhal_request *request);

/*
 * Who asks, and for what: as trusted proxies tell it (settings forwarded_allow_ips,
 * proxy_protocol), else as the connection and the request say. The fields that proxies send are
 * there as well, but anybody can send them: these functions alone know whom to believe.
 */

/* The client's address: "192.0.2.1:4711", "[2001:db8::1]:4711" or "unix:"; without a port where
 * nobody has told it. */
struct narwhal_bytes narwhal_request_peer(const struct narwhal_request *request);
/*
 * Where it reached us: "192.0.2.7:80", "[2001:db8::7]:80" or "unix:/run/app.sock"; a proxy's
 * connection, if there is one. Empty when the client is gone and nobody has asked before.
 */
struct narwhal_bytes narwhal_request_local(const struct narwhal_request *request);
/* "http" or "https". */
struct narwhal_bytes narwhal_request_scheme(const struct narwhal_request *request);
/* With the port, where there is one; empty in HTTP/1.0 alone. */
struct narwhal_bytes narwhal_request_host(const struct narwhal_request *request);
/* The request's id: a trusted proxy's, or 32 hexadecimal digits made at the first call. */
struct narwhal_bytes narwhal_request_id(const struct narwhal_request *request);
/* The trace-id of the field traceparent (W3C Trace Context), 32 digits; empty without a valid one.
 */
struct narwhal_bytes narwhal_request_trace_id(const struct narwhal_request *request);

/* What is known of the connection's TLS. */
enum narwhal_tls_fact {
	NARWHAL_TLS_VERSION,	 /* "TLSv1.3" */
	NARWHAL_TLS_CIPHER,	 /* OpenSSL's name: "TLS_AES_128_GCM_SHA256" */
	NARWHAL_TLS_SERVER_NAME, /* that the client asked for (SNI) */
	/* Of the client's certificate, which an authority of ca_certs vouches for. */
	NARWHAL_TLS_CLIENT_SUBJECT,	/* RFC 2253: "CN=alice,O=Example" */
	NARWHAL_TLS_CLIENT_ISSUER,	/* the same of who signed it */
	NARWHAL_TLS_CLIENT_SERIAL,	/* hexadecimal */
	NARWHAL_TLS_CLIENT_FINGERPRINT, /* SHA-256 of it, 64 hexadecimal digits */
	NARWHAL_TLS_CLIENT_CERTIFICATE, /* all of it, PEM */
	NARWHAL_TLS_FACTS
};

/*
 * Data is NULL if there is none: the connection is not TLS, even if a proxy's was, or the client
 * has not sent it. Valid as long as the request.
 */
struct narwhal_bytes narwhal_request_tls(const struct narwhal_request *request,
	enum narwhal_tls_fact fact);

#ifdef __cplusplus
}
#endif

#endif
