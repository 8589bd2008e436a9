using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Health;

/// <summary>
/// Asks one host whether it is well, over a connection that it keeps while the policy allows. The connection is not traffic: no
/// breaker admits it and no connection statistic counts it, as in Envoy. Main loop.
/// </summary>
internal abstract class HealthProbe(WorkerCluster cluster, Host host, HealthCheckPolicy policy)
{
    private SocketStream? _socket;
    private IByteStream? _stream;

    public HealthCheckPolicy Policy => policy;

    public Host Host => host;

    public WorkerCluster Cluster => cluster;

    /// <summary>Whether the last answer was wrong and had x-envoy-immediate-health-check-fail.</summary>
    public bool IsToldToExclude { get; protected set; }

    /// <summary>One check. <see cref="Abort"/> ends it as <see cref="ProbeResult.Network"/>.</summary>
    public abstract ValueTask<ProbeResult> CheckAsync();

    /// <summary>Closes the connection; a check under way ends.</summary>
    public virtual void Abort()
    {
        _socket?.Close();
        _stream?.Close();
        _stream = null;
        _socket = null;
    }

    public static HealthProbe Create(WorkerCluster cluster, Host host, HealthCheckPolicy policy) => policy.Kind switch
    {
        HealthCheckKind.Http => new HttpProbe(cluster, host, policy),
        HealthCheckKind.Http2 => new Http2RequestProbe(cluster, host, policy),
        HealthCheckKind.Grpc => new GrpcProbe(cluster, host, policy),
        _ => new TcpProbe(cluster, host, policy),
    };

    /// <summary>The kept connection if it still stands, else a new one; null when none comes about.</summary>
    protected async ValueTask<IByteStream?> ConnectAsync()
    {
        if (_stream is { } kept)
        {
            // Bytes or an end that came between checks belong to no answer.
            byte[] one = new byte[1];
            if (kept.TryReceive(one).Error == IoError.WouldBlock)
            {
                return kept;
            }

            Abort();
        }

        NetAddress address = Address();
        SocketStream socket = SocketStream.Create(cluster.Worker.Loop, cluster.State.Config.SocketsFor(address));
        _socket = socket;
        if (await socket.ConnectAsync(address) != IoError.None || _socket != socket)
        {
            socket.Close();
            return null;
        }

        UpstreamTransport transport = cluster.State.Config.Transport.For(host);
        if (transport.IsRaw)
        {
            return _stream = socket;
        }

        UpstreamTransportOverrides? overrides = policy.ApplicationProtocols is { } protocols
            ? new UpstreamTransportOverrides { ApplicationProtocols = protocols }
            : null;
        UpstreamHandshake handshake = await transport.WrapAsync(socket, new UpstreamTransportRequest(cluster, host, overrides));
        if (handshake.Stream is null || _socket != socket)
        {
            socket.Close();
            return null;
        }

        return _stream = handshake.Stream;
    }

    /// <summary>Whether the expected parts stand in the bytes in order, with anything between them.</summary>
    protected bool HasExpected(ReadOnlySpan<byte> bytes)
    {
        foreach (byte[] part in policy.Expected)
        {
            int at = bytes.IndexOf(part);
            if (at < 0)
            {
                return false;
            }

            bytes = bytes[(at + part.Length)..];
        }

        return true;
    }

    // The endpoint's own address and port go before the cluster's port.
    protected NetAddress Address()
    {
        NetAddress address = host.Config.HealthCheckAddress ?? host.Address;
        return host.Config.HealthCheckPort != 0 ? address.WithPort(host.Config.HealthCheckPort)
            : policy.Port != 0 && host.Config.HealthCheckAddress is null ? address.WithPort(policy.Port)
            : address;
    }
}
