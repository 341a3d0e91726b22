/* A card as one stream sees it: the shared control block, the lock that makes a stream the only one of its direction, and
 * the event log. A card is a folder: control, events, capture-RATE.s16, playback-RATE.s16, and one lock per direction. */
#ifndef VCARD_CARD_H
#define VCARD_CARD_H

#include "control.h"

struct vcard_card {
	char *folder;
	struct vcard_control *control;
	struct vcard_side *side;
	uint32_t generation; /* of the side when it was opened */
	int stream;          /* SND_PCM_STREAM_* */
	int log_fd;
	int lock_fd;
};

/* Opens one direction of the card in a folder. Returns 0, or what the card answers: -ENOENT (no such card), -ENODEV (gone),
 * -EBUSY (somebody has this direction), or the errno that the driver asked for. Close it whatever the result. */
int vcard_card_open(struct vcard_card *card, const char *folder, int stream);
void vcard_card_close(struct vcard_card *card);

/* FOLDER/control, to be freed by the caller. */
char *vcard_card_control_path(const struct vcard_card *card);

/* Whether the device that was opened is still there. It never is again once it was gone. */
int vcard_card_alive(const struct vcard_card *card);

/* Uses up one of the faults that the driver ordered; false when there is none. */
int vcard_card_take(int32_t *counter);

void vcard_card_log(const struct vcard_card *card, struct vcard_event event);

#endif
