using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// One compiled filter chain. It outlives listener updates that keep its content; connections pin it. Immutable but for the
/// lists of its connections, one per worker.
/// </summary>
public sealed class FilterChainModel
{
    /// <summary>TLS handshakes without a configured limit end after this; Istio sets the same 15 s.</summary>
    public const long DefaultHandshakeMilliseconds = 15_000;

    private readonly DownstreamConnection?[] _connections;
    private readonly List<IDisposable> _owned;

    internal FilterChainModel(int workerCount, DrainWatcher? parentDrain, List<IDisposable> owned)
    {
        _connections = new DownstreamConnection?[workerCount];
        _owned = owned;
        Drain = new DrainTrigger(parentDrain);
    }

    public required string Name { get; init; }

    /// <summary>The received message without its match: equal content keeps its connections over an update.</summary>
    internal byte[] Content { get; init; } = [];

    public required IReadOnlyList<NetworkFilter> Filters { get; init; }

    public required TerminalNetworkFilter Terminal { get; init; }

    /// <summary>Null for plaintext.</summary>
    public DownstreamTransport? Transport { get; init; }

    public long HandshakeMilliseconds { get; init; } = DefaultHandshakeMilliseconds;

    public DynamicMetadata? Metadata { get; init; }

    public DrainTrigger Drain { get; }

    /// <summary>That worker's loop only.</summary>
    internal void Add(DownstreamConnection connection)
    {
        ref DownstreamConnection? head = ref _connections[connection.Worker.Index];
        connection.Next = head;
        if (head is not null)
        {
            head.Previous = connection;
        }

        head = connection;
    }

    internal void Remove(DownstreamConnection connection)
    {
        if (connection.Previous is { } previous)
        {
            previous.Next = connection.Next;
        }
        else if (_connections[connection.Worker.Index] == connection)
        {
            _connections[connection.Worker.Index] = connection.Next;
        }

        if (connection.Next is { } next)
        {
            next.Previous = connection.Previous;
        }

        connection.Next = null;
        connection.Previous = null;
    }

    /// <summary>The chain's connections on a worker at this moment; that worker's loop only.</summary>
    internal List<DownstreamConnection> Connections(int worker)
    {
        var connections = new List<DownstreamConnection>();
        for (DownstreamConnection? connection = _connections[worker]; connection is not null; connection = connection.Next)
        {
            connections.Add(connection);
        }

        return connections;
    }

    /// <summary>Main loop, when neither a listener nor a connection needs the chain.</summary>
    internal void Release()
    {
        foreach (IDisposable owned in _owned)
        {
            owned.Dispose();
        }

        _owned.Clear();
    }
}
