#ifndef CSANDBOX_H
#define CSANDBOX_H

#include <stddef.h>
#include <stdint.h>

// What a worker gives up before it reads files that strangers made. Each call returns 0, or the `errno` for which the
// kernel refused; none can be taken back. The first call comes before any other thread of the process exists.

#ifdef __cplusplus
extern "C" {
#endif

/// Executing a file gives no privileges any more. Needed for the two below without root.
int atelier_sandbox_no_new_privileges(void);

/// The kernel kills this process when the thread that started it ends.
int atelier_sandbox_die_with_parent(void);

/// Closes every descriptor from `first` on.
int atelier_sandbox_close_from(int first);

/// `limit` bytes of address space at most.
int atelier_sandbox_limit_address_space(uint64_t limit);

/// Nothing is written, made, renamed or removed in the file system but beneath the `count` paths (Landlock). Descriptors
/// that are open stay as they are. ENOSYS or EOPNOTSUPP where the kernel has none.
int atelier_sandbox_forbid_writes(const char * const * writable, size_t count);

/// No new sockets, connections, processes or programs; no looking at or signalling other processes; no mounts, modules,
/// keys, clocks, other interfaces to the kernel (a system-call filter, refusing with EPERM). Threads stay possible.
/// `forbids_writes`: no file is opened for writing either, which is what stands in for Landlock where there is none.
int atelier_sandbox_filter_calls(int forbids_writes);

/// Tries what is to be impossible, by its name (`socket`, `unix_socket`, `exec`, `fork`, `ptrace`, `mount`, `kill`,
/// `terminal`, `owner`, `priority`, `mode`, `io_uring`, `write`, `remove`, and `memory` under a limit of address space)
/// or possible (`thread`, `read`). Returns 0 if it worked, else its `errno`; -1 for an unknown name. `path`: of the
/// file that `write` and `read` open. For the check of the sandbox itself.
int atelier_sandbox_attempt(const char * what, const char * path);

#ifdef __cplusplus
}
#endif

#endif
