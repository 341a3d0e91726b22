#include "stream.h"

#include <errno.h>
#include <string.h>

#include "clock.h"

int vcard_is_capture(const struct vcard_stream *stream)
{
	return stream->io.stream == SND_PCM_STREAM_CAPTURE;
}

static int64_t frozen_at_ns(const struct vcard_stream *stream)
{
	return __atomic_load_n(&stream->card.side->frozen_at_ns, __ATOMIC_ACQUIRE);
}

/* The frame that the hardware is at, in card time. */
static int64_t card_frame(const struct vcard_stream *stream)
{
	int64_t now_ns = vcard_card_ns(stream->card.control, vcard_monotonic_ns());
	int64_t frozen_ns = frozen_at_ns(stream);

	if (frozen_ns != VCARD_NOT_FROZEN && frozen_ns < now_ns)
		now_ns = frozen_ns;
	return vcard_frame_at(now_ns, stream->io.rate);
}

static int is_draining(const struct vcard_stream *stream)
{
	return !vcard_is_capture(stream) && stream->io.state == SND_PCM_STATE_DRAINING;
}

/* Frames recorded or played since the start, to the frame. */
static int64_t really_passed(const struct vcard_stream *stream)
{
	int64_t frames = card_frame(stream) - stream->base;

	if (is_draining(stream) && frames > stream->moved)
		frames = stream->moved;
	return frames > 0 ? frames : 0;
}

int64_t vcard_passed(const struct vcard_stream *stream)
{
	int64_t frames, step = stream->card.side->step_frames;

	if (stream->motion != VCARD_RUNNING)
		return stream->stopped;
	frames = really_passed(stream);
	return step > 1 && !is_draining(stream) ? frames - frames % step : frames;
}

int64_t vcard_available(const struct vcard_stream *stream)
{
	int64_t passed = vcard_passed(stream);

	return vcard_is_capture(stream) ? passed - stream->moved : (int64_t)stream->io.buffer_size - stream->moved + passed;
}

static void record(const struct vcard_stream *stream, enum vcard_event_kind kind, int64_t frame, int64_t frames)
{
	vcard_card_log(&stream->card, (struct vcard_event){
		.kind = (uint16_t)kind, .frame = frame, .frames = (uint32_t)frames, .rate_hz = stream->io.rate });
}

/* The first frame count at which a running stream has something to do. */
static int64_t next_target(const struct vcard_stream *stream)
{
	int64_t target = stream->moved + stream->avail_min, step = stream->card.side->step_frames;

	if (is_draining(stream))
		return stream->moved;
	if (!vcard_is_capture(stream))
		target -= (int64_t)stream->io.buffer_size;
	return step > 1 ? (target + step - 1) / step * step : target;
}

void vcard_arm(const struct vcard_stream *stream)
{
	int64_t moment_ns = VCARD_BELL_NEVER;

	if (!stream->polled)
		return;
	switch (stream->motion) {
	case VCARD_STILL:
		if (!vcard_is_capture(stream) && stream->io.state == SND_PCM_STATE_PREPARED &&
		    vcard_available(stream) >= stream->avail_min)
			moment_ns = VCARD_BELL_NOW;
		break;
	case VCARD_RUNNING:
		if (frozen_at_ns(stream) == VCARD_NOT_FROZEN)
			moment_ns = vcard_moment_ns(stream->card.control,
				vcard_frame_ns(stream->base + next_target(stream), stream->io.rate));
		break;
	case VCARD_BROKEN:
	case VCARD_LOST:
		moment_ns = VCARD_BELL_NOW;
		break;
	}
	vcard_bell_set(&stream->bell, moment_ns);
}

void vcard_halt(struct vcard_stream *stream, enum vcard_motion motion, enum vcard_event_kind kind)
{
	int64_t stop, unheard = 0;

	if (stream->motion != VCARD_RUNNING)
		return;
	stop = really_passed(stream);
	if (!vcard_is_capture(stream)) {
		stop = stop < stream->moved ? stop : stream->moved;
		unheard = stream->moved - stop;
		vcard_tape_silence(&stream->tape, stream->base + stop, (size_t)unheard);
	}
	if (kind == VCARD_DROP && is_draining(stream) && unheard == 0)
		kind = VCARD_DRAINED;
	record(stream, kind, stream->base + stop, unheard);
	stream->stopped = stop;
	stream->motion = motion;
	vcard_arm(stream);
}

static int lose(struct vcard_stream *stream, int loss)
{
	vcard_halt(stream, VCARD_LOST, loss == -ENODEV ? VCARD_VANISHED : VCARD_SUSPENDED);
	stream->motion = VCARD_LOST;
	stream->loss = loss;
	snd_pcm_ioplug_set_state(&stream->io, loss == -ENODEV ? SND_PCM_STATE_DISCONNECTED : SND_PCM_STATE_SUSPENDED);
	vcard_arm(stream);
	return loss;
}

/* The driver rings the bell before it raises the revision, so that no ring can come after its revision was heeded. */
static void heed_driver(struct vcard_stream *stream)
{
	uint32_t revision = __atomic_load_n(&stream->card.control->revision, __ATOMIC_ACQUIRE);

	if (revision == stream->revision)
		return;
	stream->revision = revision;
	vcard_bell_answer(&stream->bell);
	vcard_arm(stream);
}

int vcard_meet(struct vcard_stream *stream)
{
	struct vcard_side *side = stream->card.side;

	heed_driver(stream);
	if (!vcard_card_alive(&stream->card))
		return stream->motion == VCARD_LOST && stream->loss == -ENODEV ? -ENODEV : lose(stream, -ENODEV);
	if (stream->motion == VCARD_LOST)
		return stream->loss;
	if (stream->motion == VCARD_RUNNING && vcard_card_take(&side->suspends))
		return lose(stream, -ESTRPIPE);
	if (stream->motion == VCARD_RUNNING && !is_draining(stream) &&
	    (vcard_available(stream) >= (int64_t)stream->io.buffer_size || vcard_card_take(&side->xruns)))
		vcard_halt(stream, VCARD_BROKEN, VCARD_XRUN);
	return stream->motion == VCARD_BROKEN ? -EPIPE : 0;
}

int vcard_run(struct vcard_stream *stream)
{
	int err = vcard_meet(stream);

	if (err < 0)
		return err;
	stream->base = card_frame(stream) + 1; /* the first frame that lies wholly after this moment */
	if (stream->moved > 0 && (err = vcard_tape_say(&stream->tape, stream->base, (size_t)stream->moved, stream->ahead)) < 0)
		return err;
	stream->motion = VCARD_RUNNING;
	record(stream, VCARD_START, stream->base, 0);
	if (stream->moved > 0)
		vcard_card_log(&stream->card, (struct vcard_event){ .kind = VCARD_TRANSFER, .stamp_ns = stream->ahead_stamp_ns,
			.frame = stream->base, .frames = (uint32_t)stream->moved, .rate_hz = stream->io.rate });
	vcard_arm(stream);
	return 0;
}

int vcard_rewind(struct vcard_stream *stream)
{
	vcard_halt(stream, VCARD_STILL, VCARD_DROP);
	if (!vcard_card_alive(&stream->card))
		return lose(stream, -ENODEV);
	stream->motion = VCARD_STILL;
	stream->moved = stream->stopped = 0;
	vcard_arm(stream);
	return 0;
}

int vcard_move(struct vcard_stream *stream, char *sound, size_t frames)
{
	int64_t frame = stream->base + stream->moved;
	int err;

	if (vcard_card_take(&stream->card.side->io_errors)) {
		record(stream, VCARD_IO_ERROR, frame, stream->card.side->io_errno);
		return -stream->card.side->io_errno;
	}
	if (stream->motion == VCARD_STILL) {
		memcpy(stream->ahead + (size_t)stream->moved * stream->tape.frame_bytes, sound, frames * stream->tape.frame_bytes);
		stream->ahead_stamp_ns = vcard_monotonic_ns();
	} else {
		err = vcard_is_capture(stream) ? vcard_tape_hear(&stream->tape, frame, frames, sound)
					       : vcard_tape_say(&stream->tape, frame, frames, sound);
		if (err < 0)
			return err;
		record(stream, VCARD_TRANSFER, frame, (int64_t)frames);
	}
	stream->moved += (int64_t)frames;
	vcard_arm(stream);
	return 0;
}
