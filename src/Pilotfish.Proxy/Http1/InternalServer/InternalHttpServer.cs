using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Http1.InternalServer;

/// <summary>
/// A small HTTP/1.1 server on a loop for the process's own endpoints: admin, status, metrics. It uses the data plane's codec with the
/// data plane's strictness, and none of its filters. Loop-affine.
/// </summary>
public sealed class InternalHttpServer
{
    private readonly EventLoop _loop;
    private readonly HashSet<InternalConnection> _connections = [];
    private readonly List<ListenSocket> _sockets = [];

    /// <param name="loop">The loop it lives on; handlers run there.</param>
    /// <param name="handler">Answers one request. An exception becomes a 500 with its message.</param>
    /// <param name="limits">Bounds, or the defaults.</param>
    public InternalHttpServer(EventLoop loop, Func<InternalRequest, InternalResponse, ValueTask> handler, InternalServerLimits? limits = null)
    {
        _loop = loop;
        Handler = handler;
        Limits = limits ?? new InternalServerLimits();
    }

    public int ConnectionCount => _connections.Count;

    internal EventLoop Loop => _loop;

    internal Func<InternalRequest, InternalResponse, ValueTask> Handler { get; }

    internal InternalServerLimits Limits { get; }

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

    /// <summary>Serves a stream that came in another way, such as from an internal listener.</summary>
    public void Serve(IByteStream stream)
    {
        if (_connections.Count >= Limits.Connections)
        {
            stream.Close();
            return;
        }

        InternalConnection connection = new(this, stream);
        _connections.Add(connection);
        _ = connection.RunAsync();
    }

    /// <summary>Stops listening and ends every connection.</summary>
    public void Close()
    {
        foreach (ListenSocket socket in _sockets)
        {
            socket.Close();
        }

        _sockets.Clear();
        foreach (InternalConnection connection in new List<InternalConnection>(_connections))
        {
            connection.Abort();
        }
    }

    internal void Forget(InternalConnection connection) => _connections.Remove(connection);

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
                Log.Warning(LogComponent.Admin, $"accepting on {socket.LocalAddress} failed: {accepted.Error.Describe()}");
            }
        }
    }
}
