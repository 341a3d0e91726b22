/* The sound of one direction: a sparse file that is indexed by card time. Frame n of the file is frame n of the card, so a
 * hole is silence. Capture plays the file, playback records into it. S16_LE, interleaved. */
#ifndef VCARD_TAPE_H
#define VCARD_TAPE_H

#include <stddef.h>
#include <stdint.h>

struct vcard_tape {
	int fd;
	size_t frame_bytes;
};

/* Opens FOLDER/capture-RATE.s16 or FOLDER/playback-RATE.s16; returns 0 or -errno. */
int vcard_tape_open(struct vcard_tape *tape, const char *folder, int capture, unsigned int rate_hz, unsigned int channels);
void vcard_tape_close(struct vcard_tape *tape);

/* What the microphone hears in card frames [frame, frame + frames): the place where a room model would add its echo. */
int vcard_tape_hear(const struct vcard_tape *tape, int64_t frame, size_t frames, void *sound);

/* Lets the loudspeaker say sound at a card frame. Returns 0 or -errno. */
int vcard_tape_say(const struct vcard_tape *tape, int64_t frame, size_t frames, const void *sound);

/* Takes back frames that have not left the loudspeaker. Returns 0 or -errno. */
int vcard_tape_silence(const struct vcard_tape *tape, int64_t frame, size_t frames);

#endif
