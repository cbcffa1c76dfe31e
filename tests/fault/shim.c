/* A preloaded library in which the n-th change to files below one folder fails, or kills the process.
 *
 * Python, Arrow and SQLite alike go through these calls. FAULT_ROOT is the folder; FAULT_CONTROL a file of three
 * 64-bit numbers, shared by all processes: calls so far, the call at which it happens (0: never), and what
 * happens: an errno from that call on (a full disk stays full), minus an errno at that call alone, or 9999: SIGKILL.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile int64_t *control;
static const char *root;

__attribute__((constructor)) static void prepare(void) {
    const char *path = getenv("FAULT_CONTROL");
    root = getenv("FAULT_ROOT");
    if (!path || !root) return;
    int (*really)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int descriptor = really(path, O_RDWR);
    if (descriptor < 0) return;
    void *shared = mmap(NULL, 24, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (shared != MAP_FAILED) control = shared;
}

static int is_ours(const char *path) {
    return control && root && path && strncmp(path, root, strlen(root)) == 0;
}

static int is_our_file(int descriptor) {
    char link[64], path[PATH_MAX];
    if (!control) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_ours(path);
}

static int fails(void) {
    int64_t count = __atomic_add_fetch(&control[0], 1, __ATOMIC_SEQ_CST), at = control[1], what = control[2];
    if (at == 0 || count < at) return 0;
    if (what == 9999) { if (count == at) raise(SIGKILL); return 0; }
    if (what < 0 && count != at) return 0;
    errno = (int)(what < 0 ? -what : what);
    return 1;
}

#define REALLY(name) static __typeof__(&name) really; if (!really) really = dlsym(RTLD_NEXT, #name)
#define BY_PATH(name, path, ...) { REALLY(name); if (is_ours(path) && fails()) return -1; return really(__VA_ARGS__); }
#define BY_FILE(name, file, ...) { REALLY(name); if (is_our_file(file) && fails()) return -1; return really(__VA_ARGS__); }

ssize_t write(int f, const void *b, size_t n) BY_FILE(write, f, f, b, n)
ssize_t writev(int f, const struct iovec *v, int n) BY_FILE(writev, f, f, v, n)
ssize_t pwrite(int f, const void *b, size_t n, off_t o) BY_FILE(pwrite, f, f, b, n, o)
ssize_t pwrite64(int f, const void *b, size_t n, off64_t o) BY_FILE(pwrite64, f, f, b, n, o)
int fsync(int f) BY_FILE(fsync, f, f)
int fdatasync(int f) BY_FILE(fdatasync, f, f)
int ftruncate(int f, off_t n) BY_FILE(ftruncate, f, f, n)
int rename(const char *a, const char *b) BY_PATH(rename, b, a, b)
int renameat(int d, const char *a, int e, const char *b) BY_PATH(renameat, b, d, a, e, b)
int symlink(const char *a, const char *b) BY_PATH(symlink, b, a, b)
int symlinkat(const char *a, int d, const char *b) BY_PATH(symlinkat, b, a, d, b)
int mkdir(const char *p, mode_t m) BY_PATH(mkdir, p, p, m)

#define OPENS(name, path, flags, ...)                                            \
    {                                                                            \
        REALLY(name);                                                            \
        mode_t mode = 0;                                                         \
        if (flags & O_CREAT) { va_list l; va_start(l, flags); mode = va_arg(l, mode_t); va_end(l); } \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) && is_ours(path) && fails()) return -1;  \
        return really(__VA_ARGS__, mode);                                        \
    }
int open(const char *p, int flags, ...) OPENS(open, p, flags, p, flags)
int open64(const char *p, int flags, ...) OPENS(open64, p, flags, p, flags)
int openat(int d, const char *p, int flags, ...) OPENS(openat, p, flags, d, p, flags)
int openat64(int d, const char *p, int flags, ...) OPENS(openat64, p, flags, d, p, flags)
