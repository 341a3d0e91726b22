/* What a sleeping application waits on: one descriptor that becomes readable at a set moment, or when the driver changed
 * the control block (it then touches the file). It stays readable until it is set again or answered. */
#ifndef VCARD_BELL_H
#define VCARD_BELL_H

#include <stdint.h>

struct vcard_bell {
	int fd; /* an epoll set of the other two */
	int timer_fd;
	int watch_fd;
};

/* The moments that mean "not by the clock" and "at once". */
enum { VCARD_BELL_NEVER = 0, VCARD_BELL_NOW = 1 };

/* Hangs the bell at the file of the control block. Returns 0 or -errno. */
int vcard_bell_open(struct vcard_bell *bell, const char *control_path);
void vcard_bell_close(struct vcard_bell *bell);

/* Rings at a CLOCK_MONOTONIC moment in place of the one set before. */
void vcard_bell_set(const struct vcard_bell *bell, int64_t monotonic_ns);

/* Forgets that the driver rang. */
void vcard_bell_answer(const struct vcard_bell *bell);

#endif
