#include "clock.h"

#include <time.h>

static const int64_t NS_PER_S = 1000000000;

struct anchor {
	int64_t monotonic_ns;
	int64_t card_ns;
	double speed;
};

/* The driver may move the anchor at any time: read until a whole one was seen. */
static struct anchor read_anchor(const struct vcard_control *control)
{
	struct anchor anchor;
	uint32_t before, after;

	do {
		before = __atomic_load_n(&control->clock_sequence, __ATOMIC_ACQUIRE);
		anchor.monotonic_ns = control->anchor_monotonic_ns;
		anchor.card_ns = control->anchor_card_ns;
		anchor.speed = 1.0 + control->drift_ppm * 1e-6;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		after = __atomic_load_n(&control->clock_sequence, __ATOMIC_RELAXED);
	} while (before != after || before % 2);
	return anchor;
}

int64_t vcard_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t vcard_card_ns(const struct vcard_control *control, int64_t monotonic_ns)
{
	struct anchor anchor = read_anchor(control);

	return anchor.card_ns + (int64_t)((double)(monotonic_ns - anchor.monotonic_ns) * anchor.speed);
}

int64_t vcard_moment_ns(const struct vcard_control *control, int64_t card_ns)
{
	struct anchor anchor = read_anchor(control);

	return anchor.monotonic_ns + (int64_t)((double)(card_ns - anchor.card_ns) / anchor.speed) + 1;
}

/* Seconds and their rest are scaled apart: card_ns * rate_hz alone would overflow after two days. */
int64_t vcard_frame_at(int64_t card_ns, unsigned int rate_hz)
{
	return card_ns / NS_PER_S * rate_hz + card_ns % NS_PER_S * rate_hz / NS_PER_S;
}

int64_t vcard_frame_ns(int64_t frame, unsigned int rate_hz)
{
	return frame / rate_hz * NS_PER_S + (frame % rate_hz * NS_PER_S + rate_hz - 1) / rate_hz;
}
