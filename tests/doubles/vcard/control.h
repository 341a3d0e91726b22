/* What a virtual card and its driver share: one memory-mapped control block, and the records of the event log.
 *
 * The driver (driver.py mirrors these layouts) writes the block, the plugin reads it; the fault counters alone are also
 * counted down by the plugin. All integers have the byte order of the machine. */
#ifndef VCARD_CONTROL_H
#define VCARD_CONTROL_H

#include <stdint.h>

enum {
	VCARD_MAGIC = 0x64726376, /* "vcrd" */
	VCARD_MAX_RATES = 8,
	VCARD_NOT_FROZEN = -1,
};

/* One direction of the card. The index is ALSA's own: SND_PCM_STREAM_PLAYBACK 0, SND_PCM_STREAM_CAPTURE 1. */
struct vcard_side {
	uint32_t rates_hz[VCARD_MAX_RATES]; /* what hw_params may grant; ends at the first 0 */
	uint32_t channels;
	uint32_t period_frames; /* the only period granted; 0 grants any */
	uint32_t step_frames;   /* the hardware pointer moves in such steps; 0 and 1: frame by frame */
	uint32_t present;       /* 0: the device is gone, open fails with ENODEV */
	uint32_t generation;    /* raised whenever the device goes; a stream of an older generation is dead for good */
	int32_t open_errors;    /* how many opens fail with open_errno; negative: all */
	int32_t open_errno;
	int32_t io_errors; /* how many transfers fail with io_errno; negative: all */
	int32_t io_errno;
	int32_t xruns;    /* how many times a running stream falls into an xrun */
	int32_t suspends; /* how many times a running stream is suspended */
	int64_t frozen_at_ns; /* card time at which the hardware pointer stands still, or VCARD_NOT_FROZEN */
};

struct vcard_control {
	uint32_t magic;
	uint32_t bytes;          /* sizeof(struct vcard_control), so that two layouts never meet */
	uint32_t revision;       /* raised after every change, before the bell is rung */
	uint32_t clock_sequence; /* odd while the three clock fields change */
	int64_t anchor_monotonic_ns;
	int64_t anchor_card_ns;
	double drift_ppm; /* how much faster than CLOCK_MONOTONIC the card runs since the anchor */
	struct vcard_side sides[2];
};

enum vcard_event_kind {
	VCARD_OPEN = 1,
	VCARD_CLOSE,
	VCARD_START,     /* frame: the first frame heard or spoken after the start */
	VCARD_TRANSFER,  /* frame, frames: what was read, or written to be heard at that frame */
	VCARD_DROP,      /* frame: where it stopped; frames: written but never heard */
	VCARD_DRAINED,   /* frame: one past the last frame heard */
	VCARD_XRUN,      /* as VCARD_DROP */
	VCARD_SUSPENDED, /* as VCARD_DROP */
	VCARD_VANISHED,  /* as VCARD_DROP; a stream met the death of its device */
	VCARD_REFUSED,   /* frames: the errno that open returned */
	VCARD_IO_ERROR,  /* frames: the errno that a transfer returned */
};

/* Appended whole with one write(2), so that processes never interleave. */
struct vcard_event {
	int64_t stamp_ns; /* CLOCK_MONOTONIC */
	int64_t frame;    /* card time in frames of rate_hz */
	uint32_t frames;
	uint32_t rate_hz;
	int32_t pid;
	uint16_t stream; /* SND_PCM_STREAM_* */
	uint16_t kind;   /* enum vcard_event_kind */
};

#endif
