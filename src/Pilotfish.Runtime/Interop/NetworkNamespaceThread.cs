using System.Collections.Concurrent;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Pilotfish.Runtime.Interop;

/// <summary>
/// A thread that lives in another network namespace. A socket belongs for ever to the namespace of the thread that made
/// it, so code elsewhere asks this thread to make or bind sockets and then uses them as any other.
/// </summary>
public sealed class NetworkNamespaceThread : IDisposable
{
    private const int CloneNewNet = 0x40000000;

    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    private NetworkNamespaceThread(SafeFileHandle ns, uint? uid, uint? gid, TaskCompletionSource started)
    {
        _thread = new Thread(() => Run(ns, uid, gid, started)) { IsBackground = true, Name = "network namespace" };
        _thread.Start();
    }

    /// <param name="path">For instance /run/netns/NAME or /proc/PID/ns/net.</param>
    /// <param name="uid">Whose the sockets shall be, for rules that look at the owner; null: this process's user.</param>
    /// <param name="gid">The group of the sockets, likewise.</param>
    public static NetworkNamespaceThread Enter(string path, uint? uid = null, uint? gid = null)
    {
        using SafeFileHandle ns = File.OpenHandle(path);
        var started = new TaskCompletionSource();
        var thread = new NetworkNamespaceThread(ns, uid, gid, started);
        started.Task.GetAwaiter().GetResult();
        return thread;
    }

    /// <summary>Runs <paramref name="make"/> inside the namespace and hands back its result or its exception.</summary>
    public T Run<T>(Func<T> make)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                result.SetResult(make());
            }
            catch (Exception e)
            {
                // Whatever it is, it is the caller's; this thread goes on serving others.
                result.SetException(e);
            }
        });
        return result.Task.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Run(SafeFileHandle ns, uint? uid, uint? gid, TaskCompletionSource started)
    {
        // Safety: setns, setfsuid and setfsgid change this thread alone, which is ours and never goes back to a pool.
        if (NamespaceLibc.setns((int)ns.DangerousGetHandle(), CloneNewNet) != 0)
        {
            started.SetException(new Win32Exception(Marshal.GetLastPInvokeError()));
            return;
        }

        if (gid is uint group)
        {
            NamespaceLibc.setfsgid(group);
        }

        if (uid is uint user)
        {
            NamespaceLibc.setfsuid(user);
        }

        started.SetResult();
        foreach (Action action in _work.GetConsumingEnumerable())
        {
            action();
        }
    }
}
