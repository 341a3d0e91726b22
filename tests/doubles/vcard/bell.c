#include "bell.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int add(const struct vcard_bell *bell, int fd)
{
	struct epoll_event readable = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(bell->fd, EPOLL_CTL_ADD, fd, &readable);
}

int vcard_bell_open(struct vcard_bell *bell, const char *control_path)
{
	bell->fd = epoll_create1(EPOLL_CLOEXEC);
	bell->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	bell->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (bell->fd < 0 || bell->timer_fd < 0 || bell->watch_fd < 0)
		return -errno;
	if (inotify_add_watch(bell->watch_fd, control_path, IN_ATTRIB) < 0)
		return -errno;
	return add(bell, bell->timer_fd) < 0 || add(bell, bell->watch_fd) < 0 ? -errno : 0;
}

void vcard_bell_close(struct vcard_bell *bell)
{
	int *fds[] = { &bell->fd, &bell->timer_fd, &bell->watch_fd };

	for (unsigned int i = 0; i < sizeof fds / sizeof *fds; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

void vcard_bell_set(const struct vcard_bell *bell, int64_t monotonic_ns)
{
	struct itimerspec at = { .it_value = { monotonic_ns / 1000000000, monotonic_ns % 1000000000 } };

	timerfd_settime(bell->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void vcard_bell_answer(const struct vcard_bell *bell)
{
	char events[sizeof(struct inotify_event) + NAME_MAX + 1];

	while (read(bell->watch_fd, events, sizeof events) > 0)
		;
}
