/* Card time: nanoseconds since the card was made, as told by the card's own (drifting) crystal. Both directions and all
 * processes read the same clock, so a frame number means the same moment everywhere. */
#ifndef VCARD_CLOCK_H
#define VCARD_CLOCK_H

#include "control.h"

int64_t vcard_monotonic_ns(void);

/* Card time at a CLOCK_MONOTONIC moment. */
int64_t vcard_card_ns(const struct vcard_control *control, int64_t monotonic_ns);

/* The CLOCK_MONOTONIC moment of a card time, as long as the drift stays what it is. */
int64_t vcard_moment_ns(const struct vcard_control *control, int64_t card_ns);

/* How many whole frames have passed at a card time. */
int64_t vcard_frame_at(int64_t card_ns, unsigned int rate_hz);

/* The first card time at which so many whole frames have passed. */
int64_t vcard_frame_ns(int64_t frame, unsigned int rate_hz);

#endif
