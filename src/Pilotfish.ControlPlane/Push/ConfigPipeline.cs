using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Sources;
using Pilotfish.ControlPlane.Xds;

namespace Pilotfish.ControlPlane.Push;

/// <summary>
/// The one task that owns store and context: takes a source's states, finds what changed, waits for quiet, publishes.
/// </summary>
internal sealed partial class ConfigPipeline(
    IConfigSource source, DiscoveryServer server, PushContextOptions options, TimeProvider clock, ILogger<ConfigPipeline> logger)
    : BackgroundService
{
    // Only the newest state matters, so one slot is enough.
    private readonly Channel<SourceState> _states =
        Channel.CreateBounded<SourceState>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    private HashSet<string> _reported = new(StringComparer.Ordinal);
    private SourceState _state = new([], [], []);
    private ConfigSnapshot _snapshot = ConfigSnapshot.Empty;
    private PushContext? _context;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var reading = Task.Run(() => source.RunAsync(state => _states.Writer.TryWrite(state), stoppingToken), stoppingToken);
        try
        {
            // The first state is published at once: proxies are waiting.
            var changed = Take(await _states.Reader.ReadAsync(stoppingToken));
            Publish(changed);
            while (await _states.Reader.WaitToReadAsync(stoppingToken))
            {
                Publish(await CollectAsync(stoppingToken));
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }

        await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // Quiet for DebounceAfter ends the batch, and so does DebounceMax since its first change.
    private async Task<HashSet<ConfigKey>> CollectAsync(CancellationToken stop)
    {
        var changed = new HashSet<ConfigKey>();
        var started = clock.GetTimestamp();
        while (true)
        {
            while (_states.Reader.TryRead(out var state))
            {
                changed.UnionWith(Take(state));
            }

            var left = options.Features.DebounceMax - clock.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
            {
                return changed;
            }

            var more = _states.Reader.WaitToReadAsync(stop).AsTask();
            var quiet = Task.Delay(left < options.Features.DebounceAfter ? left : options.Features.DebounceAfter, clock, stop);
            if (await Task.WhenAny(more, quiet) == quiet)
            {
                return changed;
            }
        }
    }

    private HashSet<ConfigKey> Take(SourceState state)
    {
        _state = state;
        var (next, changed) = _snapshot.ReplaceAll(state.Objects);
        _snapshot = next;
        return changed;
    }

    private void Publish(HashSet<ConfigKey> changed)
    {
        if (_context is not null && changed.Count == 0)
        {
            Report(_context);
            return;
        }

        try
        {
            var mesh = MeshSettings.Of(_snapshot);
            _context = _context is null ? PushContext.Create(options, mesh, _snapshot) : _context.Next(mesh, _snapshot, changed);
        }
        catch (Exception e) when (_context is not null)
        {
            // A defect of ours met by some object must not take the mesh's control plane down: the last context stays.
            Log.Defect(logger, e, string.Join(", ", changed));
            Report(_context);
            return;
        }

        Report(_context);
        server.Publish(_context, changed);
        Log.Published(logger, server.PushVersion, changed.Count, _snapshot.Count);
    }

    // A problem that stays is said once.
    private void Report(PushContext context)
    {
        string[] errors = [.. _state.Errors.Select(static error => error.ToString())];
        string[] warnings = [.. _state.Warnings.Select(static warning => warning.ToString()), .. LogProviderProblems.Find(context)];
        foreach (var error in errors.Distinct().Where(error => !_reported.Contains(error)))
        {
            Log.Broken(logger, error);
        }

        foreach (var warning in warnings.Distinct().Where(warning => !_reported.Contains(warning)))
        {
            Log.Doubtful(logger, warning);
        }

        _reported = [.. errors, .. warnings];
        server.Problems = [.. errors, .. warnings];
    }

    private static partial class Log
    {
        [LoggerMessage(EventName = "ConfigPublished", Level = LogLevel.Information,
            Message = "Configuration {Version}: {Changed} of {Total} objects changed.")]
        public static partial void Published(ILogger logger, string version, int changed, int total);

        [LoggerMessage(EventName = "ConfigBroken", Level = LogLevel.Error, Message = "{Problem} (the last good content of the file stays in force)")]
        public static partial void Broken(ILogger logger, string problem);

        [LoggerMessage(EventName = "ConfigDefect", Level = LogLevel.Error,
            Message = "The change of {Objects} could not be taken over; the configuration before it stays in force.")]
        public static partial void Defect(ILogger logger, Exception defect, string objects);

        [LoggerMessage(EventName = "ConfigDoubtful", Level = LogLevel.Warning, Message = "{Problem}")]
        public static partial void Doubtful(ILogger logger, string problem);
    }
}
