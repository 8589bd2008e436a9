using Envoy.Config.Core.V3;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Stands between a subscription and its consumer and tells the consumer when initial_fetch_timeout passes without a first
/// version. Main loop.
/// </summary>
internal sealed class FetchTimer : IResourceConsumer, IDisposable
{
    private const long DefaultMilliseconds = 15_000;

    private readonly IResourceConsumer _inner;
    private readonly string _name;
    private readonly LoopTimer _timer;
    private IDisposable? _subscription;

    private FetchTimer(EventLoop loop, string name, IResourceConsumer inner, long milliseconds)
    {
        _inner = inner;
        _name = name;
        _timer = new LoopTimer(loop, static state => ((FetchTimer)state!).OnTimeout(), this);
        _timer.Schedule(milliseconds);
    }

    public static IDisposable Subscribe(
        EventLoop loop, ISubscriptions from, ResourceType type, string name, IResourceConsumer consumer, ConfigSource? source)
    {
        long milliseconds = Limit(source);
        if (milliseconds == 0)
        {
            return from.Subscribe(type, name, consumer);
        }

        FetchTimer timer = new(loop, name, consumer, milliseconds);
        timer._subscription = from.Subscribe(type, name, timer);
        return timer;
    }

    /// <summary>0 = wait for ever.</summary>
    public static long Limit(ConfigSource? source) => source?.InitialFetchTimeout is { } limit
        ? (long)limit.ToTimeSpan().TotalMilliseconds
        : DefaultMilliseconds;

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        _inner.OnResource(name, message, version);
        _timer.Cancel();
    }

    public void OnRemoved(string name)
    {
        _timer.Cancel();
        _inner.OnRemoved(name);
    }

    public void OnInitialFetchTimeout(string name) => _inner.OnInitialFetchTimeout(name);

    public void OnStreamEnded() => _inner.OnStreamEnded();

    public void Dispose()
    {
        _timer.Cancel();
        _subscription?.Dispose();
    }

    private void OnTimeout() => _inner.OnInitialFetchTimeout(_name);
}
