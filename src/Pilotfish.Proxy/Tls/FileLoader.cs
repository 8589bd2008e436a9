using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Tls;

/// <summary>Reads secrets from files, again every second while they cannot be read. Main loop.</summary>
internal sealed class FileLoader : IDisposable
{
    private const long RetryMilliseconds = 1000;

    private readonly Action _load;
    private readonly LoopTimer _timer;

    public FileLoader(EventLoop loop, Action load)
    {
        _load = load;
        _timer = new LoopTimer(loop, static state => ((FileLoader)state!).TryNow(), this);
    }

    public void TryNow()
    {
        try
        {
            _load();
        }
        catch (ConfigRejectedException e)
        {
            Log.Debug(LogComponent.Secret, $"secret file is not usable yet: {e.Message}");
            _timer.Schedule(RetryMilliseconds);
        }
    }

    public void Dispose() => _timer.Cancel();
}
