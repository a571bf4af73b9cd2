/* local.h - the address of ours that a client has connected to, as text. */
#ifndef SERVICE_LOCAL_H
#define SERVICE_LOCAL_H

#include "base/text.h"

/* Room for the longest: "unix:" and a path as unix(7) has it. */
#define LOCAL_TEXT_MAX 128

/* "192.0.2.1:80", "[2001:db8::1]:80" or "unix:/run/app.sock", "unix:@app"; nothing for no socket.
 */
void local_write(int fd, struct text *text);

#endif
