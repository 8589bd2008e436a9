using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// The files behind one secret: read once, then looked at every second and read anew when one was replaced, so that a rotated
/// certificate serves the next handshake. With a watched directory that is looked at in their place, so that who replaces several files
/// says by a last change there that all are in place. A bad file is reported and the last good content stays. Main loop.
/// </summary>
internal sealed class SecretFiles : IDisposable
{
    private const long PollMilliseconds = 1000;

    private readonly LoopTimer _timer;
    private List<string> _paths = [];
    private string? _directory;
    private FileStamp?[] _stamps = [];
    private Action? _load;
    private bool _isLoaded;

    public SecretFiles(EventLoop loop) => _timer = new LoopTimer(loop, static state => ((SecretFiles)state!).Poll(), this);

    /// <summary>Loads now and throws what it throws; from then on watches the sources that are files. Replaces what was watched.</summary>
    public void Load(Action load, WatchedDirectory? directory, params ReadOnlySpan<DataSource?> sources)
    {
        load();
        Watch(load, directory, sources, isLoaded: true);
    }

    /// <summary>
    /// As <see cref="Load"/>, but files that cannot be used yet do not make a config invalid: a pod's secrets may be mounted late.
    /// </summary>
    public void LoadWhenReadable(Action load, WatchedDirectory? directory, params ReadOnlySpan<DataSource?> sources)
    {
        Watch(load, directory, sources, isLoaded: false);
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

    private void Watch(Action load, WatchedDirectory? directory, ReadOnlySpan<DataSource?> sources, bool isLoaded)
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

        (_load, _isLoaded, _paths, _directory) = (load, isLoaded, paths, directory?.Path);
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
        if ((isChanged || !_isLoaded) && Array.IndexOf(stamps, null) < 0 && AreThere())
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

    private bool AreThere() => _directory is null || _paths.TrueForAll(static path => FileStamp.Of(path) is not null);

    /// <summary>Of what tells that something was replaced.</summary>
    private FileStamp?[] Stamps()
    {
        if (_directory is not null)
        {
            return [FileStamp.Of(_directory)];
        }

        var stamps = new FileStamp?[_paths.Count];
        for (int i = 0; i < stamps.Length; i++)
        {
            stamps[i] = FileStamp.Of(_paths[i]);
        }

        return stamps;
    }
}
