/* A virtual sound card as an ALSA external I/O plugin: the callbacks that libasound wants, and the door.
 *
 * asound.conf:  pcm.mic { type vcard  card "/folder"  only "capture" }      (`only` may be left out) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "stream.h"

static int on_start(snd_pcm_ioplug_t *io)
{
	return vcard_run(io->private_data);
}

static int on_stop(snd_pcm_ioplug_t *io)
{
	vcard_halt(io->private_data, VCARD_STILL, VCARD_DROP);
	return 0;
}

static int on_prepare(snd_pcm_ioplug_t *io)
{
	return vcard_rewind(io->private_data);
}

/* libasound turns every negative pointer into an xrun. A lost stream therefore shows something to read or room to write:
 * the transfer that follows tells the truth. */
static snd_pcm_sframes_t on_pointer(snd_pcm_ioplug_t *io)
{
	struct vcard_stream *stream = io->private_data;
	int err = vcard_meet(stream);

	if (err == -EPIPE)
		return err;
	if (err < 0)
		return vcard_is_capture(stream) ? stream->moved + stream->avail_min : stream->moved;
	return vcard_passed(stream);
}

static snd_pcm_sframes_t on_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
	snd_pcm_uframes_t size)
{
	struct vcard_stream *stream = io->private_data;
	char *sound = (char *)areas[0].addr + (areas[0].first + areas[0].step * offset) / 8;
	int err = vcard_meet(stream);

	if (err == -EPIPE)
		snd_pcm_ioplug_set_state(io, SND_PCM_STATE_XRUN);
	if (err == 0)
		err = vcard_move(stream, sound, size);
	return err < 0 ? err : (snd_pcm_sframes_t)size;
}

static int on_poll_descriptors_count(snd_pcm_ioplug_t *io)
{
	(void)io;
	return 1;
}

static int on_poll_descriptors(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int space)
{
	struct vcard_stream *stream = io->private_data;

	if (space < 1)
		return 0;
	stream->polled = 1;
	vcard_arm(stream);
	fds[0] = (struct pollfd){ .fd = stream->bell.fd, .events = POLLIN };
	return 1;
}

static int on_poll_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count, unsigned short *revents)
{
	struct vcard_stream *stream = io->private_data;
	unsigned short ready = vcard_is_capture(stream) ? POLLIN : POLLOUT;
	int64_t wanted = stream->avail_min;
	int err;

	(void)fds;
	(void)count;
	vcard_bell_answer(&stream->bell);
	err = vcard_meet(stream);
	if (err == -EPIPE)
		snd_pcm_ioplug_set_state(io, SND_PCM_STATE_XRUN);
	if (err < 0) {
		*revents = POLLERR | ready;
		return 0;
	}
	if (io->state == SND_PCM_STATE_DRAINING && !vcard_is_capture(stream))
		wanted = (int64_t)io->buffer_size;
	*revents = vcard_available(stream) >= wanted ? ready : 0;
	vcard_arm(stream);
	return 0;
}

static int on_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *params)
{
	struct vcard_stream *stream = io->private_data;
	char *ahead;
	int err;

	(void)params;
	if (!vcard_card_alive(&stream->card))
		return -ENODEV;
	err = vcard_tape_open(&stream->tape, stream->card.folder, vcard_is_capture(stream), io->rate, io->channels);
	if (err < 0)
		return err;
	if (!(ahead = realloc(stream->ahead, io->buffer_size * stream->tape.frame_bytes)))
		return -ENOMEM;
	stream->ahead = ahead;
	stream->avail_min = (int64_t)io->period_size;
	return 0;
}

static int on_sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params)
{
	struct vcard_stream *stream = io->private_data;
	snd_pcm_uframes_t avail_min;
	int err = snd_pcm_sw_params_get_avail_min(params, &avail_min);

	if (err < 0)
		return err;
	stream->avail_min = (int64_t)avail_min;
	vcard_arm(stream);
	return 0;
}

static void destroy(struct vcard_stream *stream)
{
	vcard_tape_close(&stream->tape);
	vcard_bell_close(&stream->bell);
	vcard_card_close(&stream->card);
	free(stream->ahead);
	free(stream);
}

static int on_close(snd_pcm_ioplug_t *io)
{
	struct vcard_stream *stream = io->private_data;

	vcard_card_log(&stream->card, (struct vcard_event){ .kind = VCARD_CLOSE, .rate_hz = io->rate });
	destroy(stream);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = on_start,
	.stop = on_stop,
	.prepare = on_prepare,
	.pointer = on_pointer,
	.transfer = on_transfer,
	.poll_descriptors_count = on_poll_descriptors_count,
	.poll_descriptors = on_poll_descriptors,
	.poll_revents = on_poll_revents,
	.hw_params = on_hw_params,
	.sw_params = on_sw_params,
	.close = on_close,
};

/* What hw_params may choose from. */
static int constrain(snd_pcm_ioplug_t *io, const struct vcard_side *side)
{
	static const unsigned int access[] = { SND_PCM_ACCESS_RW_INTERLEAVED }, format[] = { SND_PCM_FORMAT_S16_LE };
	unsigned int frame_bytes = side->channels * (unsigned int)sizeof(int16_t), rates = 0;
	unsigned int least = side->period_frames ? side->period_frames : 16;
	unsigned int most = side->period_frames ? side->period_frames : 1 << 16;
	int err;

	while (rates < VCARD_MAX_RATES && side->rates_hz[rates])
		rates++;
	if ((err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, access)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, format)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_RATE, rates, side->rates_hz)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, side->channels, side->channels)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64)) < 0)
		return err;
	return snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, least * frame_bytes, most * frame_bytes);
}

static int read_definition(snd_config_t *definition, snd_pcm_stream_t direction, const char **folder)
{
	snd_config_iterator_t at, next;
	const char *only = NULL, *id;

	snd_config_for_each(at, next, definition) {
		snd_config_t *field = snd_config_iterator_entry(at);

		if (snd_config_get_id(field, &id) < 0 || !strcmp(id, "comment") || !strcmp(id, "type") || !strcmp(id, "hint"))
			continue;
		if (strcmp(id, "card") && strcmp(id, "only")) {
			SNDERR("vcard: unknown field %s", id);
			return -EINVAL;
		}
		if (snd_config_get_string(field, strcmp(id, "card") ? &only : folder) < 0) {
			SNDERR("vcard: field %s must be a string", id);
			return -EINVAL;
		}
	}
	if (!*folder) {
		SNDERR("vcard: field card is missing: the folder that the driver made");
		return -EINVAL;
	}
	return only && strcasecmp(only, snd_pcm_stream_name(direction)) ? -ENOENT : 0;
}

static int hang_bell(struct vcard_stream *stream)
{
	char *path = vcard_card_control_path(&stream->card);
	int err = path ? vcard_bell_open(&stream->bell, path) : -ENOMEM;

	free(path);
	return err;
}

static int create(struct vcard_stream *stream, const char *name, snd_pcm_stream_t direction, int mode)
{
	int err;

	stream->io.version = SND_PCM_IOPLUG_VERSION;
	stream->io.name = "hearthd virtual card";
	stream->io.flags = SND_PCM_IOPLUG_FLAG_MONOTONIC | SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
	stream->io.callback = &callbacks;
	stream->io.private_data = stream;
	if ((err = snd_pcm_ioplug_create(&stream->io, name, direction, mode)) < 0) {
		destroy(stream);
		return err;
	}
	stream->io.nonblock = (mode & SND_PCM_NONBLOCK) != 0; /* else drain would wait, which hardware does not */
	vcard_card_log(&stream->card, (struct vcard_event){ .kind = VCARD_OPEN });
	if ((err = constrain(&stream->io, stream->card.side)) < 0)
		snd_pcm_ioplug_delete(&stream->io); /* calls on_close */
	return err;
}

SND_PCM_PLUGIN_DEFINE_FUNC(vcard)
{
	struct vcard_stream *made;
	const char *folder = NULL;
	int err = read_definition(conf, stream, &folder);

	(void)root;
	if (err < 0)
		return err;
	if (!(made = calloc(1, sizeof *made)))
		return -ENOMEM;
	made->tape.fd = made->bell.fd = made->bell.timer_fd = made->bell.watch_fd = -1;
	if ((err = vcard_card_open(&made->card, folder, stream)) < 0 || (err = hang_bell(made)) < 0) {
		destroy(made);
		return err;
	}
	if ((err = create(made, name, stream, mode)) < 0)
		return err;
	*pcmp = made->io.pcm;
	return 0;
}
SND_PCM_PLUGIN_SYMBOL(vcard)
