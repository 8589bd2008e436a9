using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>Sends a PROXY header in front of whatever the inner transport says.</summary>
internal sealed class ProxyProtocolTransport(UpstreamTransport inner, ProxyHeaderTemplate template) : UpstreamTransport
{
    public override bool IsRaw => false;

    public override bool Encrypts => inner.Encrypts;

    public override bool SendsProxyProtocol => true;

    public override string Name => "upstream_proxy_protocol";

    public required Counter TlvsExceedMaxLength { get; init; }

    internal override void Show(StatScope scope) => inner.Show(scope);

    public override async ValueTask<UpstreamHandshake> WrapAsync(SocketStream socket, UpstreamTransportRequest request)
    {
        byte[] header = Header(socket, request);
        IoResult sent = await socket.SendAsync(header);
        return sent.IsOk
            ? await inner.WrapAsync(socket, request)
            : new UpstreamHandshake(null, UpstreamConnectFailure.Remote, sent.Error.Describe());
    }

    // Without a downstream connection (health checks) the sender speaks for itself.
    private byte[] Header(SocketStream socket, UpstreamTransportRequest request)
    {
        ProxyProtocolFacts? facts = request.Overrides?.ProxyProtocol;
        if (facts is null)
        {
            return template.Version == 1
                ? ProxyHeaderWriter.Version1(socket.LocalAddress.Unmap(), socket.RemoteAddress.Unmap())
                : ProxyHeaderWriter.Version2Local();
        }

        TlvTemplate[] own = request.Host.Config.ProxyTlvs;
        byte[] header = template.Write(facts, own, template.IsDynamic(own) ? Info(facts, request) : null, request.Cluster.Worker, out bool omitted);
        if (omitted)
        {
            request.Cluster.Worker.Stats.Add(TlvsExceedMaxLength);
        }

        return header;
    }

    // A connection's own facts: several requests may share it.
    private static StreamInfo? Info(ProxyProtocolFacts facts, in UpstreamTransportRequest request)
    {
        if (facts.Connection is not { } connection)
        {
            return null;
        }

        var info = new StreamInfo();
        info.Start(connection, connection.StartTime, connection.StartNanoseconds);
        info.ClusterName = request.Cluster.State.Name;
        info.ClusterObservabilityName = request.Cluster.State.Config.ObservabilityName;
        info.ClusterMetadata = request.Cluster.State.Config.Metadata;
        info.Upstream.HasHost = true;
        info.Upstream.HostAddress = request.Host.Address;
        info.Upstream.Hostname = request.Host.Hostname;
        info.Upstream.Endpoint = request.Host.Config.Metadata;
        return info;
    }
}
