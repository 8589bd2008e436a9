using System.Text;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Http2.InternalServer;

/// <summary>
/// A small gRPC server on a loop for the process's own services, over the data plane's HTTP/2 codec with all its guards and without its
/// filters. Nothing but a listening socket exists until a client comes. HTTP/2 with prior knowledge only. Loop-affine.
/// </summary>
public sealed class InternalGrpcServer
{
    private readonly EventLoop _loop;
    private readonly Dictionary<string, Func<GrpcServerCall, IGrpcCallHandler>> _methods = new(StringComparer.Ordinal);
    private readonly HashSet<GrpcServerConnection> _connections = [];
    private readonly List<ListenSocket> _sockets = [];
    private Http2Stats? _stats;

    /// <param name="loop">The loop it lives on; handlers run there.</param>
    /// <param name="limits">Bounds, or the defaults.</param>
    public InternalGrpcServer(EventLoop loop, GrpcServerLimits? limits = null)
    {
        _loop = loop;
        Limits = limits ?? new GrpcServerLimits();
        Options = new Http2Options
        {
            ConcurrentStreamsMax = Limits.StreamsPerConnection,
            StreamWindowBytes = PeerSettings.InitialWindowBytes,
            ConnectionWindowBytes = 4 * PeerSettings.InitialWindowBytes,
        };
    }

    public int ConnectionCount => _connections.Count;

    internal GrpcServerLimits Limits { get; }

    internal Http2Options Options { get; }

    internal Http1Limits HeadLimits { get; } = new() { HeadBytes = 16 * 1024 };

    // Its traffic is not the data plane's: it counts in a store of its own, made with the first connection.
    internal Http2Stats Stats
    {
        get
        {
            Store ??= new StatsStore();
            return _stats ??= new Http2Stats(Store.Scope("http2"));
        }
    }

    /// <summary>The counters of its codec; null before the first connection. Internal for testing.</summary>
    internal StatsStore? Store { get; private set; }

    /// <summary>Serves a method.</summary>
    /// <param name="path">The full name, <c>/package.Service/Method</c>.</param>
    /// <param name="accept">Makes the handler of one call. It may end the call before it returns.</param>
    public void Add(string path, Func<GrpcServerCall, IGrpcCallHandler> accept) => _methods.Add(path, accept);

    /// <summary>Listens on an address as well; port 0 chooses one, told by <paramref name="bound"/>.</summary>
    public IoError Listen(NetAddress address, out NetAddress bound, ListenSocketOptions? options = null)
    {
        IoError error = ListenSocket.TryListen(_loop, address, options ?? ListenSocketOptions.Default, out ListenSocket? socket);
        bound = socket?.LocalAddress ?? default;
        if (socket is not null)
        {
            _sockets.Add(socket);
            _ = AcceptAllAsync(socket);
        }

        return error;
    }

    /// <summary>Serves a stream that came in another way.</summary>
    public void Serve(IByteStream stream)
    {
        if (_connections.Count >= Limits.Connections)
        {
            Log.Debug(LogComponent.Grpc, $"a connection was refused: {Limits.Connections} are open already");
            stream.Close();
            return;
        }

        GrpcServerConnection connection = new(this, stream);
        _connections.Add(connection);
        connection.Begin();
    }

    /// <summary>Stops listening and ends every call with UNAVAILABLE.</summary>
    public void Close()
    {
        foreach (ListenSocket socket in _sockets)
        {
            socket.Close();
        }

        _sockets.Clear();
        foreach (GrpcServerConnection connection in new List<GrpcServerConnection>(_connections))
        {
            connection.Shutdown();
        }
    }

    internal Func<GrpcServerCall, IGrpcCallHandler>? Find(ReadOnlySpan<byte> path) =>
        _methods.GetValueOrDefault(Encoding.UTF8.GetString(path));

    internal void Forget(GrpcServerConnection connection) => _connections.Remove(connection);

    private async Task AcceptAllAsync(ListenSocket socket)
    {
        while (true)
        {
            AcceptResult accepted = await socket.AcceptAsync();
            if (accepted.Stream is { } stream)
            {
                Serve(stream);
            }
            else if (accepted.Error == IoError.Closed)
            {
                return;
            }
            else
            {
                Log.Warning(LogComponent.Grpc, $"accepting on {socket.LocalAddress} failed: {accepted.Error.Describe()}");
            }
        }
    }
}
