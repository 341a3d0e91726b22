#include "card.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"

static int open_in(const char *folder, const char *name, int flags)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	fd = open(path, flags | O_CLOEXEC, 0644);
	free(path);
	return fd < 0 ? -errno : fd;
}

static int map_control(struct vcard_card *card)
{
	int fd = open_in(card->folder, "control", O_RDWR);
	void *block;

	if (fd < 0)
		return fd;
	block = mmap(NULL, sizeof *card->control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (block == MAP_FAILED)
		return -errno;
	card->control = block;
	return card->control->magic == VCARD_MAGIC && card->control->bytes == sizeof *card->control ? 0 : -EINVAL;
}

static int answer(struct vcard_card *card)
{
	if (!card->side->present)
		return -ENODEV;
	if (vcard_card_take(&card->side->open_errors))
		return -card->side->open_errno;
	card->lock_fd = open_in(card->folder, card->stream ? "capture.lock" : "playback.lock", O_RDWR | O_CREAT);
	if (card->lock_fd < 0)
		return card->lock_fd;
	return flock(card->lock_fd, LOCK_EX | LOCK_NB) < 0 ? -EBUSY : 0;
}

int vcard_card_open(struct vcard_card *card, const char *folder, int stream)
{
	int err;

	*card = (struct vcard_card){ .stream = stream, .log_fd = -1, .lock_fd = -1, .folder = strdup(folder) };
	if (!card->folder)
		return -ENOMEM;
	if ((err = map_control(card)) < 0)
		return err;
	card->side = &card->control->sides[stream];
	card->generation = card->side->generation;
	if ((card->log_fd = open_in(folder, "events", O_WRONLY | O_CREAT | O_APPEND)) < 0)
		return card->log_fd;
	if ((err = answer(card)) < 0)
		vcard_card_log(card, (struct vcard_event){ .kind = VCARD_REFUSED, .frames = (uint32_t)-err });
	return err;
}

void vcard_card_close(struct vcard_card *card)
{
	if (card->control)
		munmap(card->control, sizeof *card->control);
	if (card->log_fd >= 0)
		close(card->log_fd);
	if (card->lock_fd >= 0)
		close(card->lock_fd);
	free(card->folder);
}

char *vcard_card_control_path(const struct vcard_card *card)
{
	char *path;

	return asprintf(&path, "%s/control", card->folder) < 0 ? NULL : path;
}

int vcard_card_alive(const struct vcard_card *card)
{
	return __atomic_load_n(&card->side->present, __ATOMIC_ACQUIRE) &&
	       __atomic_load_n(&card->side->generation, __ATOMIC_ACQUIRE) == card->generation;
}

int vcard_card_take(int32_t *counter)
{
	int32_t left = __atomic_load_n(counter, __ATOMIC_ACQUIRE);

	while (left > 0)
		if (__atomic_compare_exchange_n(counter, &left, left - 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return 1;
	return left < 0;
}

/* A lost record must not pass for silence in a test: without the log the stream ends. */
void vcard_card_log(const struct vcard_card *card, struct vcard_event event)
{
	event.pid = getpid();
	event.stream = (uint16_t)card->stream;
	if (!event.stamp_ns)
		event.stamp_ns = vcard_monotonic_ns();
	if (write(card->log_fd, &event, sizeof event) != sizeof event)
		abort();
}
