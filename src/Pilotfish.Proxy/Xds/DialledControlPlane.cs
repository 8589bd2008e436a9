using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Grpc.Core;
using Grpc.Net.Client;
using Pilotfish.Proxy.Config;
using Metadata = Grpc.Core.Metadata;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// A control plane behind a static cluster of the bootstrap, reached in plaintext HTTP/2 over TCP or a Unix socket. TLS to a
/// control plane is the agent's, which brings its own <see cref="IControlPlane"/>.
/// </summary>
internal sealed class DialledControlPlane : IControlPlane
{
    // A push of a large mesh is tens of megabytes in one message; beyond this a control plane is at fault.
    private const int MessageBytesMax = 256 * 1024 * 1024;

    private readonly List<EndPoint> _endpoints;
    private readonly Metadata _headers = [];
    private readonly GrpcChannel _channel;
    private int _next;

    private DialledControlPlane(string name, List<EndPoint> endpoints, GrpcService? service)
    {
        Name = name;
        _endpoints = endpoints;
        foreach (HeaderValue header in service?.InitialMetadata ?? [])
        {
            _headers.Add(header.Key.ToLowerInvariant(), header.Value);
        }

        SocketsHttpHandler handler = new()
        {
            ConnectCallback = (_, cancellation) => ConnectAsync(cancellation),
            KeepAlivePingDelay = TimeSpan.FromSeconds(60),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
            UseProxy = false,
        };
        _channel = GrpcChannel.ForAddress(
            "http://control-plane",
            new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = MessageBytesMax });
    }

    public string Name { get; }

    /// <summary>Rejects a cluster that cannot be dialled this way.</summary>
    public static DialledControlPlane Create(Cluster cluster, ApiConfigSource? source)
    {
        if (cluster.TransportSocket is { TypedConfig: { } typed }
            && !typed.TypeUrl.EndsWith("raw_buffer.v3.RawBuffer", StringComparison.Ordinal))
        {
            throw new ConfigRejectedException(
                $"cluster '{cluster.Name}'.transport_socket", "a control plane is dialled in plaintext only; run the agent for TLS");
        }

        List<EndPoint> endpoints = [];
        foreach (LocalityLbEndpoints locality in cluster.LoadAssignment?.Endpoints ?? [])
        {
            foreach (LbEndpoint endpoint in locality.LbEndpoints)
            {
                endpoints.Add(ToEndPoint(endpoint.Endpoint?.Address, cluster.Name));
            }
        }

        if (endpoints.Count == 0)
        {
            throw new ConfigRejectedException($"cluster '{cluster.Name}'.load_assignment", "it has no endpoint to dial");
        }

        GrpcService? service = source is { GrpcServices.Count: > 0 } ? source.GrpcServices[0] : null;
        return new DialledControlPlane(cluster.Name, endpoints, service);
    }

    public ValueTask<ControlPlaneCall> PrepareAsync(CancellationToken cancellation) =>
        ValueTask.FromResult(new ControlPlaneCall(_channel.CreateCallInvoker(), _headers));

    public void Dispose() => _channel.Dispose();

    private static EndPoint ToEndPoint(Address? address, string cluster) => address?.AddressCase switch
    {
        Address.AddressOneofCase.Pipe => new UnixDomainSocketEndPoint(address.Pipe.Path),
        Address.AddressOneofCase.SocketAddress => IPAddress.TryParse(address.SocketAddress.Address, out IPAddress? ip)
            ? new IPEndPoint(ip, (int)address.SocketAddress.PortValue)
            : new DnsEndPoint(address.SocketAddress.Address, (int)address.SocketAddress.PortValue),
        _ => throw new ConfigRejectedException($"cluster '{cluster}'.load_assignment", "an endpoint has neither socket_address nor pipe"),
    };

    private async ValueTask<Stream> ConnectAsync(CancellationToken cancellation)
    {
        EndPoint endpoint = _endpoints[(int)((uint)Interlocked.Increment(ref _next) % (uint)_endpoints.Count)];
        Socket socket = endpoint is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
