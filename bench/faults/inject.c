/* Makes the n-th system call of a kind fail, of those on files below one folder.
 *
 * Loaded by LD_PRELOAD into the process that starts the commands (calls.py). It does nothing until
 * faults_arm is called, which each fork does for itself before its command.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN, READ, WRITE, FSYNC, RENAME, MKDIR, KINDS };
enum { DESCRIPTORS = 65536 };

static char root[4096];
static size_t root_length;
static int armed = -1, code, lasting;
static long target, seen[KINDS];
static char ours[DESCRIPTORS]; /* whether a descriptor is of a file below the folder */

/* kind: which calls fail. n: the first that does, from 1; 0: none, they are only counted.
 * lasting: every later one fails as well, as on a full disk. */
void faults_arm(const char *folder, int kind, long n, int error, int stays) {
    strncpy(root, folder, sizeof root - 1);
    root_length = strlen(root);
    memset(seen, 0, sizeof seen);
    memset(ours, 0, sizeof ours);
    target = n, code = error, lasting = stays, armed = kind;
}

void faults_disarm(void) { armed = -1; }

long faults_seen(int kind) { return seen[kind]; }

static int below(int folder, const char *path) {
    if (armed < 0 || !path) return 0;
    if (path[0] != '/') return folder == AT_FDCWD || (folder >= 0 && folder < DESCRIPTORS && ours[folder]);
    return !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int ours_is(int file) { return armed >= 0 && file >= 0 && file < DESCRIPTORS && ours[file]; }

static int fails(int kind) {
    long number = __atomic_add_fetch(&seen[kind], 1, __ATOMIC_SEQ_CST);
    if (kind != armed || !target) return 0;
    if (number != target && !(lasting && number > target)) return 0;
    errno = code;
    return 1;
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int kept(int file, int mine) {
    if (file >= 0 && file < DESCRIPTORS) ours[file] = (char)mine;
    return file;
}

#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        MODE REAL(name); \
        int mine = below(AT_FDCWD, path); \
        if (mine && fails(OPEN)) return -1; \
        return kept(real(path, flags, mode), mine); \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        MODE REAL(name); \
        int mine = below(folder, path); \
        if (mine && fails(OPEN)) return -1; \
        return kept(real(folder, path, flags, mode), mine); \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

int close(int file) {
    REAL(close);
    if (file >= 0 && file < DESCRIPTORS) ours[file] = 0;
    return real(file);
}

#define ON_FILE(kind, result, name, parameters, arguments) \
    result name parameters { \
        REAL(name); \
        if (ours_is(file) && fails(kind)) return -1; \
        return real arguments; \
    }
ON_FILE(READ, ssize_t, read, (int file, void *to, size_t n), (file, to, n))
ON_FILE(READ, ssize_t, pread, (int file, void *to, size_t n, off_t at), (file, to, n, at))
ON_FILE(READ, ssize_t, pread64, (int file, void *to, size_t n, off64_t at), (file, to, n, at))
ON_FILE(WRITE, ssize_t, write, (int file, const void *of, size_t n), (file, of, n))
ON_FILE(WRITE, ssize_t, pwrite64, (int file, const void *of, size_t n, off64_t at), (file, of, n, at))
ON_FILE(WRITE, ssize_t, writev, (int file, const struct iovec *of, int n), (file, of, n))
ON_FILE(FSYNC, int, fsync, (int file), (file))
ON_FILE(FSYNC, int, fdatasync, (int file), (file))

ssize_t sendfile64(int file, int from, off64_t *at, size_t n) {
    static ssize_t (*real)(int, int, off64_t *, size_t);
    if (!real) real = (ssize_t(*)(int, int, off64_t *, size_t))dlsym(RTLD_NEXT, "sendfile64");
    if (ours_is(file) && fails(WRITE)) return -1;
    return real(file, from, at, n);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    if (below(AT_FDCWD, to) && fails(RENAME)) return -1;
    return real(from, to);
}

int renameat(int a, const char *from, int b, const char *to) {
    REAL(renameat);
    if (below(b, to) && fails(RENAME)) return -1;
    return real(a, from, b, to);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    if (below(AT_FDCWD, path) && fails(MKDIR)) return -1;
    return real(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(mkdirat);
    if (below(folder, path) && fails(MKDIR)) return -1;
    return real(folder, path, mode);
}
