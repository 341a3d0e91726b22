#include "tape.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int vcard_tape_open(struct vcard_tape *tape, const char *folder, int capture, unsigned int rate_hz, unsigned int channels)
{
	char path[PATH_MAX];

	vcard_tape_close(tape);
	snprintf(path, sizeof path, "%s/%s-%u.s16", folder, capture ? "capture" : "playback", rate_hz);
	tape->frame_bytes = channels * sizeof(int16_t);
	tape->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	return tape->fd < 0 ? -errno : 0;
}

void vcard_tape_close(struct vcard_tape *tape)
{
	if (tape->fd >= 0)
		close(tape->fd);
	tape->fd = -1;
}

int vcard_tape_hear(const struct vcard_tape *tape, int64_t frame, size_t frames, void *sound)
{
	size_t bytes = frames * tape->frame_bytes;
	ssize_t got = pread(tape->fd, sound, bytes, frame * (int64_t)tape->frame_bytes);

	if (got < 0)
		return -errno;
	memset((char *)sound + got, 0, bytes - (size_t)got);
	return 0;
}

int vcard_tape_say(const struct vcard_tape *tape, int64_t frame, size_t frames, const void *sound)
{
	size_t bytes = frames * tape->frame_bytes;
	ssize_t done = pwrite(tape->fd, sound, bytes, frame * (int64_t)tape->frame_bytes);

	if (done < 0)
		return -errno;
	return (size_t)done == bytes ? 0 : -EIO;
}

int vcard_tape_silence(const struct vcard_tape *tape, int64_t frame, size_t frames)
{
	static const char silence[4096];
	size_t chunk = sizeof silence / tape->frame_bytes;

	while (frames > 0) {
		size_t now = frames < chunk ? frames : chunk;
		int err = vcard_tape_say(tape, frame, now, silence);

		if (err < 0)
			return err;
		frame += (int64_t)now;
		frames -= now;
	}
	return 0;
}
