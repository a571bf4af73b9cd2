/*
 * overdue.h - what becomes of a connection when what it waits for has not come in time, or when
 * another one needs its place: what came while the worker was busy came in time.
 *
 * Each function may end the connection.
 */
#ifndef SERVICE_OVERDUE_H
#define SERVICE_OVERDUE_H

struct connection;

/* Its deadline is over. */
void overdue_judge(struct connection *connection);
/* Closes one that waits for a request; but if there is one, it is answered and nothing closes. */
void overdue_end_idle(struct connection *connection);

#endif
