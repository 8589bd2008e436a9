using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>Sends signals to processes by id.</summary>
public static class ProcessSignal
{
    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGKILL = 9;
    public const int SIGTERM = 15;

    private const int ESRCH = 3;

    /// <summary>False when there is no such process any more.</summary>
    public static bool TrySend(int pid, int signal)
    {
        // 0 and negative numbers would mean process groups, or everybody.
        ArgumentOutOfRangeException.ThrowIfLessThan(pid, 1);
        return NamespaceLibc.kill(pid, signal) == 0 || Marshal.GetLastPInvokeError() != ESRCH;
    }
}
