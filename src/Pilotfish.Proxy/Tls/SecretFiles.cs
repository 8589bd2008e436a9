using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// The files behind one secret: read once, then looked at every second and read anew when one was replaced, so that a rotated
/// certificate serves the next handshake. A bad file is reported and the last good content stays. Main loop.
/// </summary>
internal sealed class SecretFiles : IDisposable
{
    private const long PollMilliseconds = 1000;

    private readonly LoopTimer _timer;
    private List<string> _paths = [];
    private FileStamp?[] _stamps = [];
    private Action? _load;
    private bool _isLoaded;

    public SecretFiles(EventLoop loop) => _timer = new LoopTimer(loop, static state => ((SecretFiles)state!).Poll(), this);

    /// <summary>Loads now and throws what it throws; from then on watches the sources that are files. Replaces what was watched.</summary>
    public void Load(Action load, params ReadOnlySpan<DataSource?> sources)
    {
        load();
        Watch(load, sources, isLoaded: true);
    }

    /// <summary>
    /// As <see cref="Load"/>, but files that cannot be used yet do not make a config invalid: a pod's secrets may be mounted late.
    /// </summary>
    public void LoadWhenReadable(Action load, params ReadOnlySpan<DataSource?> sources)
    {
        Watch(load, sources, isLoaded: false);
        if (_paths.Count == 0)
        {
            load();
            _isLoaded = true;
        }
        else
        {
            Poll();
        }
    }

    public void Dispose() => _timer.Cancel();

    private void Watch(Action load, ReadOnlySpan<DataSource?> sources, bool isLoaded)
    {
        _timer.Cancel();
        var paths = new List<string>();
        foreach (DataSource? source in sources)
        {
            if (source is { SpecifierCase: DataSource.SpecifierOneofCase.Filename })
            {
                paths.Add(source.Filename);
            }
        }

        (_load, _isLoaded, _paths) = (load, isLoaded, paths);
        _stamps = Stamps();
        if (_paths.Count > 0)
        {
            _timer.Schedule(PollMilliseconds);
        }
    }

    private void Poll()
    {
        FileStamp?[] stamps = Stamps();
        bool isChanged = !stamps.AsSpan().SequenceEqual(_stamps);
        if ((isChanged || !_isLoaded) && Array.IndexOf(stamps, null) < 0)
        {
            Reload();
            _stamps = stamps;
        }

        _timer.Schedule(PollMilliseconds);
    }

    private void Reload()
    {
        try
        {
            _load!();
            _isLoaded = true;
        }
        catch (ConfigRejectedException e)
        {
            // Key and certificate are replaced one after the other: the pair fits when both are there.
            Log.Warning(LogComponent.Secret, $"a secret's files are not usable: {e.Message}");
        }
    }

    private FileStamp?[] Stamps()
    {
        var stamps = new FileStamp?[_paths.Count];
        for (int i = 0; i < stamps.Length; i++)
        {
            stamps[i] = FileStamp.Of(_paths[i]);
        }

        return stamps;
    }
}
