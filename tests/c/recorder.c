/* Preloaded into a program: writes down, in order, what it does to the files of one folder and which HTTP answers it sends.
 *
 * RECORDER_FOLDER names the folder, RECORDER_LOG the file written. A record is: kind (1 byte), length of the name (4), the name without
 * the folder, a number (8), length of the data (4), the data; numbers in the byte order of the machine.
 *
 *   C created or opened so   W written at number   T cut to number   U unlinked   R renamed to data
 *   B sync number begins     E sync number ended   A answer leaves, its first bytes
 *
 * A change is recorded after it happened and before the call returns, an answer before it is sent; all under one lock. So what a sync
 * covers is never overstated, and no answer is recorded too late.
 *
 * RECORDER_KILL_AT=N kills the program in the place of its Nth sync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ANSWER 1024
#define REAL(name) real_##name = (real_##name##_fn)dlsym(RTLD_NEXT, #name)

typedef int (*real_open_fn)(const char *, int, ...);
typedef int (*real_openat_fn)(int, const char *, int, ...);
typedef ssize_t (*real_write_fn)(int, const void *, size_t);
typedef ssize_t (*real_pwrite64_fn)(int, const void *, size_t, off64_t);
typedef ssize_t (*real_writev_fn)(int, const struct iovec *, int);
typedef ssize_t (*real_send_fn)(int, const void *, size_t, int);
typedef ssize_t (*real_sendmsg_fn)(int, const struct msghdr *, int);
typedef int (*real_ftruncate64_fn)(int, off64_t);
typedef int (*real_fsync_fn)(int);
typedef int (*real_unlink_fn)(const char *);
typedef int (*real_rename_fn)(const char *, const char *);

static real_open_fn real_open64;
typedef real_open_fn real_open64_fn;
static real_openat_fn real_openat64;
typedef real_openat_fn real_openat64_fn;
static real_write_fn real_write;
static real_pwrite64_fn real_pwrite64;
static real_writev_fn real_writev;
static real_send_fn real_send;
static real_sendmsg_fn real_sendmsg;
static real_ftruncate64_fn real_ftruncate64;
static real_fsync_fn real_fsync;
static real_fsync_fn real_fdatasync;
typedef real_fsync_fn real_fdatasync_fn;
static real_unlink_fn real_unlink;
static real_rename_fn real_rename;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char folder[PATH_MAX];
static size_t folder_length;
static uint64_t syncs, kill_at;

__attribute__((constructor)) static void begin(void)
{
    const char *log = getenv("RECORDER_LOG"), *watched = getenv("RECORDER_FOLDER"), *number = getenv("RECORDER_KILL_AT");
    REAL(open64); REAL(openat64); REAL(write); REAL(pwrite64); REAL(writev); REAL(send); REAL(sendmsg); REAL(ftruncate64);
    REAL(fsync); REAL(fdatasync); REAL(unlink); REAL(rename);
    if (!log || !watched || !realpath(watched, folder)) return;
    folder_length = strlen(folder);
    kill_at = number ? strtoull(number, NULL, 10) : 0;
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(const void *data, size_t length)
{
    const char *at = data;
    while (length) {
        long done = syscall(SYS_write, log_fd, at, length);
        if (done <= 0) abort();
        at += done;
        length -= (size_t)done;
    }
}

/* Call it with the lock held. */
static void record(char kind, const char *name, uint64_t number, const void *data, size_t length)
{
    uint32_t name_length = (uint32_t)strlen(name), data_length = (uint32_t)length;
    put(&kind, 1);
    put(&name_length, 4);
    put(name, name_length);
    put(&number, 8);
    put(&data_length, 4);
    put(data, length);
}

/* The part of a path after the folder; empty for the folder itself, NULL for what is not recorded. */
static const char *inside(const char *path)
{
    if (log_fd < 0 || strncmp(path, folder, folder_length)) return NULL;
    if (!path[folder_length]) return "";
    return path[folder_length] == '/' ? path + folder_length + 1 : NULL;
}

static const char *of(int fd, char path[PATH_MAX])
{
    char link[40];
    ssize_t length;
    if (log_fd < 0 || fd < 0) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return inside(path);
}

static int opened(int fd, int flags)
{
    char path[PATH_MAX];
    int before = errno;
    const char *name = fd >= 0 && flags & O_CREAT ? of(fd, path) : NULL;
    if (name) {
        pthread_mutex_lock(&lock);
        record('C', name, 0, "", 0);
        if (flags & O_TRUNC) record('T', name, 0, "", 0);
        pthread_mutex_unlock(&lock);
    }
    errno = before;
    return fd;
}

static mode_t mode_of(int flags, va_list *more)
{
    return flags & O_CREAT ? va_arg(*more, mode_t) : 0;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list more; \
        mode_t mode; \
        va_start(more, flags); \
        mode = mode_of(flags, &more); \
        va_end(more); \
        return opened(real_open64(path, flags, mode), flags); \
    }
#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) \
    { \
        va_list more; \
        mode_t mode; \
        va_start(more, flags); \
        mode = mode_of(flags, &more); \
        va_end(more); \
        return opened(real_openat64(at, path, flags, mode), flags); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

static void answer(int fd, const struct iovec *parts, int count)
{
    static const char start[] = "HTTP/1.1 ";
    char head[ANSWER];
    size_t length = 0;
    struct stat kind;
    int i;
    if (log_fd < 0 || count < 1 || parts[0].iov_len < sizeof start || memcmp(parts[0].iov_base, start, sizeof start - 1)) return;
    if (fstat(fd, &kind) || !S_ISSOCK(kind.st_mode)) return;
    for (i = 0; i < count && length < ANSWER; i++) {
        size_t more = parts[i].iov_len < ANSWER - length ? parts[i].iov_len : ANSWER - length;
        memcpy(head + length, parts[i].iov_base, more);
        length += more;
    }
    pthread_mutex_lock(&lock);
    record('A', "", 0, head, length);
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *data, size_t length)
{
    char path[PATH_MAX];
    struct iovec part = { (void *)data, length };
    const char *name;
    off64_t at;
    ssize_t done;
    answer(fd, &part, 1);
    name = of(fd, path);
    if (!name) return real_write(fd, data, length);
    pthread_mutex_lock(&lock);
    done = real_write(fd, data, length);
    at = lseek64(fd, 0, SEEK_CUR);
    if (done > 0) record('W', name, (uint64_t)(at - done), data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

static ssize_t written_at(int fd, const void *data, size_t length, off64_t offset)
{
    char path[PATH_MAX];
    const char *name = of(fd, path);
    ssize_t done;
    if (!name) return real_pwrite64(fd, data, length, offset);
    pthread_mutex_lock(&lock);
    done = real_pwrite64(fd, data, length, offset);
    if (done > 0) record('W', name, (uint64_t)offset, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return written_at(fd, data, length, offset); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return written_at(fd, data, length, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    char path[PATH_MAX];
    /* Nothing writes files so; a record would be missing. */
    if (of(fd, path)) abort();
    answer(fd, parts, count);
    return real_writev(fd, parts, count);
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
    struct iovec part = { (void *)data, length };
    answer(fd, &part, 1);
    return real_send(fd, data, length, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    answer(fd, message->msg_iov, (int)message->msg_iovlen);
    return real_sendmsg(fd, message, flags);
}

static int cut(int fd, off64_t length)
{
    char path[PATH_MAX];
    const char *name = of(fd, path);
    int failed;
    if (!name) return real_ftruncate64(fd, length);
    pthread_mutex_lock(&lock);
    failed = real_ftruncate64(fd, length);
    if (!failed) record('T', name, (uint64_t)length, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate64(int fd, off64_t length) { return cut(fd, length); }
int ftruncate(int fd, off_t length) { return cut(fd, length); }

static int synced(int fd, real_fsync_fn sync)
{
    char path[PATH_MAX];
    const char *name = of(fd, path);
    uint64_t number;
    int failed, before;
    if (!name) return sync(fd);
    pthread_mutex_lock(&lock);
    number = ++syncs;
    if (number == kill_at) kill(getpid(), SIGKILL);
    record('B', name, number, "", 0);
    pthread_mutex_unlock(&lock);
    failed = sync(fd);
    before = errno;
    pthread_mutex_lock(&lock);
    if (!failed) record('E', name, number, "", 0);
    pthread_mutex_unlock(&lock);
    errno = before;
    return failed;
}

int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }

int unlink(const char *path)
{
    const char *name = inside(path);
    int failed;
    if (!name) return real_unlink(path);
    pthread_mutex_lock(&lock);
    failed = real_unlink(path);
    if (!failed) record('U', name, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int rename(const char *from, const char *to)
{
    const char *name = inside(from), *target = inside(to);
    int failed;
    if (!name || !target) return real_rename(from, to);
    pthread_mutex_lock(&lock);
    failed = real_rename(from, to);
    if (!failed) record('R', name, 0, target, strlen(target));
    pthread_mutex_unlock(&lock);
    return failed;
}
