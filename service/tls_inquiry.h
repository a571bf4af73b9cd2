/* tls_inquiry.h - what OpenSSL knows of a connection, as plain text: tls_facts.h. */
#ifndef SERVICE_TLS_INQUIRY_H
#define SERVICE_TLS_INQUIRY_H

#include <openssl/ssl.h>

struct tls_facts;

/* Behind the handshake; held once. NULL without memory. */
struct tls_facts *tls_inquiry(SSL *ssl);

#endif
