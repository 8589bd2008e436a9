using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Sources.Files;

/// <summary>
/// Watches directories. Notifications make it quick; a slow scan by stamps makes it right where they are silent (links that are
/// swapped, network file systems) or unavailable (inotify instances exhausted).
/// </summary>
public sealed class DirectorySource : IConfigSource
{
    // Stamps of a few hundred files cost well under a millisecond, and a change must be live within a second.
    private static readonly TimeSpan s_scanInterval = TimeSpan.FromMilliseconds(400);

    // Writers that truncate and rewrite are seen in between: a state counts once two looks agree.
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(50);

    // A file that is appended to all the time is read at last.
    private const int UnsettledScansMax = 10;

    private readonly IReadOnlyList<string> _directories;
    private readonly bool _isRecursive;
    private readonly DirectoryScanner _scanner;
    private readonly SemaphoreSlim _changed = new(0, 1);

    /// <param name="directories">In the order in which they win.</param>
    /// <param name="meshFile">A mesh configuration; may be missing.</param>
    /// <param name="domainSuffix">Of the services' names.</param>
    /// <param name="isRecursive">Whether files in folders below count, too.</param>
    public DirectorySource(IReadOnlyList<string> directories, string? meshFile, string domainSuffix, bool isRecursive = true)
    {
        _directories = directories;
        _isRecursive = isRecursive;
        _scanner = new DirectoryScanner(directories, isRecursive, meshFile, new ObjectReader(domainSuffix) { CheckRules = true });
    }

    public async Task RunAsync(Action<SourceState> publish, CancellationToken cancellation)
    {
        using var watchers = Watch();
        var applied = _scanner.Stamps();
        publish(_scanner.Load(applied));
        while (true)
        {
            await _changed.WaitAsync(s_scanInterval, cancellation);
            var seen = _scanner.Stamps();
            if (seen.SequenceEqual(applied))
            {
                continue;
            }

            for (var scans = 0; scans < UnsettledScansMax; scans++)
            {
                await Task.Delay(s_settle, cancellation);
                var again = _scanner.Stamps();
                if (again.SequenceEqual(seen))
                {
                    break;
                }

                seen = again;
            }

            applied = seen;
            publish(_scanner.Load(applied));
        }
    }

    private Watchers Watch()
    {
        var watchers = new Watchers();
        foreach (var directory in _directories)
        {
            try
            {
                var watcher = new FileSystemWatcher(directory) { IncludeSubdirectories = _isRecursive };
                watcher.Changed += Notify;
                watcher.Created += Notify;
                watcher.Deleted += Notify;
                watcher.Renamed += Notify;
                watcher.EnableRaisingEvents = true;
                watchers.Add(watcher);
            }
            catch (Exception e) when (e is IOException or ArgumentException)
            {
                // No inotify instance left, or the directory does not exist yet: the scan alone finds changes.
            }
        }

        return watchers;
    }

    private void Notify(object sender, FileSystemEventArgs e)
    {
        try
        {
            _changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // A scan is already due.
        }
    }

    private sealed class Watchers : List<FileSystemWatcher>, IDisposable
    {
        public void Dispose() => ForEach(static watcher => watcher.Dispose());
    }
}
