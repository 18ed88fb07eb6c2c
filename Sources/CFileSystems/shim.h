#ifdef __linux__
#include <sys/vfs.h>

/// The type of the file system that an open file lies on: `f_type` of fstatfs(2), which Swift's modules of the C library lack; -1
/// if the system does not tell.
static inline long nightjar_file_system_type(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (long)status.f_type : -1;
}
#endif
