/* In place of the hypervisor, by LD_PRELOAD: what xenstored, oxenstored and libxl ask it when they start, and when
 * libxl wires a device. Domains 0, 3 and 7 are there and run. Files that belong to a host with Xen lie below the
 * folder $NO_XEN. A call that is not here reaches the real library, which says that there is no Xen. */
#define _GNU_SOURCE
#include <errno.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <xenctrl.h>
#include <xen/version.h>

static int handle;

/* --- files --------------------------------------------------------------------------------------------------- */

static const char *elsewhere(const char *path, char *place, size_t size)
{
    static const char *const folders[] = { "/proc/xen/", "/var/lib/xen", "/var/run/xen", "/var/log/xen", "/run/xen" };
    const char *root = getenv("NO_XEN");

    for (size_t i = 0; path && root && i < sizeof folders / sizeof *folders; i++)
        if (!strncmp(path, folders[i], strlen(folders[i]))) {
            snprintf(place, size, "%s%s", root, path);
            return place;
        }
    /* Programs look for their own parts where their package puts them. */
    if (path && getenv("XEN_TREE") && !strncmp(path, "/usr/lib/xen-", 13)) {
        snprintf(place, size, "%s%s", getenv("XEN_TREE"), path);
        return place;
    }
    return path;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define MOVED(path) char place[4096]; path = elsewhere(path, place, sizeof place)

int open(const char *path, int flags, ...)
{
    va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more);
    REAL(open); MOVED(path);
    return real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more);
    REAL(open64); MOVED(path);
    return real(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) { REAL(fopen); MOVED(path); return real(path, mode); }
FILE *fopen64(const char *path, const char *mode) { REAL(fopen64); MOVED(path); return real(path, mode); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); MOVED(path); return real(path, mode); }
int stat(const char *restrict path, struct stat *restrict into) { REAL(stat); MOVED(path); return real(path, into); }
int stat64(const char *restrict path, struct stat64 *restrict into) { REAL(stat64); MOVED(path); return real(path, into); }
int unlink(const char *path) { REAL(unlink); MOVED(path); return real(path); }

DIR *opendir(const char *path) { REAL(opendir); MOVED(path); return real(path); }
void *dlopen(const char *path, int flags) { REAL(dlopen); MOVED(path); return real(path, flags); }

/* oxenstored wants more open files than an ordinary user may have. */
int setrlimit(__rlimit_resource_t what, const struct rlimit *limit) { return 0; }

int rename(const char *from, const char *to)
{
    char other[4096];
    REAL(rename); MOVED(from);
    return real(from, elsewhere(to, other, sizeof other));
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_un moved = { .sun_family = AF_UNIX };
    REAL(bind);

    if (address->sa_family != AF_UNIX)
        return real(fd, address, length);
    const char *path = ((const struct sockaddr_un *)address)->sun_path;
    MOVED(path);
    strncpy(moved.sun_path, path, sizeof moved.sun_path - 1);
    return real(fd, (struct sockaddr *)&moved, sizeof moved);
}

/* --- domains ------------------------------------------------------------------------------------------------- */

xc_interface *xc_interface_open(xentoollog_logger *l, xentoollog_logger *d, unsigned f) { return (void *)&handle; }
int xc_interface_close(xc_interface *x) { return 0; }

static void running(xc_domaininfo_t *info, unsigned domid)
{
    memset(info, 0, sizeof *info);
    info->domain = domid;
    info->flags = XEN_DOMINF_running;
    info->handle[0] = domid;
}

int xc_domain_getinfolist(xc_interface *x, uint32_t first, unsigned max, xc_domaininfo_t *info)
{
    static const unsigned domains[] = { 0, 3, 7 };
    unsigned count = 0;

    for (unsigned i = 0; i < 3 && count < max; i++)
        if (domains[i] >= first)
            running(&info[count++], domains[i]);
    return count;
}

#ifdef XEN_4_17
int xc_domain_getinfo(xc_interface *x, uint32_t first, unsigned max, xc_dominfo_t *info)
{
    memset(info, 0, sizeof *info);
    info->domid = first;
    info->running = 1;
    return 1;
}
#else
int xc_domain_getinfo_single(xc_interface *x, uint32_t domid, xc_domaininfo_t *info)
{
    running(info, domid);
    return 0;
}
#endif

int xc_flask_sid_to_context(xc_interface *x, int sid, char *into, uint32_t size) { errno = ENOSYS; return -1; }

int xc_version(xc_interface *x, int what, void *into)
{
    switch (what) {
    case XENVER_version: return 4 << 16;
    case XENVER_pagesize: return 4096;
    case XENVER_extraversion: memset(into, 0, sizeof(xen_extraversion_t)); return 0;
    case XENVER_capabilities: memset(into, 0, sizeof(xen_capabilities_info_t)); return 0;
    case XENVER_changeset: memset(into, 0, sizeof(xen_changeset_info_t)); return 0;
    case XENVER_commandline: memset(into, 0, sizeof(xen_commandline_t)); return 0;
    case XENVER_compile_info: memset(into, 0, sizeof(xen_compile_info_t)); return 0;
    case XENVER_platform_parameters: memset(into, 0, sizeof(xen_platform_parameters_t)); return 0;
    }
    errno = ENOSYS;
    return -1;
}

/* --- event channels and grants ------------------------------------------------------------------------------- */

/* Nobody ever sends an event. */
static int events = -1;

void *xenevtchn_open(void *l, unsigned f) { events = eventfd(0, EFD_CLOEXEC); return &handle; }
void *xenevtchn_fdopen(void *l, int fd, unsigned f) { events = fd; return &handle; }
int xenevtchn_close(void *h) { return 0; }
int xenevtchn_fd(void *h) { return events; }
int xenevtchn_bind_interdomain(void *h, uint32_t domid, uint32_t port) { return 5; }
int xenevtchn_bind_virq(void *h, unsigned virq) { return 6; }
int xenevtchn_notify(void *h, uint32_t port) { return 0; }
int xenevtchn_unmask(void *h, uint32_t port) { return 0; }
int xenevtchn_unbind(void *h, uint32_t port) { return 0; }
int xenevtchn_pending(void *h) { errno = EAGAIN; return -1; }

void *xengnttab_open(void *l, unsigned f) { return &handle; }
int xengnttab_close(void *h) { return 0; }
int xengnttab_set_max_grants(void *h, uint32_t count) { return 0; }
int xengnttab_unmap(void *h, void *page, uint32_t count) { return munmap(page, 4096 * (size_t)count); }

void *xengnttab_map_grant_ref(void *h, uint32_t domid, uint32_t ref, int protection)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
