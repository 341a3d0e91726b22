/* Preloaded below an application, this lets calls into libasound fail or stall as a driver in the kernel would.
 *
 * ALSA_FAULT names a file that holds one struct order per call. It stays mapped: an order reaches a running process at once. */
#include <alsa/asoundlib.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct order {
	int32_t error;    /* the errno that the call returns */
	int32_t times;    /* how many calls are left to go wrong; negative: all */
	int32_t stall_ms; /* how long a call sleeps before it goes wrong */
	uint32_t calls;   /* how often the call was made, whatever became of it */
};

enum call { OPEN, READ, WRITE, AVAIL, PREPARE, CALLS };

static struct order *orders; /* CALLS of them, or NULL */

__attribute__((constructor)) static void map_orders(void)
{
	const char *path = getenv("ALSA_FAULT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *block = MAP_FAILED;

	if (fd >= 0) {
		block = mmap(NULL, CALLS * sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	orders = block == MAP_FAILED ? NULL : block;
}

/* Uses up an order. Returns 0 when the call shall be made, else what it shall return. */
static int obey(enum call call)
{
	struct order *order;
	struct timespec stall;
	int32_t left;

	if (!orders)
		return 0;
	order = orders + call;
	__atomic_add_fetch(&order->calls, 1, __ATOMIC_RELAXED);
	left = __atomic_load_n(&order->times, __ATOMIC_ACQUIRE);
	while (left > 0 && !__atomic_compare_exchange_n(&order->times, &left, left - 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	if (left == 0)
		return 0;
	stall = (struct timespec){ order->stall_ms / 1000, order->stall_ms % 1000 * 1000000L };
	nanosleep(&stall, NULL);
	return -order->error;
}

/* The library's own function. RTLD_NEXT would miss it: an extension module loads libasound into a scope of its own. */
static void *find(const char *name)
{
	void *library = dlopen("libasound.so.2", RTLD_LAZY);

	return library ? dlsym(library, name) : NULL;
}

/* ISO C has no cast from an object to a function; POSIX wants dlsym to be used like this. */
#define REAL(name) \
	static __typeof__(&name) real; \
	if (!real) \
		*(void **)&real = find(#name)

int snd_pcm_open(snd_pcm_t **pcm, const char *name, snd_pcm_stream_t stream, int mode)
{
	REAL(snd_pcm_open);
	int err = obey(OPEN);

	return err ? err : real(pcm, name, stream, mode);
}

snd_pcm_sframes_t snd_pcm_readi(snd_pcm_t *pcm, void *sound, snd_pcm_uframes_t frames)
{
	REAL(snd_pcm_readi);
	int err = obey(READ);

	return err ? err : real(pcm, sound, frames);
}

snd_pcm_sframes_t snd_pcm_writei(snd_pcm_t *pcm, const void *sound, snd_pcm_uframes_t frames)
{
	REAL(snd_pcm_writei);
	int err = obey(WRITE);

	return err ? err : real(pcm, sound, frames);
}

snd_pcm_sframes_t snd_pcm_avail(snd_pcm_t *pcm)
{
	REAL(snd_pcm_avail);
	int err = obey(AVAIL);

	return err ? err : real(pcm);
}

int snd_pcm_prepare(snd_pcm_t *pcm)
{
	REAL(snd_pcm_prepare);
	int err = obey(PREPARE);

	return err ? err : real(pcm);
}
