/* Shows programs a wall clock that is off by CLUSTERKIT_CLOCK_OFFSET seconds: for faults in a lab.
 * Preloaded. Monotonic clocks and sleeping stay as they are, so nothing waits longer or shorter.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t offset_s(void) {
    const char *text = getenv("CLUSTERKIT_CLOCK_OFFSET");
    return text ? (time_t)atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(id, now);
    if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += offset_s();
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec seen;
    (void)zone;
    int code = clock_gettime(CLOCK_REALTIME, &seen);
    if (code == 0) {
        now->tv_sec = seen.tv_sec;
        now->tv_usec = seen.tv_nsec / 1000;
    }
    return code;
}

time_t time(time_t *where) {
    struct timespec seen;
    if (clock_gettime(CLOCK_REALTIME, &seen) != 0) return (time_t)-1;
    if (where) *where = seen.tv_sec;
    return seen.tv_sec;
}
