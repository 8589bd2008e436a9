using System.Collections.Concurrent;
using System.Globalization;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Push;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>Holds the current push context and the open streams, and hands each new context to each stream.</summary>
internal sealed class DiscoveryServer(ILogger<DiscoveryServer> logger, TimeProvider clock)
{
    private readonly ConcurrentDictionary<long, XdsSession> _sessions = new();
    private long _sessionIds;
    private long _pushes;

    public XdsStatistics Statistics { get; } = new();

    /// <summary>Null until the sources were read for the first time.</summary>
    public PushContext? Current { get; private set; }

    /// <summary>Time and number of the current context; every response carries it.</summary>
    public string PushVersion { get; private set; } = "";

    /// <summary>What is wrong with the sources now, as file:line:col: message.</summary>
    public IReadOnlyList<string> Problems { get; set; } = [];

    public IEnumerable<SessionStatus> Sessions =>
        _sessions.Values.Select(static session => session.Describe()).OrderBy(static status => status.Id);

    public void Publish(PushContext context, IReadOnlyCollection<ConfigKey> changed)
    {
        _pushes++;
        PushVersion = string.Create(CultureInfo.InvariantCulture, $"{clock.GetUtcNow():yyyy-MM-dd'T'HH:mm:ss'Z'}/{_pushes}");
        Current = context;
        foreach (var session in _sessions.Values)
        {
            session.PostPush(context, changed);
        }
    }

    public async Task ServeAsync(IXdsTransport transport, CancellationToken cancellation)
    {
        if (Current is not { } context)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "The control plane has not read its configuration yet."));
        }

        var id = Interlocked.Increment(ref _sessionIds);
        var session = new XdsSession(id, this, transport, context, logger);
        _sessions[id] = session;
        try
        {
            // A context published between the read above and the registration would be missed otherwise.
            if (!ReferenceEquals(Current, context))
            {
                session.PostPush(Current, [MeshSettings.FileKey]);
            }

            await session.RunAsync(cancellation);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client left while we wrote: routine.
        }
        finally
        {
            _sessions.TryRemove(id, out _);
        }
    }
}
