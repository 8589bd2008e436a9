using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Routing.Discovery;

/// <summary>Requests that wait for one host. Main loop.</summary>
/// <param name="formerly">The virtual host that serves the host meanwhile; null for none.</param>
internal sealed class HostDemand(string? formerly)
{
    private readonly List<(EventLoop Loop, Action<object?> Ready, object State)> _waiters = [];

    public string? Formerly { get; } = formerly;

    /// <summary>The control plane's answer is here; the routes that hold it are not in force yet.</summary>
    public bool IsAnswered { get; set; }

    public bool IsEmpty => _waiters.Count == 0;

    public void Add(EventLoop loop, Action<object?> ready, object state) => _waiters.Add((loop, ready, state));

    /// <summary>A request is over before its wait.</summary>
    public void Remove(object state) => _waiters.RemoveAll(waiter => waiter.State == state);

    /// <summary>Lets all go on, each on its loop.</summary>
    public void PostAll()
    {
        foreach ((EventLoop loop, Action<object?> ready, object state) in _waiters)
        {
            loop.Post(ready, state);
        }

        _waiters.Clear();
    }
}
