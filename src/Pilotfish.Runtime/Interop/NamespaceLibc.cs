using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>The C library's functions for namespaces, identities and signals, used by what prepares pods, never by the data plane.</summary>
internal static partial class NamespaceLibc
{
    // Safety: plain integers; no memory is passed.
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setns(int fd, int kind);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setfsuid(uint uid);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setfsgid(uint gid);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int kill(int pid, int signal);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int flock(int fd, int operation);
}
