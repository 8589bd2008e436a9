using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>
/// Tells one content of a file from the next: which file the path leads to (through symbolic links), when it was written and how
/// long it is. The time alone is too coarse: the kernel stamps with its tick, and a replacement within one looks unchanged.
/// </summary>
public readonly record struct FileStamp
{
    private readonly ulong _inode;
    private readonly ulong _device;
    private readonly long _length;
    private readonly long _modifiedNanoseconds;

    private FileStamp(ulong inode, ulong device, long length, long modifiedNanoseconds)
    {
        _inode = inode;
        _device = device;
        _length = length;
        _modifiedNanoseconds = modifiedNanoseconds;
    }

    /// <summary>One system call; null while the path leads nowhere.</summary>
    public static FileStamp? Of(string path) =>
        FileCalls.TryStat(path, out ulong inode, out ulong device, out long length, out long modified)
            ? new FileStamp(inode, device, length, modified)
            : null;
}
