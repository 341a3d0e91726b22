/* One open direction of a virtual card: where its hardware pointer is, and what befalls it.
 *
 * The hardware pointer is the card's clock and nothing else: frames passed since the start, so it never wraps and a late
 * application meets its xrun however long it slept. */
#ifndef VCARD_STREAM_H
#define VCARD_STREAM_H

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <stdint.h>

#include "bell.h"
#include "card.h"
#include "tape.h"

enum vcard_motion {
	VCARD_STILL,   /* open, prepared or stopped */
	VCARD_RUNNING, /* the hardware pointer moves */
	VCARD_BROKEN,  /* stopped by an over- or underrun, until it is prepared */
	VCARD_LOST,    /* suspended or gone; the reason is in loss */
};

struct vcard_stream {
	snd_pcm_ioplug_t io;
	struct vcard_card card;
	struct vcard_bell bell;
	struct vcard_tape tape;
	enum vcard_motion motion;
	int loss;          /* -ENODEV or -ESTRPIPE while motion is VCARD_LOST */
	uint32_t revision; /* of the control block when it was last heeded */
	int64_t base;      /* card frame at which the stream started */
	int64_t moved;     /* frames read or written since it was prepared */
	int64_t stopped;   /* where the hardware pointer stands while it does not move */
	int64_t avail_min; /* frames that must be free or filled to wake the application */
	int polled;        /* the application asked for the bell; setting it costs more than all else */
	char *ahead;       /* what was written before the start: buffer_size frames at most */
	int64_t ahead_stamp_ns;
};

int vcard_is_capture(const struct vcard_stream *stream);

/* Frames that the hardware says it recorded or played since it was prepared. */
int64_t vcard_passed(const struct vcard_stream *stream);

/* Frames to read, or free to write. */
int64_t vcard_available(const struct vcard_stream *stream);

/* Lets happen what is due: xruns, suspends, the death of the device. Call it before every look at the stream. Returns 0, or
 * -EPIPE, -ESTRPIPE or -ENODEV for a stream that was stopped by it; all but -EPIPE set ALSA's state too. */
int vcard_meet(struct vcard_stream *stream);

/* Sets the bell for the next moment at which the application has something to do. */
void vcard_arm(const struct vcard_stream *stream);

/* Starts at the next card frame, with what was written before. Returns 0 or -errno. */
int vcard_run(struct vcard_stream *stream);

/* Stops a running stream where the hardware is; what has not left the loudspeaker never will. A drop that ends a drain with
 * nothing left is logged as VCARD_DRAINED. */
void vcard_halt(struct vcard_stream *stream, enum vcard_motion motion, enum vcard_event_kind kind);

/* Forgets all that was moved. Returns 0, or -ENODEV on a dead device. */
int vcard_rewind(struct vcard_stream *stream);

/* Reads or writes the next frames; there must be room for them. Returns 0 or -errno. */
int vcard_move(struct vcard_stream *stream, char *sound, size_t frames);

#endif
